//! Files as they come in: what they are, by their content and their name, and how large they may be.

use crate::error::Result;
use domain::chatbot::DocumentKind;
use domain::field::{DOCUMENT_BYTES_MAX, FILE_BYTES_MAX};
use domain::problem::{Problem, ProblemCode};

/// An uploaded file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Without folders.
    pub name: String,
    pub media_type: Option<String>,
    pub bytes: Vec<u8>,
}

/// Ends of names and media types, each with what it means.
const BY_NAME: [(&str, DocumentKind); 12] = [
    (".pdf", DocumentKind::Pdf),
    (".docx", DocumentKind::Docx),
    (".html", DocumentKind::Html),
    (".htm", DocumentKind::Html),
    (".xhtml", DocumentKind::Html),
    (".csv", DocumentKind::Csv),
    (".tsv", DocumentKind::Csv),
    (".md", DocumentKind::Markdown),
    (".markdown", DocumentKind::Markdown),
    (".mdown", DocumentKind::Markdown),
    (".txt", DocumentKind::Text),
    (".text", DocumentKind::Text),
];
const BY_MEDIA_TYPE: [(&str, DocumentKind); 7] = [
    ("text/html", DocumentKind::Html),
    ("application/xhtml+xml", DocumentKind::Html),
    ("text/csv", DocumentKind::Csv),
    ("text/tab-separated-values", DocumentKind::Csv),
    ("text/markdown", DocumentKind::Markdown),
    ("application/csv", DocumentKind::Csv),
    ("text/", DocumentKind::Text),
];
/// How far into a file the beginning of a PDF may stand, in bytes.
const PDF_WITHIN: usize = 1024;
/// Word documents of before 2007, and those that are protected by a password.
const OLE: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0];
const ZIP: &[u8] = b"PK\x03\x04";

impl File {
    /// What the file is. What stands in it counts more than its name, and its name more than its media type.
    ///
    /// # Errors
    /// 415 when it is nothing that can be read, 413 when it is too large for what it is.
    pub fn kind(&self) -> Result<DocumentKind> {
        let kind = self.kind_of_bytes()?;
        let bytes_max = if kind.is_plain() { DOCUMENT_BYTES_MAX } else { FILE_BYTES_MAX };
        if self.bytes.len() > bytes_max {
            return Err(too_large(&self.name, bytes_max).into());
        }
        Ok(kind)
    }

    fn kind_of_bytes(&self) -> Result<DocumentKind> {
        let refused = |reason: &str| {
            let detail = format!("the file {} {reason}", self.name);
            Problem { field: Some("file".into()), ..Problem::with_detail(ProblemCode::UnsupportedMediaType, detail) }
        };
        let head = &self.bytes[..self.bytes.len().min(PDF_WITHIN)];
        if holds(head, b"%PDF-") {
            return Ok(DocumentKind::Pdf);
        }
        if head.starts_with(OLE) {
            return Err(
                refused("is an old Word document or protected by a password; save it as .docx without one").into()
            );
        }
        if head.starts_with(ZIP) {
            let is_docx = self.said() == Some(DocumentKind::Docx) || holds(&self.bytes, b"word/document.xml");
            let unknown = || refused("is an archive; take the documents out of it").into();
            return if is_docx { Ok(DocumentKind::Docx) } else { Err(unknown()) };
        }
        let is_page = looks_like_html(head);
        let kind = match self.said() {
            Some(DocumentKind::Pdf) => return Err(refused("is not a PDF, whatever its name says").into()),
            Some(DocumentKind::Docx) => return Err(refused("is not a Word document, whatever its name says").into()),
            Some(DocumentKind::Text) | None if is_page => DocumentKind::Html,
            Some(kind) => kind,
            None => return Err(refused("is not plain text, Markdown, HTML, PDF, DOCX or CSV").into()),
        };
        let is_utf16 = head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]);
        if kind.is_plain() && std::str::from_utf8(&self.bytes).is_err() {
            return Err(refused("is not written in UTF-8; save it as UTF-8 text").into());
        }
        if self.bytes.contains(&0) && (kind.is_plain() || !is_utf16) {
            return Err(refused("is not text").into());
        }
        Ok(kind)
    }

    /// What name and media type say.
    fn said(&self) -> Option<DocumentKind> {
        let name = self.name.to_lowercase();
        let media_type = self.media_type.as_deref().unwrap_or_default().to_lowercase();
        let by_name = BY_NAME.iter().find(|(end, _)| name.ends_with(end));
        by_name.or_else(|| BY_MEDIA_TYPE.iter().find(|(start, _)| media_type.starts_with(start))).map(|(_, kind)| *kind)
    }

    /// The text of a file that is its own text.
    ///
    /// # Errors
    /// 415 when it is none.
    pub(super) fn text(&self) -> Result<&str> {
        let text = std::str::from_utf8(&self.bytes).map_err(|_| ProblemCode::UnsupportedMediaType)?;
        Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
    }
}

