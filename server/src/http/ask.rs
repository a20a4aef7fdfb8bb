//! `POST /wp-json/send-message/v1/ask`: the published call. A program sends a message and gets the chatbot's answer.

use crate::conversations::{self, Question};
use crate::http::caller::Caller;
use crate::http::idempotency;
use crate::http::json::JsonObject;
use crate::http::middleware::RequestName;
use crate::http::problem::Refused;
use crate::{Server, keys};
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::api_key::Permission;
use domain::chatbot::Answer;
use domain::id::{ChatbotId, ConversationId, RequestId};
use domain::ledger::Channel;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use std::sync::Arc;

const CREDIT_REMAINING: HeaderName = HeaderName::from_static("x-credit-remaining");

#[derive(Serialize)]
struct Answered<'a> {
    success: bool,
    conversation_id: &'a str,
    chatbot_message: &'a str,
}

fn body(conversation_id: &ConversationId, answer: &Answer) -> String {
    let answered = Answered { success: true, conversation_id: conversation_id.as_str(), chatbot_message: &answer.text };
    serde_json::to_string(&answered).unwrap_or_default()
}

/// Answers a message and charges for it.
///
/// The checks run in the order of the parameters: credential (401), network (403), content type and body (415, 413, 400),
/// permission and chatbot of the key (403), fields (422), `Idempotency-Key` (422, 409), then those of
/// [`conversations::ask`]. Nothing is charged unless the answer is sent, and one that is sent again under its
/// `Idempotency-Key` is not charged again.
pub(super) async fn ask(
    State(server): State<Arc<Server>>,
    Extension(name): Extension<RequestName>,
    Caller(caller): Caller,
    headers: HeaderMap,
    fields: JsonObject,
) -> Result<Response, Refused> {
    let caller = keys::require(&server, caller, Permission::MessagesWrite, None).await?;
    let chatbot_id = fields.text("chatbot_id")?;
    let caller = match ChatbotId::parse(chatbot_id) {
        Some(id) => keys::require(&server, caller, Permission::MessagesWrite, Some(&id)).await?,
        None => caller,
    };
    let message = fields.text("user_message")?;
    let conversation_id = fields.optional_name("conversation_id")?;
    let question = Question {
        account_id: caller.account_id.clone(),
        key_id: Some(caller.key_id.clone()),
        caller: Some(&caller),
        chatbot_id,
        conversation_id: conversation_id.as_deref(),
        message,
        channel: Channel::Api,
        request_id: entry_request_id(&server, &name),
    };
    let once = idempotency::read(&headers, "ask", &fields.body)?;
    let delivered = conversations::ask_once(&server, question, once, body).await?;
    let mut response = delivered.body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(credit) = HeaderValue::try_from(delivered.credit_remaining.decimal()) {
        headers.insert(CREDIT_REMAINING, credit);
    }
    if delivered.is_replayed {
        headers.insert(idempotency::REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// The id under which the charge is entered. A name that the caller chose is not used: callers repeat names, and two
/// requests must never share a charge.
fn entry_request_id(server: &Server, name: &RequestName) -> String {
    if name.is_ours {
        return name.text.clone();
    }
    let request_id = RequestId::new(server.now(), server.id_bytes()).to_string();
    tracing::info!(entry_request_id = request_id, "the caller named the request; its entry has a name of ours");
    request_id
}
