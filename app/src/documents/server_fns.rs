//! What the documents page asks the server. A file and a pasted text end in the same use case.

use crate::error::AppError;
use domain::chatbot::Document;
use domain::plan::Used;
use leptos::prelude::*;
use leptos::server_fn::codec::Postcard;
use leptos::server_fn::codec::{MultipartData, MultipartFormData};
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use {
    crate::server_fns::{require_viewer, server},
    domain::account::Viewer,
    domain::field::{DOCUMENT_BYTES_MAX, FieldError},
    domain::id::{ChatbotId, DocumentId},
    domain::problem::{Problem, ProblemCode},
};

/// A chatbot as a choice in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    pub id: String,
    pub name: String,
}

/// The documents that the page shows, and what it needs to filter and to add.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DocumentList {
    pub documents: Vec<Document>,
    pub chatbots: Vec<Choice>,
    pub used: Used,
}

/// What the dialog for a new document has to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AddForm {
    pub chatbots: Vec<Choice>,
    pub used: Used,
}

/// An empty `chatbot` means all of them.
#[server(prefix = "/rpc", endpoint = "documents/list", input = Postcard, output = Postcard)]
pub async fn load_documents(chatbot: String) -> Result<DocumentList, AppError> {
    let viewer = require_viewer().await?;
    let server = server();
    let filter =
        if chatbot.is_empty() { None } else { Some(ChatbotId::parse(&chatbot).ok_or_else(|| no_chatbot(&chatbot))?) };
    if let Some(id) = &filter {
        server::chatbots::get(&server, &viewer.account_id, id).await?;
    }
    let documents = server::documents::list(&server, &viewer.account_id, filter.as_ref()).await?;
    let AddForm { chatbots, used } = add_form(&viewer).await?;
    Ok(DocumentList { documents, chatbots, used })
}

#[server(prefix = "/rpc", endpoint = "documents/form", input = Postcard, output = Postcard)]
pub async fn load_add_form() -> Result<AddForm, AppError> {
    let viewer = require_viewer().await?;
    add_form(&viewer).await
}

#[server(prefix = "/rpc", endpoint = "documents/load", input = Postcard, output = Postcard)]
pub async fn load_document(id: String) -> Result<Document, AppError> {
    let viewer = require_viewer().await?;
    let documents = server::documents::list(&server(), &viewer.account_id, None).await?;
    let document = documents.into_iter().find(|document| document.id.as_str() == id);
    Ok(document.ok_or_else(no_document)?)
}

#[server(prefix = "/rpc", endpoint = "documents/add", output = Postcard)]
pub async fn add_document(chatbot_id: String, name: String, text: String) -> Result<(), AppError> {
    let viewer = require_viewer().await?;
    store(&viewer, &chatbot_id, &name, &text).await.map_err(|error| error.with_typed("name", &name))
}

#[server(prefix = "/rpc", endpoint = "documents/upload", input = MultipartFormData, output = Postcard)]
pub async fn upload_document(data: MultipartData) -> Result<(), AppError> {
    let viewer = require_viewer().await?;
    let upload = read_upload(data).await?;
    let Upload { chatbot_id, file_name: name, media_type, bytes } = upload;
    let chatbot = ChatbotId::parse(&chatbot_id).ok_or_else(|| no_chatbot(&chatbot_id))?;
    let file = server::documents::File { name, media_type, bytes };
    server::documents::upload(&server(), &viewer.account_id, &chatbot, file).await?;
    leptos_axum::redirect(&format!("/documents?chatbot={chatbot}"));
    Ok(())
}

#[server(prefix = "/rpc", endpoint = "documents/delete", output = Postcard)]
pub async fn delete_document(id: String) -> Result<(), AppError> {
    let viewer = require_viewer().await?;
    let id = DocumentId::parse(&id).ok_or_else(no_document)?;
    server::documents::delete(&server(), &viewer.account_id, &id).await?;
    leptos_axum::redirect("/documents");
    Ok(())
}

#[cfg(feature = "ssr")]
async fn add_form(viewer: &Viewer) -> Result<AddForm, AppError> {
    let server = server();
    let chatbots = server::chatbots::list(&server, &viewer.account_id).await?;
    let chatbots =
        chatbots.into_iter().map(|chatbot| Choice { id: chatbot.id.to_string(), name: chatbot.name }).collect();
    let used = server::plans::usage(&server, &viewer.account_id).await?.documents;
    Ok(AddForm { chatbots, used })
}

#[cfg(feature = "ssr")]
async fn store(viewer: &Viewer, chatbot: &str, name: &str, text: &str) -> Result<(), AppError> {
    let chatbot = ChatbotId::parse(chatbot).ok_or_else(|| no_chatbot(chatbot))?;
    server::documents::add(&server(), &viewer.account_id, &chatbot, name, text).await?;
    leptos_axum::redirect(&format!("/documents?chatbot={chatbot}"));
    Ok(())
}

/// Says what is wrong with the id of a chatbot that is not one.
#[cfg(feature = "ssr")]
fn no_chatbot(text: &str) -> server::Error {
    if text.is_empty() {
        FieldError::new("chatbot_id", "choose a chatbot").into()
    } else {
        Problem::not_found("chatbot").into()
    }
}

#[cfg(feature = "ssr")]
fn no_document() -> server::Error {
    Problem::not_found("document").into()
}

#[cfg(feature = "ssr")]
#[derive(Default)]
struct Upload {
    chatbot_id: String,
    file_name: String,
    media_type: Option<String>,
    bytes: Vec<u8>,
}

/// Reads the form part by part and stops at the first byte that is too much, so that a large file is never held whole.
#[cfg(feature = "ssr")]
async fn read_upload(data: MultipartData) -> server::Result<Upload> {
    let unreadable = || {
        let detail = "the upload cannot be read; try it again";
        server::Error::from(Problem::with_detail(ProblemCode::MalformedRequest, detail))
    };
    let mut parts = data.into_inner().ok_or_else(unreadable)?;
    let mut upload = Upload::default();
    let mut has_file = false;
    while let Some(mut part) = parts.next_field().await.map_err(|_| unreadable())? {
        let name = part.name().unwrap_or_default().to_owned();
        if name == "file" {
            has_file = part.file_name().is_some_and(|file_name| !file_name.is_empty());
            upload.file_name = last_segment(part.file_name().unwrap_or_default());
            upload.media_type = part.content_type().map(|media_type| media_type.essence_str().to_owned());
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = part.chunk().await.map_err(|_| unreadable())? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > DOCUMENT_BYTES_MAX {
                let detail = format!("a document may have at most {} MiB", DOCUMENT_BYTES_MAX / 1_048_576);
                let problem = Problem::with_detail(ProblemCode::TooLarge, detail);
                return Err(Problem { field: Some("file".to_owned()), ..problem }.into());
            }
        }
        match name.as_str() {
            "chatbot_id" => upload.chatbot_id = String::from_utf8_lossy(&bytes).into_owned(),
            "file" => upload.bytes = bytes,
            _ => {}
        }
    }
    if has_file { Ok(upload) } else { Err(FieldError::new("file", "choose a file").into()) }
}

/// Some browsers send the whole path; only its last part names the document.
#[cfg(feature = "ssr")]
fn last_segment(file_name: &str) -> String {
    file_name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
}
