//! What stands before every operation of the API: the caller is recognised, and counted against the limits of his plan.

use crate::http::caller::recognise;
use crate::http::middleware::RequestName;
use crate::http::problem::Refused;
use crate::rates::{Rate, Rates, WINDOW};
use crate::{Server, keys};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::api_key::Permission;
use domain::id::ChatbotId;
use domain::problem::{Problem, ProblemCode};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use std::sync::Arc;
use std::time::Duration;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The program that calls, admitted. A handler that takes one cannot be reached without it.
pub(super) struct Caller(pub keys::Caller);

impl FromRequestParts<Arc<Server>> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Server>) -> Result<Self, Refused> {
        let caller = parts.extensions.remove::<keys::Caller>();
        caller.map(Self).ok_or_else(|| ProblemCode::InternalError.into())
    }
}

impl Caller {
    /// Lets the caller do something that costs nothing. A key that was changed a moment ago in another process is held to
    /// the change, as it is by a charge.
    ///
    /// # Errors
    /// 401 and 403 as [`keys::check_again`].
    pub async fn checked_now(
        self,
        server: &Server,
        permission: Permission,
        chatbot_id: Option<&ChatbotId>,
    ) -> Result<keys::Caller, Refused> {
        Ok(keys::check_again(server, &self.0, permission, chatbot_id).await?)
    }
}

/// Said by a response to a message that was paid for just now: its entry tells all about it.
#[derive(Clone, Copy)]
pub struct Charged;

/// What the page of a key will say about a request, if it says anything.
struct Told {
    name: String,
    method: Method,
    route: Option<MatchedPath>,
}

impl Told {
    fn of(parts: &Parts) -> Self {
        let name = parts.extensions.get::<RequestName>().map(|name| name.text.clone()).unwrap_or_default();
        Self { name, method: parts.method.clone(), route: parts.extensions.get().cloned() }
    }

    fn note(&self, server: &Server, key: &keys::RecognisedKey, response: &Response) {
        let route = self.route.as_ref().map_or("-", MatchedPath::as_str);
        let request = keys::Request {
            name: &self.name,
            operation: &format!("{} {route}", self.method),
            status: response.status().as_u16(),
            refused: response.extensions().get::<Refused>().map(|refused| refused.problem().code),
        };
        key.note_request(server, request);
    }
}

/// Recognises the caller, counts the request, and says in the answer what is left of the limits.
pub(super) async fn admit(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let told = Told::of(&parts);
    let caller = match recognise(&server, &parts).await {
        Ok(caller) => caller,
        Err(unknown) => return not_recognised(&server, &told, unknown),
    };
    let key = caller.key();
    let rates = server.rates.take(caller.plan_id(), &caller.account_id, &caller.key_id);
    let mut response = if let Some(wait) = rates.and_then(|rates| rates.wait) {
        rate_limited(&server, wait).into_response()
    } else {
        parts.extensions.insert(caller);
        next.run(Request::from_parts(parts, body)).await
    };
    if response.extensions_mut().remove::<Charged>().is_none() {
        told.note(&server, &key, &response);
    }
    if let Some(rates) = rates {
        write_rates(response.headers_mut(), &rates);
    }
    response
}

fn not_recognised(server: &Server, told: &Told, unknown: keys::Unauthenticated) -> Response {
    let (error, key) = unknown.into_parts();
    let response = Refused::from(error).into_response();
    if let Some(key) = key {
        told.note(server, &key, &response);
    }
    response
}

fn rate_limited(server: &Server, wait: Duration) -> Refused {
    let wait_us = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
    Problem::new(ProblemCode::RateLimited).retry_at(server.now().plus_us(wait_us)).into()
}

/// As draft-ietf-httpapi-ratelimit-headers has it: `q` requests in `w` seconds; `r` are left, all of them in `t` seconds.
fn write_rates(headers: &mut HeaderMap, Rates { key, account, .. }: &Rates) {
    let window = WINDOW.as_secs();
    let policy = format!("\"key\";q={};w={window}, \"account\";q={};w={window}", key.limit, account.limit);
    let left = |name: &str, rate: &Rate| format!("\"{name}\";r={};t={}", rate.remaining, rate.restored_after_s());
    let left = format!("{}, {}", left("key", key), left("account", account));
    for (name, text) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, left)] {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
}
