//! Asking a chatbot: the one use case behind the console, the API and the widget.
//!
//! The answer is made first, because it costs nothing to throw away; then the ledger's writer charges for it, stores it
//! and counts it, in one commit with many others. A refusal leaves nothing behind, and nothing is answered before the
//! commit.

use crate::error::{Error, Result};
use crate::ledger::{Command, Message, Outcome, Work};
use crate::{Server, answers};
use domain::conversation::{Reply, named};
use domain::field::{self, MESSAGE_CHARACTERS_MAX};
use domain::id::{AccountId, ChatbotId, ConversationId, KeyId};
use domain::ledger::Channel;
use domain::problem::{Problem, ProblemCode};

/// How often an answer is made anew because the documents changed while it was made.
const ATTEMPTS_MAX: u32 = 10;

/// A message to a chatbot, as it came in.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    pub account_id: AccountId,
    /// The key that pays; `None` in the console.
    pub key_id: Option<KeyId>,
    pub chatbot_id: &'a str,
    /// `None`, `""` and `"0"` start a conversation.
    pub conversation_id: Option<&'a str>,
    pub message: &'a str,
    pub channel: Channel,
    pub request_id: String,
}

/// Answers a message and pays for it, both or neither.
///
/// # Errors
/// In this order: 422 for the message, 404 for the chatbot or the conversation, 401 when the key was just deleted, 429
/// when the message window is full, 403 when a cap is reached, 402 when the credit does not cover the price; 503 when
/// more is asked than can be written, or the ledger cannot be reached.
pub async fn ask(server: &Server, question: Question<'_>) -> Result<Reply> {
    let message = field::required_text("user_message", "message", question.message, MESSAGE_CHARACTERS_MAX)?;
    let chatbot_id = ChatbotId::parse(question.chatbot_id).ok_or_else(|| Problem::not_found("chatbot"))?;
    let continued = match named(question.conversation_id) {
        None => None,
        Some(id) => Some(ConversationId::parse(id).ok_or_else(|| Problem::not_found("conversation"))?),
    };
    let begins = continued.is_none();
    let conversation_id = continued.unwrap_or_else(|| ConversationId::new(server.now(), server.id_bytes()));
    let price = server.catalogue.price(question.channel);
    for _ in 0..ATTEMPTS_MAX {
        let (answer, documents_version) = answers::answer(server, &question.account_id, &chatbot_id, message).await?;
        let stored = Message {
            conversation_id: conversation_id.clone(),
            begins,
            question: message.to_owned(),
            answer: answer.text.clone(),
            citations: serde_json::to_string(&answer.citations).map_err(Error::internal)?,
            documents_version: Some(documents_version),
        };
        let command = Command {
            account_id: question.account_id.clone(),
            request_id: question.request_id.clone(),
            channel: question.channel,
            key_id: question.key_id.clone(),
            chatbot_id: chatbot_id.clone(),
            work: Work::Charge { price },
            message: Some(stored),
            once: None,
        };
        match server.writer.submit(command).await? {
            Outcome::Accepted { available, at } => {
                return Ok(Reply { conversation_id, answer, price, credit_remaining: available, at });
            }
            Outcome::Stale => server.search.forget(&chatbot_id),
            Outcome::Replayed { .. } => return Err(Error::internal("a request without a key was replayed")),
        }
    }
    Err(ProblemCode::Unavailable.into())
}
