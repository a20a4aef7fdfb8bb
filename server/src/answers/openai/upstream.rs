//! One answer of the OpenAI-compatible server: `POST …/chat/completions` with `stream: true`, read piece by piece.
//!
//! Nothing that the server says of its own troubles is passed on or logged but its status: it may repeat the key or the
//! question.

use super::prompt::Message;
use eventsource_stream::{EventStreamError, Eventsource};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The pauses before the request is sent again, as long as nothing of an answer has come.
const PAUSES: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1_200)];
/// Longest pause that is waited for when the server names one.
const NAMED_PAUSE_MAX: Duration = Duration::from_secs(3);
/// Longest that a whole answer may take; its hold lasts longer.
const ANSWER_TIME_MAX: Duration = Duration::from_mins(5);
/// No tokenizer makes tokens of more bytes than this on average: a server that sends more ignores `max_tokens`.
const BYTES_PER_TOKEN_MAX: usize = 32;

/// What went wrong with the server.
#[derive(Debug)]
pub(super) struct Trouble {
    /// For the log.
    pub reason: String,
    /// Whether it says something about the server, and not about this one request.
    pub is_of_server: bool,
    /// When the server wants to be asked again.
    pub retry_after: Option<Duration>,
}

impl Trouble {
    fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_of_server: true, retry_after: None }
    }

    /// Somebody would pay for nothing.
    pub fn empty() -> Self {
        Self::new("sent an empty answer")
    }
}

/// The body of the request.
#[derive(Serialize)]
pub(super) struct Body<'a> {
    pub model: &'a str,
    pub messages: Vec<Message>,
    pub max_tokens: u32,
    pub stream: bool,
    pub stream_options: StreamOptions,
}

#[derive(Serialize)]
pub(super) struct StreamOptions {
    pub include_usage: bool,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
    error: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
}

/// The tokens that an answer took, as the server counted them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Usage {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
}

type Events = BoxStream<'static, Result<eventsource_stream::Event, EventStreamError<reqwest::Error>>>;

/// An answer that is being read.
pub(super) struct Reading {
    events: Events,
    silence_max: Duration,
    deadline: Instant,
    bytes_left: usize,
    is_finished: bool,
    pub usage: Option<Usage>,
}

/// Sends the request, again where that may help, until an answer begins.
pub(super) async fn begin(
    request: &RequestBuilder,
    silence_max: Duration,
    tokens_max: u32,
) -> Result<Reading, Trouble> {
    let began = Instant::now();
    let first_by = began + silence_max;
    let mut pauses = PAUSES.into_iter();
    loop {
        let trouble = match send(request, first_by).await {
            Ok(response) => {
                return Ok(Reading {
                    events: response.bytes_stream().eventsource().boxed(),
                    silence_max,
                    deadline: began + ANSWER_TIME_MAX,
                    bytes_left: usize::try_from(tokens_max).unwrap_or(usize::MAX).saturating_mul(BYTES_PER_TOKEN_MAX),
                    is_finished: false,
                    usage: None,
                });
            }
            Err((trouble, may_repeat)) if !may_repeat => return Err(trouble),
            Err((trouble, _)) => trouble,
        };
        let Some(pause) = pauses.next() else { return Err(trouble) };
        let pause = trouble.retry_after.unwrap_or(pause);
        if pause > NAMED_PAUSE_MAX || Instant::now() + pause >= first_by {
            return Err(trouble);
        }
        tokio::time::sleep(pause).await;
    }
}

/// The trouble, and whether the same request may be sent again.
async fn send(request: &RequestBuilder, first_by: Instant) -> Result<Response, (Trouble, bool)> {
    let request = request.try_clone().ok_or_else(|| (Trouble::new("the request cannot be repeated"), false))?;
    let sent = timeout_at(first_by, request.header(ACCEPT, "text/event-stream").send()).await;
    let response = match sent {
        Err(_elapsed) => return Err((Trouble::new("no answer in time"), false)),
        Ok(Err(error)) => return Err((Trouble::new(format!("cannot be reached: {}", error.without_url())), true)),
        Ok(Ok(response)) => response,
    };
    let status = response.status();
    if status != StatusCode::OK {
        let may_repeat = matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504);
        let is_of_server = !matches!(status.as_u16(), 400 | 413 | 422);
        let named = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let retry_after = named.map(Duration::from_secs);
        return Err((
            Trouble { is_of_server, retry_after, ..Trouble::new(format!("answered with {status}")) },
            may_repeat,
        ));
    }
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("text/event-stream") {
        return Err((Trouble::new("did not answer with a stream"), false));
    }
    Ok(response)
}

impl Reading {
    /// The next piece of the answer; `None` when it is complete.
    pub async fn next(&mut self) -> Result<Option<String>, Trouble> {
        loop {
            let by = self.deadline.min(Instant::now() + self.silence_max);
            let data = match timeout_at(by, self.events.next()).await {
                Err(_elapsed) => return Err(Trouble::new("fell silent in an answer")),
                Ok(Some(Ok(event))) => event.data,
                // A server may close after the last piece without a word.
                Ok(_) if self.is_finished => return Ok(None),
                Ok(Some(Err(_))) => return Err(Trouble::new("broke off an answer")),
                Ok(None) => return Err(Trouble::new("ended an answer before its end")),
            };
            if data == "[DONE]" {
                return Ok(None);
            }
            let chunk: Chunk = serde_json::from_str(&data)
                .map_err(|_| Trouble::new("sent something that is no piece of an answer"))?;
            if chunk.error.is_some() {
                return Err(Trouble::new("reported an error in an answer"));
            }
            self.usage = chunk.usage.or(self.usage);
            let Some(choice) = chunk.choices.into_iter().next() else { continue };
            self.is_finished |= choice.finish_reason.is_some();
            let Some(text) = choice.delta.and_then(|delta| delta.content).filter(|text| !text.is_empty()) else {
                continue;
            };
            let left = self.bytes_left.checked_sub(text.len());
            self.bytes_left = left.ok_or_else(|| Trouble::new("sent more than it was allowed to"))?;
            return Ok(Some(text));
        }
    }
}
