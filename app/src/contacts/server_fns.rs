//! What the page of the contact requests asks the server, and the plain route that sends them as a file.

use crate::error::AppError;
use leptos::prelude::*;
use leptos::server_fn::codec::Postcard;

#[cfg(feature = "ssr")]
pub use self::plain::plain_routes;
#[cfg(feature = "ssr")]
use {
    super::list::{self, SHOW_ALL},
    crate::server_fns::{require_viewer, server},
    crate::usage::server_fns::parse_word,
    domain::id::ContactId,
    domain::problem::Problem,
    server::contacts::ContactState,
};

/// Contact requests on a page.
#[cfg(feature = "ssr")]
const PAGE_SIZE: i64 = 30;

/// The list as HTML. `show` is `all` for those too about which nothing is left to do.
#[server(prefix = "/rpc", endpoint = "contacts/load", input = Postcard, output = Postcard)]
pub async fn load_contacts(show: String, before: String) -> Result<String, AppError> {
    let viewer = require_viewer().await?;
    let state = if show == SHOW_ALL { ContactState::All } else { ContactState::Open };
    let from = parse_word("before", &before, ContactId::parse)?;
    let page = server::contacts::list(&server(), &viewer.account_id, state, from.as_ref(), PAGE_SIZE).await?;
    Ok(list::html(page, &show, &before))
}

/// Says that nothing is left to do about a contact request, or that there is.
#[server(prefix = "/rpc", endpoint = "contacts/mark", output = Postcard)]
pub async fn mark_contact(id: String, is_done: bool) -> Result<(), AppError> {
    let viewer = require_viewer().await?;
    let id = ContactId::parse(&id).ok_or_else(missing)?;
    server::contacts::mark(&server(), &viewer.account_id, &id, is_done).await?;
    leptos_axum::redirect(list::PAGE);
    Ok(())
}

#[server(prefix = "/rpc", endpoint = "contacts/delete", output = Postcard)]
pub async fn delete_contact(id: String) -> Result<(), AppError> {
    let viewer = require_viewer().await?;
    let id = ContactId::parse(&id).ok_or_else(missing)?;
    server::contacts::delete(&server(), &viewer.account_id, &id).await?;
    leptos_axum::redirect(list::PAGE);
    Ok(())
}

#[cfg(feature = "ssr")]
fn missing() -> server::Error {
    Problem::not_found("contact request").into()
}

#[cfg(feature = "ssr")]
mod plain {
    use crate::usage::server_fns::file_for;
    use axum::Router;
    use axum::body::Body;
    use axum::extract::State;
    use axum::http::{HeaderMap, Uri};
    use axum::response::Response;
    use axum::routing::get;
    use server::Server;
    use std::sync::Arc;

    /// `GET /conversations/contacts.csv`
    pub fn plain_routes<S: Clone + Send + Sync + 'static>(server: Arc<Server>) -> Router<S> {
        Router::new().route("/conversations/contacts.csv", get(csv)).with_state(server)
    }

    async fn csv(State(server): State<Arc<Server>>, headers: HeaderMap, uri: Uri) -> Response {
        let name = format!("artiko-contacts-{}.csv", server.now().date());
        let kind = ("text/csv; charset=utf-8; header=present", name);
        file_for(Arc::clone(&server), &headers, (super::list::PAGE, &uri), kind, async move |viewer| {
            Ok(Body::from_stream(server::contacts::export(server, viewer.account_id)))
        })
        .await
    }
}
