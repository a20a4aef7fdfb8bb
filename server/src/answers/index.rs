//! Indexes: what a chatbot's documents hold, ready to be searched, built when it is first asked and kept in memory.
//!
//! An answer says from which version of the documents it was made; whoever stores it compares that with the database in
//! the same transaction, so that no process delivers an answer from documents that are not there any more.

use super::search::Passages;
use super::words::Words;
use crate::error::{Error, Result};
use crate::{Server, args};
use domain::chatbot::Citation;
use domain::id::{AccountId, ChatbotId, DocumentId};
use domain::passages::passages;
use domain::problem::Problem;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// Most that the indexes in memory take, in bytes. The index of one chatbot is kept however large it is.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// The documents of a chatbot, as they were at one version.
pub struct Index {
    account_id: AccountId,
    pub(super) documents_version: i64,
    bytes: usize,
    citations: Vec<Citation>,
    passages: Passages,
    words: Arc<Words>,
}

impl Index {
    /// The passages that fit a question best with their scores, best first; those without a word of it are left out.
    pub fn best(&self, question: &str, count: usize) -> impl Iterator<Item = (&Citation, f32)> {
        let best = self.passages.best(&self.words, question, count);
        best.into_iter().filter_map(|(place, score)| Some((self.citations.get(place)?, score)))
    }

    fn build(
        words: Arc<Words>,
        account_id: AccountId,
        documents_version: i64,
        documents: Vec<(String, String, String)>,
    ) -> Self {
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
        citations.shrink_to_fit();
        let passages = Passages::new(&words, &citations);
        let bytes = passages.bytes() + citations.iter().map(bytes_of).sum::<usize>();
        Self { account_id, documents_version, bytes, citations, passages, words }
    }

    #[cfg(test)]
    pub(super) fn of(texts: &[(&str, &str)]) -> Self {
        let documents =
            texts.iter().map(|(name, text)| (format!("doc_{name}"), (*name).to_owned(), (*text).to_owned()));
        Self::build(Arc::default(), AccountId::from_row("acct_1".to_owned()), 1, documents.collect())
    }
}

/// What a citation takes in memory; each of its texts lies in a place of its own.
fn bytes_of(citation: &Citation) -> usize {
    let Citation { document_id, document_name, heading, page: _, text } = citation;
    size_of::<Citation>() + document_id.as_str().len() + document_name.len() + heading.len() + text.len()
}

/// The indexes that are in memory.
pub(crate) struct Indexes {
    kept: Mutex<Kept>,
    words: Arc<Words>,
    /// The right to build one: more at a time than there are cores would only take more threads and memory.
    building: Semaphore,
}

impl Default for Indexes {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self { kept: Mutex::default(), words: Arc::default(), building: Semaphore::new(cores) }
    }
}

#[derive(Default)]
struct Kept {
    indexes: HashMap<ChatbotId, Arc<Index>>,
    bytes: usize,
}

impl Kept {
    fn remove(&mut self, chatbot_id: &ChatbotId) {
        if let Some(index) = self.indexes.remove(chatbot_id) {
            self.bytes -= index.bytes;
        }
    }
}

impl Indexes {
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
        while kept.bytes + index.bytes > BYTES_MAX {
            let Some(other) = kept.indexes.keys().next().cloned() else { break };
            kept.remove(&other);
        }
        kept.bytes += index.bytes;
        kept.indexes.insert(chatbot_id.clone(), index);
    }

    pub(crate) fn forget(&self, chatbot_id: &ChatbotId) {
        self.kept().remove(chatbot_id);
    }
}

const SELECT_VERSION: &str = "
SELECT documents_version FROM chatbots WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";

const SELECT_TEXTS: &str = "
SELECT id, name, text FROM documents WHERE account_id = $1 AND chatbot_id = $2 ORDER BY created_at, id LIMIT 20000";

/// The index of a chatbot; one that is in memory may be of documents that another process has changed since.
///
/// # Errors
/// 404 when the account has no such chatbot.
pub(super) async fn of(server: &Server, account_id: &AccountId, chatbot_id: &ChatbotId) -> Result<Arc<Index>> {
    match server.search.get(account_id, chatbot_id) {
        Some(index) => Ok(index),
        None => read(server, account_id, chatbot_id).await,
    }
}

/// The index of a chatbot's documents as they are now: the given one, or a new one.
///
/// # Errors
/// 404 when the account has no such chatbot.
pub(super) async fn current(
    server: &Server,
    account_id: &AccountId,
    chatbot_id: &ChatbotId,
    index: Arc<Index>,
) -> Result<Arc<Index>> {
    if index.documents_version >= version(server, account_id, chatbot_id).await? {
        return Ok(index);
    }
    server.search.forget(chatbot_id);
    read(server, account_id, chatbot_id).await
}

async fn version(server: &Server, account_id: &AccountId, chatbot_id: &ChatbotId) -> Result<i64> {
    let row: Option<(i64,)> =
        server.db.optional(SELECT_VERSION, args![account_id.as_str(), chatbot_id.as_str()]).await?;
    let (documents_version,) = row.ok_or_else(|| Problem::not_found("chatbot"))?;
    Ok(documents_version)
}

async fn read(server: &Server, account_id: &AccountId, chatbot_id: &ChatbotId) -> Result<Arc<Index>> {
    let _right = server.search.building.acquire().await.map_err(Error::internal)?;
    // Whoever had it before may have wanted the same one.
    if let Some(index) = server.search.get(account_id, chatbot_id) {
        return Ok(index);
    }
    // The version is read first: documents that change in between make the index older than it is, and it is built again.
    let documents_version = version(server, account_id, chatbot_id).await?;
    let scope = args![account_id.as_str(), chatbot_id.as_str()];
    let documents: Vec<(String, String, String)> = server.db.all(SELECT_TEXTS, scope).await?;
    let (owner, words) = (account_id.clone(), Arc::clone(&server.search.words));
    let build = move || Index::build(words, owner, documents_version, documents);
    let index = Arc::new(tokio::task::spawn_blocking(build).await.map_err(Error::internal)?);
    server.search.put(chatbot_id, Arc::clone(&index));
    Ok(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_found_where_it_stands_and_no_other() {
        let words = ["anchor", "bread", "copper", "dolphin", "ember", "zebra"];
        for count in 1..=words.len() {
            let text = words[..count].join("\n\n");
            let index = Index::of(&[("", &text)]);
            for (place, word) in words.iter().enumerate() {
                let found: Vec<&str> = index.best(word, 9).map(|(citation, _)| citation.text.as_str()).collect();
                assert_eq!(found, words[..count].get(place).copied().as_slice());
            }
            assert_eq!(index.best("aaa mmm zzz", 9).count(), 0);
            assert!(index.bytes > text.len());
        }
    }

    #[test]
    fn indexes_make_room_for_others_and_the_largest_is_kept_too() {
        let cache = Indexes::default();
        let (account_id, name) =
            (AccountId::from_row("acct_1".to_owned()), |number| ChatbotId::from_row(format!("bot_{number}")));
        let sized = |bytes| Arc::new(Index { bytes, ..Index::of(&[]) });
        for number in 0..5 {
            cache.put(&name(number), sized(BYTES_MAX / 3));
            assert!(cache.get(&account_id, &name(number)).is_some());
        }
        assert_eq!(cache.kept().indexes.len(), 3);
        cache.put(&name(9), sized(2 * BYTES_MAX));
        assert!(cache.get(&account_id, &name(9)).is_some());
        assert_eq!(cache.kept().indexes.len(), 1);
        cache.forget(&name(9));
        assert_eq!(cache.kept().bytes, 0);
    }
}
