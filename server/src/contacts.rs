//! Contact requests: visitors of a widget leave them, whoever is in the account reads them. They cost nothing, and are
//! taken when there is no credit too: that is when a visitor needs them most.

use crate::csv::cell;
use crate::db::FromRow;
use crate::error::Result;
use crate::idempotency::OnceKey;
use crate::widgets::{Session, Visited};
use crate::{Server, args, ledger};
use domain::clock::Timestamp;
use domain::contact::{CONTACTS_MAX, ContactRequest, ContactText};
use domain::conversation::Page;
use domain::id::{AccountId, ChatbotId, ContactId, ConversationId};
use domain::problem::{Problem, ProblemCode};
use futures_util::stream::{self, Stream};
use std::sync::Arc;

/// Which of them are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactState {
    All,
    /// Nobody has said that nothing is left to do.
    Open,
}

impl ContactState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Open => "open",
        }
    }
}

const COUNT_CONTACTS: &str = "SELECT COUNT(*) FROM contact_requests WHERE account_id = $1";

/// A conversation that was deleted meanwhile is none.
const INSERT_CONTACT: &str = "
INSERT INTO contact_requests
    (account_id, id, chatbot_id, conversation_id, name, email, message, origin, once, created_at)
VALUES ($1, $2, $3,
    (SELECT c.id FROM conversations c WHERE c.account_id = $1 AND c.id = $4 AND c.deleted_at IS NULL),
    $5, $6, $7, $8, $9, $10)
ON CONFLICT (account_id, once) DO NOTHING";

/// Keeps what a visitor leaves; the same text under the same `once` is kept once.
///
/// # Errors
/// 404 when the widget takes none, 402 when the account keeps as many as it may.
pub async fn leave(
    server: &Server,
    visited: &Visited,
    session: &Session,
    once: Option<&OnceKey>,
    text: &ContactText,
) -> Result<()> {
    if !visited.widget.takes_contacts {
        return Err(Problem::with_detail(ProblemCode::NotFound, "this widget takes no contact requests").into());
    }
    let (account_id, now) = (&visited.account_id, server.now());
    let id = ContactId::new(now, server.id_bytes());
    let once = once.map_or_else(|| id.to_string(), |once| format!("{}-{}", once.key, once.fingerprint));
    let mut tx = server.db.begin().await?;
    // Whoever deletes a conversation takes the same lock, so nothing is added to one that is being deleted.
    ledger::lock(&mut tx, account_id).await?;
    let (count,): (i64,) = tx.one(COUNT_CONTACTS, args![account_id.as_str()]).await?;
    if count >= CONTACTS_MAX {
        return Err(ProblemCode::ChatUnavailable.into());
    }
    let contact = args![
        account_id.as_str(),
        id.as_str(),
        visited.widget.chatbot_id.as_str(),
        session.conversation_id.as_ref().map_or("", ConversationId::as_str),
        &text.name,
        &text.email,
        &text.message,
        visited.origin.to_string(),
        once,
        now.us(),
    ];
    tx.execute(INSERT_CONTACT, contact).await?;
    tx.commit().await?;
    server.live.changed(account_id);
    Ok(())
}

#[derive(FromRow, serde::Deserialize)]
struct ContactRow {
    id: String,
    chatbot_id: String,
    chatbot_name: String,
    conversation_id: Option<String>,
    name: String,
    email: String,
    message: String,
    origin: String,
    created_at: i64,
    done_at: Option<i64>,
}

impl From<ContactRow> for ContactRequest {
    fn from(row: ContactRow) -> Self {
        Self {
            id: ContactId::from_row(row.id),
            chatbot_id: ChatbotId::from_row(row.chatbot_id),
            chatbot_name: row.chatbot_name,
            conversation_id: row.conversation_id.map(ConversationId::from_row),
            text: ContactText { name: row.name, email: row.email, message: row.message },
            origin: row.origin,
            created_at: Timestamp::from_us(row.created_at),
            done_at: row.done_at.map(Timestamp::from_us),
        }
    }
}

const SELECT_CONTACTS: &str = "
SELECT r.id, r.chatbot_id, c.name AS chatbot_name, r.conversation_id, r.name, r.email, r.message, r.origin, r.created_at,
       r.done_at
