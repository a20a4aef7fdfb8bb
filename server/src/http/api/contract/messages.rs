//! Messages to chatbots, and their answers.

use super::Amount;
use domain::chatbot::Citation;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};

/// A text, a whole number, or nothing.
pub(in crate::http::api) fn conversation_name() -> ObjectBuilder {
    let types = [Type::String, Type::Integer, Type::Null];
    let schema = ObjectBuilder::new().schema_type(SchemaType::from_iter(types));
    schema.description(Some("Goes on with a conversation; absent, null, \"\" and \"0\" begin one"))
}

/// A message to a chatbot.
#[derive(ToSchema)]
#[schema(example = json!({
    "chatbot_id": "bot_0RWcY5yKQL3pX7vTn1aZb", "user_message": "When do you open?", "conversation_id": null
}))]
#[expect(dead_code, reason = "the body is read field by field, so that each refusal names its field")]
pub(in crate::http::api) struct AskRequest {
    /// The id on the chatbot's page
    pub chatbot_id: String,
    /// The message
    #[schema(min_length = 1, max_length = 4000, pattern = r"\S")]
    pub user_message: String,
    #[schema(schema_with = conversation_name, required = false)]
    pub conversation_id: (),
}

/// The chatbot's answer.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "success": true, "conversation_id": "conv_0RWcY6dDq2pX7vTn1aZbK", "chatbot_message": "The shop opens at nine."
}))]
pub(in crate::http::api) struct AskAnswer<'a> {
    /// True: a refusal has false here
    pub success: bool,
    /// Send it with the next message of the conversation
    pub conversation_id: &'a str,
    /// The answer
    pub chatbot_message: &'a str,
}

/// A message to a chatbot.
#[derive(ToSchema)]
#[schema(example = json!({
    "chatbot_id": "bot_0RWcY5yKQL3pX7vTn1aZb", "user_message": "When do you open?", "stream": false
}))]
#[expect(dead_code, reason = "the body is read field by field, so that each refusal names its field")]
pub(in crate::http::api) struct MessageRequest {
    /// The id on the chatbot's page
    pub chatbot_id: String,
    /// The message
    #[schema(min_length = 1, max_length = 4000, pattern = r"\S")]
    pub user_message: String,
    #[schema(schema_with = conversation_name, required = false)]
    pub conversation_id: (),
    /// Send the answer as server-sent events
    #[schema(required = false, default = false)]
    pub stream: Option<bool>,
}

/// The chatbot's answer, where it came from, and what it cost.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "success": true, "request_id": "req_0RWcY6dDq2pX7vTn1aZbK", "conversation_id": "conv_0RWcY6dDq2pX7vTn1aZbK",
    "chatbot_id": "bot_0RWcY5yKQL3pX7vTn1aZb", "chatbot_message": "The shop opens at nine. (Opening hours)",
    "citations": [{
        "document_id": "doc_0RWcY5zAAL3pX7vTn1aZb", "document_name": "Help.md", "heading": "Opening hours",
        "page": null, "text": "The shop opens at nine."
    }],
    "price": "0.002000", "credit_remaining": "23.418200"
}))]
pub(in crate::http::api) struct MessageAnswer<'a> {
    /// True: a refusal has false here
    pub success: bool,
    /// Names the entry that was charged
    pub request_id: &'a str,
    /// Send it with the next message of the conversation
    pub conversation_id: &'a str,
    pub chatbot_id: &'a str,
    /// The answer
    pub chatbot_message: &'a str,
    /// The passages that the answer is made of, best first
    pub citations: Vec<CitationView<'a>>,
    /// What the message cost
    pub price: Amount,
    /// What can be spent after it; put in when the charge is durable
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = true, value_type = Amount)]
    pub credit_remaining: Option<Amount>,
}

/// One of the events of a stream.
#[derive(ToSchema)]
#[expect(dead_code, reason = "events are written as text; this is what they look like")]
pub(in crate::http::api) struct StreamEvent {
    /// `message.delta` for each piece, then `message.completed`; or `error`
    #[schema(pattern = r"^(message\.delta|message\.completed|error)$")]
    pub event: String,
    /// JSON: `{"text": …}`; the body that is sent without `stream`; or a problem
    #[schema(content_media_type = "application/json")]
    pub data: String,
}

/// A passage of a document.
#[derive(Serialize, ToSchema)]
pub(in crate::http::api) struct CitationView<'a> {
    pub document_id: &'a str,
    pub document_name: &'a str,
    /// The headings above the passage
    pub heading: &'a str,
    /// From 1; null where the document has no pages
    #[schema(minimum = 1)]
    pub page: Option<u32>,
    pub text: &'a str,
}

impl<'a> From<&'a Citation> for CitationView<'a> {
    fn from(citation: &'a Citation) -> Self {
        Self {
            document_id: citation.document_id.as_str(),
            document_name: &citation.document_name,
            heading: &citation.heading,
            page: citation.page,
            text: &citation.text,
        }
    }
}
