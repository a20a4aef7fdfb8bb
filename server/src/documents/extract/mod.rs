//! Text out of files: PDF, DOCX, HTML and CSV become Markdown, which is read as passages like any other text.
//!
//! **Invariant:** the files are hostile. Nothing here bounds what a foreign parser takes of time, memory and stack, or
//! keeps it from panicking: that is done around it, by `program.rs`, which reads each file in a process of its own. What
//! is checked here is what can be said clearly: too many pages, too much text, too large when unpacked.

mod csv;
mod docx;
mod html;
mod markdown;
mod pdf;

#[cfg(test)]
#[path = "../../../tests/files/mod.rs"]
mod files;

use domain::chatbot::DocumentKind;
use domain::field::DOCUMENT_BYTES_MAX;
use std::fmt;

/// Most pages of a document.
pub const PAGES_MAX: usize = 2_000;
/// How large a part of a packed file may be when it is unpacked, in bytes.
const UNPACKED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Why a file cannot be read, as its owner is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It is not what its name says, or it breaks off.
    Broken,
    Protected,
    NoText,
    TooMuchText,
    TooManyPages(usize),
    TooLargeUnpacked,
    TookTooLong,
    TooMuchMemory,
    /// As another process has said it.
    Told(String),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes / 1024 / 1024;
        match self {
            Self::Broken => f.write_str("the file is damaged: save it anew, or as another type"),
            Self::Protected => f.write_str("the file is protected by a password: save it without one"),
            Self::NoText => f.write_str("there is no text in the file; pictures of text cannot be read"),
            Self::TooMuchText => {
                write!(f, "there is more text in the file than {} MiB: divide it", mib(DOCUMENT_BYTES_MAX as u64))
            }
            Self::TooManyPages(pages) => {
                write!(f, "the file has {pages} pages, and {PAGES_MAX} can be read: divide it")
            }
            Self::TooLargeUnpacked => {
                write!(f, "the file is larger than {} MiB when it is unpacked", mib(UNPACKED_BYTES_MAX))
            }
            Self::TookTooLong => f.write_str("reading the file took too long: divide it, or save it as another type"),
            Self::TooMuchMemory => {
                f.write_str("the file is damaged or takes too much memory: save it anew, or as another type")
            }
            Self::Told(reason) => f.write_str(reason),
        }
    }
}

/// Reads a file as Markdown; `name` is the file's.
///
/// # Errors
/// When it cannot be read.
///
/// # Panics
/// When a parser does, on a file that is broken in a way it did not foresee.
pub fn read(kind: DocumentKind, name: &str, bytes: &[u8]) -> Result<String, Unreadable> {
    match kind {
        DocumentKind::Text | DocumentKind::Markdown => {
            std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Unreadable::Broken)
        }
        DocumentKind::Html => html::read(bytes),
        DocumentKind::Pdf => pdf::read(bytes),
        DocumentKind::Docx => docx::read(bytes),
        DocumentKind::Csv => csv::read(name, bytes),
    }
}

/// The text of bytes: as their first ones or `label` say, or else UTF-8 where that fits, or else as Windows writes them.
fn decode(bytes: &[u8], label: Option<&[u8]>) -> String {
    let said = label.and_then(encoding_rs::Encoding::for_label).filter(|encoding| encoding.is_ascii_compatible());
    let is_utf8 = std::str::from_utf8(bytes).is_ok();
    let encoding = if is_utf8 { encoding_rs::UTF_8 } else { said.unwrap_or(encoding_rs::WINDOWS_1252) };
    // Marks at the beginning are heeded and taken away.
    encoding.decode(bytes).0.into_owned()
}
