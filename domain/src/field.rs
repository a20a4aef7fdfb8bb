//! Limits on what a person types, and the error that names the field.

use crate::credit::Credit;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Something typed that cannot be accepted; `field` is the name of the form's or the JSON body's field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    pub field: String,
    pub message: String,
}

impl FieldError {
    #[must_use]
    pub fn new(field: &str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), message: message.into() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Longest name of a person, key, chatbot or document, in characters.
pub const NAME_CHARACTERS_MAX: usize = 80;
/// Longest message to a chatbot, in characters.
pub const MESSAGE_CHARACTERS_MAX: usize = 4_000;
/// Most text of a document, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Largest file from which the text of a document is read, in bytes.
pub const FILE_BYTES_MAX: usize = 10 * 1024 * 1024;

/// Trims a text and checks that something is left and that it is not too long, counted in characters.
///
/// # Errors
/// When it is empty, too long, or holds a control character other than a line break or a tab.
pub fn required_text<'a>(
    field: &str,
    label: &str,
    text: &'a str,
    characters_max: usize,
) -> Result<&'a str, FieldError> {
    let text = optional_text(field, label, text, characters_max)?;
    if text.is_empty() {
        return Err(FieldError::new(field, format!("enter the {label}")));
    }
    Ok(text)
}

/// Trims a text that may be empty and checks that it is not too long, counted in characters with the spaces around it: what
/// is documented as a length is the length of what was sent.
///
/// # Errors
/// When it is too long, or holds a control character other than a line break or a tab.
pub fn optional_text<'a>(
    field: &str,
    label: &str,
    text: &'a str,
    characters_max: usize,
) -> Result<&'a str, FieldError> {
    if text.chars().count() > characters_max {
        return Err(FieldError::new(field, format!("the {label} may have at most {characters_max} characters")));
    }
    let text = text.trim();
    if text.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\r' | '\t')) {
        return Err(FieldError::new(field, format!("the {label} may not hold control characters")));
    }
    Ok(text)
}

/// Checks a limit on spending, and returns it in millionths; `None` is no limit.
///
/// # Errors
/// When it is negative.
pub fn limit(field: &str, limit: Option<Credit>) -> Result<Option<i64>, FieldError> {
    match limit {
        Some(limit) if limit < Credit::ZERO => Err(FieldError::new(field, "a limit cannot be below zero")),
        limit => Ok(limit.map(Credit::millionths)),
    }
}

/// Checks a name that stands on one line.
///
/// # Errors
/// As [`required_text`], and when there is a line break in it.
pub fn name<'a>(label: &str, text: &'a str) -> Result<&'a str, FieldError> {
    let text = required_text("name", label, text, NAME_CHARACTERS_MAX)?;
    if text.contains(['\n', '\r', '\t']) {
        return Err(FieldError::new("name", format!("the {label} must stand on one line")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_and_limited() {
        assert_eq!(name("name", "  Production "), Ok("Production"));
        assert!(name("name", "").is_err());
        assert!(name("name", "a\nb").is_err());
        assert!(name("name", "a\u{0}b").is_err());
        assert!(name("name", &"ä".repeat(80)).is_ok());
        assert!(name("name", &"ä".repeat(81)).is_err());
        assert!(name("name", &format!(" {}", "ä".repeat(80))).is_err(), "spaces count");
    }
}
