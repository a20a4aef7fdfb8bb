//! Documents: what a chatbot answers from. A text is ready at once; a file waits until its text has been read out of it
//! (`reading.rs`), and keeps its place in the plan whatever comes of that.
//!
//! **Invariant:** whoever locks several rows takes them in one order: account, chatbot, document, file.

pub mod extract;
mod files;
pub mod program;
mod reading;

pub use files::{File, too_large};
pub use reading::read_waiting;
pub(crate) use reading::{PARALLEL_READINGS, Readings, keep_reading};

use crate::db::Tx;
use crate::error::Result;
use crate::{Server, accounts, args, db};
use domain::chatbot::{Document, DocumentKind, DocumentState};
use domain::clock::Timestamp;
use domain::field::{self, DOCUMENT_BYTES_MAX, FieldError};
use domain::id::{AccountId, ChatbotId, DocumentId};
use domain::passages::{PAGE_END, passages};
use domain::plan::Limited;
use domain::problem::{Problem, ProblemCode};

#[derive(db::FromRow, serde::Deserialize)]
struct DocumentRow {
    id: String,
    chatbot_id: String,
    chatbot_name: String,
    name: String,
    kind: String,
    state: String,
    reason: String,
    size_bytes: i64,
    pages: Option<i64>,
    passages: i64,
    created_at: i64,
}

impl From<DocumentRow> for Document {
    fn from(row: DocumentRow) -> Self {
        Self {
            id: DocumentId::from_row(row.id),
            chatbot_id: ChatbotId::from_row(row.chatbot_id),
            chatbot_name: row.chatbot_name,
            name: row.name,
            kind: DocumentKind::parse(&row.kind).unwrap_or(DocumentKind::Text),
            state: DocumentState::parse(&row.state, row.reason).unwrap_or(DocumentState::Ready),
            size_bytes: row.size_bytes,
            pages: row.pages,
            passages: row.passages,
            created_at: Timestamp::from_us(row.created_at),
        }
    }
}

const SELECT_DOCUMENTS: &str = "
SELECT d.id, d.chatbot_id, c.name AS chatbot_name, d.name, d.kind, d.state, d.reason, d.size_bytes, d.pages, d.passages,
       d.created_at
FROM documents d JOIN chatbots c ON c.account_id = d.account_id AND c.id = d.chatbot_id
WHERE d.account_id = $1 AND ($2 = '' OR d.chatbot_id = $2)
ORDER BY d.created_at DESC, d.id DESC
LIMIT 2000";

/// The documents of an account, or of one of its chatbots, newest first.
pub async fn list(server: &Server, account_id: &AccountId, chatbot_id: Option<&ChatbotId>) -> Result<Vec<Document>> {
    let chatbot_id = chatbot_id.map_or("", ChatbotId::as_str);
    let rows: Vec<DocumentRow> = server.db.all(SELECT_DOCUMENTS, args![account_id.as_str(), chatbot_id]).await?;
    Ok(rows.into_iter().map(Document::from).collect())
}

const SELECT_DOCUMENT: &str = "
SELECT d.id, d.chatbot_id, c.name AS chatbot_name, d.name, d.kind, d.state, d.reason, d.size_bytes, d.pages, d.passages,
       d.created_at
FROM documents d JOIN chatbots c ON c.account_id = d.account_id AND c.id = d.chatbot_id
WHERE d.account_id = $1 AND d.id = $2";

/// One document.
///
/// # Errors
/// 404 when the account has no such document.
pub async fn get(server: &Server, account_id: &AccountId, document_id: &DocumentId) -> Result<Document> {
    let scope = args![account_id.as_str(), document_id.as_str()];
    let row: Option<DocumentRow> = server.db.optional(SELECT_DOCUMENT, scope).await?;
    Ok(row.map(Document::from).ok_or_else(|| Problem::not_found("document"))?)
}

/// What a document is to hold.
struct Content {
    name: String,
    kind: DocumentKind,
    size_bytes: i64,
    made_of: MadeOf,
}

enum MadeOf {
    Text { text: String, passages: i64 },
    File(Vec<u8>),
}

impl Content {
    fn of_text(kind: DocumentKind, name: &str, text: &str) -> Result<Self> {
        let name = field::name("name", name)?.to_owned();
        if text.len() > DOCUMENT_BYTES_MAX {
            let message = format!("the text may have at most {} MB", DOCUMENT_BYTES_MAX / 1024 / 1024);
            return Err(FieldError::new("text", message).into());
        }
        if text.contains('\0') {
            return Err(FieldError::new("text", "the text may not hold control characters").into());
        }
        let passages = count(passages(text).len());
        if passages == 0 {
            return Err(FieldError::new("text", "enter the text").into());
        }
        let made_of = MadeOf::Text { text: text.to_owned(), passages };
        Ok(Self { name, kind, size_bytes: count(text.len()), made_of })
    }

