//! What is handed to the ledger's writer, and what comes back.

use crate::idempotency::OnceKey;
use domain::clock::Timestamp;
use domain::credit::Credit;
use domain::id::{AccountId, ChatbotId, ConversationId, HoldId, KeyId};
use domain::ledger::Channel;
use std::sync::Arc;

/// One request to the ledger. It holds everything that is written for it, so that it is carried out even when the caller
/// has gone away.
#[derive(Clone, Debug)]
pub struct Command {
    pub account_id: AccountId,
    /// Unique within the account: the same request is not carried out twice.
    pub request_id: String,
    /// What the caller named the request, where it did.
    pub caller_request_id: Option<String>,
    pub channel: Channel,
    pub key_id: Option<KeyId>,
    /// The version of the key that was checked, where it was: nothing is charged through a key that has changed since.
    pub key_version: Option<i64>,
    pub chatbot_id: ChatbotId,
    pub work: Work,
    /// Stored when the work is accepted, with the charge or not at all.
    pub message: Option<Message>,
    pub once: Option<Once>,
}

#[derive(Clone, Debug)]
pub enum Work {
    /// The answer is there and costs `price`.
    Charge { price: Credit },
    /// The answer has yet to be written and costs at most `maximum`.
    Reserve { hold_id: HoldId, maximum: Credit, lasts_us: i64 },
    /// The answer is there and `cost` is the part of the hold that it cost.
    Settle { hold_id: HoldId, cost: Credit },
    /// There will be no answer.
    Release { hold_id: HoldId },
    /// Nobody came back for the hold in time.
    Expire { hold_id: HoldId },
}

impl Work {
    pub const fn hold_id(&self) -> Option<&HoldId> {
        match self {
            Self::Charge { .. } | Self::Reserve { .. } => None,
            Self::Settle { hold_id, .. } | Self::Release { hold_id } | Self::Expire { hold_id } => Some(hold_id),
        }
    }

    /// Whether it is new, so that the key and the chatbot must still be there.
    pub const fn is_new(&self) -> bool {
        matches!(self, Self::Charge { .. } | Self::Reserve { .. })
    }
}

/// A message with its answer, as it will be stored. Its texts are long, and shared with what stores them.
#[derive(Clone, Debug)]
pub struct Message {
    pub conversation_id: ConversationId,
    /// Begins the conversation; otherwise it goes on with one that is there.
    pub begins: bool,
    pub question: Arc<str>,
    pub answer: Arc<str>,
    /// JSON.
    pub citations: Arc<str>,
    /// The version of the documents that the answer was made from, where it matters.
    pub documents_version: Option<i64>,
}

/// An `Idempotency-Key`, and what is answered to everybody who uses it.
#[derive(Clone, Debug)]
pub struct Once {
    pub key: String,
    /// Tells two requests apart that use the same key.
    pub fingerprint: String,
    /// The body of the answer; a reservation has none yet.
    pub body: Option<String>,
}

impl Once {
    pub fn of(once: &OnceKey, body: Option<String>) -> Self {
        Self { key: once.key.clone(), fingerprint: once.fingerprint.clone(), body }
    }
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is durable.
    Accepted { available: Credit, at: Timestamp },
    /// The same request was answered before, with this.
    Replayed { body: String, credit_remaining: Credit },
    /// The answer was made from documents that have changed; nothing is written.
    Stale,
    /// The key has changed since it was checked; nothing is written.
    KeyChanged,
}
