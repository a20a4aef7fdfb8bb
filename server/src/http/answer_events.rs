//! An answer as server-sent events: pieces of its text while it is made, and an end when it is paid for. One that comes
//! whole is told in pieces too, so that whoever reads them need not know which it was.

use crate::Error;
use crate::conversations::{Delivery, Progress, Streamed};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::time::Duration;

const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Shortest piece of an answer, in bytes, before the next begins.
const PIECE_BYTES_MIN: usize = 24;

/// Somebody who hears an answer, with the names that he knows its events by.
pub(super) trait Listener: Send + 'static {
    /// The event of a piece, which is `{"text": …}`.
    const PIECE: &'static str;
    /// The field of a delivered body that holds the text.
    const TEXT: &'static str;

    /// The last event of an answer that is paid for.
    fn complete(&self, delivery: Delivery) -> Event;

    /// The last event of one that is not.
    fn refuse(&self, error: Error) -> Event;
}

pub(super) fn respond<L: Listener>(listener: L, answer: Streamed) -> Response {
    let events = match answer {
        Streamed::Replayed(delivery) => stream::iter(whole(&listener, delivery)).left_stream(),
        Streamed::Told(told) => heard(listener, told).right_stream(),
    };
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("ping");
    let mut response = Sse::new(events.map(Ok::<_, Infallible>)).keep_alive(keep_alive).into_response();
    // A proxy that collects the stream before it passes it on would make the answer late.
    response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

fn heard<L: Listener>(
    listener: L,
    told: BoxStream<'static, Result<Progress, Error>>,
) -> impl Stream<Item = Event> + Send {
    let events = told.scan(false, move |has_pieces, progress| {
        let events = match progress {
            Ok(Progress::Piece(text)) => {
                *has_pieces = true;
                vec![piece::<L>(&text)]
            }
            Ok(Progress::Delivered(delivery)) if *has_pieces => vec![listener.complete(delivery)],
            Ok(Progress::Delivered(delivery)) => whole(&listener, delivery),
            Err(error) => vec![listener.refuse(error)],
        };
        std::future::ready(Some(stream::iter(events)))
    });
    events.flatten()
}

fn piece<L: Listener>(text: &str) -> Event {
    Event::default().event(L::PIECE).data(json!({ "text": text }).to_string())
}

fn whole<L: Listener>(listener: &L, delivery: Delivery) -> Vec<Event> {
    let told: Value = serde_json::from_str(&delivery.body).unwrap_or_default();
    let text = told[L::TEXT].as_str().unwrap_or_default();
    let mut events: Vec<Event> = pieces(text).into_iter().map(piece::<L>).collect();
    events.push(listener.complete(delivery));
    events
}

/// A text in pieces that begin at words; together they are the text.
fn pieces(text: &str) -> Vec<&str> {
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
}