    fn of_file(file: File) -> Result<Self> {
        let kind = file.kind()?;
        if kind.is_plain() {
            return Self::of_text(kind, &file.name, file.text()?);
        }
        let name = field::name("name", &file.name)?.to_owned();
        Ok(Self { name, kind, size_bytes: count(file.bytes.len()), made_of: MadeOf::File(file.bytes) })
    }

    const fn state(&self) -> DocumentState {
        match self.made_of {
            MadeOf::Text { .. } => DocumentState::Ready,
            MadeOf::File(_) => DocumentState::Waiting,
        }
    }
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// How many pages a text has, where it has any.
fn pages_of(text: &str) -> Option<i64> {
    let (paged, rest) = text.rsplit_once(PAGE_END)?;
    Some(count(paged.matches(PAGE_END).count() + 1 + usize::from(!rest.trim().is_empty())))
}

/// `$3` is how many times the documents have changed.
const TOUCH_CHATBOT: &str = "
UPDATE chatbots SET documents_version = documents_version + $3
WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL
RETURNING name";

/// Locks a chatbot, and says whether what it answers from changes.
async fn touch(tx: &mut Tx, account_id: &AccountId, chatbot_id: &str, is_changed: bool) -> Result<String> {
    let touched = args![account_id.as_str(), chatbot_id, i64::from(is_changed)];
    let row: Option<(String,)> = tx.optional(TOUCH_CHATBOT, touched).await?;
    Ok(row.map(|(name,)| name).ok_or_else(|| Problem::not_found("chatbot"))?)
}

const COUNT_DOCUMENTS: &str = "SELECT COUNT(*) FROM documents WHERE account_id = $1";

const INSERT_DOCUMENT: &str = "
INSERT INTO documents (account_id, id, chatbot_id, name, text, size_bytes, passages, created_at, kind, state, pages, queued_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $8)";

const INSERT_FILE: &str = "INSERT INTO document_files (account_id, document_id, bytes) VALUES ($1, $2, $3)";

/// Adds a text to a chatbot, which answers from it at once.
///
/// # Errors
/// 422 for the name or the text, 404 when the account has no such chatbot, 403 when the plan has no place left.
pub async fn add(
    server: &Server,
    account_id: &AccountId,
    chatbot_id: &ChatbotId,
    name: &str,
    text: &str,
) -> Result<Document> {
    insert(server, account_id, chatbot_id, Content::of_text(DocumentKind::Markdown, name, text)?).await
}

/// Adds a file to a chatbot, which answers from it as soon as it has been read; from plain text and Markdown at once.
///
/// # Errors
/// 415 and 413 as [`File::kind`], 422 for the name or a text without words, 404 when the account has no such chatbot, 403
/// when the plan has no place left.
pub async fn upload(server: &Server, account_id: &AccountId, chatbot_id: &ChatbotId, file: File) -> Result<Document> {
    insert(server, account_id, chatbot_id, Content::of_file(file)?).await
}

async fn insert(server: &Server, account_id: &AccountId, chatbot_id: &ChatbotId, content: Content) -> Result<Document> {
    let now = server.now();
    let id = DocumentId::new(now, server.id_bytes());
    let state = content.state();
    let Content { name, kind, size_bytes, made_of } = content;
    let (text, passages, file) = match made_of {
        MadeOf::Text { text, passages } => (text, passages, None),
        MadeOf::File(bytes) => (String::new(), 0, Some(bytes)),
    };
    let pages = pages_of(&text);
    let mut tx = server.db.begin().await?;
    let plan = accounts::lock(server, &mut tx, account_id).await?;
    let chatbot_name = touch(&mut tx, account_id, chatbot_id.as_str(), file.is_none()).await?;
    let (used,): (i64,) = tx.one(COUNT_DOCUMENTS, args![account_id.as_str()]).await?;
    plan.allow_one_more(Limited::Documents, used)?;
    let (account, document) = (account_id.as_str(), id.as_str());
    let mut row = args![account, document, chatbot_id.as_str(), &name, text, size_bytes, passages, now.us()];
    row.extend(args![kind.as_str(), state.as_str(), pages]);
    tx.execute(INSERT_DOCUMENT, row).await?;
    if let Some(bytes) = file {
        tx.execute(INSERT_FILE, args![account, document, bytes]).await?;
    }
    tx.commit().await?;
    server.live.changed(account_id);
    server.readings.wake();
    let chatbot_id = chatbot_id.clone();
    Ok(Document { id, chatbot_id, chatbot_name, name, kind, state, size_bytes, pages, passages, created_at: now })
}

const REPLACE_TEXT: &str = "
UPDATE documents
SET name = $3, kind = $4, size_bytes = $5, text = $6, passages = $7, pages = $8, state = 'ready', reason = '',
    revision = revision + 1
WHERE account_id = $1 AND id = $2";

/// The text that was there is answered from until the new one is ready.
const REPLACE_FILE: &str = "
UPDATE documents
SET name = $3, kind = $4, size_bytes = $5, state = 'waiting', reason = '', revision = revision + 1, queued_at = $6,
    attempts = 0
WHERE account_id = $1 AND id = $2";

const DELETE_FILE: &str = "DELETE FROM document_files WHERE account_id = $1 AND document_id = $2";

/// Puts a text in the place of a document, which keeps its id.
///
/// # Errors
/// 422 for the name or the text, 404 when the account has no such document.
pub async fn replace_by_text(
    server: &Server,
    account_id: &AccountId,
    document_id: &DocumentId,
    name: &str,
    text: &str,
) -> Result<Document> {
    replace_by(server, account_id, document_id, Content::of_text(DocumentKind::Markdown, name, text)?).await
}

/// Puts a file in the place of a document, which keeps its id, and which is answered from as it was until the file has
/// been read.
///
/// # Errors
/// 415 and 413 as [`File::kind`], 422 for the name or a text without words, 404 when the account has no such document.
pub async fn replace(
    server: &Server,
    account_id: &AccountId,
    document_id: &DocumentId,
    file: File,
) -> Result<Document> {
    replace_by(server, account_id, document_id, Content::of_file(file)?).await
}

async fn replace_by(
    server: &Server,
    account_id: &AccountId,
    document_id: &DocumentId,
    content: Content,
) -> Result<Document> {
    let before = get(server, account_id, document_id).await?;
    let Content { name, kind, size_bytes, made_of } = content;
    let (account, document) = (account_id.as_str(), document_id.as_str());
    let mut row = args![account, document, &name, kind.as_str(), size_bytes];
    let is_ready = matches!(made_of, MadeOf::Text { .. });
    let mut tx = server.db.begin().await?;
    touch(&mut tx, account_id, before.chatbot_id.as_str(), is_ready).await?;
    let (sql, file) = match made_of {
        MadeOf::Text { text, passages } => {
            let pages = pages_of(&text);
            row.extend(args![text, passages, pages]);
            (REPLACE_TEXT, None)
        }
        MadeOf::File(bytes) => {
            row.extend(args![server.now().us()]);
            (REPLACE_FILE, Some(bytes))
        }
    };
    if tx.execute(sql, row).await? == 0 {
        return Err(Problem::not_found("document").into());
    }
    tx.execute(DELETE_FILE, args![account, document]).await?;
    if let Some(bytes) = file {
        tx.execute(INSERT_FILE, args![account, document, bytes]).await?;
    }
    tx.commit().await?;
    server.live.changed(account_id);
    server.readings.wake();
    get(server, account_id, document_id).await
}

const TRY_AGAIN: &str = "
UPDATE documents SET state = 'waiting', reason = '', queued_at = $3, attempts = 0
WHERE account_id = $1 AND id = $2 AND state = 'failed'";

/// Lets a file that could not be read be read once more.
///
/// # Errors
/// 404 when the account has no such document, 409 when its file has not failed.
pub async fn try_again(server: &Server, account_id: &AccountId, document_id: &DocumentId) -> Result<Document> {
    let failed = args![account_id.as_str(), document_id.as_str(), server.now().us()];
    let changed = server.db.execute(TRY_AGAIN, failed).await?;
    let document = get(server, account_id, document_id).await?;
    if changed == 0 {
        let detail = "only a document whose file could not be read can be tried again";
        return Err(Problem::with_detail(ProblemCode::Conflict, detail).into());
    }
    server.live.changed(account_id);
    server.readings.wake();
    Ok(document)
}

const DELETE_DOCUMENT: &str = "DELETE FROM documents WHERE account_id = $1 AND id = $2";

/// Deletes a document; its chatbot answers without it at once.
///
/// # Errors
/// 404 when the account has no such document.
pub async fn delete(server: &Server, account_id: &AccountId, document_id: &DocumentId) -> Result<()> {
    let document = get(server, account_id, document_id).await?;
    let mut tx = server.db.begin().await?;
    touch(&mut tx, account_id, document.chatbot_id.as_str(), true).await?;
    if tx.execute(DELETE_DOCUMENT, args![account_id.as_str(), document_id.as_str()]).await? == 0 {
        return Err(Problem::not_found("document").into());
    }
    tx.commit().await?;
    server.live.changed(account_id);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_counted_by_their_ends() {
        for (text, pages) in [("One.", None), ("One.\n\u{c}", Some(1)), ("\u{c}\u{c}\n", Some(2)), ("1\u{c}2", Some(2))]
        {
            assert_eq!(pages_of(text), pages, "{text:?}");
        }
    }
}