/// A file that is larger than it may be.
#[must_use]
pub fn too_large(name: &str, bytes_max: usize) -> Problem {
    let detail = format!("the file {name} is larger than {} MiB", bytes_max / 1024 / 1024);
    Problem { field: Some("file".into()), ..Problem::with_detail(ProblemCode::TooLarge, detail) }
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn looks_like_html(head: &[u8]) -> bool {
    let head = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(head).trim_ascii_start();
    let begins = |start: &[u8]| head.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    begins(b"<!doctype html") || begins(b"<html")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, media_type: &str, bytes: &[u8]) -> std::result::Result<DocumentKind, ProblemCode> {
        let media_type = (!media_type.is_empty()).then(|| media_type.to_owned());
        let file = File { name: name.to_owned(), media_type, bytes: bytes.to_vec() };
        file.kind().map_err(|error| error.into_problem().code)
    }

    #[test]
    fn a_file_is_what_stands_in_it_and_else_what_it_is_called() {
        for (name, media_type, bytes, expected) in [
            ("a.MD", "", "\u{feff}# Hä".as_bytes(), DocumentKind::Markdown),
            ("notes", "text/plain", b"hi", DocumentKind::Text),
            ("notes.txt", "application/octet-stream", b"hi", DocumentKind::Text),
            ("page", "text/html; charset=utf-8", b"<p>hi", DocumentKind::Html),
            ("page.txt", "text/plain", b"\n<!DOCTYPE HTML><p>hi", DocumentKind::Html),
            ("page.md", "", b"<html>in Markdown", DocumentKind::Markdown),
            ("a.csv", "application/vnd.ms-excel", b"a,b\n1,2", DocumentKind::Csv),
            ("a.csv", "", b"\xff\xfea\0;\0b\0", DocumentKind::Csv),
            ("a.txt", "text/plain", b"\n%PDF-1.4", DocumentKind::Pdf),
            ("a.docx", "", b"PK\x03\x04", DocumentKind::Docx),
            ("a.bin", "", b"PK\x03\x04 word/document.xml", DocumentKind::Docx),
        ] {
            assert_eq!(kind(name, media_type, bytes), Ok(expected), "{name} {media_type}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for (name, media_type, bytes) in [
            ("a.png", "image/png", b"\x89PNG".as_slice()),
            ("a.pdf", "application/pdf", b"hi"),
            ("a.docx", "", b"hi"),
            ("a.doc", "application/msword", b"\xd0\xcf\x11\xe0"),
            ("a.zip", "application/zip", b"PK\x03\x04 a.txt"),
            ("a.txt", "", b"\xff\xfe"),
            ("a.txt", "text/plain", b"a\0b"),
            ("a.html", "", b"<p>\0"),
        ] {
            assert_eq!(kind(name, media_type, bytes), Err(ProblemCode::UnsupportedMediaType), "{name}");
        }
    }

    #[test]
    fn text_may_be_as_large_as_a_text_and_other_files_larger() {
        let mut bytes = vec![b'a'; DOCUMENT_BYTES_MAX + 1];
        assert_eq!(kind("a.txt", "", &bytes), Err(ProblemCode::TooLarge));
        assert_eq!(kind("a.csv", "", &bytes), Ok(DocumentKind::Csv));
        bytes.resize(FILE_BYTES_MAX + 1, b'a');
        assert_eq!(kind("a.csv", "", &bytes), Err(ProblemCode::TooLarge));
    }
}
