//! The documents that chatbots answer from: list, add, delete.

use super::contract::{DocumentRequest, DocumentView, ListView};
use super::guard::Caller;
use super::query::QueryFields;
use super::refusals::{OfOne, OfReading, OfWriting};
use crate::http::json::JsonObject;
use crate::http::problem::Refused;
use crate::{Server, documents};
use axum::Json;
use axum::extract::{Path, State};
use domain::api_key::Permission;
use domain::id::{ChatbotId, DocumentId};
use domain::problem::Problem;
use http::{StatusCode, Uri};
use std::sync::Arc;

/// The documents of the chatbots that the key may use.
#[utoipa::path(
    get, path = "/api/v1/documents", operation_id = "listDocuments", tag = "Documents", summary = "List documents",
    description = "Documents without their text, newest first, all on one page. Needs the permission `chatbots:read`.",
    params(("chatbot_id" = Option<String>, Query, description = "Only those of this chatbot", min_length = 1)),
    responses((status = 200, description = "The documents", body = ListView<DocumentView>), OfReading)
)]
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    caller: Caller,
    uri: Uri,
) -> Result<Json<ListView<DocumentView>>, Refused> {
    let fields = QueryFields::read(&uri, &["chatbot_id"]);
    let named = fields.as_ref().ok().and_then(|fields| fields.chatbot_id().ok().flatten());
    let caller = caller.checked_now(&server, Permission::ChatbotsRead, named.as_ref()).await?;
    let chatbot_id = fields?.chatbot_id()?;
    if let Some(chatbot_id) = &chatbot_id {
        crate::chatbots::get(&server, &caller.account_id, chatbot_id).await?;
    }
    let allowed = caller.chatbots();
    let mut found = documents::list(&server, &caller.account_id, chatbot_id.as_ref()).await?;
    found.retain(|document| allowed.as_ref().is_none_or(|allowed| allowed.contains(&document.chatbot_id)));
    let data = found.into_iter().map(DocumentView::from).collect();
    Ok(Json(ListView { data, next_cursor: None }))
}

/// Adds a document.
#[utoipa::path(
    post, path = "/api/v1/documents", operation_id = "createDocument", tag = "Documents", summary = "Add a document",
    description = "Adds a document to a chatbot, which answers from it at once. Needs the permission `documents:write`.",
    request_body(content = DocumentRequest, content_type = "application/json"),
    responses((status = 201, description = "The document", body = DocumentView), OfWriting)
)]
pub(super) async fn create(
    State(server): State<Arc<Server>>,
    caller: Caller,
    fields: JsonObject,
) -> Result<(StatusCode, Json<DocumentView>), Refused> {
    let named = fields.text("chatbot_id").ok().and_then(ChatbotId::parse);
    let caller = caller.checked_now(&server, Permission::DocumentsWrite, named.as_ref()).await?;
    let chatbot_id = fields.text("chatbot_id")?;
    let (name, text) = (fields.text("name")?, fields.text("text")?);
    let chatbot_id = ChatbotId::parse(chatbot_id).ok_or_else(|| Problem::not_found("chatbot"))?;
    let added = documents::add(&server, &caller.account_id, &chatbot_id, name, text).await?;
    Ok((StatusCode::CREATED, Json(added.into())))
}

/// Deletes a document.
#[utoipa::path(
    delete, path = "/api/v1/documents/{document_id}", operation_id = "deleteDocument", tag = "Documents",
    summary = "Delete a document",
    description = "Deletes a document; its chatbot answers without it at once. Needs the permission `documents:write`.",
    params(("document_id" = String, Path, description = "The id of the document")),
    responses((status = 204, description = "It is deleted"), OfOne)
)]
pub(super) async fn delete(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Path(document_id): Path<String>,
    uri: Uri,
) -> Result<StatusCode, Refused> {
    let caller = caller.checked_now(&server, Permission::DocumentsWrite, None).await?;
    QueryFields::read(&uri, &[])?;
    let id = DocumentId::parse(&document_id).ok_or_else(|| Problem::not_found("document"))?;
    let document = documents::get(&server, &caller.account_id, &id).await?;
    caller.allows(Permission::DocumentsWrite, Some(&document.chatbot_id))?;
    documents::delete(&server, &caller.account_id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
