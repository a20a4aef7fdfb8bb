//! Answers: the built-in `extractive` engine quotes the passages that match a question best.
//!
//! A chatbot's index is built from its documents when it is first asked, and kept in memory. An answer says from which
//! version of the documents it was made; whoever stores it compares that with the database in the same transaction, so
//! that no process delivers an answer from documents that are not there any more.

use crate::error::{Error, Result};
use crate::{Server, args};
use bm25::{Document as Indexed, Language, SearchEngine, SearchEngineBuilder};
use domain::chatbot::{Answer, Citation};
use domain::id::{AccountId, ChatbotId, DocumentId};
use domain::passages::passages;
use domain::problem::Problem;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// Most passages that an answer quotes.
const CITATIONS_MAX: usize = 3;
/// A further passage is quoted when its score is at least this share of the best one's.
const CLOSE_SCORE: f32 = 0.75;
/// Most text whose indexes are kept in memory, in bytes. The index of one chatbot is kept however large it is.
const TEXT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a chatbot says when nothing matches.
pub const NOTHING_FOUND: &str = "I found nothing about that in my documents.";

struct Index {
    account_id: AccountId,
    documents_version: i64,
    text_bytes: usize,
    citations: Vec<Citation>,
    engine: SearchEngine<u32>,
}

/// The indexes that are in memory.
pub(crate) struct SearchCache {
    kept: Mutex<Kept>,
    /// The right to build one: more at a time than there are cores would only take more threads and memory.
    building: Semaphore,
}

impl Default for SearchCache {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self { kept: Mutex::default(), building: Semaphore::new(cores) }
    }
}

#[derive(Default)]
struct Kept {
    indexes: HashMap<ChatbotId, Arc<Index>>,
    text_bytes: usize,
}

impl Kept {
    fn remove(&mut self, chatbot_id: &ChatbotId) {
        if let Some(index) = self.indexes.remove(chatbot_id) {
            self.text_bytes -= index.text_bytes;
        }
    }
}

impl SearchCache {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, account_id: &AccountId, chatbot_id: &ChatbotId) -> Option<Arc<Index>> {
        self.kept().indexes.get(chatbot_id).filter(|index| index.account_id == *account_id).cloned()
    }

    /// Keeps an index; any others make room for it.
    fn put(&self, chatbot_id: &ChatbotId, index: Arc<Index>) {
        let mut kept = self.kept();
        kept.remove(chatbot_id);
        while kept.text_bytes + index.text_bytes > TEXT_BYTES_MAX {
            let Some(other) = kept.indexes.keys().next().cloned() else { break };
            kept.remove(&other);
        }
        kept.text_bytes += index.text_bytes;
        kept.indexes.insert(chatbot_id.clone(), index);
    }

    pub(crate) fn forget(&self, chatbot_id: &ChatbotId) {
        self.kept().remove(chatbot_id);
    }
}

const SELECT_VERSION: &str = "
SELECT documents_version FROM chatbots WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";

const SELECT_TEXTS: &str = "
SELECT id, name, text FROM documents WHERE account_id = $1 AND chatbot_id = $2 ORDER BY created_at, id LIMIT 2000";

/// Answers a question from the documents of a chatbot; returns the version of the documents with the answer.
///
/// # Errors
/// 404 when the account has no such chatbot.
pub async fn answer(
    server: &Server,
    account_id: &AccountId,
    chatbot_id: &ChatbotId,
    question: &str,
) -> Result<(Answer, i64)> {
    let index = match server.search.get(account_id, chatbot_id) {
        Some(index) => index,
        None => read_index(server, account_id, chatbot_id).await?,
    };
    Ok((extract(&index, question), index.documents_version))
}

async fn read_index(server: &Server, account_id: &AccountId, chatbot_id: &ChatbotId) -> Result<Arc<Index>> {
    let _right = server.search.building.acquire().await.map_err(Error::internal)?;
    // Whoever had it before may have wanted the same one.
    if let Some(index) = server.search.get(account_id, chatbot_id) {
        return Ok(index);
    }
    let scope = || args![account_id.as_str(), chatbot_id.as_str()];
    // The version is read first: documents that change in between make the index older than it is, and it is built again.
    let row: Option<(i64,)> = server.db.optional(SELECT_VERSION, scope()).await?;
    let (documents_version,) = row.ok_or_else(|| Problem::not_found("chatbot"))?;
    let documents: Vec<(String, String, String)> = server.db.all(SELECT_TEXTS, scope()).await?;
    let owner = account_id.clone();
    let build = move || build_index(owner, documents_version, documents);
    let index = Arc::new(tokio::task::spawn_blocking(build).await.map_err(Error::internal)?);
    server.search.put(chatbot_id, Arc::clone(&index));
    Ok(index)
}

