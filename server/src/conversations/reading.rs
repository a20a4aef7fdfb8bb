//! Reading what was asked and answered.

use crate::chatbots::listed;
use crate::error::{Error, Result};
use crate::{Server, args, db};
use domain::clock::Timestamp;
use domain::conversation::{
    Conversation, ConversationMessage, KeptSource, ListedConversation, OPENING_CHARACTERS, Page, SEARCH_CHARACTERS_MAX,
};
use domain::credit::Credit;
use domain::field::FieldError;
use domain::id::{AccountId, ChatbotId, ConversationId, RANDOM_BYTES};
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
    pub channel: Option<Channel>,
    /// Only those that began at this time or later.
    pub from: Option<Timestamp>,
    /// Only those that began earlier.
    pub until: Option<Timestamp>,
    /// Only those in which this was asked or answered. Capital and small letters are the same; beyond ASCII, `SQLite`
    /// knows that of what is searched for only.
    pub text: String,
    /// Only older ones than this.
    pub before: Option<ConversationId>,
}

impl ConversationFilter {
    /// Ids sort by time: the first that is too young, and empty where none is.
    fn end(&self) -> String {
        let until = self.until.map(|until| ConversationId::new(until, [0; RANDOM_BYTES]));
        let (before, until) = (self.before.as_ref(), until.as_ref());
        let end = before.into_iter().chain(until).map(ConversationId::as_str).min();
        end.unwrap_or_default().to_owned()
    }

    /// The first that is old enough.
    fn begin(&self) -> String {
        self.from.map_or_else(String::new, |from| ConversationId::new(from, [0; RANDOM_BYTES]).to_string())
    }
}

#[derive(db::FromRow, serde::Deserialize)]
struct ConversationRow {
    id: String,
    chatbot_id: String,
    chatbot_name: String,
    channel: String,
    created_at: i64,
    next_message: i64,
    opening: Option<String>,
    charged: Option<i64>,
    last_at: Option<i64>,
}

fn read(row: ConversationRow) -> Result<ListedConversation> {
    let channel =
        Channel::parse(&row.channel).ok_or_else(|| Error::internal("a conversation of an unknown channel"))?;
    let created_at = Timestamp::from_us(row.created_at);
    Ok(ListedConversation {
        conversation: Conversation {
            id: ConversationId::from_row(row.id),
            chatbot_id: ChatbotId::from_row(row.chatbot_id),
            channel,
            created_at,
            messages: row.next_message - 1,
        },
        chatbot_name: row.chatbot_name,
        opening: row.opening.unwrap_or_default(),
        charged: Credit::from_millionths(row.charged.unwrap_or_default()),
        last_at: row.last_at.map_or(created_at, Timestamp::from_us),
    })
}

/// The columns of a [`ConversationRow`] of conversations `l`; `$1` is the account and `$2` how much of a question is shown.
macro_rules! listed_columns {
    () => {
        "l.id, l.chatbot_id, l.channel, l.created_at, l.next_message,
       (SELECT c.name FROM chatbots c WHERE c.account_id = $1 AND c.id = l.chatbot_id) AS chatbot_name,
       (SELECT substr(m.question, 1, CAST($2 AS INTEGER)) FROM messages m
        WHERE m.account_id = $1 AND m.conversation_id = l.id AND m.number = 1) AS opening,
       (SELECT CAST(SUM(m.price) AS BIGINT) FROM messages m
        WHERE m.account_id = $1 AND m.conversation_id = l.id) AS charged,
       (SELECT m.at FROM messages m WHERE m.account_id = $1 AND m.conversation_id = l.id
        ORDER BY m.number DESC LIMIT 1) AS last_at"
    };
}

