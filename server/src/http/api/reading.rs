//! What a program can read: credit, plan, chatbots and conversations.

use super::contract::{ChatbotView, ConversationMessageView, ConversationView, CreditView, ListView, PlanView};
use super::guard::Caller;
use super::query::QueryFields;
use super::refusals::{OfOne, OfPlainReading, OfReading};
use crate::conversations::{ConversationFilter, conversation, conversations, messages};
use crate::http::problem::Refused;
use crate::{Server, chatbots, ledger, plans};
use axum::Json;
use axum::extract::{Path, State};
use domain::api_key::Permission;
use domain::id::{ChatbotId, ConversationId};
use domain::problem::Problem;
use http::Uri;
use std::sync::Arc;

type Read<T> = Result<Json<T>, Refused>;

/// The API credit.
#[utoipa::path(
    get, path = "/api/v1/credit", operation_id = "getCredit", tag = "Credit and plan", summary = "Credit",
    description = "What can be spent, and what a message costs. Needs the permission `usage:read`.",
    responses((status = 200, description = "The credit", body = CreditView), OfPlainReading)
)]
pub(super) async fn credit(State(server): State<Arc<Server>>, caller: Caller, uri: Uri) -> Read<CreditView> {
    let caller = caller.checked_now(&server, Permission::UsageRead, None).await?;
    QueryFields::read(&uri, &[])?;
    Ok(Json(ledger::summary(&server, &caller.account_id).await?.into()))
}

/// The plan and how much of it is used.
#[utoipa::path(
    get, path = "/api/v1/plan", operation_id = "getPlan", tag = "Credit and plan", summary = "Plan and limits",
    description = "The plan's limits and how much of each is used. Needs the permission `usage:read`.",
    responses((status = 200, description = "The plan", body = PlanView), OfPlainReading)
)]
pub(super) async fn plan(State(server): State<Arc<Server>>, caller: Caller, uri: Uri) -> Read<PlanView> {
    let caller = caller.checked_now(&server, Permission::UsageRead, None).await?;
    QueryFields::read(&uri, &[])?;
    Ok(Json(plans::usage(&server, &caller.account_id).await?.into()))
}

/// The chatbots that the key may use.
#[utoipa::path(
    get, path = "/api/v1/chatbots", operation_id = "listChatbots", tag = "Chatbots", summary = "List chatbots",
    description = "The chatbots that the key may use, oldest first, all on one page. Needs the permission \
        `chatbots:read`.",
    responses((status = 200, description = "The chatbots", body = ListView<ChatbotView>), OfPlainReading)
)]
pub(super) async fn list_chatbots(
    State(server): State<Arc<Server>>,
    caller: Caller,
    uri: Uri,
) -> Read<ListView<ChatbotView>> {
    let caller = caller.checked_now(&server, Permission::ChatbotsRead, None).await?;
    QueryFields::read(&uri, &[])?;
    let allowed = caller.chatbots();
    let mut found = chatbots::list(&server, &caller.account_id).await?;
    found.retain(|chatbot| allowed.as_ref().is_none_or(|allowed| allowed.contains(&chatbot.id)));
    let data = found.into_iter().map(ChatbotView::from).collect();
    Ok(Json(ListView { data, next_cursor: None }))
}

/// One chatbot.
#[utoipa::path(
    get, path = "/api/v1/chatbots/{chatbot_id}", operation_id = "getChatbot", tag = "Chatbots", summary = "Chatbot",
    description = "One chatbot. Needs the permission `chatbots:read`.",
    params(("chatbot_id" = String, Path, description = "The id of the chatbot")),
    responses((status = 200, description = "The chatbot", body = ChatbotView), OfOne)
)]
pub(super) async fn get_chatbot(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Path(chatbot_id): Path<String>,
    uri: Uri,
) -> Read<ChatbotView> {
    let id = ChatbotId::parse(&chatbot_id);
    let caller = caller.checked_now(&server, Permission::ChatbotsRead, id.as_ref()).await?;
    QueryFields::read(&uri, &[])?;
    let id = id.ok_or_else(|| Problem::not_found("chatbot"))?;
    Ok(Json(chatbots::get(&server, &caller.account_id, &id).await?.into()))
}

