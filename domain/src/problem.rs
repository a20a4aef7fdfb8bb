//! What can go wrong, as a caller of the API and a person at the console are told: one catalogue for both.
//!
//! The codes are part of the public API: a code never changes its meaning or its status.

use crate::api_key::CredentialError;
use crate::clock::Timestamp;
use crate::credit::Credit;
use crate::field::FieldError;
use crate::ledger::Refusal;
use crate::money::AmountError;
use crate::plan::LimitReached;
use crate::window::WindowFull;
use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($name:ident = $status:literal $code:literal $title:literal $remedy:literal;)*) => {
        /// A stable name for one kind of problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ProblemCode {
            $(#[serde(rename = $code)] $name,)*
        }

        impl ProblemCode {
            /// Every code, ordered by status.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as programs read it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Reads a code as programs write it.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.as_str() == text)
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// A short summary that is the same for every occurrence (RFC 9457, 3.1.3).
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What the reader can do about it.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)* }
            }
        }
    };
}

codes! {
    MalformedRequest = 400 "malformed_request" "The request cannot be read"
        "Send a JSON object with the documented fields and the header Content-Type: application/json.";
    MissingCredential = 401 "missing_credential" "No credential was sent"
        "Send the header Authorization: ck_…:sk_… with every request.";
    MalformedCredential = 401 "malformed_credential" "The credential cannot be read"
        "Check for a missing or changed character: a consumer key has 20 characters after ck_, a secret 42 after sk_.";
    CredentialInAddress = 401 "credential_in_address" "The credential was sent in the address"
        "Send it in the header Authorization: addresses are logged on their way. Regenerate this key's secret.";
    InvalidCredential = 401 "invalid_credential" "The credential is not valid"
        "Check Consumer Key and Consumer Secret. A deleted key stops working at once.";
    SecretRotated = 401 "secret_rotated" "The secret was replaced by a new one"
        "Put the key's new Consumer Secret into the program. The Consumer Key has not changed.";
    KeyDisabled = 401 "key_disabled" "The key is switched off"
        "Switch the key on again on its page in the console.";
    KeyExpired = 401 "key_expired" "The key has expired"
        "Set a later day on the key's page in the console, or use another key.";
    WidgetSessionEnded = 401 "widget_session_ended" "The visitor's session has ended"
        "Begin a new session; the widget does so by itself.";
    SignInRequired = 401 "sign_in_required" "You are not signed in"
        "Sign in and try again; what you typed is kept.";
    WrongEmailOrPassword = 401 "wrong_email_or_password" "The e-mail or the password is wrong"
        "Check both and try again.";
    InsufficientCredit = 402 "insufficient_credit" "There is not enough API credit"
        "Add balance under Api & Plan Setting. Nothing was charged.";
    ChatUnavailable = 402 "chat_unavailable" "This chat is not available right now"
        "Try again later.";
    Forbidden = 403 "forbidden" "This is not allowed for you"
        "Ask an owner of the account.";
    LimitReached = 403 "limit_reached" "The plan has no place left"
        "Delete one, or choose a larger plan.";
    KeyCapReached = 403 "key_cap_reached" "The key has reached its monthly cap"
        "Raise the key's monthly cap, or wait until the time in retry_at. Nothing was charged.";
    ChatbotCapReached = 403 "chatbot_cap_reached" "The chatbot has reached its daily cap"
        "Raise the daily cap on the chatbot's page in the console, or wait until the time in retry_at. Nothing was charged.";
    ChatbotPaused = 403 "chatbot_paused" "The chatbot is paused"
        "Let it answer again on its page in the console. Nothing was charged.";
    PermissionMissing = 403 "permission_missing" "The key may not do this"
        "Give the key the permission that the detail names, on its page in the console.";
    NetworkNotAllowed = 403 "network_not_allowed" "The key may not be used from this address"
        "Add the address to the key's networks on its page in the console, or leave them empty.";
    ChatbotNotAllowed = 403 "chatbot_not_allowed" "The key may not use this chatbot"
        "Add the chatbot to those the key may use, on its page in the console.";
    CrossOrigin = 403 "cross_origin" "The request came from another site"
        "Open the console itself and try again.";
    OriginNotAllowed = 403 "origin_not_allowed" "The widget may not be shown on this site"
        "Add the site's origin on the widget's page in the console.";
    NotFound = 404 "not_found" "There is no such thing"
        "Check the id and that it belongs to your account.";
    MethodNotAllowed = 405 "method_not_allowed" "This address does not know the method"
        "See the API reference for the method of each address.";
    AlreadyExists = 409 "already_exists" "This exists already"
        "Sign in instead, or use another address.";
    Conflict = 409 "conflict" "It has changed in the meantime"
        "Load the page again.";
    RequestInProgress = 409 "request_in_progress" "The first request with this key is still running"
        "Send it again in a moment, with the same Idempotency-Key: you will get the first one's answer.";
    TooLarge = 413 "too_large" "The request is too large"
        "Send less: the reference lists the limit of each field.";
    UnsupportedMediaType = 415 "unsupported_media_type" "This kind of content is not accepted"
        "Send JSON to the API; upload plain text or Markdown documents.";
    InvalidField = 422 "invalid_field" "A field has a value that is not accepted"
        "The detail names the field and what is allowed.";
    IdempotencyKeyReused = 422 "idempotency_key_reused" "The Idempotency-Key belongs to another request"
        "Use a new Idempotency-Key for each request, and the same one only to send the same request again.";
    MessageWindowFull = 429 "message_window_full" "The message window is full"
        "Wait until the time in retry_at, or choose a larger plan.";
    RateLimited = 429 "rate_limited" "Too many requests in a short time"
        "Wait as long as Retry-After says; the headers RateLimit say how much is left. Nothing was charged.";
    TooManyAttempts = 429 "too_many_attempts" "Too many attempts"
        "Wait as long as Retry-After says.";
    InternalError = 500 "internal_error" "Something went wrong on our side"
        "Try again; if it stays, send us the request id. Nothing was charged.";
    Unavailable = 503 "unavailable" "The service cannot answer right now"
        "Try again after Retry-After. Nothing was charged.";
    AnswerEngineUnavailable = 503 "answer_engine_unavailable" "The answer engine cannot answer right now"
        "Try again after Retry-After. Nothing was charged.";
}

