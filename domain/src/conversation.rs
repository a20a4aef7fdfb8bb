//! Conversations: what was asked and answered, and in which channel.

use crate::chatbot::Answer;
use crate::clock::Timestamp;
use crate::credit::Credit;
use crate::id::ConversationId;
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
