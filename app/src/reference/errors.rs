//! Which problems of the catalogue the call can answer, and what one looks like.

use super::server_fns::ErrorRow;
use domain::credit::Credit;
use domain::problem::ProblemCode;

/// `counts_in_window` says whether messages by API count in the message window of this installation.
pub fn rows(counts_in_window: bool) -> Vec<ErrorRow> {
    let can_be_answered = |code: &ProblemCode| match code {
        ProblemCode::MalformedRequest
        | ProblemCode::MissingCredential
        | ProblemCode::MalformedCredential
        | ProblemCode::InvalidCredential
        | ProblemCode::SecretRotated
        | ProblemCode::KeyDisabled
        | ProblemCode::KeyExpired
        | ProblemCode::PermissionMissing
        | ProblemCode::NetworkNotAllowed
        | ProblemCode::ChatbotNotAllowed
        | ProblemCode::InsufficientCredit
        | ProblemCode::KeyCapReached
        | ProblemCode::ChatbotCapReached
        | ProblemCode::NotFound
        | ProblemCode::MethodNotAllowed
        | ProblemCode::RequestInProgress
        | ProblemCode::TooLarge
        | ProblemCode::UnsupportedMediaType
        | ProblemCode::InvalidField
        | ProblemCode::IdempotencyKeyReused
        | ProblemCode::RateLimited
        | ProblemCode::CredentialInAddress
        | ProblemCode::InternalError
        | ProblemCode::Unavailable => true,
        ProblemCode::MessageWindowFull => counts_in_window,
        // These are answers of the console, which asks as a person and not as a key.
        ProblemCode::SignInRequired
        | ProblemCode::WrongEmailOrPassword
        | ProblemCode::Forbidden
        | ProblemCode::LimitReached
        | ProblemCode::CrossOrigin
        | ProblemCode::TooManyAttempts
        | ProblemCode::AlreadyExists
        | ProblemCode::Conflict => false,
    };
    let row = |code: &ProblemCode| ErrorRow {
        status: code.status(),
        code: code.as_str().to_owned(),
        title: code.title().to_owned(),
        remedy: code.remedy().to_owned(),
    };
    ProblemCode::ALL.iter().filter(|code| can_be_answered(code)).map(row).collect()
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
  "add_balance_url": "{public_url}/settings?add-balance"
}}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_listed_only_where_it_counts() {
        let has = |counts| rows(counts).iter().any(|row| row.code == "message_window_full");
        assert!(has(true) && !has(false));
        assert!(rows(false).iter().any(|row| row.code == "insufficient_credit" && row.status == 402));
    }
}
