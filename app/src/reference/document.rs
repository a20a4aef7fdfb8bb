//! The API as the reference shows it: what the server makes of the OpenAPI document. What the browser has to know in order
//! to do something with it is serialisable; the rest reaches it as HTML.
//!
//! Texts that end in `_html` were Markdown in the document. They are ours, so their HTML is trusted.

use serde::{Deserialize, Serialize};

/// The operations under one tag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    pub name: String,
    pub description: String,
    pub operations: Vec<OperationLink>,
}

/// An operation as a list names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationLink {
    /// `createMessage`: its `operationId`, which stands in addresses too.
    pub id: String,
    /// `POST`
    pub method: String,
    /// `/api/v1/chatbots/{chatbot_id}`
    pub path: String,
    pub summary: String,
    /// `messages:write`: what a key needs to call it.
    pub permission: String,
}

/// One operation with all that can be sent, and all that can come back.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    pub link: OperationLink,
    pub description_html: String,
    /// Whether it is paid for from the API credit.
    pub is_paid: bool,
    pub parameters: Vec<Field>,
    /// The fields of the body.
    pub request: Vec<Field>,
    pub request_example: String,
    /// What comes back when it is done: `200`, `201` or `204`.
    pub status: u16,
    pub response: Vec<Field>,
    pub response_examples: Vec<Example>,
    pub refusals: Vec<Refusal>,
}

/// A parameter, or a field of a body. A nested field has the names above it before its own: `citations[].heading`.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub name: String,
    /// `path`, `query` or `header`; `body` for a field of a body.
    pub place: String,
    /// `string or null`
    pub kind: String,
    pub is_required: bool,
    /// Whether it is a text that may have more than a line.
    pub is_long: bool,
    /// `1 to 4,000 characters`; empty when there is no limit.
    pub limits: String,
    pub meaning_html: String,
}

/// What comes back, in one of the forms that can be asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// `application/json`
    pub media_type: String,
    pub text: String,
}

/// Why an operation may not be done; the catalogue of codes says more.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    pub status: u16,
    pub code: String,
    pub title: String,
}

/// The call in one language.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snippet {
    /// `javascript`, as the address says it.
    pub language: String,
    /// `JavaScript`
    pub label: String,
    pub code: String,
}

/// How something is filled in before it is sent from the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InputKind {
    Text,
    /// More than a line.
    Long,
    /// True or false.
    Flag,
    /// One of the account's chatbots.
    Chatbot,
}

/// A field of the form that sends an operation from the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    pub name: String,
    /// As in [`Field`].
    pub place: String,
    pub kind: InputKind,
    pub is_required: bool,
    /// What is filled in beforehand.
    pub value: String,
    pub hint: String,
}