/// Ids sort by the time at which they were made.
const SELECT_CONVERSATIONS: &str = concat!(
    "SELECT ",
    listed_columns!(),
    "
FROM (SELECT id, chatbot_id, channel, created_at, next_message FROM conversations
      WHERE account_id = $1 AND deleted_at IS NULL AND ($3 = '' OR id < $3) AND id >= $4
      ORDER BY id DESC LIMIT $5) l
WHERE ($6 = '' OR l.chatbot_id = $6) AND ($7 = '' OR replace($7, l.chatbot_id, '') <> $7) AND ($8 = '' OR l.channel = $8)
  AND ($9 = '' OR EXISTS (
      SELECT 1 FROM messages m
      WHERE m.account_id = $1 AND m.conversation_id = l.id
        AND (m.question LIKE $9 ESCAPE '!' OR lower(m.question) LIKE $10 ESCAPE '!'
             OR m.answer LIKE $9 ESCAPE '!' OR lower(m.answer) LIKE $10 ESCAPE '!')))
ORDER BY l.id DESC
LIMIT $11"
);

const SELECT_LAST_LOOKED_AT: &str = "
SELECT id FROM conversations
WHERE account_id = $1 AND deleted_at IS NULL AND ($2 = '' OR id < $2) AND id >= $3
ORDER BY id DESC LIMIT 1 OFFSET $4";

/// Conversations, newest first. A page may hold fewer than `page_size` and yet not be the last one: `next` says so.
///
/// # Errors
/// 422 when the text that is searched for is too long.
pub async fn conversations(
    server: &Server,
    account_id: &AccountId,
    filter: &ConversationFilter,
    page_size: i64,
) -> Result<Page<ListedConversation>> {
    let (begin, end) = (filter.begin(), filter.end());
    let (typed, small) = patterns(&filter.text)?;
    let selected = args![
        account_id.as_str(),
        OPENING_CHARACTERS,
        &end,
        &begin,
        LOOKED_AT_MAX,
        filter.chatbot_id.as_ref().map_or("", ChatbotId::as_str),
        filter.chatbots.as_deref().map_or_else(String::new, listed),
        filter.channel.map_or("", Channel::as_str),
        typed,
        small,
        page_size + 1,
    ];
    let rows: Vec<ConversationRow> = server.db.all(SELECT_CONVERSATIONS, selected).await?;
    let mut items = rows.into_iter().map(read).collect::<Result<Vec<_>>>()?;
    if items.len() as u64 > page_size.unsigned_abs() {
        items.truncate(usize::try_from(page_size).unwrap_or(0));
        let next = items.last().map(|last| last.conversation.id.to_string());
        return Ok(Page { items, next });
    }
    let last = args![account_id.as_str(), &end, &begin, LOOKED_AT_MAX - 1];
    let last: Option<(String,)> = server.db.optional(SELECT_LAST_LOOKED_AT, last).await?;
    Ok(Page { items, next: last.map(|(id,)| id) })
}

/// What a text that is searched for is as patterns: as it was typed, and in small letters.
fn patterns(text: &str) -> Result<(String, String)> {
    let text = text.trim();
    if text.chars().count() > SEARCH_CHARACTERS_MAX {
        let message = format!("search for at most {SEARCH_CHARACTERS_MAX} characters");
        return Err(FieldError::new("text", message).into());
    }
    if text.is_empty() {
        return Ok((String::new(), String::new()));
    }
    let literal = text.replace('!', "!!").replace('%', "!%").replace('_', "!_");
    Ok((format!("%{literal}%"), format!("%{}%", literal.to_lowercase())))
}

const SELECT_CONVERSATION: &str = concat!(
    "SELECT ",
    listed_columns!(),
    " FROM conversations l WHERE l.account_id = $1 AND l.id = $3 AND l.deleted_at IS NULL"
);

/// One conversation.
///
/// # Errors
/// 404 when the account has no such conversation.
pub async fn conversation(server: &Server, account_id: &AccountId, id: &ConversationId) -> Result<ListedConversation> {
    let scope = args![account_id.as_str(), OPENING_CHARACTERS, id.as_str()];
    let row: Option<ConversationRow> = server.db.optional(SELECT_CONVERSATION, scope).await?;
    read(row.ok_or_else(|| Problem::not_found("conversation"))?)
}

#[derive(db::FromRow, serde::Deserialize)]
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
/// When the database fails. A conversation that is not there has no messages, and one that was deleted empty ones.
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
