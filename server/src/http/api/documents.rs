//! The documents that chatbots answer from: list, add, look at, replace, try again, delete.
//!
//! A document comes as JSON with its text, or as a form with a file.

use super::contract::{DocumentForm, DocumentReplacement, DocumentRequest, DocumentView, FileForm, ListView};
use super::guard::Caller;
use super::query::QueryFields;
use super::refusals::{OfOne, OfReading, OfTryingAgain, OfWriting};
use crate::documents::File;
use crate::http::json::{JsonObject, refuse};
use crate::http::problem::Refused;
use crate::http::upload::{Part, Parts, is_form};
use crate::{Server, documents, keys};
use axum::Json;
use axum::extract::{FromRequest, Path, Request, State};
use domain::api_key::Permission;
use domain::chatbot::Document;
use domain::id::{ChatbotId, DocumentId};
use domain::problem::Problem;
use http::{StatusCode, Uri};
use serde_json::{Map, Value};
use std::sync::Arc;

/// A document as a request brings it.
pub(super) struct Brought {
    fields: JsonObject,
    /// In JSON there is none, and a text in its place.
    file: Option<File>,
    is_form: bool,
}

impl FromRequest<Arc<Server>> for Brought {
    type Rejection = Refused;

    async fn from_request(request: Request, server: &Arc<Server>) -> Result<Self, Refused> {
        if !is_form(&request) {
            let fields = JsonObject::from_request(request, server).await?;
            return Ok(Self { fields, file: None, is_form: false });
        }
        let mut parts = Parts::read(request).await?;
        let (mut fields, mut file) = (Map::new(), None);
        while let Some(part) = parts.next().await? {
            match part {
                Part::Value { name, value } => drop(fields.insert(name, Value::String(value))),
                Part::File(_) if file.is_some() => return Err(refuse("file", "may be sent once")),
                Part::File(one) => file = Some(one),
                Part::TooLarge(refused) => return Err(refused),
            }
        }
        Ok(Self { fields: JsonObject::of_form(fields), file, is_form: true })
    }
}

impl Brought {
    /// The file; `None` where a text was sent.
    fn file(&mut self) -> Result<Option<File>, Refused> {
        if self.is_form && self.file.is_none() {
            return Err(refuse("file", "is missing"));
        }
        Ok(self.file.take())
    }
}

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
    description = "Adds a document to a chatbot: a text as JSON, from which it answers at once, or a file as a form, from which \
        it answers when the document's `state` is `ready`. Files may be plain text, Markdown, HTML, PDF, DOCX or CSV, have \
        up to 10 MiB and hold up to 2 MiB of text. Needs the permission `documents:write`.",
    request_body(content((DocumentRequest = "application/json"), (DocumentForm = "multipart/form-data"))),
    responses((status = 201, description = "The document", body = DocumentView), OfWriting)
)]
pub(super) async fn create(
    State(server): State<Arc<Server>>,
    caller: Caller,
    mut brought: Brought,
) -> Result<(StatusCode, Json<DocumentView>), Refused> {
    let named = brought.fields.text("chatbot_id").ok().and_then(ChatbotId::parse);
    let caller = caller.checked_now(&server, Permission::DocumentsWrite, named.as_ref()).await?;
    let file = brought.file()?;
    let chatbot_id = brought.fields.text("chatbot_id")?;
    let parsed = || ChatbotId::parse(chatbot_id).ok_or_else(|| Problem::not_found("chatbot"));
    let added = if let Some(file) = file {
        documents::upload(&server, &caller.account_id, &parsed()?, file).await?
    } else {
        let (name, text) = (brought.fields.text("name")?, brought.fields.text("text")?);
        documents::add(&server, &caller.account_id, &parsed()?, name, text).await?
    };
    Ok((StatusCode::CREATED, Json(added.into())))
}

/// A document that the caller may change.
async fn writable(
    server: &Server,
    caller: Caller,
    document_id: &str,
    uri: &Uri,
) -> Result<(keys::Caller, Document), Refused> {
    let caller = caller.checked_now(server, Permission::DocumentsWrite, None).await?;
    QueryFields::read(uri, &[])?;
    let id = DocumentId::parse(document_id).ok_or_else(|| Problem::not_found("document"))?;
    let document = documents::get(server, &caller.account_id, &id).await?;
    caller.allows(Permission::DocumentsWrite, Some(&document.chatbot_id))?;
    Ok((caller, document))
}

/// One document.
#[utoipa::path(
    get, path = "/api/v1/documents/{document_id}", operation_id = "getDocument", tag = "Documents",
    summary = "Get a document",
    description = "A document with the state of its file. Needs the permission `chatbots:read`.",
    params(("document_id" = String, Path, description = "The id of the document")),
    responses((status = 200, description = "The document", body = DocumentView), OfOne)
)]
pub(super) async fn get(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Path(document_id): Path<String>,
    uri: Uri,
) -> Result<Json<DocumentView>, Refused> {
    let caller = caller.checked_now(&server, Permission::ChatbotsRead, None).await?;
    QueryFields::read(&uri, &[])?;
    let id = DocumentId::parse(&document_id).ok_or_else(|| Problem::not_found("document"))?;
    let document = documents::get(&server, &caller.account_id, &id).await?;
    caller.allows(Permission::ChatbotsRead, Some(&document.chatbot_id))?;
    Ok(Json(document.into()))
}

/// Puts another text or file in the place of a document.
#[utoipa::path(
    put, path = "/api/v1/documents/{document_id}", operation_id = "replaceDocument", tag = "Documents",
    summary = "Replace a document",
    description = "Puts another text or file in the place of a document, which keeps its id. Until a file has been read, the \
        chatbot answers from what was there before. Needs the permission `documents:write`.",
    params(("document_id" = String, Path, description = "The id of the document")),
    request_body(content((DocumentReplacement = "application/json"), (FileForm = "multipart/form-data"))),
    responses((status = 200, description = "The document", body = DocumentView), OfWriting)
)]
pub(super) async fn replace(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Path(document_id): Path<String>,
    uri: Uri,
    mut brought: Brought,
) -> Result<Json<DocumentView>, Refused> {
    let (caller, document) = writable(&server, caller, &document_id, &uri).await?;
    let replaced = if let Some(file) = brought.file()? {
        documents::replace(&server, &caller.account_id, &document.id, file).await?
    } else {
        let (name, text) = (brought.fields.text("name")?, brought.fields.text("text")?);
        documents::replace_by_text(&server, &caller.account_id, &document.id, name, text).await?
    };
    Ok(Json(replaced.into()))
}

/// Reads a file once more.
#[utoipa::path(
    post, path = "/api/v1/documents/{document_id}/try-again", operation_id = "tryDocumentAgain", tag = "Documents",
    summary = "Try a document again",
    description = "Lets a file that could not be read be read once more. Needs the permission `documents:write`.",
    params(("document_id" = String, Path, description = "The id of the document")),
    responses((status = 200, description = "The document, which waits", body = DocumentView), OfTryingAgain)
)]
pub(super) async fn try_again(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Path(document_id): Path<String>,
    uri: Uri,
) -> Result<Json<DocumentView>, Refused> {
    let (caller, document) = writable(&server, caller, &document_id, &uri).await?;
    Ok(Json(documents::try_again(&server, &caller.account_id, &document.id).await?.into()))
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
    let (caller, document) = writable(&server, caller, &document_id, &uri).await?;
    documents::delete(&server, &caller.account_id, &document.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
