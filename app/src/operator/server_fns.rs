//! The plain routes of those who run the installation. For everybody else there is nothing here.

use super::pages::{self, Opened, Row};
use crate::error::AppError;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use domain::mail::MailState;
use domain::problem::{Problem, ProblemCode};
use leptos::config::LeptosOptions;
use serde::Deserialize;
use server::Server;
use server::http::Refused;
use server::mail::OutboxMail;
use std::sync::Arc;

const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'";

/// `GET /operator/mail` and `GET /operator/mail/{account_id}/{id}`.
pub fn plain_routes<S: Clone + Send + Sync + 'static>(server: Arc<Server>, options: LeptosOptions) -> Router<S> {
    Router::new()
        .route("/operator/mail", get(list))
        .route("/operator/mail/{account_id}/{id}", get(open))
        .layer(Extension(options))
        .with_state(server)
}

#[derive(Deserialize)]
struct Filter {
    #[serde(default)]
    state: String,
}

async fn list(
    State(server): State<Arc<Server>>,
    Extension(options): Extension<LeptosOptions>,
    headers: HeaderMap,
    Query(filter): Query<Filter>,
) -> Result<Response, Refused> {
    require_operator(&server, &headers).await?;
    let state = MailState::parse(&filter.state);
    let mails = server::mail::list(&server, state).await?;
    let counts = server::mail::counts(&server).await?;
    Ok(answer(pages::list(options, mails.into_iter().map(row).collect(), counts, state)))
}

async fn open(
    State(server): State<Arc<Server>>,
    Extension(options): Extension<LeptosOptions>,
    headers: HeaderMap,
    Path((account_id, id)): Path<(String, String)>,
) -> Result<Response, Refused> {
    require_operator(&server, &headers).await?;
    let (mail, said) = server::mail::get(&server, &account_id, &id).await?;
    let said = said.map(|said| (said.subject, said.text));
    let public_url = server.config.public_url();
    Ok(answer(pages::opened(options, Opened { row: row(mail), account_id, said, public_url })))
}

fn row(mail: OutboxMail) -> Row {
    let is_to_come = matches!(mail.state, MailState::Waiting | MailState::Sending) && mail.attempts > 0;
    Row {
        // Ids have spaces where a mail is one of several to the same account.
        href: format!("/operator/mail/{}/{}", mail.account_id, mail.id.replace(' ', "%20")),
        at: mail.at,
        kind: mail.kind,
        email: mail.email.unwrap_or_default(),
        state: mail.state,
        attempts: mail.attempts,
        moment: mail.sent_at.or(is_to_come.then_some(mail.next_try_at)),
        error: mail.error,
    }
}

/// For everybody but an operator there is nothing.
async fn require_operator(server: &Server, headers: &HeaderMap) -> Result<(), Refused> {
    let viewer = crate::server_fns::viewer_of(server, headers).await.map_err(|error: AppError| error.problem)?;
    if viewer.is_some_and(|viewer| viewer.is_operator) {
        return Ok(());
    }
    Err(Problem::with_detail(ProblemCode::NotFound, "there is nothing at this address").into())
}

fn answer(page: String) -> Response {
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    ];
    (StatusCode::OK, headers, Html(page)).into_response()
}
