//! How a page asks the server. Every server function is called in the same way and answers in the same form, so the
//! browser loads that way once and not once for every function, as it would with the functions that Leptos makes.

use crate::error::AppError;
use domain::problem::ProblemCode;
use js_sys::Uint8Array;
use js_sys::futures::JsFuture;
use leptos::prelude::window;
use leptos::server_fn::ServerFn;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use leptos::server_fn::redirect::{REDIRECT_HEADER, call_redirect_hook};
use send_wrapper::SendWrapper;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{FormData, RequestInit, Response, UrlSearchParams};

/// A `Result<T, AppError>` in postcard: as it stands in a page and as it is kept until somebody reads it.
///
/// Its first byte says whether it is a value (0) or an error (1); what follows is that value or error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    bytes: Arc<Vec<u8>>,
    /// Whether the page shows all of it, so that it need not travel beside the page.
    is_shown: bool,
}

/// An answer on its way.
pub type PendingAnswer = Pin<Box<dyn Future<Output = Answer> + Send>>;

const VALUE: u8 = 0;
/// The value that is missing, as [`Answer::none`] has it.
const NOTHING: [u8; 2] = [VALUE, 0];

impl Answer {
    pub fn of<T: Serialize>(result: &Result<T, AppError>) -> Self {
        Self::from_vec(postcard::to_allocvec(result).unwrap_or_default())
    }

    /// The same answer where a value may be missing, and is not.
    #[must_use]
    pub fn some(self) -> Self {
        match self.bytes.split_first() {
            Some((&VALUE, value)) => Self::value([&[1], value].concat()),
            _ => self,
        }
    }

    /// The answer that there is nothing to answer.
    #[must_use]
    pub fn none() -> Self {
        Self::from_bytes(&NOTHING)
    }

    /// The same answer where the page itself shows its value, which the browser then does not get beside it.
    #[must_use]
    pub fn shown(mut self) -> Self {
        self.is_shown = self.is_value();
        self
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        Self::from_vec(bytes.to_vec())
    }

    /// What travels beside the page.
    pub(crate) fn bytes(&self) -> &[u8] {
        if self.is_shown { &NOTHING } else { &self.bytes }
    }

    fn from_vec(bytes: Vec<u8>) -> Self {
        Self { bytes: Arc::new(bytes), is_shown: false }
    }

    fn value(mut encoded: Vec<u8>) -> Self {
        encoded.insert(0, VALUE);
        Self::from_vec(encoded)
    }

    #[must_use]
    pub fn is_value(&self) -> bool {
        self.bytes.first() == Some(&VALUE)
    }

    #[must_use]
    pub fn error(&self) -> Option<AppError> {
        if self.is_value() { None } else { self.open::<()>().err() }
    }

    /// # Errors
    /// The error that the server answered with; an internal one when its answer cannot be read, because it is of
    /// another version.
    pub fn open<T: DeserializeOwned>(&self) -> Result<T, AppError> {
        postcard::from_bytes(&self.bytes).unwrap_or_else(|_| Err(AppError::new(ProblemCode::InternalError)))
    }
}

/// Runs a server function: on the server itself, from the browser by a request.
pub fn ask<F>(function: F) -> PendingAnswer
where
    F: ServerFn<Error = AppError> + Serialize + 'static,
    F::Output: Serialize,
{
    #[cfg(feature = "ssr")]
    return Box::pin(async move { Answer::of(&function.run_body().await) });
    #[cfg(not(feature = "ssr"))]
    return post(F::PATH, Uint8Array::from(postcard::to_allocvec(&function).unwrap_or_default().as_slice()).into());
}

/// The fields of a form as the browser itself would send them; `None` when it has files, which go as they are.
pub fn form_body(form: &FormData, has_file: bool) -> JsValue {
    let fields = if has_file { None } else { UrlSearchParams::new_with_str_sequence_sequence(form).ok() };
    fields.map_or_else(|| form.into(), JsValue::from)
}

