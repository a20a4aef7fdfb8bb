//! The catalogue of codes: what each means, what to do about it, and where that is done.

use domain::credit::Credit;
use domain::problem::ProblemCode;
use std::collections::BTreeSet;

/// One code of the catalogue.
pub struct ErrorRow {
    pub status: u16,
    pub code: String,
    pub title: String,
    pub remedy: String,
    /// What is done about it, and where; both empty when the program has to change.
    pub action: String,
    pub href: String,
    /// Whether the API answers it, and not the console alone.
    pub is_of_api: bool,
}

/// Every code; `answered` are those that an operation of the API can answer.
#[must_use]
pub fn rows(answered: &BTreeSet<String>) -> Vec<ErrorRow> {
    let row = |code: &ProblemCode| {
        // An address that does not know a method is no operation.
        let is_of_api = answered.contains(code.as_str()) || *code == ProblemCode::MethodNotAllowed;
        let (action, href) = action(*code).unwrap_or_default();
        ErrorRow {
            status: code.status(),
            code: code.as_str().to_owned(),
            title: code.title().to_owned(),
            remedy: code.remedy().to_owned(),
            action: action.to_owned(),
            href: href.to_owned(),
            is_of_api,
        }
    };
    ProblemCode::ALL.iter().map(row).collect()
}

/// What the reader can do, and the page on which he does it; `None` when it is his program that has to change.
const fn action(code: ProblemCode) -> Option<(&'static str, &'static str)> {
    match code {
        ProblemCode::MissingCredential | ProblemCode::MalformedCredential => {
            Some(("How to authenticate", "/reference#authentication"))
        }
        ProblemCode::CredentialInAddress | ProblemCode::InvalidCredential | ProblemCode::SecretRotated => {
            Some(("Your API keys", "/settings"))
        }
        ProblemCode::KeyDisabled | ProblemCode::KeyExpired => Some(("Open the key's page", "/settings")),
        ProblemCode::PermissionMissing
        | ProblemCode::NetworkNotAllowed
        | ProblemCode::ChatbotNotAllowed
        | ProblemCode::KeyCapReached => Some(("Change the key's settings", "/settings")),
        ProblemCode::ChatbotCapReached | ProblemCode::ChatbotPaused => Some(("Open the chatbot's page", "/chatbots")),
        ProblemCode::InsufficientCredit => Some(("Add balance", "/settings?add-balance")),
        ProblemCode::LimitReached | ProblemCode::MessageWindowFull => {
            Some(("Compare plans", "/settings?compare-plans"))
        }
        ProblemCode::RateLimited => Some(("Your limits", "/reference#rate-limits")),
        ProblemCode::RequestInProgress | ProblemCode::IdempotencyKeyReused => {
            Some(("Sending again safely", "/reference#idempotency"))
        }
        ProblemCode::InternalError | ProblemCode::Unavailable | ProblemCode::AnswerEngineUnavailable => {
            Some(("Contact support", "/support"))
        }
        ProblemCode::SignInRequired | ProblemCode::WrongEmailOrPassword => Some(("Sign in", "/sign-in")),
        ProblemCode::ChatUnavailable | ProblemCode::OriginNotAllowed | ProblemCode::WidgetSessionEnded => {
            Some(("Your chatbots", "/chatbots"))
        }
        ProblemCode::Forbidden | ProblemCode::CrossOrigin | ProblemCode::TooManyAttempts => {
            Some(("Support", "/support"))
        }
        ProblemCode::NotFound | ProblemCode::MethodNotAllowed => Some(("All operations", "/reference#operations")),
        ProblemCode::MalformedRequest
        | ProblemCode::AlreadyExists
        | ProblemCode::Conflict
        | ProblemCode::TooLarge
        | ProblemCode::UnsupportedMediaType
        | ProblemCode::InvalidField => None,
    }
}

/// A refusal as it is sent, for an account whose credit is spent.
pub fn example(public_url: &str, price: Credit) -> String {
    let code = ProblemCode::InsufficientCredit;
    let (name, title, status) = (code.as_str(), code.title(), code.status());
    let required = price.decimal();
    let available = Credit::ZERO.decimal();
    format!(
        r#"HTTP/1.1 402 Payment Required
Content-Type: application/problem+json

{{
  "type": "{public_url}/reference#{name}",
  "title": "{title}",
  "status": {status},
  "detail": "this needs {required} of credit and {available} is left",
  "code": "{name}",
  "success": false,
  "request_id": "req_0UeYt3kQ9c7mB1sVxR2Za",
  "required": "{required}",
  "available": "{available}",
  "add_balance_url": "{public_url}/settings?add-balance=10"
}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_a_person_can_do_something_about_says_where() {
        for row in rows(&BTreeSet::new()).iter().filter(|row| matches!(row.status, 401 | 402 | 403 | 429)) {
            assert!(row.href.starts_with('/') && !row.action.is_empty(), "{}", row.code);
        }
    }

    #[test]
    fn every_code_is_listed_and_those_of_the_api_are_told_apart() {
        let rows = rows(&BTreeSet::from(["insufficient_credit".to_owned()]));
        assert_eq!(rows.len(), ProblemCode::ALL.len());
        let of_api: Vec<_> = rows.iter().filter(|row| row.is_of_api).map(|row| row.code.as_str()).collect();
        assert_eq!(of_api, ["insufficient_credit", "method_not_allowed"]);
    }
}