FROM contact_requests r
JOIN chatbots c ON c.account_id = r.account_id AND c.id = r.chatbot_id
WHERE r.account_id = $1 AND ($2 = 'all' OR r.done_at IS NULL) AND ($3 = '' OR r.id < $3)
ORDER BY r.id DESC
LIMIT $4";

/// Contact requests, newest first; only those that are older than `before`, where there is one.
///
/// # Errors
/// When the database fails.
pub async fn list(
    server: &Server,
    account_id: &AccountId,
    state: ContactState,
    before: Option<&ContactId>,
    page_size: i64,
) -> Result<Page<ContactRequest>> {
    let before = before.map_or("", ContactId::as_str);
    let selected = args![account_id.as_str(), state.as_str(), before, page_size + 1];
    let rows: Vec<ContactRow> = server.db.all(SELECT_CONTACTS, selected).await?;
    let has_more = rows.len() as u64 > page_size.unsigned_abs();
    let items: Vec<ContactRequest> =
        rows.into_iter().take(usize::try_from(page_size).unwrap_or(0)).map(ContactRequest::from).collect();
    let next = items.last().filter(|_| has_more).map(|last| last.id.to_string());
    Ok(Page { items, next })
}

const MARK_CONTACT: &str = "UPDATE contact_requests SET done_at = $3 WHERE account_id = $1 AND id = $2";

/// Says that nothing is left to do about a contact request, or that there is.
///
/// # Errors
/// 404 when the account has no such contact request.
pub async fn mark(server: &Server, account_id: &AccountId, id: &ContactId, is_done: bool) -> Result<()> {
    let done_at = is_done.then(|| server.now().us());
    change(server, account_id, MARK_CONTACT, args![account_id.as_str(), id.as_str(), done_at]).await
}

const DELETE_CONTACT: &str = "DELETE FROM contact_requests WHERE account_id = $1 AND id = $2";

/// Deletes a contact request.
///
/// # Errors
/// 404 when the account has no such contact request.
pub async fn delete(server: &Server, account_id: &AccountId, id: &ContactId) -> Result<()> {
    change(server, account_id, DELETE_CONTACT, args![account_id.as_str(), id.as_str()]).await
}

async fn change(
    server: &Server,
    account_id: &AccountId,
    statement: &'static str,
    of: Vec<crate::db::Arg>,
) -> Result<()> {
    if server.db.execute(statement, of).await? == 0 {
        return Err(Problem::not_found("contact request").into());
    }
    server.live.changed(account_id);
    Ok(())
}

/// How many are read at a time for a file.
const STEP_SIZE: i64 = 500;

const HEADER: &str =
    "contact_id,created_at,done_at,chatbot_id,chatbot_name,conversation_id,origin,name,email,message\r\n";

/// All contact requests as comma-separated values, newest first, in pieces of a file.
pub fn export(server: Arc<Server>, account_id: AccountId) -> impl Stream<Item = Result<String>> + Send + 'static {
    stream::try_unfold(Some((server, account_id, None::<ContactId>)), async |progress| {
        let Some((server, account_id, before)) = progress else { return Ok(None) };
        let page = list(&server, &account_id, ContactState::All, before.as_ref(), STEP_SIZE).await?;
        let head = if before.is_none() { HEADER } else { "" };
        let piece = page.items.iter().map(line).fold(head.to_owned(), |piece, line| piece + &line);
        let next = page.next.map(|id| (server, account_id, Some(ContactId::from_row(id))));
        Ok(Some((piece, next)))
    })
}

fn line(contact: &ContactRequest) -> String {
    let cells = [
        contact.id.as_str(),
        &contact.created_at.to_string(),
        &contact.done_at.map(|at| at.to_string()).unwrap_or_default(),
        contact.chatbot_id.as_str(),
        &contact.chatbot_name,
        contact.conversation_id.as_ref().map_or("", ConversationId::as_str),
        &contact.origin,
        &contact.text.name,
        &contact.text.email,
        &contact.text.message,
    ];
    cells.map(cell).join(",") + "\r\n"
}
