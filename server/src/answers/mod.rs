//! Answers: how a chatbot says something to a question, from the passages of its documents that fit it best.
//!
//! An [`AnswerEngine`] either has the answer at once, for the price of a message, or promises one that is written by
//! somebody else and whose price shows at the end. Whoever asks an engine takes care of the credit.

mod extractive;
mod index;
mod search;
mod words;

pub use extractive::NOTHING_FOUND;
pub(crate) use index::Indexes;

use crate::Server;
use crate::error::Result;
use domain::chatbot::{Answer, Citation};
use domain::id::{AccountId, ChatbotId};
use extractive::Extractive;
use index::Index;
use std::sync::Arc;

/// What an answer is made from.
pub struct Prompt<'a> {
    pub question: &'a str,
    pub index: Arc<Index>,
}

/// What becomes of a prompt.
pub enum Draft {
    /// The answer, for the price of a message.
    Made(Answer),
}

/// Writes answers.
pub trait AnswerEngine: Send + Sync {
    /// How many of a conversation's last messages it takes into account.
    fn history_max(&self) -> i64;

    /// Begins an answer.
    ///
    /// # Errors
    /// When the engine cannot answer at the moment.
    fn draft(&self, prompt: Prompt<'_>) -> Result<Draft>;
}

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
    let index = index::of(server, account_id, chatbot_id).await?;
    let documents_version = index.documents_version;
    let Draft::Made(answer) = Extractive.draft(Prompt { question, index })?;
    Ok((answer, documents_version))
}

/// The passages of a chatbot's documents that fit a question best, best first.
///
/// # Errors
/// 404 when the account has no such chatbot.
pub async fn search(
    server: &Server,
    account_id: &AccountId,
    chatbot_id: &ChatbotId,
    question: &str,
    count: usize,
) -> Result<Vec<Citation>> {
    let index = index::of(server, account_id, chatbot_id).await?;
    Ok(index.best(question, count).map(|(citation, _)| citation.clone()).collect())
}
