//! Chatbots, their documents, and the answer that is made of them.

use crate::clock::Timestamp;
use crate::credit::Credit;
use crate::id::{ChatbotId, DocumentId};
use serde::{Deserialize, Serialize};

/// A chatbot as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chatbot {
    pub id: ChatbotId,
    pub name: String,
    pub created_at: Timestamp,
    pub documents: i64,
    /// What it may spend a day (UTC), whoever calls it; `None` is no cap.
    pub daily_cap: Option<Credit>,
    pub spent_today: Credit,
    /// Since when it is paused: it answers in the console alone, where its owner tries it.
    pub paused_at: Option<Timestamp>,
}

/// What a document was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DocumentKind {
    Text,
    Markdown,
    Html,
    Pdf,
    Docx,
    Csv,
}

impl DocumentKind {
    pub const ALL: [Self; 6] = [Self::Text, Self::Markdown, Self::Html, Self::Pdf, Self::Docx, Self::Csv];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Csv => "csv",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether it is its own text, so that nothing has to be read out of it.
    #[must_use]
    pub const fn is_plain(self) -> bool {
        matches!(self, Self::Text | Self::Markdown)
    }
}

/// How far the file of a document has been read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DocumentState {
    Waiting,
    Reading,
    Ready,
    Failed { reason: String },
}

impl DocumentState {
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Reading => "reading",
            Self::Ready => "ready",
            Self::Failed { .. } => "failed",
        }
    }

    /// As it is stored: the reason is that of a failure.
    #[must_use]
    pub fn parse(text: &str, reason: String) -> Option<Self> {
        [Self::Waiting, Self::Reading, Self::Ready, Self::Failed { reason }]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// A document of a chatbot, without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    pub id: DocumentId,
    pub chatbot_id: ChatbotId,
    pub chatbot_name: String,
    pub name: String,
    pub kind: DocumentKind,
    pub state: DocumentState,
    /// Of its file, or of its text where it has none.
    pub size_bytes: i64,
    /// `None` where it has none.
    pub pages: Option<i64>,
    /// What is answered from. While another file is read that replaces it, it is still what it was.
    pub passages: i64,
    pub created_at: Timestamp,
}

/// A passage that an answer is made of, with the document it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Citation {
    pub document_id: DocumentId,
    pub document_name: String,
    pub heading: String,
    /// From 1; `None` where the document has no pages.
    pub page: Option<u32>,
    pub text: String,
}

/// What a chatbot says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub text: String,
    /// Best first; empty when nothing in the documents matches.
    pub citations: Vec<Citation>,
}

/// Where a passage came from, as it is kept with a message: what was said from it stands in the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source<'a> {
    pub document_id: &'a DocumentId,
    pub document_name: &'a str,
    pub heading: &'a str,
    pub page: Option<u32>,
}

impl<'a> Source<'a> {
    fn of(citation: &'a Citation) -> Self {
        let Citation { document_id, document_name, heading, page, .. } = citation;
        Self { document_id, document_name, heading, page: *page }
    }
}

impl Answer {
    /// Where its passages came from, best first.
    #[must_use]
    pub fn sources(&self) -> Vec<Source<'_>> {
        self.citations.iter().map(Source::of).collect()
    }
}