/// The conversations of the account, or of one chatbot.
#[utoipa::path(
    get, path = "/api/v1/conversations", operation_id = "listConversations", tag = "Conversations",
    summary = "List conversations",
    description = "Conversations, newest first. Needs the permission `conversations:read`. A page may hold fewer than \
        `limit` and yet not be the last one: go on for as long as `next_cursor` is not null.",
    params(
        ("chatbot_id" = Option<String>, Query, description = "Only those of this chatbot", min_length = 1),
        ("limit" = Option<u32>, Query, description = "Most of a page; 50 without it", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", pattern = "^conv_[0-9A-Za-z]{21}$")
    ),
    responses((status = 200, description = "Conversations", body = ListView<ConversationView>), OfReading)
)]
pub(super) async fn list_conversations(
    State(server): State<Arc<Server>>,
    caller: Caller,
    uri: Uri,
) -> Read<ListView<ConversationView>> {
    let fields = QueryFields::read(&uri, &["chatbot_id", "limit", "cursor"]);
    let named = fields.as_ref().ok().and_then(|fields| fields.chatbot_id().ok().flatten());
    let caller = caller.checked_now(&server, Permission::ConversationsRead, named.as_ref()).await?;
    let fields = fields?;
    let filter = ConversationFilter {
        chatbot_id: fields.chatbot_id()?,
        chatbots: caller.chatbots(),
        before: fields.cursor(ConversationId::parse)?,
        ..ConversationFilter::default()
    };
    let page_size = fields.page_size()?;
    if let Some(chatbot_id) = &filter.chatbot_id {
        chatbots::get(&server, &caller.account_id, chatbot_id).await?;
    }
    let found = conversations(&server, &caller.account_id, &filter, page_size).await?;
    let items = found.items.into_iter().map(|listed| listed.conversation).collect();
    Ok(Json(domain::conversation::Page { items, next: found.next }.into()))
}

/// One conversation.
#[utoipa::path(
    get, path = "/api/v1/conversations/{conversation_id}", operation_id = "getConversation", tag = "Conversations",
    summary = "Conversation",
    description = "One conversation, without its messages. Needs the permission `conversations:read`.",
    params(("conversation_id" = String, Path, description = "The id of the conversation")),
    responses((status = 200, description = "The conversation", body = ConversationView), OfOne)
)]
pub(super) async fn get_conversation(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Path(conversation_id): Path<String>,
    uri: Uri,
) -> Read<ConversationView> {
    let caller = caller.checked_now(&server, Permission::ConversationsRead, None).await?;
    QueryFields::read(&uri, &[])?;
    Ok(Json(read_conversation(&server, &caller, &conversation_id).await?.into()))
}

/// The messages of a conversation.
#[utoipa::path(
    get, path = "/api/v1/conversations/{conversation_id}/messages", operation_id = "listMessages",
    tag = "Conversations", summary = "List the messages of a conversation",
    description = "Messages with their answers, oldest first. Needs the permission `conversations:read`.",
    params(
        ("conversation_id" = String, Path, description = "The id of the conversation"),
        ("limit" = Option<u32>, Query, description = "Most of a page; 50 without it", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", pattern = "^[1-9][0-9]{0,17}$")
    ),
    responses((status = 200, description = "Messages", body = ListView<ConversationMessageView>), OfOne)
)]
pub(super) async fn list_messages(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Path(conversation_id): Path<String>,
    uri: Uri,
) -> Read<ListView<ConversationMessageView>> {
    let caller = caller.checked_now(&server, Permission::ConversationsRead, None).await?;
    let fields = QueryFields::read(&uri, &["limit", "cursor"])?;
    let after = fields.cursor(|text| text.parse().ok().filter(|number: &i64| *number > 0))?.unwrap_or(0);
    let page_size = fields.page_size()?;
    let id = read_conversation(&server, &caller, &conversation_id).await?.id;
    Ok(Json(messages(&server, &caller.account_id, &id, after, page_size).await?.into()))
}

/// A conversation that the key may see.
async fn read_conversation(
    server: &Server,
    caller: &crate::keys::Caller,
    id: &str,
) -> Result<domain::conversation::Conversation, Refused> {
    let id = ConversationId::parse(id).ok_or_else(|| Problem::not_found("conversation"))?;
    let found = conversation(server, &caller.account_id, &id).await?.conversation;
    caller.allows(Permission::ConversationsRead, Some(&found.chatbot_id))?;
    Ok(found)
}
