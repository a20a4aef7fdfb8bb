//! Small pieces that the chatbot page and its neighbours share: counted nouns, and what stands where something is being
//! loaded or could not be.

use crate::components::{Loading, ProblemNotice};
use crate::error::AppError;
use domain::field::NAME_CHARACTERS_MAX;
use leptos::prelude::*;

/// The longest name, as an input's `maxlength` takes it.
#[expect(clippy::cast_possible_truncation, reason = "80 fits")]
pub const NAME_MAX: u32 = NAME_CHARACTERS_MAX as u32;

/// `1 document`, `14 documents`.
pub fn counted(number: i64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A document as the source of an answer, with the page where it has pages.
pub fn source_name(document_name: String, page: Option<u32>) -> String {
    match page {
        Some(page) => format!("{document_name}, page {page}"),
        None => document_name,
    }
}

/// What stands in place of something that could not be loaded.
pub fn failure(error: AppError) -> AnyView {
    view! { <ProblemNotice problem=error.problem/> }.into_any()
}

/// What stands where something is being loaded.
pub fn skeleton() -> AnyView {
    view! { <Loading/> }.into_any()
}
