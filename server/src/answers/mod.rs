//! Answers: how a chatbot says something to a question, from the passages of its documents that fit it best.
//!
//! An [`AnswerEngine`] either has the answer at once, for the price of a message, or promises one that is written by
//! somebody else and whose price shows at the end. Whoever asks an engine takes care of the credit.

mod extractive;
mod index;
pub mod openai;
mod search;
mod words;

pub use extractive::NOTHING_FOUND;
pub(crate) use index::Indexes;

use crate::clock::Clock;
use crate::error::{Error, Result, StartError};
use crate::{Config, Server, args, chatbots};
use domain::chatbot::{Answer, Citation};
use domain::chatbot_settings;
use domain::credit::Credit;
use domain::id::{AccountId, ChatbotId, ConversationId};
use extractive::Extractive;
use futures_util::stream::BoxStream;
use index::Index;
use openai::Model;
use std::sync::Arc;

/// A message of the conversation so far, with its answer.
pub struct Exchange {
    pub question: String,
    pub answer: String,
}

/// What an answer is made from.
pub struct Prompt<'a> {
    pub question: &'a str,
    pub index: Arc<Index>,
    /// What the chatbot's owner says of how it is to answer; may be empty.
    pub instructions: String,
    /// The conversation so far, oldest first.
    pub history: Vec<Exchange>,
}

/// What becomes of a prompt.
pub enum Draft {
    /// The answer, for the price of a message.
    Made(Answer),
    /// An answer that somebody else writes.
    Pending(Pending),
}

/// An answer that is written while its pieces are asked for. Dropping it stops that.
pub struct Pending {
    /// What it costs at most; `None` when it has the price of a message.
    pub maximum: Option<Credit>,
    /// Its pieces, of which the last is its end; or an error, after which there are no more.
    pub pieces: BoxStream<'static, Result<Piece>>,
}

/// A piece of an answer.
pub enum Piece {
    Text(String),
    End(Written),
}

/// The end of an answer.
pub struct Written {
    /// What is still to be said.
    pub rest: String,
    /// The passages that it names, in that order.
    pub citations: Vec<Citation>,
    /// What it cost; `None` when it has the price of a message.
    pub cost: Option<Credit>,
}

/// Writes answers.
pub trait AnswerEngine: Send + Sync {
    /// How many of a conversation's last messages it takes into account.
    fn history_max(&self) -> i64;

    /// Begins an answer.
    ///
    /// # Errors
    /// 503 when the engine cannot answer at the moment.
    fn draft(&self, prompt: Prompt<'_>) -> Result<Draft>;
}

/// The engines of this installation.
pub(crate) struct Engines {
    default: chatbot_settings::AnswerEngine,
    model: Option<Model>,
}

impl Engines {
    /// # Errors
    /// When the options of an engine do not fit together.
    pub fn open(config: &Config, clock: Arc<dyn Clock>) -> std::result::Result<Self, StartError> {
        Ok(Self { default: config.answer_engine, model: Model::open(&config.openai, clock)? })
    }
}

/// The engines that a chatbot can be given, the server's default first.
#[must_use]
pub fn engines(server: &Server) -> &'static [chatbot_settings::AnswerEngine] {
    use chatbot_settings::AnswerEngine::{Extractive, Openai};
    match (&server.engines.model, server.engines.default) {
        (None, _) => &[Extractive],
        (Some(_), Extractive) => &[Extractive, Openai],
        (Some(_), Openai) => &[Openai, Extractive],
    }
}

/// The engine of a chatbot, with what its owner says to it. Where there is one engine, nothing has to be read.
async fn engine_of<'a>(
    server: &'a Server,
    account_id: &AccountId,
    chatbot_id: &ChatbotId,
) -> Result<(&'a dyn AnswerEngine, String)> {
    let Some(model) = &server.engines.model else { return Ok((&Extractive, String::new())) };
    let settings = chatbots::settings(server, account_id, chatbot_id).await?;
    Ok(match settings.answer_engine.unwrap_or(server.engines.default) {
        chatbot_settings::AnswerEngine::Extractive => (&Extractive, String::new()),
        chatbot_settings::AnswerEngine::Openai => (model, settings.instructions),
    })
}

const SELECT_HISTORY: &str = "
SELECT question, answer FROM messages
WHERE account_id = $1 AND conversation_id = $2
ORDER BY number DESC
LIMIT $3";

/// Begins the answer to a question from the documents of a chatbot, which goes on with a conversation or begins one;
/// returns the version of the documents with it.
///
/// # Errors
/// 404 when the account has no such chatbot, 503 when its engine cannot answer at the moment.
pub async fn draft(
    server: &Server,
    account_id: &AccountId,
    chatbot_id: &ChatbotId,
    conversation_id: Option<&ConversationId>,
    question: &str,
) -> Result<(Draft, i64)> {
    let (engine, instructions) = engine_of(server, account_id, chatbot_id).await?;
    let (mut index, mut history) = (index::of(server, account_id, chatbot_id).await?, Vec::new());
    if engine.history_max() > 0 {
        // Its answer takes longer than a look at the database, and is not compared with it afterwards.
        index = index::current(server, account_id, chatbot_id, index).await?;
        if let Some(conversation_id) = conversation_id {
            let scope = args![account_id.as_str(), conversation_id.as_str(), engine.history_max()];
            let rows: Vec<(String, String)> = server.db.all(SELECT_HISTORY, scope).await?;
            history.extend(rows.into_iter().rev().map(|(question, answer)| Exchange { question, answer }));
        }
    }
    let documents_version = index.documents_version;
    Ok((engine.draft(Prompt { question, index, instructions, history })?, documents_version))
}

/// Answers a question with the built-in engine; returns the version of the documents with the answer.
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
    match Extractive.draft(Prompt { question, index, instructions: String::new(), history: Vec::new() })? {
        Draft::Made(answer) => Ok((answer, documents_version)),
        Draft::Pending(_) => Err(Error::internal("the built-in engine has its answers at once")),
    }
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