/// One occurrence of a problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    pub code: ProblemCode,
    /// What happened this time, in words.
    pub detail: String,
    /// The field it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub field: Option<String>,
    /// The credit that was needed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub required: Option<Credit>,
    /// The credit that was there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub available: Option<Credit>,
    /// When it makes sense to try again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_at: Option<Timestamp>,
    /// Names the request in our logs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_id: Option<String>,
}

impl Problem {
    /// A problem that has nothing to say beyond its code.
    #[must_use]
    pub fn new(code: ProblemCode) -> Self {
        Self::with_detail(code, code.remedy())
    }

    #[must_use]
    pub fn with_detail(code: ProblemCode, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { code, detail, field: None, required: None, available: None, retry_at: None, request_id: None }
    }

    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::with_detail(ProblemCode::NotFound, format!("there is no such {what} in your account"))
    }

    #[must_use]
    pub fn retry_at(mut self, retry_at: Timestamp) -> Self {
        self.retry_at = Some(retry_at);
        self
    }
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        Self { field: Some(error.field), ..Self::with_detail(ProblemCode::InvalidField, error.message) }
    }
}

impl From<AmountError> for Problem {
    fn from(error: AmountError) -> Self {
        FieldError::new("amount", error.to_string()).into()
    }
}

impl From<LimitReached> for Problem {
    fn from(error: LimitReached) -> Self {
        Self::with_detail(ProblemCode::LimitReached, error.to_string())
    }
}

impl From<CredentialError> for Problem {
    fn from(error: CredentialError) -> Self {
        Self::new(match error {
            CredentialError::Missing => ProblemCode::MissingCredential,
            CredentialError::Malformed => ProblemCode::MalformedCredential,
        })
    }
}

impl From<WindowFull> for Problem {
    fn from(WindowFull { retry_at }: WindowFull) -> Self {
        let detail = format!("all messages of this window are used; the next one is free at {retry_at}");
        Self::with_detail(ProblemCode::MessageWindowFull, detail).retry_at(retry_at)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::InsufficientCredit { required, available, .. } => Self {
                required: Some(required),
                available: Some(available),
                ..Self::with_detail(ProblemCode::InsufficientCredit, refusal.to_string())
            },
            Refusal::WindowFull { retry_at } => WindowFull { retry_at }.into(),
            Refusal::KeyCapReached { retry_at, .. } => {
                Self::with_detail(ProblemCode::KeyCapReached, refusal.to_string()).retry_at(retry_at)
            }
            Refusal::ChatbotCapReached { retry_at, .. } => {
                Self::with_detail(ProblemCode::ChatbotCapReached, refusal.to_string()).retry_at(retry_at)
            }
            Refusal::HoldEnded { .. } | Refusal::HoldNotExpired { .. } => {
                Self::with_detail(ProblemCode::Conflict, refusal.to_string())
            }
            Refusal::AmountOutOfRange | Refusal::CostAboveHold { .. } | Refusal::Overflow => {
                FieldError::new("amount", refusal.to_string()).into()
            }
        }
    }
}

/// Writes a message of the rules, which begins in lower case and has no full stop, as a sentence.
#[must_use]
pub fn sentence(message: &str) -> String {
    let mut characters = message.chars();
    let first = characters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    let end = if message.ends_with(['.', '!', '?', ':']) || message.is_empty() { "" } else { "." };
    first + characters.as_str() + end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_ordered_by_status_and_has_no_code_twice() {
        assert!(ProblemCode::ALL.is_sorted_by_key(|code| code.status()));
        let mut codes: Vec<&str> = ProblemCode::ALL.iter().map(|code| code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ProblemCode::ALL.len());
    }

    #[test]
    fn a_problem_keeps_its_numbers_on_the_way_to_the_browser() {
        let (required, available, debt) = (Credit::from_millionths(2_000), Credit::ZERO, Credit::ZERO);
        let refusal = Refusal::InsufficientCredit { required, available, debt };
        let problem = Problem::from(refusal);
        let text = serde_json::to_string(&problem).expect("a problem is serialisable");
        assert_eq!(serde_json::from_str::<Problem>(&text).expect("and reads back"), problem);
        assert_eq!(problem.available, Some(Credit::ZERO));
    }

    #[test]
    fn a_message_becomes_a_sentence_once() {
        assert_eq!(sentence("ärger is no reason"), "Ärger is no reason.");
        assert_eq!(sentence("It is one already."), "It is one already.");
        assert_eq!(sentence(""), "");
    }
}
