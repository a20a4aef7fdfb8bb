//! What is kept: chatbots, their documents, and conversations.

use super::{Amount, Moment};
use domain::chatbot::{Chatbot, Document, DocumentState};
use domain::conversation::{Conversation, ConversationMessage, KeptSource};
use serde::Serialize;
use utoipa::ToSchema;

/// A chatbot.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "bot_0RWcY5yKQL3pX7vTn1aZb", "name": "Help centre", "created_at": "2026-11-24T09:00:00.000000Z",
    "documents": 3, "is_paused": false
}))]
pub(in crate::http::api) struct ChatbotView {
    pub id: String,
    pub name: String,
    pub created_at: Moment,
    /// How many documents it answers from
    #[schema(minimum = 0)]
    pub documents: i64,
    /// Whether its owner has paused it: messages to it are refused with `chatbot_paused`
    pub is_paused: bool,
}

impl From<Chatbot> for ChatbotView {
    fn from(Chatbot { id, name, created_at, documents, paused_at, .. }: Chatbot) -> Self {
        let is_paused = paused_at.is_some();
        Self { id: id.to_string(), name, created_at: Moment::from(created_at), documents, is_paused }
    }
}

/// A document that a chatbot answers from.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "doc_0RWcY5zAAL3pX7vTn1aZb", "chatbot_id": "bot_0RWcY5yKQL3pX7vTn1aZb", "name": "Help.md",
    "kind": "markdown", "state": "ready", "reason": null, "size_bytes": 1830, "pages": null, "passages": 12,
    "created_at": "2026-11-24T09:00:00.000000Z"
}))]
pub(in crate::http::api) struct DocumentView {
    pub id: String,
    pub chatbot_id: String,
    pub name: String,
    /// What it was made of
    #[schema(pattern = "^(text|markdown|html|pdf|docx|csv)$")]
    pub kind: &'static str,
    /// A file is `waiting`, then `reading`, and in the end `ready` or `failed`; a text is `ready` at once
    #[schema(pattern = "^(waiting|reading|ready|failed)$")]
    pub state: &'static str,
    /// Why its file could not be read; null unless it failed
    pub reason: Option<String>,
    /// Of its file, or of its text where it was made of one
    #[schema(minimum = 0)]
    pub size_bytes: i64,
    /// Null where it has no pages
    #[schema(minimum = 1)]
    pub pages: Option<i64>,
    /// How many passages it is answered from; while a file is read that replaces it, still those of before
    #[schema(minimum = 0)]
    pub passages: i64,
    pub created_at: Moment,
}

impl From<Document> for DocumentView {
    fn from(document: Document) -> Self {
        Self {
            id: document.id.to_string(),
            chatbot_id: document.chatbot_id.to_string(),
            name: document.name,
            kind: document.kind.as_str(),
            state: document.state.as_str(),
            reason: if let DocumentState::Failed { reason } = document.state { Some(reason) } else { None },
            size_bytes: document.size_bytes,
            pages: document.pages,
            passages: document.passages,
            created_at: Moment::from(document.created_at),
        }
    }
}

/// A document to add.
#[derive(ToSchema)]
#[schema(example = json!({
    "chatbot_id": "bot_0RWcY5yKQL3pX7vTn1aZb", "name": "Help.md",
    "text": "# Opening hours\n\nThe shop opens at nine.\n"
}))]
#[expect(dead_code, reason = "the body is read field by field, so that each refusal names its field")]
pub(in crate::http::api) struct DocumentRequest {
    /// The chatbot that will answer from it
    pub chatbot_id: String,
    #[schema(min_length = 1, max_length = 80, pattern = r"\S")]
    pub name: String,
    /// Plain text or Markdown, at most 2 MB in UTF-8
    #[schema(min_length = 1, pattern = r"\S")]
    pub text: String,
}

/// A document to add, as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the form is read part by part; this is what it looks like")]
pub(in crate::http::api) struct DocumentForm {
    /// The chatbot that will answer from it
    pub chatbot_id: String,
    /// Its name is that of the document
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    pub file: Vec<u8>,
}

/// A text that replaces a document.
#[derive(ToSchema)]
#[schema(example = json!({ "name": "Help.md", "text": "# Opening hours\n\nThe shop opens at ten.\n" }))]
#[expect(dead_code, reason = "the body is read field by field, so that each refusal names its field")]
pub(in crate::http::api) struct DocumentReplacement {
    #[schema(min_length = 1, max_length = 80, pattern = r"\S")]
    pub name: String,
    /// Plain text or Markdown, at most 2 MB in UTF-8
    #[schema(min_length = 1, pattern = r"\S")]
    pub text: String,
}

/// A file that replaces a document, as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the form is read part by part; this is what it looks like")]
pub(in crate::http::api) struct FileForm {
    /// Its name is that of the document
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    pub file: Vec<u8>,
}

/// A conversation with a chatbot.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "conv_0RWcY6dDq2pX7vTn1aZbK", "chatbot_id": "bot_0RWcY5yKQL3pX7vTn1aZb", "channel": "api",
    "created_at": "2026-11-24T09:00:00.000000Z", "messages": 2
}))]
pub(in crate::http::api) struct ConversationView {
    pub id: String,
    pub chatbot_id: String,
    #[schema(pattern = "^(console|api|widget)$")]
    pub channel: &'static str,
    pub created_at: Moment,
    #[schema(minimum = 0)]
    pub messages: i64,
}

impl From<Conversation> for ConversationView {
    fn from(conversation: Conversation) -> Self {
        Self {
            id: conversation.id.to_string(),
            chatbot_id: conversation.chatbot_id.to_string(),
            channel: conversation.channel.as_str(),
            created_at: Moment::from(conversation.created_at),
            messages: conversation.messages,
        }
    }
}

/// Where a passage of an answer came from.
#[derive(Serialize, ToSchema)]
pub(in crate::http::api) struct SourceView {
    pub document_id: String,
    pub document_name: String,
    pub heading: String,
    /// From 1; null where the document has no pages
    #[schema(minimum = 1)]
    pub page: Option<u32>,
}

impl From<KeptSource> for SourceView {
    fn from(KeptSource { document_id, document_name, heading, page }: KeptSource) -> Self {
        Self { document_id: document_id.to_string(), document_name, heading, page }
    }
}

/// A message of a conversation, with its answer.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "number": 1, "request_id": "req_0RWcY6dDq2pX7vTn1aZbK", "user_message": "When do you open?",
    "chatbot_message": "The shop opens at nine. (Opening hours)", "price": "0.002000",
    "sources": [{
        "document_id": "doc_0RWcY5zAAL3pX7vTn1aZb", "document_name": "Help.md", "heading": "Opening hours",
        "page": null
    }],
    "at": "2026-11-24T09:00:00.000000Z"
}))]
pub(in crate::http::api) struct ConversationMessageView {
    /// From 1 within the conversation
    #[schema(minimum = 1)]
    pub number: i64,
    /// Names the entry that was charged
    pub request_id: String,
    pub user_message: String,
    pub chatbot_message: String,
    /// Where the answer came from, best first
    pub sources: Vec<SourceView>,
    pub price: Amount,
    pub at: Moment,
}

impl From<ConversationMessage> for ConversationMessageView {
    fn from(message: ConversationMessage) -> Self {
        Self {
            number: message.number,
            request_id: message.request_id,
            user_message: message.question,
            chatbot_message: message.answer,
            sources: message.sources.into_iter().map(SourceView::from).collect(),
            price: Amount::from(message.price),
            at: Moment::from(message.at),
        }
    }
}
