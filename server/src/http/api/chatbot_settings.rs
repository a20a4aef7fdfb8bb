//! The settings of a chatbot: read, change.

use super::contract::{ChatbotSettingsChange, ChatbotSettingsView};
use super::guard::Caller;
use super::query::QueryFields;
use super::refusals::{OfChanging, OfOne};
use crate::http::json::JsonObject;
use crate::http::problem::Refused;
use crate::{Server, chatbots};
use axum::Json;
use axum::extract::{Path, State};
use domain::api_key::Permission;
use domain::chatbot_settings::SettingsChange;
use domain::id::ChatbotId;
use domain::problem::Problem;
use http::Uri;
use std::sync::Arc;

/// The settings of a chatbot.
#[utoipa::path(
    get, path = "/api/v1/chatbots/{chatbot_id}/settings", operation_id = "getChatbotSettings", tag = "Chatbots",
    summary = "Settings of a chatbot",
    description = "What the owner decided about a chatbot. Needs the permission `chatbots:read`.",
    params(("chatbot_id" = String, Path, description = "The id of the chatbot")),
    responses((status = 200, description = "The settings", body = ChatbotSettingsView), OfOne)
)]
pub(super) async fn get(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Path(chatbot_id): Path<String>,
    uri: Uri,
) -> Result<Json<ChatbotSettingsView>, Refused> {
    let id = ChatbotId::parse(&chatbot_id);
    let caller = caller.checked_now(&server, Permission::ChatbotsRead, id.as_ref()).await?;
    QueryFields::read(&uri, &[])?;
    let id = id.ok_or_else(|| Problem::not_found("chatbot"))?;
    Ok(Json(chatbots::settings(&server, &caller.account_id, &id).await?.into()))
}

/// Changes settings of a chatbot.
#[utoipa::path(
    patch, path = "/api/v1/chatbots/{chatbot_id}/settings", operation_id = "changeChatbotSettings", tag = "Chatbots",
    summary = "Change the settings of a chatbot",
    description = "Changes the fields that are sent; the others stay as they are, and null empties one. It holds from the \
        next message on. Needs the permission `chatbots:write`.",
    params(("chatbot_id" = String, Path, description = "The id of the chatbot")),
    request_body(content = ChatbotSettingsChange, content_type = "application/json"),
    responses((status = 200, description = "All settings", body = ChatbotSettingsView), OfChanging)
)]
pub(super) async fn change(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Path(chatbot_id): Path<String>,
    fields: JsonObject,
) -> Result<Json<ChatbotSettingsView>, Refused> {
    let id = ChatbotId::parse(&chatbot_id);
    let caller = caller.checked_now(&server, Permission::ChatbotsWrite, id.as_ref()).await?;
    let change = SettingsChange {
        welcome_message: fields.changed_text("welcome_message")?,
        instructions: fields.changed_text("instructions")?,
        suggested_questions: fields.changed_texts("suggested_questions")?,
        colour: fields.changed_text("colour")?,
        answer_engine: fields.changed_text("answer_engine")?,
    };
    let id = id.ok_or_else(|| Problem::not_found("chatbot"))?;
    Ok(Json(chatbots::change_settings(&server, &caller.account_id, &id, &change).await?.into()))
}
