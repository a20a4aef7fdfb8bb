//! Documents: text that a chatbot answers from.

pub mod extract;

use crate::error::Result;
use crate::{Server, accounts, args, db};
use domain::chatbot::Document;
use domain::clock::Timestamp;
use domain::field::{self, DOCUMENT_BYTES_MAX, FieldError};
use domain::id::{AccountId, ChatbotId, DocumentId};
use domain::passages::passages;
use domain::plan::Limited;
use domain::problem::{Problem, ProblemCode};

#[derive(db::FromRow)]
struct DocumentRow {
    id: String,
    chatbot_id: String,
    chatbot_name: String,
    name: String,
    size_bytes: i64,
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
            size_bytes: row.size_bytes,
            passages: row.passages,
            created_at: Timestamp::from_us(row.created_at),
        }
    }
}

const SELECT_DOCUMENTS: &str = "
SELECT d.id, d.chatbot_id, c.name AS chatbot_name, d.name, d.size_bytes, d.passages, d.created_at
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
SELECT d.id, d.chatbot_id, c.name AS chatbot_name, d.name, d.size_bytes, d.passages, d.created_at
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

/// Takes the text out of an uploaded file.
///
/// # Errors
/// 413 when it is too large, 415 when it is not plain text or Markdown in UTF-8.
pub fn text_of_upload(file_name: &str, media_type: Option<&str>, bytes: &[u8]) -> Result<String> {
    if bytes.len() > DOCUMENT_BYTES_MAX {
        let detail = format!("{file_name} is larger than {} MB", DOCUMENT_BYTES_MAX / 1024 / 1024);
        return Err(
            Problem { field: Some("file".into()), ..Problem::with_detail(ProblemCode::TooLarge, detail) }.into()
        );
    }
    let refused = |reason: &str| {
        let detail = format!("{file_name} {reason}");
        Problem { field: Some("file".into()), ..Problem::with_detail(ProblemCode::UnsupportedMediaType, detail) }
    };
    let name = file_name.to_lowercase();
    let has_text_name = [".txt", ".md", ".markdown"].iter().any(|ending| name.ends_with(ending));
    let has_text_type = media_type.is_some_and(|media_type| media_type.starts_with("text/"));
    if !has_text_name && !has_text_type {
        return Err(refused("is not plain text or Markdown (.txt, .md)").into());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| refused("is not written in UTF-8; save it as UTF-8 text"))?;
    if text.contains('\0') {
        return Err(refused("is not text").into());
    }
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned())
}

const TOUCH_CHATBOT: &str = "
UPDATE chatbots SET documents_version = documents_version + 1
WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL
RETURNING name";

const COUNT_DOCUMENTS: &str = "SELECT COUNT(*) FROM documents WHERE account_id = $1";

const INSERT_DOCUMENT: &str = "
INSERT INTO documents (account_id, id, chatbot_id, name, text, size_bytes, passages, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

/// Adds a document to a chatbot, which answers from it at once.
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
    let name = field::name("name", name)?;
    if text.len() > DOCUMENT_BYTES_MAX {
        let message = format!("the text may have at most {} MB", DOCUMENT_BYTES_MAX / 1024 / 1024);
        return Err(FieldError::new("text", message).into());
    }
    if text.contains('\0') {
        return Err(FieldError::new("text", "the text may not hold control characters").into());
    }
    let found = i64::try_from(passages(text).len()).unwrap_or(i64::MAX);
    if found == 0 {
        return Err(FieldError::new("text", "enter the text").into());
    }
    let now = server.now();
    let id = DocumentId::new(now, server.id_bytes());
    let size_bytes = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let mut tx = server.db.begin().await?;
    let plan = accounts::lock(server, &mut tx, account_id).await?;
    let chatbot: Option<(String,)> =
        tx.optional(TOUCH_CHATBOT, args![account_id.as_str(), chatbot_id.as_str()]).await?;
    let (chatbot_name,) = chatbot.ok_or_else(|| Problem::not_found("chatbot"))?;
    let (used,): (i64,) = tx.one(COUNT_DOCUMENTS, args![account_id.as_str()]).await?;
    plan.allow_one_more(Limited::Documents, used)?;
    let row = args![account_id.as_str(), id.as_str(), chatbot_id.as_str(), name, text, size_bytes, found, now.us()];
    tx.execute(INSERT_DOCUMENT, row).await?;
    tx.commit().await?;
    server.live.changed(account_id);
    Ok(Document {
        id,
        chatbot_id: chatbot_id.clone(),
        chatbot_name,
        name: name.to_owned(),
        size_bytes,
        passages: found,
        created_at: now,
    })
}

const DELETE_DOCUMENT: &str = "DELETE FROM documents WHERE account_id = $1 AND id = $2 RETURNING chatbot_id";

/// Deletes a document; its chatbot answers without it at once.
///
/// # Errors
/// 404 when the account has no such document.
pub async fn delete(server: &Server, account_id: &AccountId, document_id: &DocumentId) -> Result<()> {
    let mut tx = server.db.begin().await?;
    let row: Option<(String,)> = tx.optional(DELETE_DOCUMENT, args![account_id.as_str(), document_id.as_str()]).await?;
    let (chatbot_id,) = row.ok_or_else(|| Problem::not_found("document"))?;
    let _name: Option<(String,)> = tx.optional(TOUCH_CHATBOT, args![account_id.as_str(), chatbot_id]).await?;
    tx.commit().await?;
    server.live.changed(account_id);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_is_taken_from_an_upload() {
        assert_eq!(text_of_upload("a.md", None, "\u{feff}# Hä".as_bytes()).unwrap(), "# Hä");
        assert_eq!(text_of_upload("notes", Some("text/plain"), b"hi").unwrap(), "hi");
        for (name, media_type, bytes) in [
            ("a.pdf", Some("application/pdf"), b"%PDF".as_slice()),
            ("a.txt", None, b"\xff\xfe".as_slice()),
            ("a.txt", Some("text/plain"), b"a\0b".as_slice()),
        ] {
            let problem = text_of_upload(name, media_type, bytes).unwrap_err().into_problem();
            assert_eq!(problem.code, ProblemCode::UnsupportedMediaType, "{name}");
        }
        let large = vec![b'a'; DOCUMENT_BYTES_MAX + 1];
        assert_eq!(text_of_upload("a.txt", None, &large).unwrap_err().into_problem().code, ProblemCode::TooLarge);
    }
}
