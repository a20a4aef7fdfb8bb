//! Files in forms (`multipart/form-data`): read part by part, and no further than the first byte that is too much.

use crate::documents::{File, too_large};
use crate::http::problem::Refused;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use domain::field::FILE_BYTES_MAX;
use domain::problem::ProblemCode;
use http::StatusCode;
use http::header::CONTENT_TYPE;

/// Longest value of a field that is no file, in bytes.
const VALUE_BYTES_MAX: usize = 1024;

/// A part of a form.
pub enum Part {
    Value {
        name: String,
        value: String,
    },
    File(File),
    /// A file that is too large to be read; its other bytes are passed over.
    TooLarge(Refused),
}

/// The parts of a form, in their order.
pub struct Parts(Multipart);

/// Whether a request brings a form with files.
#[must_use]
pub fn is_form(request: &Request) -> bool {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("multipart/form-data")
}

impl Parts {
    /// # Errors
    /// 400 when it is not a form with files.
    pub async fn read(request: Request) -> Result<Self, Refused> {
        let unreadable = |_| Refused::with_detail(ProblemCode::MalformedRequest, "the form cannot be read");
        Multipart::from_request(request, &()).await.map(Self).map_err(unreadable)
    }

    /// The next part; `None` at the end. A field for a file in which none was chosen is passed over.
    ///
    /// # Errors
    /// 400 when the form cannot be read or breaks off, 413 when all of it is too large.
    pub async fn next(&mut self) -> Result<Option<Part>, Refused> {
        while let Some(field) = self.0.next_field().await.map_err(|error| refuse(&error))? {
            let name = field.name().unwrap_or_default().to_owned();
            let Some(file_name) = field.file_name().map(last_segment) else {
                let value = bytes_of(field, VALUE_BYTES_MAX).await?.unwrap_or_default();
                return Ok(Some(Part::Value { name, value: String::from_utf8_lossy(&value).into_owned() }));
            };
            if file_name.is_empty() {
                continue;
            }
            let media_type = field.content_type().map(str::to_owned);
            return Ok(Some(match bytes_of(field, FILE_BYTES_MAX).await? {
                Some(bytes) => Part::File(File { name: file_name, media_type, bytes }),
                None => Part::TooLarge(too_large(&file_name, FILE_BYTES_MAX).into()),
            }));
        }
        Ok(None)
    }
}

/// Reads a part whole; `None` when it is larger than it may be.
async fn bytes_of(mut field: Field<'_>, bytes_max: usize) -> Result<Option<Vec<u8>>, Refused> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| refuse(&error))? {
        if bytes.len() <= bytes_max {
            bytes.extend_from_slice(&chunk);
        }
    }
    Ok((bytes.len() <= bytes_max).then_some(bytes))
}

fn refuse(error: &MultipartError) -> Refused {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Refused::with_detail(ProblemCode::TooLarge, "the form is too large; send fewer files at once");
    }
    Refused::with_detail(ProblemCode::MalformedRequest, "the form cannot be read, or did not arrive in full")
}

/// Some browsers send the whole path; only its last part names the document.
fn last_segment(file_name: &str) -> String {
    file_name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
}
