//! Calls of Stripe's API: pinned to one version, sent again where that may help, each change under an idempotency key.
//!
//! Nothing that Stripe says about a failure is passed on or logged but its status, its code and the name of the request:
//! its sentences repeat what was sent, parts of the key too.

use super::options::StripeOptions;
use crate::error::{Error, StartError};
use crate::outgoing;
use domain::problem::{Problem, ProblemCode};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The version whose answers `wire.rs` reads, whatever the account's own is.
const API_VERSION: &str = "2026-10-28.endive";
/// The pauses before a request is sent again.
const PAUSES: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(1)];
/// How long one attempt may take.
const ATTEMPT_TIME_MAX: Duration = Duration::from_secs(8);
/// Largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Why Stripe did not do what it was asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub status: Option<u16>,
    /// Stripe's own code, such as `resource_missing`.
    pub code: Option<String>,
    /// For the log.
    reason: String,
    may_help_again: bool,
}

impl Trouble {
    pub fn new(reason: impl Into<String>, may_help_again: bool) -> Self {
        Self { status: None, code: None, reason: reason.into(), may_help_again }
    }

    /// There is no such thing at Stripe, or not for this key.
    pub fn is_missing(&self) -> bool {
        self.status == Some(404)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        tracing::error!(%trouble, "stripe failed");
        let detail =
            "the payment provider does not answer as it should; nothing was charged by this, try again in a minute";
        Problem::with_detail(ProblemCode::Unavailable, detail).into()
    }
}

/// What Stripe answers when it does not do something.
#[derive(Deserialize)]
struct Failure {
    error: FailureDetail,
}

#[derive(Deserialize)]
struct FailureDetail {
    code: Option<String>,
}

/// The API, with the key of the account.
pub(super) struct Client {
    http: reqwest::Client,
    url: String,
    authorization: HeaderValue,
}

impl Client {
    /// # Errors
    /// When the key is none, or the machine cannot speak TLS.
    pub fn open(options: &StripeOptions) -> Result<Self, StartError> {
        let builder = if options.url.starts_with("https:") { outgoing::public() } else { outgoing::local() };
        let http = builder.redirect(reqwest::redirect::Policy::none()).build();
        let http = http.map_err(|error| StartError::option("--stripe-url", error))?;
        let key = options.secret_key()?;
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", key.expose()))
            .map_err(|_| StartError::option("--stripe-secret-key", "it holds characters that no key has"))?;
        authorization.set_sensitive(true);
        Ok(Self { http, url: options.url.clone(), authorization })
    }

    /// Reads something.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        deadline: Instant,
    ) -> Result<T, Trouble> {
        let query = form(query);
        let separator = if query.is_empty() { "" } else { "?" };
        let request = self.http.request(Method::GET, format!("{}{path}{separator}{query}", self.url));
        self.send(request, deadline).await
    }

    /// Makes something, once for each idempotency key.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        idempotency_key: &str,
        fields: &[(&str, &str)],
        deadline: Instant,
    ) -> Result<T, Trouble> {
        let request = self
            .http
            .request(Method::POST, format!("{}{path}", self.url))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("idempotency-key", idempotency_key)
            .body(form(fields));
        self.send(request, deadline).await
    }

    /// Sends a request, again where that may help and as long as there is time.
    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder, deadline: Instant) -> Result<T, Trouble> {
        let request = request.header(AUTHORIZATION, self.authorization.clone()).header("stripe-version", API_VERSION);
        let mut pauses = PAUSES.into_iter();
        loop {
            let again = request.try_clone().ok_or_else(|| Trouble::new("the request cannot be repeated", false))?;
            let by = deadline.min(Instant::now() + ATTEMPT_TIME_MAX);
            let answer = match timeout_at(by, attempt(again)).await {
                Err(_elapsed) => Err(Trouble::new("no answer in time", true)),
                Ok(answer) => answer,
            };
            let trouble = match answer {
                Ok(body) => {
                    return serde_json::from_slice(&body).map_err(|error| Trouble::new(unreadable(&error), false));
                }
                Err(trouble) => trouble,
            };
            let Some(pause) = pauses.next().filter(|_| trouble.may_help_again) else { return Err(trouble) };
            if Instant::now() + pause >= deadline {
                return Err(trouble);
            }
            tracing::warn!(%trouble, "stripe is asked again");
            tokio::time::sleep(pause).await;
        }
    }
}

/// Only the place is told: the error's own text may repeat what was read.
fn unreadable(error: &serde_json::Error) -> String {
    format!("answered with something else than is known (line {}, column {})", error.line(), error.column())
}

async fn attempt(request: RequestBuilder) -> Result<Vec<u8>, Trouble> {
    let unreachable = |error: reqwest::Error| Trouble::new(format!("cannot be reached: {}", error.without_url()), true);
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    let request_name = header(&response, "request-id").unwrap_or_else(|| "-".to_owned());
    let should_retry = header(&response, "stripe-should-retry");
    let body = read(response).await?;
    if status.is_success() {
        return Ok(body);
    }
    let code = serde_json::from_slice::<Failure>(&body).ok().and_then(|failure| failure.error.code);
    let code = code.filter(|code| is_name(code));
    let is_passing = status.is_server_error() || matches!(status.as_u16(), 409 | 429);
    let reason = format!("answered with {status}, code {}, request {request_name}", code.as_deref().unwrap_or("-"));
    let may_help_again = match should_retry.as_deref() {
        Some("true") => true,
        Some("false") => false,
        _ => is_passing,
    };
    Err(Trouble { status: Some(status.as_u16()), code, reason, may_help_again })
}

/// A header that is a name, because it is logged.
fn header(response: &Response, name: &str) -> Option<String> {
    let text = response.headers().get(name)?.to_str().ok()?;
    is_name(text).then(|| text.to_owned())
}

fn is_name(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

async fn read(mut response: Response) -> Result<Vec<u8>, Trouble> {
    let broken = |error: reqwest::Error| Trouble::new(format!("broke off: {}", error.without_url()), true);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Trouble::new("answered with more than is read", false));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Fields as forms and queries hold them.
fn form(fields: &[(&str, &str)]) -> String {
    let url = Url::parse_with_params("https://form.invalid", fields);
    url.ok().and_then(|url| url.query().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_encoded_as_forms_are() {
        assert_eq!(form(&[]), "");
        let fields =
            [("line_items[0][price]", "price_1"), ("success_url", "https://a.example/settings?payment=pay_1&x")];
        let encoded =
            "line_items%5B0%5D%5Bprice%5D=price_1&success_url=https%3A%2F%2Fa.example%2Fsettings%3Fpayment%3Dpay_1%26x";
        assert_eq!(form(&fields), encoded);
    }
}
