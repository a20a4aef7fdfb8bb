//! Answers whose price or success is not known beforehand: credit is set aside first, then settled or given back.
//!
//! [`begin`] sets the highest price aside, so that the credit is there when the answer is; [`finish`] stores the answer
//! and takes what it cost. Whatever else happens gives everything back: [`give_up`], dropping what [`begin`] returned,
//! and, after a crash, the sweeper once the hold's time is over. [`answer`] is all that comes after [`begin`] where the
//! answer is made here.

use super::{ATTEMPTS_MAX, Asked, BodyOf, Delivery, Known, Question, Told, recognise, still_allowed};
use crate::answers;
use crate::error::{Error, Result};
use crate::idempotency::{OnceKey, Runs};
use crate::keys::Caller;
use crate::ledger::writer::Writer;
use crate::ledger::{Command, Message, Once, Outcome, Work};
use crate::{Server, args};
use domain::chatbot::Answer;
use domain::clock::{MINUTE_US, Timestamp};
use domain::credit::Credit;
use domain::id::{ConversationId, HoldId};
use domain::problem::{Problem, ProblemCode};
use std::sync::Arc;

/// How long an answer may take before its hold is given back.
const HOLD_US: i64 = 10 * MINUTE_US;

/// A message that is being answered. Dropping it gives its credit back.
pub struct Begun {
    /// What reserved the credit; what ends the hold differs from it in its work alone.
    command: Command,
    hold_id: HoldId,
    conversation_id: ConversationId,
    begins: bool,
    question: String,
    once: Option<OnceKey>,
    writer: Arc<Writer>,
    is_ended: bool,
    _runs: Option<Runs>,
}

impl Begun {
    fn told<'a>(&'a self, answer: &'a Answer, price: Credit) -> Told<'a> {
        Told {
            conversation_id: &self.conversation_id,
            chatbot_id: &self.command.chatbot_id,
            answer,
            price,
            request_id: &self.command.request_id,
        }
    }

    fn release(&self) -> Command {
        Command { work: Work::Release { hold_id: self.hold_id.clone() }, once: None, ..self.command.clone() }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if !self.is_ended {
            self.writer.enqueue(self.release());
        }
    }
}

/// A message that may be answered now, or was answered before.
pub enum Start {
    Begun(Box<Begun>),
    Replayed(Delivery),
}

const FIND_CONVERSATION: &str = "
SELECT next_message FROM conversations
WHERE account_id = $1 AND id = $2 AND chatbot_id = $3 AND channel = $4 AND deleted_at IS NULL";

/// Sets `maximum` aside for a message whose answer has yet to be written.
///
/// # Errors
/// As [`super::ask_once`], with the credit that is set aside in place of the price.
pub async fn begin(server: &Server, question: Question<'_>, maximum: Credit, once: Option<OnceKey>) -> Result<Start> {
    match recognise(server, &question, once.as_ref()).await? {
        Known::Before(delivery) => Ok(Start::Replayed(delivery)),
        Known::New(asked, runs) => hold(server, &question, asked, maximum, once, runs).await,
    }
}

/// A conversation that is gone on with is one of this chatbot in this channel.
///
/// # Errors
/// 404 when it is not.
pub(super) async fn require_conversation(server: &Server, question: &Question<'_>, asked: &Asked<'_>) -> Result<()> {
    if !asked.begins {
        let (chatbot_id, channel) = (asked.chatbot_id.as_str(), question.channel.as_str());
        let scope = args![question.account_id.as_str(), asked.conversation_id.as_str(), chatbot_id, channel];
        let found: Option<(i64,)> = server.db.optional(FIND_CONVERSATION, scope).await?;
        found.ok_or_else(|| Problem::not_found("conversation"))?;
    }
    Ok(())
}

/// As [`begin`], for a question that was not answered before.
pub(super) async fn hold(
    server: &Server,
    question: &Question<'_>,
    asked: Asked<'_>,
    maximum: Credit,
    once: Option<OnceKey>,
    runs: Option<Runs>,
) -> Result<Start> {
    require_conversation(server, question, &asked).await?;
    let hold_id = HoldId::new(server.now(), server.id_bytes());
    let work = Work::Reserve { hold_id: hold_id.clone(), maximum, lasts_us: HOLD_US };
    let once_as_told = once.as_ref().map(|once| Once::of(once, None));
    let mut command = Command { once: once_as_told, ..asked.command(question, work) };
    match reserve(server, &mut command, question.caller).await? {
        Outcome::Accepted { .. } => Ok(Start::Begun(Box::new(Begun {
            command,
            hold_id,
            conversation_id: asked.conversation_id,
            begins: asked.begins,
            question: asked.message.to_owned(),
            once,
            writer: Arc::clone(&server.writer),
            is_ended: false,
            _runs: runs,
        }))),
        Outcome::Replayed { body, credit_remaining } => {
            Ok(Start::Replayed(Delivery { body, credit_remaining, is_replayed: true }))
        }
        Outcome::Stale | Outcome::KeyChanged => Err(Error::internal("a hold depends on no documents")),
    }
}