fn build_index(account_id: AccountId, documents_version: i64, documents: Vec<(String, String, String)>) -> Index {
    let mut citations = Vec::new();
    for (id, document_name, text) in documents {
        let document_id = DocumentId::from_row(id);
        citations.extend(passages(&text).into_iter().map(|passage| Citation {
            document_id: document_id.clone(),
            document_name: document_name.clone(),
            heading: passage.heading,
            page: passage.page,
            text: passage.text,
        }));
    }
    let indexed = citations
        .iter()
        .zip(0_u32..)
        .map(|(citation, number)| Indexed::new(number, format!("{}\n{}", citation.heading, citation.text)));
    let indexed: Vec<Indexed<u32>> = indexed.collect();
    let engine = SearchEngineBuilder::with_documents(Language::English, indexed).build();
    let text_bytes = citations.iter().map(|citation| citation.heading.len() + citation.text.len()).sum();
    Index { account_id, documents_version, text_bytes, citations, engine }
}

fn extract(index: &Index, question: &str) -> Answer {
    let found = index.engine.search(question, CITATIONS_MAX);
    let best_score = found.first().map_or(0.0, |best| best.score);
    let close = found.into_iter().filter(|result| result.score > 0.0 && result.score >= best_score * CLOSE_SCORE);
    let citations: Vec<Citation> =
        close.filter_map(|result| index.citations.get(usize::try_from(result.document.id).ok()?).cloned()).collect();
    if citations.is_empty() {
        return Answer { text: NOTHING_FOUND.to_owned(), citations };
    }
    let mut text = String::new();
    for citation in &citations {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&citation.text);
        text.push_str(" (");
        text.push_str(&citation.document_name);
        text.push(')');
    }
    Answer { text, citations }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(texts: &[(&str, &str)]) -> Index {
        let documents =
            texts.iter().map(|(name, text)| (format!("doc_{name}"), (*name).to_owned(), (*text).to_owned()));
        build_index(AccountId::from_row("acct_1".to_owned()), 1, documents.collect())
    }

    #[test]
    fn the_best_passage_is_quoted_with_its_document() {
        let index = index(&[
            ("shipping.md", "# Shipping\nParcels leave our warehouse on weekdays.\n\nExpress costs extra."),
            ("returns.md", "# Returns\nYou can send a lamp back within thirty days."),
        ]);
        let answer = extract(&index, "how long can I return lamps?");
        assert_eq!(answer.citations[0].document_name, "returns.md");
        assert_eq!(answer.text, "You can send a lamp back within thirty days. (returns.md)");
    }

    #[test]
    fn indexes_make_room_for_others_and_the_largest_is_kept_too() {
        let cache = SearchCache::default();
        let (account_id, name) =
            (AccountId::from_row("acct_1".to_owned()), |number| ChatbotId::from_row(format!("bot_{number}")));
        let sized = |text_bytes| Arc::new(Index { text_bytes, ..index(&[]) });
        for number in 0..5 {
            cache.put(&name(number), sized(TEXT_BYTES_MAX / 3));
            assert!(cache.get(&account_id, &name(number)).is_some());
        }
        assert_eq!(cache.kept().indexes.len(), 3);
        cache.put(&name(9), sized(2 * TEXT_BYTES_MAX));
        assert!(cache.get(&account_id, &name(9)).is_some());
        assert_eq!(cache.kept().indexes.len(), 1);
        cache.forget(&name(9));
        assert_eq!(cache.kept().text_bytes, 0);
    }

    #[test]
    fn a_question_without_a_match_gets_a_plain_no() {
        let answer = extract(&index(&[("a.md", "Lamps and shades.")]), "quantum chromodynamics");
        assert_eq!((answer.text.as_str(), answer.citations.len()), (NOTHING_FOUND, 0));
        assert_eq!(extract(&index(&[]), "anything").text, NOTHING_FOUND);
    }
}
