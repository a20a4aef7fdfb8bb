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
use crate::conversations::{self, Delivery, Progress, Streamed, Told};
use crate::http::json::JsonObject;
use crate::http::middleware::RequestName;
use crate::http::problem::{self, Refused};
use crate::{Error, Server, keys};
use axum::Extension;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use domain::credit::Credit;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Shortest piece of an answer, in bytes, before the next begins.
const PIECE_BYTES_MIN: usize = 24;

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

impl Listener {
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
    let (events, credit_remaining) = match answer {
        Streamed::Replayed(delivery) => {
            let credit_remaining = delivery.credit_remaining;
            (stream::iter(events_of(delivery)).left_stream(), Some(credit_remaining))
        }
        Streamed::Told(told) => (heard(listener, told).right_stream(), None),
    };
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("ping");
    let mut response = Sse::new(events.map(Ok::<_, Infallible>)).keep_alive(keep_alive).into_response();
    describe(&mut response, credit_remaining, credit_remaining.is_some());
    // A proxy that collects the stream before it passes it on would make the answer late.
    response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

/// The events of an answer that is made while somebody listens. One that comes whole is told in pieces too.
fn heard(listener: Listener, told: BoxStream<'static, Result<Progress, Error>>) -> impl Stream<Item = Event> + Send {
    let events = told.scan(false, move |has_pieces, progress| {
        let events = match progress {
            Ok(Progress::Piece(piece)) => {
                *has_pieces = true;
                vec![delta(&piece)]
            }
            Ok(Progress::Delivered(delivery)) if *has_pieces => vec![completed(delivery)],
            Ok(Progress::Delivered(delivery)) => events_of(delivery),
            Err(error) => vec![listener.refuse(error)],
        };
        std::future::ready(Some(stream::iter(events)))
    });
    events.flatten()
}

fn delta(piece: &str) -> Event {
    Event::default().event("message.delta").data(json!({ "text": piece }).to_string())
}

fn completed(delivery: Delivery) -> Event {
    Event::default().event("message.completed").data(with_credit(delivery.body, delivery.credit_remaining))
}

fn events_of(delivery: Delivery) -> Vec<Event> {
    let told: Value = serde_json::from_str(&delivery.body).unwrap_or_default();
    let text = told["chatbot_message"].as_str().unwrap_or_default();
    let mut events: Vec<Event> = pieces(text).into_iter().map(delta).collect();
    events.push(completed(delivery));
    events
}

/// A text in pieces that begin at words; together they are the text.
pub(in crate::http) fn pieces(text: &str) -> Vec<&str> {
    let (mut pieces, mut start) = (Vec::new(), 0);
    for (place, character) in text.char_indices() {
        if character.is_whitespace() && place - start >= PIECE_BYTES_MIN {
            pieces.push(&text[start..place]);
            start = place;
        }
    }
    if start < text.len() {
        pieces.push(&text[start..]);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_pieces_of_a_text_are_the_text(text in "[a-zäß€ \n]{0,200}") {
            let pieces = pieces(&text);
            prop_assert_eq!(pieces.concat(), text.as_str());
            prop_assert!(pieces.iter().rev().skip(1).all(|piece| piece.len() >= PIECE_BYTES_MIN));
        }
    }

    #[test]
    fn the_credit_that_is_left_becomes_the_last_member() {
        let body = with_credit("{\"success\":true}".to_owned(), Credit::from_millionths(1_500_000));
        assert_eq!(body, "{\"success\":true,\"credit_remaining\":\"1.500000\"}");
    }
}
