//! The engine `openai`: an OpenAI-compatible server writes the answer, from the passages that fit the question.
//!
//! What it costs shows at the end: the highest price is promised first, and taken is what the server says that it used. Its
//! troubles are one problem to a caller, whatever they are, and cost nothing. A breaker leaves it alone when it keeps failing.

mod marks;
mod options;
mod prompt;
mod upstream;

pub use options::OpenAiOptions;

use super::{AnswerEngine, Draft, Pending, Piece, Prompt, Written};
use crate::clock::Clock;
use crate::error::{Result, StartError};
use crate::outgoing;
use domain::breaker::Breaker;
use domain::chatbot::Citation;
use domain::clock::{SECOND_US, Timestamp};
use domain::credit::Credit;
use domain::problem::{Problem, ProblemCode};
use futures_util::stream::{self, StreamExt};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use marks::Marks;
use options::Prices;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use upstream::{Body, Reading, StreamOptions, Trouble, Usage};

/// How many of a conversation's last messages are looked at for the budget.
const HISTORY_MAX: i64 = 20;

/// A model behind an OpenAI-compatible server.
pub(super) struct Model {
    options: OpenAiOptions,
    name: String,
    url: String,
    authorization: Option<HeaderValue>,
    client: reqwest::Client,
    health: Arc<Health>,
}

impl Model {
    /// The model of the options; `None` when they name no server.
    ///
    /// # Errors
    /// When the options do not fit together, or the machine cannot speak TLS.
    pub fn open(options: &OpenAiOptions, clock: Arc<dyn Clock>) -> std::result::Result<Option<Self>, StartError> {
        let (Some(base_url), Some(model)) = (&options.base_url, &options.model) else { return Ok(None) };
        let refused = |error: &dyn std::fmt::Display| StartError::option("--openai-base-url", error);
        let builder = if base_url.starts_with("https:") { outgoing::public() } else { outgoing::local() };
        let client = builder.redirect(reqwest::redirect::Policy::none()).build().map_err(|error| refused(&error))?;
        let mut authorization = None;
        if let Some(secret) = options.secret()? {
            let value = HeaderValue::try_from(format!("Bearer {}", secret.expose()));
            let mut value =
                value.map_err(|_| StartError::option("--openai-key", "it holds characters that no key has"))?;
            value.set_sensitive(true);
            authorization = Some(value);
        }
        Ok(Some(Self {
            options: options.clone(),
            name: model.clone(),
            url: format!("{base_url}/chat/completions"),
            authorization,
            client,
            health: Arc::new(Health { breaker: Mutex::default(), clock }),
        }))
    }
}

impl AnswerEngine for Model {
    fn history_max(&self) -> i64 {
        HISTORY_MAX
    }

    fn draft(&self, prompt: Prompt<'_>) -> Result<Draft> {
        let trial = Health::admit(&self.health)?;
        let composed = prompt::compose(&prompt, self.options.context_tokens);
        let answer_tokens = self.options.answer_tokens;
        let body = Body {
            model: &self.name,
            messages: composed.messages,
            max_tokens: answer_tokens,
            stream: true,
            stream_options: StreamOptions { include_usage: true },
        };
        let body = serde_json::to_string(&body).map_err(crate::Error::internal)?;
        let mut request = self.client.post(&self.url).header(CONTENT_TYPE, "application/json").body(body);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let prices = self.options.prices();
        let maximum = prices.map(|prices| prices.cost(composed.tokens_max, answer_tokens.into()));
        let answering = Answering {
            trial,
            request,
            silence_max: Duration::from_secs(self.options.timeout_seconds),
            answer_tokens,
            reading: None,
            marks: Marks::new(composed.passages.len()),
            passages: composed.passages,
            prompt_tokens: composed.tokens,
            written_bytes: 0,
            price: prices.zip(maximum),
        };
        let pieces = stream::unfold(Some(answering), |answering| async {
            let mut answering = answering?;
            match answering.next().await {
                Ok(piece @ Piece::Text(_)) => Some((Ok(piece), Some(answering))),
                Ok(end) => Some((Ok(end), None)),
                Err(trouble) => Some((Err(answering.trial.end(&trouble).into()), None)),
            }
        });
        Ok(Draft::Pending(Pending { maximum, pieces: pieces.boxed() }))
    }
}

/// An answer in the making.
struct Answering {
    trial: Trial,
    request: reqwest::RequestBuilder,
    silence_max: Duration,
    answer_tokens: u32,
    reading: Option<Reading>,
    marks: Marks,
    passages: Vec<Citation>,
    prompt_tokens: u64,
    written_bytes: usize,
    price: Option<(Prices, Credit)>,
}

impl Answering {
    async fn next(&mut self) -> std::result::Result<Piece, Trouble> {
        let mut reading = match self.reading.take() {
            Some(reading) => reading,
            None => upstream::begin(&self.request, self.silence_max, self.answer_tokens).await?,
        };
        while let Some(text) = reading.next().await? {
            self.written_bytes += text.len();
            let told = self.marks.push(&text);
            if !told.is_empty() {
                self.reading = Some(reading);
                return Ok(Piece::Text(told));
            }
        }
        if self.written_bytes == 0 {
            return Err(Trouble::empty());
        }
        self.trial.succeed();
        let citations = self.marks.named().iter().filter_map(|place| self.passages.get(*place).cloned()).collect();
        Ok(Piece::End(Written { rest: self.marks.end(), citations, cost: self.cost(reading.usage) }))
    }

    /// What was used, as the server counted it, or about that where it did not; never more than was promised.
    fn cost(&self, usage: Option<Usage>) -> Option<Credit> {
        let (prices, maximum) = self.price?;
        let estimate =
            || Usage { prompt_tokens: self.prompt_tokens, completion_tokens: self.written_bytes.div_ceil(4) as u64 };
        let Usage { prompt_tokens, completion_tokens } = usage.unwrap_or_else(estimate);
        Some(prices.cost(prompt_tokens, completion_tokens).min(maximum))
    }
}

/// How the server does, and the time by which that is judged.
struct Health {
    breaker: Mutex<Breaker>,
    clock: Arc<dyn Clock>,
}

impl Health {
    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(health: &Arc<Self>) -> Result<Trial> {
        health.breaker().admit(health.clock.now()).map_err(unavailable)?;
        Ok(Trial { health: Arc::clone(health), is_ended: false })
    }
}

/// A request that the breaker let through. Dropping it says that it showed nothing.
struct Trial {
    health: Arc<Health>,
    is_ended: bool,
}

impl Trial {
    fn succeed(&mut self) {
        self.is_ended = true;
        self.health.breaker().succeeded();
    }

    fn end(&mut self, trouble: &Trouble) -> Problem {
        tracing::warn!(reason = trouble.reason, "the answer engine failed");
        let now = self.health.clock.now();
        if trouble.is_of_server {
            self.is_ended = true;
            self.health.breaker().failed(now);
        }
        let wait_us =
            trouble.retry_after.map_or(2 * SECOND_US, |wait| i64::try_from(wait.as_micros()).unwrap_or(SECOND_US));
        unavailable(now.plus_us(wait_us.min(60 * SECOND_US)))
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        if !self.is_ended {
            self.health.breaker().learned_nothing();
        }
    }
}

fn unavailable(retry_at: Timestamp) -> Problem {
    Problem::new(ProblemCode::AnswerEngineUnavailable).retry_at(retry_at)
}
