//! What the pages of the conversations ask the server, and the plain routes that send them as files.

pub use super::filter::Filter;
use crate::error::AppError;
use crate::usage::FilterChoices;
use domain::conversation::{ConversationMessage, ListedConversation, Page};
use domain::money::Currency;
use leptos::prelude::*;
use leptos::server_fn::codec::Postcard;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
pub use self::plain::plain_routes;
#[cfg(feature = "ssr")]
use {
    crate::documents::server_fns::Choice,
    crate::server_fns::{require_viewer, server},
    crate::usage::channel_name,
    crate::usage::server_fns::{parse_day, parse_word},
    domain::clock::DAY_US,
    domain::field::FieldError,
    domain::id::{AccountId, ChatbotId, ConversationId},
    domain::ledger::Channel,
    domain::problem::Problem,
    server::Server,
    server::conversations::ConversationFilter,
};

/// Conversations, and messages of one, on a page.
#[cfg(feature = "ssr")]
const PAGE_SIZE: i64 = 50;

/// A page of conversations and the currency in which they were paid for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConversationList {
    pub page: Page<ListedConversation>,
    pub currency: Currency,
}

#[server(prefix = "/rpc", endpoint = "conversations/list", input = Postcard, output = Postcard)]
pub async fn load_conversations(filter: Filter) -> Result<ConversationList, AppError> {
    let (server, viewer) = (server(), require_viewer().await?);
    let parsed = read_filter(&server, &viewer.account_id, &filter).await?;
    let page = server::conversations::conversations(&server, &viewer.account_id, &parsed, PAGE_SIZE).await?;
    Ok(ConversationList { page, currency: server.config.currency })
}

#[server(prefix = "/rpc", endpoint = "conversations/choices", input = Postcard, output = Postcard)]
pub async fn load_conversation_choices() -> Result<FilterChoices, AppError> {
    let (server, viewer) = (server(), require_viewer().await?);
    let chatbots = server::chatbots::list(&server, &viewer.account_id).await?;
    let channels = [Channel::Console, Channel::Api, Channel::Widget];
    let choice = |id: &str, name: &str| Choice { id: id.to_owned(), name: name.to_owned() };
    Ok(FilterChoices {
        chatbots: chatbots.into_iter().map(|chatbot| choice(chatbot.id.as_str(), &chatbot.name)).collect(),
        channels: channels.into_iter().map(|channel| choice(channel.as_str(), channel_name(channel))).collect(),
        ..FilterChoices::default()
    })
}

/// A conversation with some of its messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConversationView {
    pub listed: ListedConversation,
    pub page: Page<ConversationMessage>,
    pub currency: Currency,
    /// Its chatbot was not deleted.
    pub has_chatbot: bool,
}

/// An empty `after` means from the first message on.
#[server(prefix = "/rpc", endpoint = "conversations/load", input = Postcard, output = Postcard)]
pub async fn load_conversation(id: String, after: String) -> Result<ConversationView, AppError> {
    let (server, viewer) = (server(), require_viewer().await?);
    let id = ConversationId::parse(&id).ok_or_else(no_conversation)?;
    let after = if after.is_empty() { Some(0) } else { after.parse().ok() };
    let after =
        after.ok_or_else(|| server::Error::from(FieldError::new("after", "this is not the number of a message")))?;
    let listed = server::conversations::conversation(&server, &viewer.account_id, &id).await?;
    let page = server::conversations::messages(&server, &viewer.account_id, &id, after, PAGE_SIZE).await?;
    let chatbots = server::chatbots::list(&server, &viewer.account_id).await?;
    let has_chatbot = chatbots.iter().any(|chatbot| chatbot.id == listed.conversation.chatbot_id);
    Ok(ConversationView { listed, page, currency: server.config.currency, has_chatbot })
}

#[server(prefix = "/rpc", endpoint = "conversations/delete", output = Postcard)]
pub async fn delete_conversation(id: String) -> Result<(), AppError> {
    let viewer = require_viewer().await?;
    let id = ConversationId::parse(&id).ok_or_else(no_conversation)?;
    server::conversations::delete(&server(), &viewer.account_id, &id).await?;
    leptos_axum::redirect("/conversations");
    Ok(())
}

#[cfg(feature = "ssr")]
fn no_conversation() -> server::Error {
    Problem::not_found("conversation").into()
}

/// What the words of a filter choose.
///
/// 404 for a chatbot that the account never had, so that no list is empty for want of it.
#[cfg(feature = "ssr")]
async fn read_filter(server: &Server, account_id: &AccountId, filter: &Filter) -> server::Result<ConversationFilter> {
    let from = parse_day("from", &filter.from)?;
    let until = parse_day("until", &filter.until)?.map(|day| day.plus_us(DAY_US));
    if let (Some(from), Some(until)) = (from, until)
        && from >= until
    {
        return Err(FieldError::new("until", "the last day lies before the first one").into());
    }
    let chatbot_id = parse_word("chatbot", &filter.chatbot, ChatbotId::parse);
    let chatbot_id = chatbot_id.map_err(|_| Problem::not_found("chatbot"))?;
    if let Some(chatbot_id) = &chatbot_id {
        server::chatbots::exists(server, account_id, chatbot_id).await?;
    }
    let channel = parse_word("channel", &filter.channel, Channel::parse)?;
    let before = parse_word("before", &filter.before, ConversationId::parse)?;
    Ok(ConversationFilter { chatbot_id, chatbots: None, channel, from, until, text: filter.text.clone(), before })
}

#[cfg(feature = "ssr")]
mod plain {
    use super::{Filter, read_filter};
    use crate::usage::server_fns::file_for;
    use axum::Router;
    use axum::body::Body;
    use axum::extract::{Query, State};
    use axum::http::{HeaderMap, Uri};
    use axum::response::Response;
    use axum::routing::get;
    use server::Server;
    use server::conversations::{ExportFormat, export};
    use std::sync::Arc;

    /// `GET /conversations/export.csv` and `export.json`
    pub fn plain_routes<S: Clone + Send + Sync + 'static>(server: Arc<Server>) -> Router<S> {
        Router::new()
            .route("/conversations/export.csv", get(csv))
            .route("/conversations/export.json", get(json))
            .with_state(server)
    }

    async fn csv(State(server): State<Arc<Server>>, headers: HeaderMap, uri: Uri, filter: Query<Filter>) -> Response {
        send(server, headers, uri, filter, ExportFormat::Csv).await
    }

    async fn json(State(server): State<Arc<Server>>, headers: HeaderMap, uri: Uri, filter: Query<Filter>) -> Response {
        send(server, headers, uri, filter, ExportFormat::Json).await
    }

    async fn send(
        server: Arc<Server>,
        headers: HeaderMap,
        uri: Uri,
        Query(filter): Query<Filter>,
        format: ExportFormat,
    ) -> Response {
        let (media_type, ending) = match format {
            ExportFormat::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
            ExportFormat::Json => ("application/json", "json"),
        };
        let name = format!("artiko-conversations-{}.{ending}", server.now().date());
        file_for(Arc::clone(&server), &headers, ("/conversations", &uri), (media_type, name), async move |viewer| {
            let filter = read_filter(&server, &viewer.account_id, &filter).await?;
            Ok(Body::from_stream(export(server, viewer.account_id, filter, format).await?))
        })
        .await
    }
}
