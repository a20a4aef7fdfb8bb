//! Which refusals each operation of the API can answer, for the OpenAPI document. Tests compare it with every refusal
//! that they see.

use domain::problem::ProblemCode;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{IntoResponses, ToSchema};

/// Why a request was not done (RFC 9457). Nothing is charged.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "the problem is written in http/problem.rs; this is what it looks like")]
pub(super) struct ProblemView {
    /// Where the code is explained
    #[schema(format = "uri", rename = "type")]
    pub kind: String,
    /// The same for every occurrence of the code
    pub title: String,
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What happened this time, for people
    pub detail: String,
    /// What happened, for programs: a code never changes its meaning
    pub code: String,
    /// False
    pub success: bool,
    /// Names the request in our log
    pub request_id: String,
    /// The field or parameter that it is about
    #[schema(required = false)]
    pub field: String,
    /// The credit that was needed
    #[schema(required = false)]
    pub required: String,
    /// The credit that was there
    #[schema(required = false)]
    pub available: String,
    /// When it makes sense to try again
    #[schema(required = false, format = DateTime)]
    pub retry_at: String,
    /// Where balance is added
    #[schema(required = false, format = "uri")]
    pub add_balance_url: String,
}

/// What every operation can answer.
const EVERYWHERE: &[ProblemCode] = &[
    ProblemCode::MissingCredential,
    ProblemCode::MalformedCredential,
    ProblemCode::CredentialInAddress,
    ProblemCode::InvalidCredential,
    ProblemCode::SecretRotated,
    ProblemCode::KeyDisabled,
    ProblemCode::KeyExpired,
    ProblemCode::NetworkNotAllowed,
    ProblemCode::PermissionMissing,
    ProblemCode::RateLimited,
    ProblemCode::InternalError,
    ProblemCode::Unavailable,
];

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = [$($code:ident),* $(,)?];)*) => {$(
        $(#[$doc])*
        pub(super) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                responses(&[$(ProblemCode::$code),*])
            }
        }
    )*};
}

refusals! {
    /// Of a message to a chatbot.
    OfMessages = [
        MalformedRequest, UnsupportedMediaType, TooLarge, InvalidField, ChatbotNotAllowed, NotFound,
        IdempotencyKeyReused, RequestInProgress, Conflict, MessageWindowFull, KeyCapReached, ChatbotCapReached,
        ChatbotPaused, InsufficientCredit, AnswerEngineUnavailable,
    ];
    /// Of what a program sends to be kept.
    OfWriting = [
        MalformedRequest, UnsupportedMediaType, TooLarge, InvalidField, ChatbotNotAllowed, NotFound, LimitReached,
    ];
    /// Of what a program sends to change something.
    OfChanging = [MalformedRequest, UnsupportedMediaType, TooLarge, InvalidField, ChatbotNotAllowed, NotFound];
    /// Of something that is named by an id.
    OfOne = [InvalidField, ChatbotNotAllowed, NotFound];
    /// Of what can be done only where it failed before.
    OfTryingAgain = [InvalidField, ChatbotNotAllowed, NotFound, Conflict];
    /// Of lists and sums.
    OfReading = [InvalidField, ChatbotNotAllowed, NotFound];
    /// Of what has no parameters.
    OfPlainReading = [InvalidField];
}

fn responses(own: &[ProblemCode]) -> BTreeMap<String, RefOr<Response>> {
    let mut codes: Vec<ProblemCode> = EVERYWHERE.iter().chain(own).copied().collect();
    codes.sort_by_key(|code| (code.status(), code.as_str()));
    let mut by_status: BTreeMap<u16, Vec<ProblemCode>> = BTreeMap::new();
    for code in codes {
        by_status.entry(code.status()).or_default().push(code);
    }
    by_status.into_iter().map(|(status, codes)| (status.to_string(), RefOr::T(response(&codes)))).collect()
}

fn response(codes: &[ProblemCode]) -> Response {
    let titles = codes.iter().map(|code| format!("`{}`: {}", code.as_str(), code.title())).collect::<Vec<_>>();
    let mut content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem")));
    for code in codes {
        let example = ExampleBuilder::new().summary(code.title()).value(Some(example(*code)));
        content = content.examples_from_iter([(code.as_str(), example.build())]);
    }
    ResponseBuilder::new().description(titles.join("  \n")).content("application/problem+json", content.build()).build()
}

fn example(code: ProblemCode) -> Value {
    let mut problem = json!({
        "type": format!("https://console.example.com/reference#{}", code.as_str()),
        "title": code.title(),
        "status": code.status(),
        "detail": code.remedy(),
        "code": code.as_str(),
        "success": false,
        "request_id": "req_0RWcY6dDq2pX7vTn1aZbK",
    });
    match code {
        ProblemCode::InsufficientCredit => {
            problem["required"] = json!("0.002000");
            problem["available"] = json!("0.000000");
            problem["add_balance_url"] = json!("https://console.example.com/settings?add-balance=10");
        }
        ProblemCode::InvalidField => problem["field"] = json!("user_message"),
        ProblemCode::KeyCapReached
        | ProblemCode::ChatbotCapReached
        | ProblemCode::MessageWindowFull
        | ProblemCode::RateLimited
        | ProblemCode::AnswerEngineUnavailable => problem["retry_at"] = json!("2026-11-24T14:05:00.000000Z"),
        _ => {}
    }
    problem
}
