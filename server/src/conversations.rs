//! Asking a chatbot: the one use case behind the console, the API and the widget.
//!
//! The answer is made first, because it costs nothing to throw away; then one transaction charges for it, stores it and
//! counts it. A refusal leaves nothing behind, and nothing is answered before the commit.

use crate::db::Tx;
use crate::error::{Error, Result};
use crate::{Server, accounts, answers, args, keys, ledger};
use domain::chatbot::Answer;
use domain::clock::Timestamp;
use domain::conversation::{Reply, named};
use domain::credit::Credit;
use domain::field::{self, MESSAGE_CHARACTERS_MAX};
use domain::id::{AccountId, ChatbotId, ConversationId, KeyId};
use domain::ledger::{AccountState, Channel, Operation};
use domain::problem::Problem;

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
/// when the message window is full, 402 when the credit does not cover the price.
pub async fn ask(server: &Server, question: Question<'_>) -> Result<Reply> {
    let message = field::required_text("user_message", "message", question.message, MESSAGE_CHARACTERS_MAX)?;
    let chatbot_id = ChatbotId::parse(question.chatbot_id).ok_or_else(|| Problem::not_found("chatbot"))?;
    let conversation_id = match named(question.conversation_id) {
        None => None,
        Some(id) => Some(ConversationId::parse(id).ok_or_else(|| Problem::not_found("conversation"))?),
    };
    let answer = answers::answer(server, &question.account_id, &chatbot_id, message).await?;
    let price = server.catalogue.price(question.channel);
    let accepted = Accepted { question: &question, chatbot_id, message, answer, price, now: server.now() };
    let mut tx = server.db.begin().await?;
    let state = pay(server, &mut tx, &accepted).await?;
    let conversation_id = store(server, &mut tx, &accepted, conversation_id).await?;
    tx.commit().await?;
    server.live.changed(&question.account_id);
    let Accepted { answer, now: at, .. } = accepted;
    Ok(Reply { conversation_id, answer, price, credit_remaining: state.available(), at })
}

struct Accepted<'a> {
    question: &'a Question<'a>,
    chatbot_id: ChatbotId,
    message: &'a str,
    answer: Answer,
    price: Credit,
    now: Timestamp,
}

async fn pay(server: &Server, tx: &mut Tx, accepted: &Accepted<'_>) -> Result<AccountState> {
    let Accepted { question, chatbot_id, price, now, .. } = accepted;
    let account_id = &question.account_id;
    let mut state = ledger::lock(tx, account_id).await?;
    if let Some(key_id) = &question.key_id {
        keys::touch(tx, account_id, key_id, *now).await?;
    }
    if server.catalogue.counts(question.channel) {
        let plan = accounts::plan(server, tx, account_id).await?;
        state = ledger::count_message(server, tx, account_id, plan.messages_per_window, *now).await?;
    }
    if *price > Credit::ZERO {
        let context = ledger::Context {
            request_id: question.request_id.clone(),
            channel: Some(question.channel),
            key_id: question.key_id.clone(),
            chatbot_id: Some(chatbot_id.clone()),
            ..ledger::Context::default()
        };
        state = ledger::post(tx, account_id, Operation::Charge { price: *price }, &context, *now).await?.after;
    }
    Ok(state)
}

const INSERT_CONVERSATION: &str = "
INSERT INTO conversations (account_id, id, chatbot_id, channel, created_at, next_message)
VALUES ($1, $2, $3, $4, $5, 2)";

/// Takes the next number of a conversation. One that was begun in another channel cannot be continued here, and a
/// chatbot that was deleted since it was asked has no conversations.
const CONTINUE_CONVERSATION: &str = "
UPDATE conversations SET next_message = next_message + 1
WHERE account_id = $1 AND id = $2 AND chatbot_id = $3 AND channel = $4
RETURNING next_message - 1";

const INSERT_MESSAGE: &str = "
INSERT INTO messages (account_id, conversation_id, number, request_id, question, answer, citations, price, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

async fn store(
    server: &Server,
    tx: &mut Tx,
    accepted: &Accepted<'_>,
    conversation_id: Option<ConversationId>,
) -> Result<ConversationId> {
    let Accepted { question, chatbot_id, message, answer, price, now } = accepted;
    let account_id = question.account_id.as_str();
    let channel = question.channel.as_str();
    let (conversation_id, number) = if let Some(id) = conversation_id {
        let scope = args![account_id, id.as_str(), chatbot_id.as_str(), channel];
        let row: Option<(i64,)> = tx.optional(CONTINUE_CONVERSATION, scope).await?;
        let (number,) = row.ok_or_else(|| Problem::not_found("conversation"))?;
        (id, number)
    } else {
        let id = ConversationId::new(*now, server.id_bytes());
        let row = args![account_id, id.as_str(), chatbot_id.as_str(), channel, now.us()];
        tx.execute(INSERT_CONVERSATION, row).await?;
        (id, 1)
    };
    let citations = serde_json::to_string(&answer.citations).map_err(Error::internal)?;
    let row = args![
        account_id,
        conversation_id.as_str(),
        number,
        &question.request_id,
        *message,
        &answer.text,
        citations,
        price.millionths(),
        now.us(),
    ];
    tx.execute(INSERT_MESSAGE, row).await?;
    Ok(conversation_id)
}
