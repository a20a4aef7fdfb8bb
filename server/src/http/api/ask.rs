//! `POST /wp-json/send-message/v1/ask`: the published call. A program sends a message and gets the chatbot's answer.

use super::asking::{Message, describe};
use super::contract::{AskAnswer, AskRequest};
use super::guard::Caller;
use super::idempotency::{self, IdempotencyKey};
use super::refusals::OfMessages;
use crate::Server;
use crate::conversations::{self, Told};
use crate::http::json::JsonObject;
use crate::http::middleware::RequestName;
use crate::http::problem::Refused;
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use std::sync::Arc;

fn body(told: &Told<'_>) -> String {
    let conversation_id = told.conversation_id.as_str();
    let answered = AskAnswer { success: true, conversation_id, chatbot_message: &told.answer.text };
    serde_json::to_string(&answered).unwrap_or_default()
}

/// Answers a message and charges for it.
///
/// The checks run in the order of the parameters: credential (401), network (403), limits (429), content type and body
/// (415, 413, 400), permission and chatbot of the key (403), fields (422), `Idempotency-Key` (422, 409), then those of
/// [`conversations::ask`]. Nothing is charged unless the answer is sent, and one that is sent again under its
/// `Idempotency-Key` is not charged again.
#[utoipa::path(
    post, path = "/wp-json/send-message/v1/ask", operation_id = "ask", tag = "Messages",
    summary = "Ask a chatbot (the published call)",
    description = "Answers a message and charges its price. The address and the fields are Artiko's published ones.",
    params(IdempotencyKey),
    request_body(content = AskRequest, content_type = "application/json"),
    responses((status = 200, description = "The answer, paid for", body = AskAnswer<'_>), OfMessages)
)]
pub(super) async fn ask(
    State(server): State<Arc<Server>>,
    Extension(name): Extension<RequestName>,
    caller: Caller,
    headers: HeaderMap,
    fields: JsonObject,
) -> Result<Response, Refused> {
    let message = Message::read(&server, caller, &name, &fields).await?;
    let once = idempotency::read(&headers, "ask", &fields.body)?;
    let delivered = conversations::ask_once(&server, message.question(), once, body).await?;
    let mut response = delivered.body.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    describe(&mut response, Some(delivered.credit_remaining), delivered.is_replayed);
    Ok(response)
}