/// Sends a body to the server function at `path`. Follows it when it says to go to another page.
pub fn post(path: &'static str, body: JsValue) -> PendingAnswer {
    Box::pin(SendWrapper::new(async move { fetch(path, &body).await.unwrap_or_else(|_| unreachable()) }))
}

async fn fetch(path: &str, body: &JsValue) -> Result<Answer, JsValue> {
    let request = RequestInit::new();
    request.set_method("POST");
    request.set_body(body);
    let response = JsFuture::from(window().fetch_with_str_and_init(path, &request)).await?;
    let response: Response = response.unchecked_into();
    let bytes = JsFuture::from(response.array_buffer()?).await?;
    let bytes = Uint8Array::new(&bytes).to_vec();
    if !response.ok() {
        return Ok(Answer::of::<()>(&Err(refusal(response.status(), &bytes))));
    }
    let headers = response.headers();
    if headers.has(REDIRECT_HEADER)?
        && let Some(location) = headers.get("location")?
    {
        call_redirect_hook(&location);
    }
    Ok(Answer::value(bytes))
}

fn unreachable() -> Answer {
    Answer::of::<()>(&Err(AppError::from_server_fn_error(ServerFnErrorErr::Request(String::new()))))
}

/// The error in an answer. What stands in front of the server functions refuses in another form, and only its status says
/// why.
fn refusal(status: u16, bytes: &[u8]) -> AppError {
    let code = match status {
        403 => ProblemCode::CrossOrigin,
        413 => ProblemCode::TooLarge,
        503 => ProblemCode::Unavailable,
        _ => ProblemCode::InternalError,
    };
    postcard::from_bytes(bytes).unwrap_or_else(|_| AppError::new(code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::problem::Problem;

    #[test]
    fn a_value_and_an_error_read_back_as_they_were() {
        for result in [Ok(vec![Some("a".to_owned()), None]), Err(AppError::new(ProblemCode::NotFound))] {
            let answer = Answer::from_bytes(&Answer::of(&result).bytes);
            assert_eq!(answer.is_value(), result.is_ok());
            assert_eq!(answer.error(), result.clone().err());
            assert_eq!(answer.open::<Vec<Option<String>>>(), result);
        }
    }

    #[test]
    fn an_answer_of_another_version_is_an_error_and_not_another_value() {
        let answer = Answer::of::<bool>(&Ok(true));
        assert_eq!(answer.open::<String>(), Err(AppError::new(ProblemCode::InternalError)));
        assert_eq!(Answer::from_bytes(&[]).error(), Some(AppError::new(ProblemCode::InternalError)));
    }

    #[test]
    fn a_refusal_says_what_it_says_or_else_what_its_status_means() {
        let own = AppError::from(Problem::with_detail(ProblemCode::TooLarge, "a document has at most 2 MiB"));
        assert_eq!(refusal(413, &postcard::to_allocvec(&own).unwrap()), own);
        for (status, code) in [(413, ProblemCode::TooLarge), (502, ProblemCode::InternalError)] {
            assert_eq!(refusal(status, br#"{"success":false}"#), AppError::new(code));
        }
    }

    #[test]
    fn a_value_that_the_page_shows_does_not_travel_beside_it_and_an_error_does() {
        let shown = Answer::of(&Ok("a long text".to_owned())).some().shown();
        assert_eq!(shown.open::<Option<String>>(), Ok(Some("a long text".to_owned())));
        assert_eq!(Answer::from_bytes(shown.bytes()), Answer::none());
        let refused = Answer::of::<String>(&Err(AppError::new(ProblemCode::NotFound))).some().shown();
        assert_eq!(Answer::from_bytes(refused.bytes()).error(), Some(AppError::new(ProblemCode::NotFound)));
    }

    #[test]
    fn an_answer_that_may_be_missing_says_whether_it_is() {
        assert_eq!(Answer::of(&Ok(7_i64)).some().open::<Option<i64>>(), Ok(Some(7)));
        assert_eq!(Answer::none().open::<Option<i64>>(), Ok(None));
        let refused = Answer::of::<i64>(&Err(AppError::new(ProblemCode::NotFound)));
        assert_eq!(refused.clone().some(), refused);
    }
}
