//! Signing in and up: checks the person, starts a session, and says where to go next.

use crate::error::AppError;
use leptos::prelude::*;
use leptos::server_fn::codec::Postcard;

/// Signs a person in and answers with the path to go to.
#[server(prefix = "/rpc", endpoint = "account/sign-in", output = Postcard)]
pub async fn sign_in(email: String, password: String, next: String) -> Result<String, AppError> {
    let server = crate::server_fns::server();
    let address = crate::server_fns::client_address(&server);
    let signed_in = server::accounts::sign_in(&server, &email, &password, address).await;
    let viewer = signed_in.map_err(|error| AppError::from(error).with_typed("email", &email))?;
    begin_session(&server, &viewer, &next).await
}

/// Makes an account with its owner, signs him in, and answers with the path to go to.
#[server(prefix = "/rpc", endpoint = "account/sign-up", output = Postcard)]
pub async fn sign_up(name: String, email: String, password: String, next: String) -> Result<String, AppError> {
    let server = crate::server_fns::server();
    let address = crate::server_fns::client_address(&server);
    let signed_up = server::accounts::sign_up(&server, &name, &email, &password, address).await;
    let keep_typed = |error| AppError::from(error).with_typed("name", &name).with_typed("email", &email);
    begin_session(&server, &signed_up.map_err(keep_typed)?, &next).await
}

/// Starts a session and ends the one that the browser came with, so that a session id never outlives a sign-in.
#[cfg(feature = "ssr")]
async fn begin_session(
    server: &server::Server,
    viewer: &domain::account::Viewer,
    next: &str,
) -> Result<String, AppError> {
    if let Some(old_token) = crate::server_fns::session_token(server) {
        server::sessions::end(server, &old_token).await?;
    }
    let address = crate::server_fns::client_address(server);
    server::places::arrive(server, viewer, address, &crate::server_fns::user_agent()).await?;
    let token = server::sessions::start(server, viewer).await?;
    crate::server_fns::set_cookie(&server::sessions::set_cookie(&server.config, &token));
    let next = if crate::viewer::is_local_path(next) { next } else { "/settings" };
    if crate::server_fns::is_plain_form() {
        leptos_axum::redirect(next);
    }
    Ok(next.to_owned())
}
