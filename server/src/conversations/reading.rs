//! Reading what was asked and answered.

use crate::chatbots::listed;
use crate::error::{Error, Result};
use crate::{Server, args, db};
use domain::clock::Timestamp;
use domain::conversation::{Conversation, ConversationMessage, KeptSource, Page};
use domain::credit::Credit;
use domain::id::{AccountId, ChatbotId, ConversationId};
use domain::ledger::Channel;
use domain::problem::Problem;

/// Most conversations that are looked at for one page. A page that found fewer than it may hold says where to go on.
const LOOKED_AT_MAX: i64 = 5_000;

/// Which conversations are listed.
#[derive(Clone, Debug, Default)]
pub struct ConversationFilter {
    pub chatbot_id: Option<ChatbotId>,
    /// Only those of these chatbots; `None` is all.
    pub chatbots: Option<Vec<ChatbotId>>,
    /// Only older ones than this.
    pub before: Option<ConversationId>,
}

type ConversationRow = (String, String, String, i64, i64);

fn read((id, chatbot_id, channel, created_at, next_message): ConversationRow) -> Result<Conversation> {
    Ok(Conversation {
        id: ConversationId::from_row(id),
        chatbot_id: ChatbotId::from_row(chatbot_id),
        channel: Channel::parse(&channel).ok_or_else(|| Error::internal("a conversation of an unknown channel"))?,
        created_at: Timestamp::from_us(created_at),
        messages: next_message - 1,
    })
}

/// Ids sort by the time at which they were made.
const SELECT_CONVERSATIONS: &str = "
SELECT l.id, l.chatbot_id, l.channel, l.created_at, l.next_message
FROM (SELECT id, chatbot_id, channel, created_at, next_message FROM conversations
      WHERE account_id = $1 AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3) l
WHERE ($4 = '' OR l.chatbot_id = $4) AND ($5 = '' OR replace($5, l.chatbot_id, '') <> $5)
ORDER BY l.id DESC
LIMIT $6";

const SELECT_LAST_LOOKED_AT: &str = "
SELECT id FROM conversations
WHERE account_id = $1 AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT 1 OFFSET $3";

/// Conversations, newest first. A page may hold fewer than `page_size` and yet not be the last one: `next` says so.
///
/// # Errors
/// When the database fails.
pub async fn conversations(
    server: &Server,
    account_id: &AccountId,
    filter: &ConversationFilter,
    page_size: i64,
) -> Result<Page<Conversation>> {
    let before = filter.before.as_ref().map_or("", ConversationId::as_str);
    let chatbot_id = filter.chatbot_id.as_ref().map_or("", ChatbotId::as_str);
    let chatbots = filter.chatbots.as_deref().map_or_else(String::new, listed);
    let account_id = account_id.as_str();
    let selected = args![account_id, before, LOOKED_AT_MAX, chatbot_id, chatbots, page_size + 1];
    let rows: Vec<ConversationRow> = server.db.all(SELECT_CONVERSATIONS, selected).await?;
    let mut items = rows.into_iter().map(read).collect::<Result<Vec<_>>>()?;
    if items.len() as u64 > page_size.unsigned_abs() {
        items.truncate(usize::try_from(page_size).unwrap_or(0));
        let next = items.last().map(|last| last.id.to_string());
        return Ok(Page { items, next });
    }
    let last = args![account_id, before, LOOKED_AT_MAX - 1];
    let last: Option<(String,)> = server.db.optional(SELECT_LAST_LOOKED_AT, last).await?;
    Ok(Page { items, next: last.map(|(id,)| id) })
}

const SELECT_CONVERSATION: &str = "
SELECT id, chatbot_id, channel, created_at, next_message FROM conversations WHERE account_id = $1 AND id = $2";

/// One conversation.
///
/// # Errors
/// 404 when the account has no such conversation.
pub async fn conversation(server: &Server, account_id: &AccountId, id: &ConversationId) -> Result<Conversation> {
    let scope = args![account_id.as_str(), id.as_str()];
    let row: Option<ConversationRow> = server.db.optional(SELECT_CONVERSATION, scope).await?;
    read(row.ok_or_else(|| Problem::not_found("conversation"))?)
}

#[derive(db::FromRow)]
struct MessageRow {
    number: i64,
    question: String,
    answer: String,
    citations: String,
    price: i64,
    at: i64,
    request_id: String,
}

const SELECT_MESSAGES: &str = "
SELECT number, question, answer, citations, price, at, request_id FROM messages
WHERE account_id = $1 AND conversation_id = $2 AND number > $3
ORDER BY number
LIMIT $4";

/// The messages of a conversation after number `after`, oldest first.
///
/// # Errors
/// When the database fails. A conversation that is not there has no messages.
pub async fn messages(
    server: &Server,
    account_id: &AccountId,
    id: &ConversationId,
    after: i64,
    page_size: i64,
) -> Result<Page<ConversationMessage>> {
    let selected = args![account_id.as_str(), id.as_str(), after, page_size + 1];
    let rows: Vec<MessageRow> = server.db.all(SELECT_MESSAGES, selected).await?;
    let has_more = rows.len() as u64 > page_size.unsigned_abs();
    let mut items = Vec::with_capacity(rows.len());
    for row in rows.into_iter().take(usize::try_from(page_size).unwrap_or(0)) {
        let sources: Vec<KeptSource> = serde_json::from_str(&row.citations).map_err(Error::internal)?;
        items.push(ConversationMessage {
            number: row.number,
            question: row.question,
            answer: row.answer,
            sources,
            price: Credit::from_millionths(row.price),
            at: Timestamp::from_us(row.at),
            request_id: row.request_id,
        });
    }
    let next = items.last().filter(|_| has_more).map(|message| message.number.to_string());
    Ok(Page { items, next })
}
