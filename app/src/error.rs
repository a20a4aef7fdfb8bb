//! The one error of every server function: a problem from the catalogue, so that a page can match its code and show the
//! message beside the field it is about.

use domain::clock::Timestamp;
use domain::credit::Credit;
use domain::problem::{Problem, ProblemCode, sentence};
use leptos::server_fn::codec::PostcardEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a server function answers when it does not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Wire", into = "Wire")]
pub struct AppError {
    pub problem: Problem,
    /// What was typed into the fields that may be shown again, for the page that is loaded anew without WebAssembly.
    pub typed: Vec<(String, String)>,
}

impl AppError {
    #[must_use]
    pub fn new(code: ProblemCode) -> Self {
        Problem::new(code).into()
    }

    /// Keeps what was typed into a field. Never call it with a password: the error travels in an address when the page
    /// works without WebAssembly.
    #[must_use]
    pub fn with_typed(mut self, field: &str, value: &str) -> Self {
        self.typed.push((field.to_owned(), value.to_owned()));
        self
    }

    /// The message for one field, as a sentence; `None` when the problem is about something else.
    #[must_use]
    pub fn field_message(&self, field: &str) -> Option<String> {
        (self.problem.field.as_deref() == Some(field)).then(|| sentence(&self.problem.detail))
    }

    /// What was typed into a field before the error; empty when nothing was kept.
    #[must_use]
    pub fn typed(&self, field: &str) -> String {
        self.typed.iter().find(|(name, _)| name == field).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    #[must_use]
    pub fn code(&self) -> ProblemCode {
        self.problem.code
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem.detail)
    }
}

/// On the server the answer gets the problem's status, wherever in a server function the problem was found.
impl From<Problem> for AppError {
    fn from(problem: Problem) -> Self {
        let error = Self { problem, typed: Vec::new() };
        #[cfg(feature = "ssr")]
        let error = crate::server_fns::refuse(error);
        error
    }
}

/// An error as it travels: with every field, because the encoding of the console has no names for them, while a problem
/// of the API leaves out what it does not say.
#[derive(Serialize, Deserialize)]
struct Wire {
    code: ProblemCode,
    detail: String,
    field: Option<String>,
    required: Option<Credit>,
    available: Option<Credit>,
    retry_at: Option<Timestamp>,
    request_id: Option<String>,
    typed: Vec<(String, String)>,
}

impl From<AppError> for Wire {
    fn from(AppError { problem, typed }: AppError) -> Self {
        let Problem { code, detail, field, required, available, retry_at, request_id } = problem;
        Self { code, detail, field, required, available, retry_at, request_id, typed }
    }
}

impl From<Wire> for AppError {
    fn from(wire: Wire) -> Self {
        let Wire { code, detail, field, required, available, retry_at, request_id, typed } = wire;
        Self { problem: Problem { code, detail, field, required, available, retry_at, request_id }, typed }
    }
}

impl FromServerFnError for AppError {
    type Encoder = PostcardEncoding;

    /// Says what the person can do; the library's own text is about serialisation and helps nobody.
    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) => {
                let detail = "the server cannot be reached; check the connection and try again";
                Problem::with_detail(ProblemCode::Unavailable, detail).into()
            }
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) => {
                let detail = "the form was sent incomplete; load the page again and repeat it";
                Problem::with_detail(ProblemCode::MalformedRequest, detail).into()
            }
            _ => Self::new(ProblemCode::InternalError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::field::FieldError;

    #[test]
    fn a_field_message_is_shown_beside_its_own_field_only() {
        let error = AppError::from(Problem::from(FieldError::new("amount", "the smallest amount is $5")));
        assert_eq!(error.field_message("amount").as_deref(), Some("The smallest amount is $5."));
        assert_eq!(error.field_message("name"), None);
    }

    #[test]
    fn what_was_typed_survives_the_way_through_an_address() {
        let error = AppError::new(ProblemCode::WrongEmailOrPassword).with_typed("email", "owner@bergfeld.example");
        let read = AppError::de(error.ser());
        assert_eq!(read.typed("email"), "owner@bergfeld.example");
        assert_eq!(read.typed("password"), "");
    }

    #[test]
    fn the_texts_of_the_library_do_not_reach_a_person() {
        let error = AppError::from_server_fn_error(ServerFnErrorErr::Deserialization("at line 1".into()));
        assert!(!error.to_string().contains("line 1"));
    }
}
