//! HTTP beside the console: every route of it on one screen, and what stands around every request.
//!
//! **Architecture invariants:** only this folder names axum. Nothing here decides anything: a handler reads the request,
//! calls one use case and writes its result. No error text is made here either; a use case's [`Problem`] is rendered in
//! `problem.rs` and nowhere else.
//!
//! To add a route: a file with its handler, a line in [`routes`], and its tests through the router in `tests/http.rs`. An
//! operation of the public API stands in `api/`.
//!
//! [`Problem`]: domain::problem::Problem

mod answer_events;
pub mod api;
mod caller;
mod events;
mod health;
mod hosted_card_page;
mod hosted_page;
mod json;
mod listen;
pub mod middleware;
mod pace;
mod places;
mod problem;
pub mod upload;
mod webhooks;
mod widget;

pub use caller::client_address;
pub use json::JsonObject;
pub use listen::{Limits, bind, serve};
pub use middleware::{RequestName, limit_body, protect_from_cross_site, wrap};
pub use problem::Refused;

use crate::Server;
use crate::payments::gateway::Gateway;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};
use domain::problem::ProblemCode;
use std::sync::Arc;

/// Largest webhook, in bytes.
const WEBHOOK_BYTES_MAX: usize = 64 * 1024;
/// Largest form of the payment page, in bytes.
const PAY_BYTES_MAX: usize = 4 * 1024;

/// Everything that is not the console, ready to serve on its own.
pub fn router(server: Arc<Server>) -> Router {
    wrap(Arc::clone(&server), routes(server))
}

/// The routes alone, to be merged with the console's and then put into [`wrap`] together.
///
/// None of them changes anything on the word of a cookie, so they stand outside [`protect_from_cross_site`]: the API
/// has its credential, webhooks have their signature, and the payment page its address.
pub fn routes(server: Arc<Server>) -> Router {
    api::routes(&server)
        .route("/events", get(events::events))
        .merge(payments(&server))
        .merge(widgets(&server))
        .route("/widget/{id}/preview", get(widget::preview))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        // What these folders do not hold is a problem that a program can read, not the console's page for people.
        .route("/wp-json/{*rest}", any(not_found))
        .route("/api/{*rest}", any(not_found))
        .route("/webhooks/{*rest}", any(not_found))
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(server)
}

/// What belongs to the gateway that takes the payments. Of the other one there is nothing: the built-in one's page would
/// give credit for nothing.
fn payments(server: &Server) -> Router<Arc<Server>> {
    let webhook = post(webhooks::take).layer(DefaultBodyLimit::max(WEBHOOK_BYTES_MAX));
    match Gateway::of(server) {
        Gateway::Local => Router::new()
            .route("/webhooks/local", webhook)
            .route(
                "/pay/{payment_id}",
                get(hosted_page::show).post(hosted_page::submit).layer(DefaultBodyLimit::max(PAY_BYTES_MAX)),
            )
            .route(
                "/pay/cards/{setup_id}",
                get(hosted_card_page::show).post(hosted_card_page::submit).layer(DefaultBodyLimit::max(PAY_BYTES_MAX)),
            )
            .route("/pay/style.css", get(hosted_page::style)),
        Gateway::Stripe(_) => Router::new().route("/webhooks/stripe", webhook),
    }
}

/// What the widget asks from other people's pages; each of its routes is behind [`widget::admit`].
fn widgets(server: &Arc<Server>) -> Router<Arc<Server>> {
    Router::new()
        .route("/widget/{id}", get(widget::appearance).options(widget::preflight))
        .route("/widget/{id}/sessions", post(widget::begin_session).options(widget::preflight))
        .route(
            "/widget/{id}/messages",
            post(widget::send_message)
                .options(widget::preflight)
                .layer(DefaultBodyLimit::max(widget::MESSAGE_BYTES_MAX)),
        )
        .route(
            "/widget/{id}/contacts",
            post(widget::leave_contact)
                .options(widget::preflight)
                .layer(DefaultBodyLimit::max(widget::MESSAGE_BYTES_MAX)),
        )
        .route_layer(from_fn_with_state(Arc::clone(server), widget::admit))
}

async fn not_found() -> Refused {
    Refused::with_detail(ProblemCode::NotFound, "there is nothing at this address; see the API reference")
}

async fn method_not_allowed() -> Refused {
    Refused::from(ProblemCode::MethodNotAllowed)
}
