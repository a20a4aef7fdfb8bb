//! What stands around every request: its name, its line in the log, the headers every answer has, a limit on its time,
//! and a place where a panic ends.

use crate::Server;
use crate::http::problem::{self, Refused};
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use domain::id::RequestId;
use domain::problem::ProblemCode;
use futures_util::FutureExt;
use http::header::{CONTENT_LENGTH, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tower_http::csrf::{CsrfLayer, ProtectionError};
use tower_http::limit::RequestBodyLimitLayer;
use tracing::Instrument;

/// How long a request may take before its answer begins. Streams run on after that.
const TIME_MAX: Duration = Duration::from_secs(30);
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest name of a request that is taken over from the caller, in bytes.
const REQUEST_NAME_BYTES_MAX: usize = 64;

/// The name of a request: in the log, in the answer's `X-Request-Id`, and in the text of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestName {
    pub text: String,
    /// Made here, and therefore unique; otherwise the caller sent it.
    pub is_ours: bool,
}

/// Puts the middleware around routes. Applied once, around everything that is served.
pub fn wrap(server: Arc<Server>, router: Router) -> Router {
    router.layer(from_fn_with_state(server, accompany))
}

/// Refuses what another site makes a signed-in browser send. It belongs around every route that believes a cookie.
pub fn protect_from_cross_site<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    let refuse = |_: ProtectionError| Refused::from(ProblemCode::CrossOrigin).into_response();
    router.layer(CsrfLayer::new().with_rejection_response(refuse))
}

/// Refuses bodies that are larger than `bytes_max`: by what they say of themselves, or else as soon as it shows.
pub fn limit_body<S: Clone + Send + Sync + 'static>(router: Router<S>, bytes_max: usize) -> Router<S> {
    let refuse = move |request: Request, next: Next| async move {
        let said = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if said.is_some_and(|length| length > bytes_max as u64) {
            return Refused::from(ProblemCode::TooLarge).into_response();
        }
        next.run(request).await
    };
    // In place of axum's own, which is less.
    let limit = DefaultBodyLimit::max(bytes_max);
    router.layer(limit).layer(RequestBodyLimitLayer::new(bytes_max)).layer(from_fn(refuse))
}

/// Names the request, logs it, ends it when it takes too long or panics, and completes the answer.
async fn accompany(State(server): State<Arc<Server>>, mut request: Request, next: Next) -> Response {
    let name = name_of(&server, request.headers());
    request.extensions_mut().insert(name.clone());
    // The pattern of the route, not the address: an address may hold the id of a payment, and its query anything.
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", request_id = name.text, method = %request.method(), route);
    let began = Instant::now();
    async move {
        let answer = tokio::time::timeout(TIME_MAX, AssertUnwindSafe(next.run(request)).catch_unwind()).await;
        let mut response = match answer {
            Ok(Ok(response)) => response,
            Ok(Err(_panic)) => panicked(),
            Err(_elapsed) => took_too_long(),
        };
        if let Some(refused) = response.extensions_mut().remove::<Refused>() {
            response = problem::render(&server, &name.text, &refused, response);
            tracing::info!(code = refused.problem().code.as_str(), "refused");
        }
        complete(response.headers_mut(), &name);
        let milliseconds = began.elapsed().as_millis();
        tracing::info!(status = response.status().as_u16(), milliseconds, "answered");
        response
    }
    .instrument(span)
    .await
}

fn name_of(server: &Server, headers: &HeaderMap) -> RequestName {
    let given = headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok()).filter(|text| is_request_name(text));
    match given {
        Some(text) => RequestName { text: text.to_owned(), is_ours: false },
        None => RequestName { text: RequestId::new(server.now(), server.id_bytes()).to_string(), is_ours: true },
    }
}

fn is_request_name(text: &str) -> bool {
    (1..=REQUEST_NAME_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn complete(headers: &mut HeaderMap, name: &RequestName) {
    if let Ok(value) = HeaderValue::try_from(&name.text) {
        headers.insert(X_REQUEST_ID, value);
    }
    headers.entry(X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
}

fn took_too_long() -> Response {
    let detail = "this took too long and was stopped; look at Usage before you send it again";
    Refused::with_detail(ProblemCode::Unavailable, detail).into_response()
}

/// The text of the panic is in the log already, written by the panic hook.
fn panicked() -> Response {
    tracing::error!("a handler panicked");
    Refused::from(ProblemCode::InternalError).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_name_is_taken_over_only_when_it_is_harmless() {
        for text in ["a", "req-1_2.3", &"x".repeat(64)] {
            assert!(is_request_name(text), "{text}");
        }
        for text in ["", "a b", "a\"b", "ä", "a/b", &"x".repeat(65)] {
            assert!(!is_request_name(text), "{text}");
        }
    }
}
