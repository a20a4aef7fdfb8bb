//! What the documents page asks the server. A file and a pasted text end in the same use case.

use crate::error::AppError;
use domain::chatbot::Document;
use domain::plan::Used;
use leptos::prelude::*;
use leptos::server_fn::codec::Postcard;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use {
    crate::server_fns::{require_viewer, server},
    domain::account::Viewer,
    domain::field::FieldError,
    domain::id::{ChatbotId, DocumentId},
    domain::problem::Problem,
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

/// Lets a file that could not be read be read once more.
#[server(prefix = "/rpc", endpoint = "documents/try-again", output = Postcard)]
pub async fn try_document_again(id: String) -> Result<(), AppError> {
    let viewer = require_viewer().await?;
    let id = DocumentId::parse(&id).ok_or_else(no_document)?;
    server::documents::try_again(&server(), &viewer.account_id, &id).await?;
    leptos_axum::redirect("/documents");
    Ok(())
}

#[server(prefix = "/rpc", endpoint = "documents/delete", output = Postcard)]
pub async fn delete_document(id: String, chatbot: Option<String>) -> Result<(), AppError> {
    let viewer = require_viewer().await?;
    let id = DocumentId::parse(&id).ok_or_else(no_document)?;
    server::documents::delete(&server(), &viewer.account_id, &id).await?;
    let listed = chatbot.and_then(|chatbot| ChatbotId::parse(&chatbot));
    leptos_axum::redirect(&super::list_href(listed.as_ref().map_or("", ChatbotId::as_str)));
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
    leptos_axum::redirect(&super::list_href(chatbot.as_str()));
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
mod plain {
    use super::{no_chatbot, no_document};
    use crate::documents::plain_page::refused_page;
    use crate::error::AppError;
    use axum::extract::{Request, State};
    use axum::http::{HeaderMap, StatusCode, header};
    use axum::response::{Html, IntoResponse, Redirect, Response};
    use axum::routing::post;
    use axum::{Extension, Router};
    use domain::account::Viewer;
    use domain::chatbot::Document;
    use domain::field::{FILE_BYTES_MAX, FieldError};
    use domain::id::{ChatbotId, DocumentId};
    use domain::problem::{Problem, ProblemCode};
    use leptos::config::LeptosOptions;
    use leptos::prelude::Owner;
    use server::Server;
    use server::documents::File;
    use server::http::upload::{Part, Parts};
    use std::sync::Arc;

    /// The page runs no script at all.
    const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; \
        frame-ancestors 'none'";
    /// Largest form with files, in bytes. They are taken one by one, so that no more than one is in memory.
    const FORM_BYTES_MAX: usize = 10 * FILE_BYTES_MAX;

    /// `POST /documents/upload`: files for a chatbot, or one in the place of a document. The page's script sends each file by
    /// itself and gets a problem as programs do; the browser sends all at once and gets a page.
    pub fn plain_routes<S: Clone + Send + Sync + 'static>(server: Arc<Server>, options: LeptosOptions) -> Router<S> {
        let routes =
            Router::new().route("/documents/upload", post(upload)).layer(Extension(options)).with_state(server);
        server::http::limit_body(routes, FORM_BYTES_MAX)
    }

    async fn upload(
        State(server): State<Arc<Server>>,
        Extension(options): Extension<LeptosOptions>,
        headers: HeaderMap,
        request: Request,
    ) -> Response {
        let is_page = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
        let is_page = is_page.is_some_and(|accept| accept.contains("text/html"));
        let viewer = match server::sessions::token_from(&server.config, &headers) {
            Some(token) => server::sessions::viewer(&server, &token).await,
            None => Ok(None),
        };
        let outcome = match viewer {
            Ok(None) if is_page => return Redirect::to("/sign-in?next=/documents").into_response(),
            Ok(None) => Outcome::refused(ProblemCode::SignInRequired),
            Ok(Some(viewer)) => take(&server, &viewer, request).await,
            Err(error) => Outcome::refused(error),
        };
        let Some(first) = outcome.refused.first() else {
            return if is_page { Redirect::to(&outcome.list_href()).into_response() } else { ().into_response() };
        };
        let status = StatusCode::from_u16(first.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if !is_page {
            return server::http::Refused::from(first.problem.clone()).into_response();
        }
        let page = Owner::new().with(|| refused_page(options, &outcome.list_href(), outcome.taken, outcome.refused));
        let headers = [(header::CACHE_CONTROL, "no-store"), (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)];
        (status, headers, Html(page)).into_response()
    }

    /// What became of the files of a form.
    #[derive(Default)]
    struct Outcome {
        chatbot: String,
        taken: usize,
        refused: Vec<AppError>,
    }

    impl Outcome {
        fn refused(error: impl Into<server::Error>) -> Self {
            Self { refused: vec![error.into().into()], ..Self::default() }
        }

        fn list_href(&self) -> String {
            super::super::list_href(&self.chatbot)
        }
    }

    /// Takes the files one by one, as they arrive: what is refused of one says nothing of the others.
    async fn take(server: &Server, viewer: &Viewer, request: Request) -> Outcome {
        let mut outcome = Outcome::default();
        if let Err(error) = take_parts(server, viewer, request, &mut outcome).await {
            outcome.refused.push(error);
        }
        if outcome.taken == 0 && outcome.refused.is_empty() {
            outcome.refused.push(AppError::from(Problem::from(FieldError::new("file", "choose a file"))));
        }
        outcome
    }

    async fn take_parts(
        server: &Server,
        viewer: &Viewer,
        request: Request,
        outcome: &mut Outcome,
    ) -> Result<(), AppError> {
        let mut parts = Parts::read(request).await.map_err(problem_of)?;
        let mut document = None;
        while let Some(part) = parts.next().await.map_err(problem_of)? {
            match part {
                Part::Value { name, value } if name == "chatbot_id" => {
                    outcome.chatbot = ChatbotId::parse(&value).map(|id| id.to_string()).unwrap_or_default();
                }
                Part::Value { name, value } if name == "document_id" => document = Some(value),
                Part::Value { .. } => {}
                Part::TooLarge(refused) => outcome.refused.push(problem_of(refused)),
                Part::File(file) => {
                    let name = file.name.clone();
                    match keep(server, viewer, &outcome.chatbot, document.as_deref(), file).await {
                        Ok(_document) => outcome.taken += 1,
                        Err(error) => outcome.refused.push(named(&name, error.into_problem()).into()),
                    }
                }
            }
        }
        Ok(())
    }

    async fn keep(
        server: &Server,
        viewer: &Viewer,
        chatbot: &str,
        document: Option<&str>,
        file: File,
    ) -> server::Result<Document> {
        if let Some(document) = document {
            let id = DocumentId::parse(document).ok_or_else(no_document)?;
            return server::documents::replace(server, &viewer.account_id, &id, file).await;
        }
        let chatbot = ChatbotId::parse(chatbot).ok_or_else(|| no_chatbot(chatbot))?;
        server::documents::upload(server, &viewer.account_id, &chatbot, file).await
    }

    fn problem_of(refused: server::http::Refused) -> AppError {
        AppError::from(refused.problem().clone())
    }

    /// Says which file a problem is about, where it does not say so itself.
    fn named(name: &str, problem: Problem) -> Problem {
        if problem.detail.contains(name) {
            return problem;
        }
        Problem { detail: format!("{name}: {}", problem.detail), ..problem }
    }
}

#[cfg(feature = "ssr")]
pub use self::plain::plain_routes;
