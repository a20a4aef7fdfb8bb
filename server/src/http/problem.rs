//! Errors on the wire: every refusal of every route, as RFC 9457 `application/problem+json`, made in this one place.
//!
//! A handler returns [`Refused`]. Its response carries the problem itself, and the outermost middleware, which knows the
//! request's name, writes the body. So a panic, a timeout and a cross-site request get the same form as a refusal by a
//! use case, and no route can forget a field.

use crate::{Error, Server};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use domain::clock::{SECOND_US, Timestamp};
use domain::credit::Credit;
use domain::problem::{Problem, ProblemCode};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

/// How long a caller waits after a 503, in seconds, where nothing better is known.
const UNAVAILABLE_RETRY_S: i64 = 2;

/// A request that was not done, and why.
#[derive(Clone, Debug)]
pub struct Refused(Box<Problem>);

impl Refused {
    pub fn with_detail(code: ProblemCode, detail: &str) -> Self {
        Problem::with_detail(code, detail).into()
    }

    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.0
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl From<ProblemCode> for Refused {
    fn from(code: ProblemCode) -> Self {
        Problem::new(code).into()
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        error.into_problem().into()
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status(self.0.code);
        response.extensions_mut().insert(self);
        response
    }
}

fn status(code: ProblemCode) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The members of a problem, in the order in which they are written (RFC 9457, 3.1).
#[derive(Serialize)]
struct Body9457<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    success: bool,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    required: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    available: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    add_balance_url: Option<String>,
}

/// Where an amount that covers what is missing is filled in already.
fn add_balance_url(server: &Server, problem: &Problem) -> String {
    let (required, available) = (problem.required.unwrap_or_default(), problem.available.unwrap_or_default());
    let missing = required.checked_sub(available).unwrap_or(required);
    let amount = server.config.add_balance_rules().suggestion(missing).short_decimal();
    format!("{}/settings?add-balance={amount}", server.config.public_url())
}

/// The body of a refusal.
pub(super) fn body(server: &Server, request_id: &str, problem: &Problem) -> String {
    let code = problem.code;
    let public_url = server.config.public_url();
    let body = Body9457 {
        kind: format!("{public_url}/reference#{}", code.as_str()),
        title: code.title(),
        status: code.status(),
        detail: &problem.detail,
        code: code.as_str(),
        success: false,
        request_id,
        field: problem.field.as_deref(),
        required: problem.required.map(Credit::decimal),
        available: problem.available.map(Credit::decimal),
        retry_at: problem.retry_at.map(|at| at.to_string()),
        add_balance_url: (code == ProblemCode::InsufficientCredit).then(|| add_balance_url(server, problem)),
    };
    serde_json::to_string(&body).unwrap_or_default()
}

/// Writes the body and the headers of a refusal. `response` is what the handler returned; headers that it has, such as
/// `Allow`, stay.
pub(super) fn render(server: &Server, request_id: &str, refused: &Refused, mut response: Response) -> Response {
    let problem = refused.problem();
    let body = body(server, request_id, problem);
    *response.status_mut() = status(problem.code);
    set_headers(response.headers_mut(), problem, server.now());
    *response.body_mut() = Body::from(body);
    response
}

fn set_headers(headers: &mut HeaderMap, problem: &Problem, now: Timestamp) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A challenge of the form Basic would make browsers open their own password dialogue.
    let challenge = match problem.code {
        ProblemCode::MissingCredential => Some("Bearer realm=\"Artiko API\""),
        ProblemCode::SignInRequired | ProblemCode::WrongEmailOrPassword => Some("Cookie realm=\"Artiko console\""),
        ProblemCode::CredentialInAddress => Some("Bearer realm=\"Artiko API\", error=\"invalid_request\""),
        code if code.status() == 401 => Some("Bearer realm=\"Artiko API\", error=\"invalid_token\""),
        _ => None,
    };
    if let Some(challenge) = challenge {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if let Some(seconds) = retry_after(problem, now) {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
}

/// Whole seconds until it makes sense to try again, rounded up: one second too early would be refused again.
fn retry_after(problem: &Problem, now: Timestamp) -> Option<i64> {
    match (problem.code.status(), problem.retry_at) {
        (429 | 503, Some(at)) => Some((at.us_since(now).saturating_add(SECOND_US - 1) / SECOND_US).max(0)),
        (429 | 503, None) => Some(UNAVAILABLE_RETRY_S),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seconds_to_wait_are_rounded_up() {
        let now = Timestamp::from_us(0);
        let wait =
            |us| retry_after(&Problem::new(ProblemCode::MessageWindowFull).retry_at(Timestamp::from_us(us)), now);
        assert_eq!([wait(1), wait(SECOND_US), wait(SECOND_US + 1), wait(-5)], [Some(1), Some(1), Some(2), Some(0)]);
        assert_eq!(retry_after(&Problem::new(ProblemCode::Unavailable), now), Some(UNAVAILABLE_RETRY_S));
        assert_eq!(retry_after(&Problem::new(ProblemCode::NotFound), now), None);
    }

    #[test]
    fn only_a_refused_credential_gets_the_challenge_of_the_api() {
        for (code, challenge) in [
            (ProblemCode::MissingCredential, Some("Bearer realm=\"Artiko API\"")),
            (ProblemCode::SecretRotated, Some("Bearer realm=\"Artiko API\", error=\"invalid_token\"")),
            (ProblemCode::SignInRequired, Some("Cookie realm=\"Artiko console\"")),
            (ProblemCode::NotFound, None),
        ] {
            let mut headers = HeaderMap::new();
            set_headers(&mut headers, &Problem::new(code), Timestamp::from_us(0));
            let found = headers.get(WWW_AUTHENTICATE).map(|value| value.to_str().expect("text"));
            assert_eq!(found, challenge);
        }
    }
}
