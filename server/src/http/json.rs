//! The JSON body of an API call, and its fields, each refusal under its own code.

use crate::http::problem::Refused;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use domain::field::FieldError;
use domain::problem::{Problem, ProblemCode};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

/// A JSON object. Fields that nobody asks for are ignored, so that callers may send more than an old server knows.
pub struct JsonObject {
    fields: Map<String, Value>,
    /// As it came.
    pub(super) body: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for JsonObject {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        if !is_json(request.headers()) {
            return Err(Refused::with_detail(
                ProblemCode::UnsupportedMediaType,
                "send the header Content-Type: application/json",
            ));
        }
        Self::parse(body(request, state).await?)
    }
}

/// Reads a whole body within the limit of its route.
pub(super) async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Refused> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return Refused::with_detail(ProblemCode::TooLarge, "the body is too large");
        }
        Refused::with_detail(ProblemCode::MalformedRequest, "the body did not arrive in full")
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type == "application/json" || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

impl JsonObject {
    /// # Errors
    /// 400 when it is not a JSON object.
    pub fn parse(body: Bytes) -> Result<Self, Refused> {
        let fields = serde_json::from_slice(&body).map_err(|error| {
            // Only the place is told: the error's own text may repeat the body.
            let detail = format!("the body is not a JSON object (line {}, column {})", error.line(), error.column());
            Refused::with_detail(ProblemCode::MalformedRequest, &detail)
        })?;
        Ok(Self { fields, body })
    }

    /// The fields of a form, as if they had come as JSON.
    pub(super) fn of_form(fields: Map<String, Value>) -> Self {
        Self { fields, body: Bytes::new() }
    }

    /// A field that must be there and be a string.
    pub fn text(&self, field: &str) -> Result<&str, Refused> {
        match self.fields.get(field) {
            Some(Value::String(text)) => Ok(text),
            None | Some(Value::Null) => Err(refuse(field, "is missing")),
            Some(_) => Err(refuse(field, "must be a string")),
        }
    }

    /// A field of a change: `None` when it is absent, and empty when it is null.
    pub fn changed_text(&self, field: &str) -> Result<Option<String>, Refused> {
        match self.fields.get(field) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(String::new())),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(refuse(field, "must be a string or null")),
        }
    }

    /// As [`JsonObject::changed_text`], of a list of texts.
    pub fn changed_texts(&self, field: &str) -> Result<Option<Vec<String>>, Refused> {
        let wrong = || refuse(field, "must be a list of strings or null");
        match self.fields.get(field) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(Vec::new())),
            Some(Value::Array(texts)) => {
                let text = |text: &Value| text.as_str().map(str::to_owned).ok_or_else(wrong);
                texts.iter().map(text).collect::<Result<_, _>>().map(Some)
            }
            Some(_) => Err(wrong()),
        }
    }

    /// A field that may be absent or null, and names something by a string or a number.
    pub fn optional_name(&self, field: &str) -> Result<Option<String>, Refused> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(refuse(field, "must be a string, a number or null")),
        }
    }

    /// A field that may be absent or null, and is true or false.
    pub fn flag(&self, field: &str) -> Result<bool, Refused> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(refuse(field, "must be true or false")),
        }
    }
}

pub(super) fn refuse(field: &str, what: &str) -> Refused {
    Problem::from(FieldError::new(field, format!("{field} {what}"))).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_type_may_have_parameters_and_a_suffix() {
        for (value, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/vnd.artiko+json", true),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("text/json", false),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, value.parse().expect("a value"))]);
            assert_eq!(is_json(&headers), expected, "{value}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
