//! Conversations: what was asked and answered, and in which channel.

use crate::chatbot::Answer;
use crate::clock::Timestamp;
use crate::credit::Credit;
use crate::id::{ChatbotId, ConversationId, DocumentId};
use crate::ledger::Channel;
use serde::{Deserialize, Serialize};

/// An accepted message with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    pub conversation_id: ConversationId,
    pub answer: Answer,
    /// What it cost; zero in the console.
    pub price: Credit,
    /// What can be spent after it.
    pub credit_remaining: Credit,
    pub at: Timestamp,
}

/// How a caller names a conversation: `None` starts a new one.
///
/// The published call says that null, absent, `""` and `"0"` all start a conversation.
#[must_use]
pub fn named(conversation_id: Option<&str>) -> Option<&str> {
    conversation_id.map(str::trim).filter(|id| !id.is_empty() && *id != "0")
}

/// A conversation with a chatbot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    pub id: ConversationId,
    pub chatbot_id: ChatbotId,
    pub channel: Channel,
    pub created_at: Timestamp,
    pub messages: i64,
}

/// A conversation as a list tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedConversation {
    pub conversation: Conversation,
    pub chatbot_name: String,
    /// The question that it began with, cut after [`OPENING_CHARACTERS`].
    pub opening: String,
    /// What all its messages cost.
    pub charged: Credit,
    pub last_at: Timestamp,
}

/// How much of a first question a list shows.
pub const OPENING_CHARACTERS: i64 = 160;
/// Longest text that conversations are searched for.
pub const SEARCH_CHARACTERS_MAX: usize = 200;

/// A message of a conversation, with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationMessage {
    /// From 1 within its conversation.
    pub number: i64,
    pub question: String,
    pub answer: String,
    /// Where the answer came from, best first.
    pub sources: Vec<KeptSource>,
    pub price: Credit,
    pub at: Timestamp,
    pub request_id: String,
}

/// Where a passage of an answer came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSource {
    pub document_id: DocumentId,
    pub document_name: String,
    pub heading: String,
    /// From 1; `None` where the document has no pages.
    #[serde(default)]
    pub page: Option<u32>,
}

/// Some of a long list, and where it goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Names the place after the last one looked at; `None` on the last page.
    pub next: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_empty_and_zero_start_a_conversation() {
        for id in [None, Some(""), Some("0"), Some(" ")] {
            assert_eq!(named(id), None);
        }
        assert_eq!(named(Some("conv_1")), Some("conv_1"));
    }
}
