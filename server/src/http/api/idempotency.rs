//! The header `Idempotency-Key` of a POST.

use crate::http::problem::Refused;
use crate::idempotency::OnceKey;
use domain::field::FieldError;
use domain::problem::Problem;
use http::{HeaderMap, HeaderName};
use utoipa::IntoParams;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The header, for the OpenAPI document.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "the header is read as it comes; this is what it looks like")]
pub(super) struct IdempotencyKey {
    /// Sent again with the same key and the same body, the request gets the first one's answer and is charged once
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 255)]
    key: Option<String>,
}

/// Reads the key of a request, if it has one. `address` names the call, so that a key is not shared between two of them.
pub(super) fn read(headers: &HeaderMap, address: &str, body: &[u8]) -> Result<Option<OnceKey>, Refused> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    // Of two keys it would be a guess which one is meant.
    if values.next().is_some() {
        let error = FieldError::new("Idempotency-Key", "send one Idempotency-Key and not several");
        return Err(Problem::from(error).into());
    }
    Ok(Some(OnceKey::read(value.as_bytes(), address, body)?))
}
