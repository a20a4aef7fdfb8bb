//! `POST /api/v1/messages`: the same as the published call, with the passages, the price, and the credit that is left.
//!
//! With `stream: true` the answer comes as server-sent events. Credit is set aside before the first of them, so that a
//! refusal is a refusal and no event; the price is taken before the first piece of the answer is sent. Who goes away before
//! that pays nothing and what was set aside is released; who goes away afterwards has paid, and finds the answer in the
//! conversation or under his `Idempotency-Key`.

use super::asking::{Message, describe};
use super::contract::{CitationView, MessageAnswer, MessageRequest, StreamEvent};
use super::guard::Caller;
use super::idempotency::{self, IdempotencyKey};
use super::refusals::OfMessages;
use crate::conversations::{self, Delivery, Streamed, Told};
use crate::http::answer_events;
use crate::http::json::JsonObject;
use crate::http::middleware::RequestName;
use crate::http::problem::{self, Refused};
use crate::{Error, Server, keys};
use axum::Extension;
use axum::extract::State;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use domain::credit::Credit;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use std::sync::Arc;

/// All but the credit that is left, which is known when the charge is durable.
fn body(told: &Told<'_>) -> String {
    let answer = MessageAnswer {
        success: true,
        request_id: told.request_id,
        conversation_id: told.conversation_id.as_str(),
        chatbot_id: told.chatbot_id.as_str(),
        chatbot_message: &told.answer.text,
        citations: told.answer.citations.iter().map(CitationView::from).collect(),
        price: told.price.into(),
        credit_remaining: None,
    };
    serde_json::to_string(&answer).unwrap_or_default()
}

/// The body with the credit that is left as its last member: the same for everybody who uses the same
/// `Idempotency-Key`, because that credit is kept with the answer.
fn with_credit(mut body: String, credit_remaining: Credit) -> String {
    debug_assert!(body.ends_with('}'));
    body.pop();
    body.push_str(",\"credit_remaining\":\"");
    body.push_str(&credit_remaining.decimal());
    body.push_str("\"}");
    body
}

/// Answers a message and charges for it; see [`super::ask::ask`] for the order of the checks.
#[utoipa::path(
    post, path = "/api/v1/messages", operation_id = "createMessage", tag = "Messages",
    summary = "Ask a chatbot",
    description = "Answers a message and charges its price. Needs the permission `messages:write`.\n\n\
        With `stream: true` the answer comes as server-sent events: `message.delta` with `{\"text\": …}` for each piece of \
        the answer, then `message.completed` with the body that is sent without `stream`; or `error` with a problem. \
        Credit for the message is set aside before the first event, and taken before the first piece. A connection that is \
        closed before the first piece costs nothing; afterwards the message is paid for, and its answer is in the \
        conversation.",
    params(IdempotencyKey),
    request_body(content = MessageRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "The answer, paid for", content(
            (MessageAnswer<'_> = "application/json"),
            (StreamEvent = "text/event-stream", example = json!(
                "event: message.delta\ndata: {\"text\":\"The shop opens at nine.\"}\n\n\
                 event: message.completed\ndata: {\"success\":true, …}\n"
            ))
        )),
        OfMessages
    )
)]
pub(super) async fn create(
    State(server): State<Arc<Server>>,
    Extension(name): Extension<RequestName>,
    caller: Caller,
    headers: HeaderMap,
    fields: JsonObject,
) -> Result<Response, Refused> {
    let message = Message::read(&server, caller, &name, &fields).await?;
    let is_streamed = fields.flag("stream")?;
    let once = idempotency::read(&headers, "messages", &fields.body)?;
    if is_streamed {
        let answer = conversations::stream(&server, message.question(), once, body).await?;
        let listener = Listener { server, key: message.caller.key(), request_name: name.text };
        return Ok(streamed(listener, answer));
    }
    let delivered = conversations::ask_once(&server, message.question(), once, body).await?;
    let credit_remaining = delivered.credit_remaining;
    let mut response = with_credit(delivered.body, credit_remaining).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    describe(&mut response, Some(credit_remaining), delivered.is_replayed);
    Ok(response)
}

/// What a stream needs to say what went wrong in it.
struct Listener {
    server: Arc<Server>,
    key: keys::RecognisedKey,
    request_name: String,
}

impl answer_events::Listener for Listener {
    const PIECE: &'static str = "message.delta";
    const TEXT: &'static str = "chatbot_message";

    fn complete(&self, delivery: Delivery) -> Event {
        Event::default().event("message.completed").data(with_credit(delivery.body, delivery.credit_remaining))
    }

    fn refuse(&self, error: Error) -> Event {
        let refused = Refused::from(error);
        let code = refused.problem().code;
        tracing::info!(code = code.as_str(), "refused in a stream");
        let operation = "POST /api/v1/messages";
        let request = keys::Request { name: &self.request_name, operation, status: code.status(), refused: Some(code) };
        self.key.note_request(&self.server, request);
        Event::default().event("error").data(problem::body(&self.server, &self.request_name, refused.problem()))
    }
}

fn streamed(listener: Listener, answer: Streamed) -> Response {
    let credit_remaining = match &answer {
        Streamed::Replayed(delivery) => Some(delivery.credit_remaining),
        Streamed::Told(_) => None,
    };
    let mut response = answer_events::respond(listener, answer);
    describe(&mut response, credit_remaining, credit_remaining.is_some());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_credit_that_is_left_becomes_the_last_member() {
        let body = with_credit("{\"success\":true}".to_owned(), Credit::from_millionths(1_500_000));
        assert_eq!(body, "{\"success\":true,\"credit_remaining\":\"1.500000\"}");
    }
}
