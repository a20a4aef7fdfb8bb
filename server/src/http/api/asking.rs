//! What the published call and our own form of it have in common: the fields of a message, read in one order.

use super::guard::{Caller, Charged};
use crate::conversations::Question;
use crate::http::json::JsonObject;
use crate::http::middleware::RequestName;
use crate::http::problem::Refused;
use crate::{Server, keys};
use axum::response::Response;
use domain::api_key::Permission;
use domain::credit::Credit;
use domain::id::{ChatbotId, RequestId};
use domain::ledger::Channel;
use http::header::CACHE_CONTROL;
use http::{HeaderName, HeaderValue};

const CREDIT_REMAINING: HeaderName = HeaderName::from_static("x-credit-remaining");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// A message as it came in, from a caller who may send it.
pub(super) struct Message<'a> {
    pub caller: keys::Caller,
    chatbot_id: &'a str,
    text: &'a str,
    conversation_id: Option<String>,
    request_id: String,
    caller_request_id: Option<String>,
}

impl<'a> Message<'a> {
    /// # Errors
    /// 403 for the permission and the chatbot of the key, 422 for the fields.
    pub async fn read(
        server: &Server,
        Caller(caller): Caller,
        name: &RequestName,
        fields: &'a JsonObject,
    ) -> Result<Self, Refused> {
        let caller = keys::require(server, caller, Permission::MessagesWrite, None).await?;
        let chatbot_id = fields.text("chatbot_id")?;
        let caller = match ChatbotId::parse(chatbot_id) {
            Some(id) => keys::require(server, caller, Permission::MessagesWrite, Some(&id)).await?,
            None => caller,
        };
        let text = fields.text("user_message")?;
        let conversation_id = fields.optional_name("conversation_id")?;
        let (request_id, caller_request_id) = entry_names(server, name);
        Ok(Self { caller, chatbot_id, text, conversation_id, request_id, caller_request_id })
    }

    pub fn question(&self) -> Question<'_> {
        Question {
            account_id: self.caller.account_id.clone(),
            key_id: Some(self.caller.key_id.clone()),
            caller: Some(&self.caller),
            chatbot_id: self.chatbot_id,
            conversation_id: self.conversation_id.as_deref(),
            message: self.text,
            channel: Channel::Api,
            request_id: self.request_id.clone(),
            caller_request_id: self.caller_request_id.clone(),
        }
    }
}

/// The id under which the charge is entered, and the caller's own name for it. That alone would not do: callers repeat
/// names, and two requests must never share a charge.
fn entry_names(server: &Server, name: &RequestName) -> (String, Option<String>) {
    if name.is_ours {
        return (name.text.clone(), None);
    }
    let request_id = RequestId::new(server.now(), server.id_bytes()).to_string();
    tracing::info!(entry_request_id = request_id, "the caller named the request; its entry has a name of ours too");
    (request_id, Some(name.text.clone()))
}

/// Completes an answer that was paid for, now or when it was given first. No cache may keep it.
pub(super) fn describe(response: &mut Response, credit_remaining: Option<Credit>, is_replayed: bool) {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(credit) = credit_remaining.and_then(|credit| HeaderValue::try_from(credit.decimal()).ok()) {
        headers.insert(CREDIT_REMAINING, credit);
    }
    if is_replayed {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    } else {
        response.extensions_mut().insert(Charged);
    }
}
