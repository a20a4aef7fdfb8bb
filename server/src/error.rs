//! Errors of the server: what a caller may be told, and what only the log may know.

use domain::api_key::CredentialError;
use domain::field::FieldError;
use domain::ledger::Refusal;
use domain::money::AmountError;
use domain::plan::LimitReached;
use domain::problem::{Problem, ProblemCode};
use domain::window::WindowFull;
use std::fmt;

/// Why a use case did not do what it was asked.
#[derive(Debug)]
pub enum Error {
    /// The caller's to know, as it is.
    Problem(Box<Problem>),
    /// The database failed; the text stays in the log.
    Database(sqlx::Error),
    /// Anything else that is our fault; the text stays in the log.
    Internal(String),
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    #[must_use]
    pub fn internal(message: impl fmt::Display) -> Self {
        Self::Internal(message.to_string())
    }

    /// What the caller is told. A fault of ours is written to the log and becomes a problem that says nothing of it.
    #[must_use]
    pub fn into_problem(self) -> Problem {
        match self {
            Self::Problem(problem) => *problem,
            Self::Database(error) => {
                tracing::error!(%error, "the database failed");
                let is_out_of_reach = crate::db::is_out_of_reach(&error);
                Problem::new(if is_out_of_reach { ProblemCode::Unavailable } else { ProblemCode::InternalError })
            }
            Self::Internal(error) => {
                tracing::error!(%error, "an internal error");
                Problem::new(ProblemCode::InternalError)
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problem(problem) => f.write_str(&problem.detail),
            Self::Database(error) => write!(f, "database: {error}"),
            Self::Internal(error) => f.write_str(error),
        }
    }
}

impl std::error::Error for Error {}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

macro_rules! problems {
    ($($error:ty),* $(,)?) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::Problem(Box::new(Problem::from(error)))
            }
        }
    )*};
}

problems!(Problem, FieldError, AmountError, LimitReached, CredentialError, WindowFull, Refusal);

impl From<ProblemCode> for Error {
    fn from(code: ProblemCode) -> Self {
        Problem::new(code).into()
    }
}

/// Why the server did not start; the text is for the operator.
#[derive(Debug)]
pub struct StartError(String);

impl StartError {
    #[must_use]
    pub fn message(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// An option has a value that is not accepted.
    #[must_use]
    pub fn option(name: &str, reason: impl fmt::Display) -> Self {
        Self(format!("{name}: {reason}"))
    }

    #[expect(clippy::needless_pass_by_value, reason = "it stands in map_err, which hands the error over")]
    pub(crate) fn database(error: sqlx::Error) -> Self {
        Self(format!("the database cannot be opened: {error}"))
    }

    #[expect(clippy::needless_pass_by_value, reason = "it stands in map_err, which hands the error over")]
    pub(crate) fn migration(error: sqlx::migrate::MigrateError) -> Self {
        Self(format!("the database could not be migrated: {error}"))
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}