/// Reserves, and checks the caller again for as long as its key changes meanwhile.
async fn reserve(server: &Server, command: &mut Command, caller: Option<&Caller>) -> Result<Outcome> {
    loop {
        let outcome = server.writer.submit(command.clone()).await?;
        let Some(caller) = caller.filter(|_| outcome == Outcome::KeyChanged) else { return Ok(outcome) };
        command.key_version = Some(still_allowed(server, caller, &command.chatbot_id).await?);
    }
}

/// Stores the answer and takes what it cost; the rest of what was set aside is given back.
///
/// # Errors
/// 422 when it cost more than was set aside, 409 when the hold has expired meanwhile. Nothing is charged then.
pub async fn finish(
    server: &Server,
    mut begun: Box<Begun>,
    answer: &Answer,
    cost: Credit,
    body_of: BodyOf,
) -> Result<Delivery> {
    let body = body_of(&begun.told(answer, cost));
    let settled = settle(server, &mut begun, answer, None, cost, Some(body.clone())).await?;
    let Settled { credit_remaining, .. } =
        settled.ok_or_else(|| Error::internal("a settlement depends on no documents"))?;
    Ok(Delivery { body, credit_remaining, is_replayed: false })
}

/// Makes the answer from the chatbot's documents, stores it and takes its price.
///
/// # Errors
/// 404 when the chatbot was deleted meanwhile, 409 when the hold has expired, 503 when the documents change faster than
/// they can be answered from. Nothing is charged then.
pub async fn answer(server: &Server, mut begun: Box<Begun>, price: Credit, body_of: BodyOf) -> Result<Delivery> {
    for _ in 0..ATTEMPTS_MAX {
        let Command { account_id, chatbot_id, .. } = &begun.command;
        let (answer, version) = answers::answer(server, account_id, chatbot_id, &begun.question).await?;
        let body = body_of(&begun.told(&answer, price));
        let settled = settle(server, &mut begun, &answer, Some(version), price, Some(body.clone())).await?;
        if let Some(Settled { credit_remaining, .. }) = settled {
            return Ok(Delivery { body, credit_remaining, is_replayed: false });
        }
        server.search.forget(&begun.command.chatbot_id);
    }
    Err(ProblemCode::Unavailable.into())
}

/// What is known when an answer is stored and paid for.
pub(super) struct Settled {
    pub credit_remaining: Credit,
    pub at: Timestamp,
}

/// `None` when the documents have changed since `documents_version`. `body` is kept for whoever sends the request again.
pub(super) async fn settle(
    server: &Server,
    begun: &mut Begun,
    answer: &Answer,
    documents_version: Option<i64>,
    cost: Credit,
    body: Option<String>,
) -> Result<Option<Settled>> {
    let message = Message {
        conversation_id: begun.conversation_id.clone(),
        begins: begun.begins,
        question: begun.question.as_str().into(),
        answer: answer.text.as_str().into(),
        citations: serde_json::to_string(&answer.sources()).map_err(Error::internal)?.into(),
        documents_version,
    };
    let command = Command {
        work: Work::Settle { hold_id: begun.hold_id.clone(), cost },
        message: Some(message),
        once: begun.once.as_ref().map(|once| Once::of(once, body)),
        ..begun.command.clone()
    };
    match server.writer.submit(command).await? {
        Outcome::Accepted { available: credit_remaining, at } => {
            begun.is_ended = true;
            Ok(Some(Settled { credit_remaining, at }))
        }
        Outcome::Stale => Ok(None),
        Outcome::Replayed { .. } | Outcome::KeyChanged => Err(Error::internal("a settlement was not carried out")),
    }
}

/// Gives everything back, because there will be no answer.
///
/// # Errors
/// 409 when the hold has ended already.
pub async fn give_up(server: &Server, mut begun: Box<Begun>) -> Result<()> {
    let command = begun.release();
    server.writer.submit(command).await?;
    begun.is_ended = true;
    Ok(())
}
