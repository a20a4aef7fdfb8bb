//! What every server function needs from the request it runs in: the server, the person who asks, his address; and who
//! is looking, which the layout asks first. The helpers exist on the server only.

use crate::error::AppError;
use leptos::prelude::*;
use leptos::server_fn::codec::Postcard;

/// Ends the session. A plain form posts it, so that every trace of the account leaves the page with it.
#[server(prefix = "/rpc", endpoint = "account/sign-out", output = Postcard)]
pub async fn sign_out() -> Result<(), AppError> {
    let server = server();
    if let Some(token) = session_token(&server) {
        server::sessions::end(&server, &token).await.map_err(AppError::from)?;
    }
    set_cookie(&server::sessions::clear_cookie(&server.config));
    leptos_axum::redirect("/sign-in");
    Ok(())
}

#[cfg(feature = "ssr")]
pub use self::on_the_server::*;

#[cfg(feature = "ssr")]
mod on_the_server {
    use super::AppError;
    use domain::account::Viewer;
    use domain::credit::Credit;
    use domain::field::FieldError;
    use domain::problem::ProblemCode;
    use http::request::Parts;
    use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
    use leptos::prelude::{expect_context, use_context};
    use leptos_axum::ResponseOptions;
    use server::Server;
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;

    /// The server that main.rs put into the context.
    pub fn server() -> Arc<Server> {
        expect_context::<Arc<Server>>()
    }

    /// The person who asks.
    ///
    /// # Errors
    /// `sign_in_required` when nobody is signed in, or the session has ended.
    pub async fn require_viewer() -> Result<Viewer, AppError> {
        match find_viewer().await? {
            Some(viewer) => Ok(viewer),
            None => Err(AppError::new(ProblemCode::SignInRequired)),
        }
    }

    /// Who was found to be signed in before the page was rendered.
    pub fn viewer_of_request() -> Option<Viewer> {
        use_context::<Parts>()?.extensions.get::<Viewer>().cloned()
    }

    async fn find_viewer() -> Result<Option<Viewer>, AppError> {
        let server = server();
        let Some(token) = session_token(&server) else {
            return Ok(None);
        };
        Ok(server::sessions::viewer(&server, &token).await?)
    }

    /// Who is signed in, for a route that is no page of the console.
    pub async fn viewer_of(server: &Server, headers: &HeaderMap) -> Result<Option<Viewer>, AppError> {
        let Some(token) = server::sessions::token_from(&server.config, headers) else {
            return Ok(None);
        };
        Ok(server::sessions::viewer(server, &token).await?)
    }

    /// What the browser says it is.
    pub(crate) fn user_agent() -> String {
        let parts = use_context::<Parts>();
        let said = parts.as_ref().and_then(|parts| parts.headers.get(header::USER_AGENT)?.to_str().ok());
        said.unwrap_or_default().to_owned()
    }

    pub(crate) fn session_token(server: &Server) -> Option<String> {
        let parts = use_context::<Parts>()?;
        server::sessions::token_from(&server.config, &parts.headers)
    }

    /// The address that the request came from, for the limits on sign-in.
    pub fn client_address(server: &Server) -> IpAddr {
        let here = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        use_context::<Parts>()
            .map_or(here, |parts| server::http::client_address(&server.config, &parts.headers, &parts.extensions))
    }

    /// Whether the request is a form that the browser itself posts, without WebAssembly.
    pub fn is_plain_form() -> bool {
        use_context::<Parts>().is_some_and(|parts| parts.method == Method::POST && accepts_html(&parts))
    }

    /// A limit on spending as it was typed; nothing is no limit.
    pub fn read_cap(field: &str, typed: &str) -> Result<Option<Credit>, FieldError> {
        match typed.trim() {
            "" => Ok(None),
            cap => Credit::parse(cap).map(Some).ok_or_else(|| FieldError::new(field, "write the cap as 25 or 25.50")),
        }
    }

    pub(crate) fn set_cookie(value: &str) {
        if let (Some(options), Ok(value)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(value)) {
            options.append_header(header::SET_COOKIE, value);
        }
    }

    /// Forbids every cache to keep the answer: for the ones that hold a secret.
    pub fn set_no_store() {
        if let Some(options) = use_context::<ResponseOptions>() {
            options.insert_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }

    impl From<server::Error> for AppError {
        fn from(error: server::Error) -> Self {
            error.into_problem().into()
        }
    }

    /// Gives the answer the status of its problem, and the problem the id of its request.
    ///
    /// A form that the browser posted itself keeps its redirect to the page with the error, and a page that stands in for
    /// something else (a signed-out visitor is sent to sign in) keeps its own status.
    pub(crate) fn refuse(mut error: AppError) -> AppError {
        let (Some(parts), Some(options)) = (use_context::<Parts>(), use_context::<ResponseOptions>()) else {
            return error;
        };
        if error.problem.request_id.is_none() {
            let name = parts.extensions.get::<server::http::RequestName>();
            error.problem.request_id = name.map(|name| name.text.clone());
        }
        let status = error.problem.code.status();
        let is_page = parts.method == Method::GET;
        let is_said = if is_page { status == 404 || status >= 500 } else { !accepts_html(&parts) };
        if let (true, Ok(status)) = (is_said, StatusCode::from_u16(status)) {
            options.set_status(status);
        }
        error
    }

    fn accepts_html(parts: &Parts) -> bool {
        parts
            .headers
            .get(header::ACCEPT)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.contains("text/html"))
    }
}
