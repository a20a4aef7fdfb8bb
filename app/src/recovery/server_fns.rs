//! The plain routes of the links in mails.
//!
//! None of the open ones believes a cookie, so that they need no protection against other sites: who asks is known by the
//! link, or need not be known. The link is read once and then travels in the body of a form; no page it stands in is
//! kept by a cache or named to another site.

use super::pages;
use crate::error::AppError;
use axum::extract::{Form, FromRequestParts, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use domain::mail::MailKind;
use leptos::config::LeptosOptions;
use serde::Deserialize;
use server::Server;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

/// The pages run no script and may send their forms to this site only.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Largest form here, in bytes.
const FORM_BYTES_MAX: usize = 16 * 1024;

/// What is open to everybody: `/forgot-password`, `/reset-password` and `/confirm-email`.
pub fn open_routes(server: Arc<Server>, options: LeptosOptions) -> Router {
    let routes = Router::new()
        .route("/forgot-password", get(forgot).post(ask))
        .route("/reset-password", get(choose).post(reset))
        .route("/confirm-email", get(look).post(confirm))
        .layer(Extension(options))
        .with_state(server);
    server::http::limit_body(routes, FORM_BYTES_MAX)
}

/// `POST /account/confirm-email`, for whoever is signed in.
pub fn plain_routes<S: Clone + Send + Sync + 'static>(server: Arc<Server>, options: LeptosOptions) -> Router<S> {
    Router::new().route("/account/confirm-email", post(send_again)).layer(Extension(options)).with_state(server)
}

#[derive(Deserialize)]
struct Email {
    #[serde(default)]
    email: String,
}

#[derive(Deserialize)]
struct Link {
    #[serde(default)]
    token: String,
}

#[derive(Deserialize)]
struct NewPassword {
    #[serde(default)]
    token: String,
    #[serde(default)]
    password: String,
}

/// Where a request comes from, for the limits on attempts.
struct From(IpAddr);

impl FromRequestParts<Arc<Server>> for From {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Result<Self, Infallible> {
        Ok(Self(server::http::client_address(&server.config, &parts.headers, &parts.extensions)))
    }
}

async fn forgot(Extension(options): Extension<LeptosOptions>) -> Response {
    answer(StatusCode::OK, pages::forgot(options, String::new(), None))
}

async fn ask(
    State(server): State<Arc<Server>>,
    Extension(options): Extension<LeptosOptions>,
    From(address): From,
    Form(Email { email }): Form<Email>,
) -> Response {
    match server::recovery::ask_for_password(&server, &email, address).map_err(AppError::from) {
        Ok(()) => answer(StatusCode::OK, pages::asked(options)),
        Err(error) => answer(status(&error), pages::forgot(options, email, Some(error))),
    }
}

async fn choose(
    State(server): State<Arc<Server>>,
    Extension(options): Extension<LeptosOptions>,
    From(address): From,
    Query(Link { token }): Query<Link>,
) -> Response {
    match server::recovery::require(&server, &token, MailKind::PasswordReset, address).await.map_err(AppError::from) {
        Ok(()) => answer(StatusCode::OK, pages::choose(options, token, None)),
        Err(error) => answer(status(&error), pages::refused(options, error, true)),
    }
}

async fn reset(
    State(server): State<Arc<Server>>,
    Extension(options): Extension<LeptosOptions>,
    From(address): From,
    Form(NewPassword { token, password }): Form<NewPassword>,
) -> Response {
    let chosen = server::recovery::choose_password(&server, &token, &password, address).await.map_err(AppError::from);
    match chosen {
        Ok(()) => answer(StatusCode::OK, pages::chosen(options)),
        Err(error) if error.problem.field.is_some() => {
            answer(status(&error), pages::choose(options, token, Some(error)))
        }
        Err(error) => answer(status(&error), pages::refused(options, error, true)),
    }
}

async fn look(
    State(server): State<Arc<Server>>,
    Extension(options): Extension<LeptosOptions>,
    From(address): From,
    Query(Link { token }): Query<Link>,
) -> Response {
    let kind = MailKind::EmailConfirmation;
    match server::recovery::require(&server, &token, kind, address).await.map_err(AppError::from) {
        Ok(()) => answer(StatusCode::OK, pages::confirm(options, token)),
        Err(error) => answer(status(&error), pages::refused(options, error, false)),
    }
}

async fn confirm(
    State(server): State<Arc<Server>>,
    Extension(options): Extension<LeptosOptions>,
    From(address): From,
    Form(Link { token }): Form<Link>,
) -> Response {
    match server::recovery::confirm_email(&server, &token, address).await.map_err(AppError::from) {
        Ok(()) => answer(StatusCode::OK, pages::confirmed(options)),
        Err(error) => answer(status(&error), pages::refused(options, error, false)),
    }
}

async fn send_again(
    State(server): State<Arc<Server>>,
    Extension(options): Extension<LeptosOptions>,
    headers: HeaderMap,
) -> Response {
    let viewer = match crate::server_fns::viewer_of(&server, &headers).await {
        Ok(Some(viewer)) => viewer,
        Ok(None) => return Redirect::to("/sign-in?next=/account").into_response(),
        Err(error) => return status(&error).into_response(),
    };
    match server::recovery::ask_to_confirm_again(&server, &viewer).await.map_err(AppError::from) {
        Ok(()) => answer(StatusCode::OK, pages::sent_again(options, viewer.email)),
        Err(error) => answer(status(&error), pages::refused(options, error, false)),
    }
}

fn answer(status: StatusCode, page: String) -> Response {
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    ];
    (status, headers, Html(page)).into_response()
}

fn status(error: &AppError) -> StatusCode {
    StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
