//! What the account's page asks the server, and the plain route of its form.

use crate::error::AppError;
use leptos::prelude::*;
use leptos::server_fn::codec::Postcard;

#[cfg(feature = "ssr")]
pub use self::plain::plain_routes;

/// The form that says below which credit somebody is told, as HTML.
#[server(prefix = "/rpc", endpoint = "account/alert", input = Postcard, output = Postcard)]
pub async fn load_alert_form() -> Result<String, AppError> {
    let viewer = crate::server_fns::require_viewer().await?;
    let server = crate::server_fns::server();
    let below = server::ledger::alert_below(&server, &viewer.account_id).await?;
    Ok(super::alert::card(below, server.config.currency))
}

#[cfg(feature = "ssr")]
mod plain {
    use crate::account::alert;
    use crate::error::AppError;
    use crate::server_fns::viewer_of;
    use axum::extract::{Form, State};
    use axum::http::{HeaderMap, StatusCode, header};
    use axum::response::{Html, IntoResponse, Redirect, Response};
    use axum::routing::post;
    use axum::{Extension, Router};
    use domain::account::Viewer;
    use domain::credit::Credit;
    use domain::field::FieldError;
    use leptos::config::LeptosOptions;
    use serde::Deserialize;
    use server::Server;
    use std::sync::Arc;

    const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; \
        form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    #[derive(Deserialize)]
    struct AlertForm {
        #[serde(default)]
        alert_below: String,
    }

    /// `POST /account/alert`
    pub fn plain_routes<S: Clone + Send + Sync + 'static>(server: Arc<Server>, options: LeptosOptions) -> Router<S> {
        Router::new().route("/account/alert", post(save)).layer(Extension(options)).with_state(server)
    }

    async fn save(
        State(server): State<Arc<Server>>,
        Extension(options): Extension<LeptosOptions>,
        headers: HeaderMap,
        Form(AlertForm { alert_below }): Form<AlertForm>,
    ) -> Response {
        let saved = match viewer_of(&server, &headers).await {
            Ok(Some(viewer)) => set(&server, &viewer, &alert_below).await,
            Ok(None) => return Redirect::to("/sign-in?next=/account").into_response(),
            Err(error) => Err(error),
        };
        let Err(error) = saved else { return Redirect::to("/account").into_response() };
        let status = StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = [(header::CACHE_CONTROL, "no-store"), (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)];
        (status, headers, Html(alert::refused(options, alert_below, server.config.currency, &error))).into_response()
    }

    async fn set(server: &Server, viewer: &Viewer, typed: &str) -> Result<(), AppError> {
        let below = match typed.trim() {
            "" => None,
            typed => {
                let refused = || FieldError::new("alert_below", "write the amount as 5 or 5.50");
                Some(Credit::parse(typed).ok_or_else(refused).map_err(domain::problem::Problem::from)?)
            }
        };
        Ok(server::ledger::set_alert_below(server, &viewer.account_id, below).await?)
    }
}
