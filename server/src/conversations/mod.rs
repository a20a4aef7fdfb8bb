//! Asking a chatbot: the one use case behind the console, the API and the widget.
//!
//! An answer that is made here is made first, because it costs nothing to throw away; then the ledger's writer charges for
//! it, stores it and counts it, in one commit with many others. A refusal leaves nothing behind, and nothing is answered
//! before the commit. One that somebody else writes has credit set aside first, and takes what it cost when it is there.

mod erasing;
mod export;
mod held;
mod pending;
mod reading;

pub(crate) use erasing::keep_deleting;
pub use erasing::{delete, delete_before};
pub use export::{ExportFormat, export};
pub use held::{Begun, Start, begin, finish, give_up};
pub use pending::{Progress, Streamed, stream};
pub use reading::{ConversationFilter, conversation, conversations, messages};

use crate::answers::Draft;
use crate::error::{Error, Result};
use crate::idempotency::{OnceKey, Runs};
use crate::keys::{self, Caller};
use crate::ledger::{Command, Message, Once, Outcome, Work};
use crate::{Server, answers, idempotency};
use domain::api_key::Permission;
use domain::chatbot::Answer;
use domain::clock::Timestamp;
use domain::conversation::{Reply, named};
use domain::credit::Credit;
use domain::field::{self, MESSAGE_CHARACTERS_MAX};
use domain::id::{AccountId, ChatbotId, ConversationId, KeyId};
use domain::ledger::Channel;
use domain::problem::{Problem, ProblemCode};

/// How often an answer is made anew because the documents or the key changed while it was made.
const ATTEMPTS_MAX: u32 = 10;

/// A message to a chatbot, as it came in.
#[derive(Clone)]
pub struct Question<'a> {
    pub account_id: AccountId,
    /// The key that pays; `None` in the console.
    pub key_id: Option<KeyId>,
    /// Who was recognised by the key, and is checked again when the key changes meanwhile. `None` where nobody was.
    pub caller: Option<&'a Caller>,
    pub chatbot_id: &'a str,
    /// `None`, `""` and `"0"` start a conversation.
    pub conversation_id: Option<&'a str>,
    pub message: &'a str,
    pub channel: Channel,
    pub request_id: String,
    /// What the caller named the request, where it did.
    pub caller_request_id: Option<String>,
}

/// An answer as it is sent, whether it was made now or is the one that was given before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub body: String,
    /// What could be spent after the charge.
    pub credit_remaining: Credit,
    /// It was given before to the same request, and was paid for then.
    pub is_replayed: bool,
}

/// An answer as the body of a response tells it.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    pub conversation_id: &'a ConversationId,
    pub chatbot_id: &'a ChatbotId,
    pub answer: &'a Answer,
    pub price: Credit,
    /// The request of the charge.
    pub request_id: &'a str,
}

/// Writes the body of an answer.
pub type BodyOf = fn(&Told<'_>) -> String;

/// A question whose fields are in order.
#[derive(Clone)]
struct Asked<'a> {
    message: &'a str,
    chatbot_id: ChatbotId,
    conversation_id: ConversationId,
    begins: bool,
}

impl<'a> Asked<'a> {
    fn read(server: &Server, question: &Question<'a>) -> Result<Self> {
        let message = field::required_text("user_message", "message", question.message, MESSAGE_CHARACTERS_MAX)?;
        let chatbot_id = ChatbotId::parse(question.chatbot_id).ok_or_else(|| Problem::not_found("chatbot"))?;
        if let Some(caller) = question.caller {
            caller.allows(Permission::MessagesWrite, Some(&chatbot_id))?;
        }
        let continued = match named(question.conversation_id) {
            None => None,
            Some(id) => Some(ConversationId::parse(id).ok_or_else(|| Problem::not_found("conversation"))?),
        };
        let begins = continued.is_none();
        let conversation_id = continued.unwrap_or_else(|| ConversationId::new(server.now(), server.id_bytes()));
        Ok(Self { message, chatbot_id, conversation_id, begins })
    }

    fn told<'b>(&'b self, request_id: &'b str, answer: &'b Answer, price: Credit) -> Told<'b> {
        Told { conversation_id: &self.conversation_id, chatbot_id: &self.chatbot_id, answer, price, request_id }
    }

    /// What a conversation that is gone on with is called.
    fn continued(&self) -> Option<&ConversationId> {
        (!self.begins).then_some(&self.conversation_id)
    }

    fn command(&self, question: &Question<'_>, work: Work) -> Command {
        Command {
            account_id: question.account_id.clone(),
            request_id: question.request_id.clone(),
            caller_request_id: question.caller_request_id.clone(),
            channel: question.channel,
            key_id: question.key_id.clone(),
            key_version: question.caller.map(Caller::key_version),
            chatbot_id: self.chatbot_id.clone(),
            work,
            message: None,
            once: None,
        }
    }

    fn message(&self, answer: &Answer, documents_version: Option<i64>) -> Result<Message> {
        Ok(Message {
            conversation_id: self.conversation_id.clone(),
            begins: self.begins,
            question: self.message.into(),
            answer: answer.text.as_str().into(),
            citations: serde_json::to_string(&answer.sources()).map_err(Error::internal)?.into(),
            documents_version,
        })
    }
}

/// Answers a message and pays for it, both or neither.
///
/// # Errors
/// In this order: 422 for the message, 404 for the chatbot or the conversation, 401 when the key was just deleted, 429
/// when the message window is full, 403 when a cap is reached, 402 when the credit does not cover the price; 503 when
/// more is asked than can be written, or the ledger cannot be reached.
pub async fn ask(server: &Server, question: Question<'_>) -> Result<Reply> {
    let asked = Asked::read(server, &question)?;
    match deliver(server, &question, &asked, Wanted::Reply).await? {
        Delivered::Reply(reply) => Ok(reply),
        Delivered::Body(_) => Err(Error::internal("a reply was wanted")),
    }
}

/// As [`ask`], for a caller that may send the same request again: with the same key it gets the same body, and is
/// charged once. A refusal is not kept: the request can be sent again when its reason is gone.
///
/// # Errors
/// As [`ask`]; before the chatbot is looked at, 422 when the key belongs to another request and 409 while the first
/// request runs.
pub async fn ask_once(
    server: &Server,
    question: Question<'_>,
    once: Option<OnceKey>,
    body_of: BodyOf,
) -> Result<Delivery> {
    let (asked, _runs) = match recognise(server, &question, once.as_ref()).await? {
        Known::Before(delivery) => return Ok(delivery),
        Known::New(asked, runs) => (asked, runs),
    };
    match deliver(server, &question, &asked, Wanted::Body(body_of, once.as_ref())).await? {
        Delivered::Body(delivery) => Ok(delivery),
        Delivered::Reply(_) => Err(Error::internal("a body was wanted")),
    }
}

/// Whether a request was answered before.
enum Known<'a> {
    Before(Delivery),
    /// It was not, and nobody else may answer it under the same key while the second value lives.
    New(Asked<'a>, Option<Runs>),
}

async fn recognise<'a>(server: &Server, question: &Question<'a>, once: Option<&OnceKey>) -> Result<Known<'a>> {
    let mut runs = None;
    if let Some(once) = once {
        runs = Some(server.running.begin(&question.account_id, once)?);
        if let Some((body, credit_remaining)) = idempotency::find(server, &question.account_id, once).await? {
            return Ok(Known::Before(Delivery { body, credit_remaining, is_replayed: true }));
        }
    }
    Ok(Known::New(Asked::read(server, question)?, runs))
}

/// What an answer is wanted as.
#[derive(Clone, Copy)]
enum Wanted<'a> {
    Reply,
    /// The body of a response, which is kept where there is a key. It is written before the charge: while the charge waits for
    /// the disk, and many others with it, the answer itself is not kept.
    Body(BodyOf, Option<&'a OnceKey>),
}

impl<'a> Wanted<'a> {
    fn body(self, told: &Told<'_>) -> Option<String> {
        match self {
            Self::Reply => None,
            Self::Body(body_of, _) => Some(body_of(told)),
        }
    }

    fn once(self) -> Option<&'a OnceKey> {
        match self {
            Self::Reply => None,
            Self::Body(_, once) => once,
        }
    }
}

/// An answer in the form that is wanted, before it is paid for.
enum Made {
    Answer(Answer),
    Body(String),
}

impl Made {
    fn of(answer: Answer, body: Option<String>) -> Self {
        body.map_or(Self::Answer(answer), Self::Body)
    }

    /// It is paid for.
    fn delivered(self, asked: &Asked<'_>, price: Credit, credit_remaining: Credit, at: Timestamp) -> Delivered {
        match self {
            Self::Answer(answer) => {
                let conversation_id = asked.conversation_id.clone();
                Delivered::Reply(Reply { conversation_id, answer, price, credit_remaining, at })
            }
            Self::Body(body) => Delivered::Body(Delivery { body, credit_remaining, is_replayed: false }),
        }
    }
}

enum Delivered {
    Reply(Reply),
    /// Made now, or given before.
    Body(Delivery),
}

/// The version of a key that has changed, when it still lets its caller ask this chatbot.
async fn still_allowed(server: &Server, caller: &Caller, chatbot_id: &ChatbotId) -> Result<i64> {
    let caller = keys::check_again(server, caller, Permission::MessagesWrite, Some(chatbot_id)).await?;
    Ok(caller.key_version())
}

async fn deliver(server: &Server, question: &Question<'_>, asked: &Asked<'_>, wanted: Wanted<'_>) -> Result<Delivered> {
    let conversation_id = asked.continued();
    let mut key_version = question.caller.map(Caller::key_version);
    for _ in 0..ATTEMPTS_MAX {
        let drafted =
            answers::draft(server, &question.account_id, &asked.chatbot_id, conversation_id, asked.message).await?;
        let (answer, version) = match drafted {
            (Draft::Made(answer), version) => (answer, version),
            (Draft::Pending(pending), _) => return pending::deliver(server, question, asked, pending, wanted).await,
        };
        match charge(server, question, asked, answer, Some(version), key_version, wanted).await? {
            Charged::Delivered(delivered) => return Ok(delivered),
            Charged::Stale => server.search.forget(&asked.chatbot_id),
            Charged::KeyVersion(version) => key_version = Some(version),
        }
    }
    Err(ProblemCode::Unavailable.into())
}

/// What became of a charge.
enum Charged {
    Delivered(Delivered),
    /// The documents have changed since the answer was made.
    Stale,
    /// The key has changed and may still be used; this is its version now.
    KeyVersion(i64),
}

async fn charge(
    server: &Server,
    question: &Question<'_>,
    asked: &Asked<'_>,
    answer: Answer,
    documents_version: Option<i64>,
    key_version: Option<i64>,
    wanted: Wanted<'_>,
) -> Result<Charged> {
    let price = server.catalogue.price(question.channel);
    let body = wanted.body(&asked.told(&question.request_id, &answer, price));
    let command = Command {
        key_version,
        message: Some(asked.message(&answer, documents_version)?),
        once: wanted.once().map(|once| Once::of(once, body.clone())),
        ..asked.command(question, Work::Charge { price })
    };
    let made = Made::of(answer, body);
    Ok(match server.writer.submit(command).await? {
        Outcome::Accepted { available: credit_remaining, at } => {
            Charged::Delivered(made.delivered(asked, price, credit_remaining, at))
        }
        Outcome::Replayed { body, credit_remaining } => {
            Charged::Delivered(Delivered::Body(Delivery { body, credit_remaining, is_replayed: true }))
        }
        Outcome::Stale => Charged::Stale,
        Outcome::KeyChanged => {
            let caller = question.caller.ok_or(ProblemCode::InvalidCredential)?;
            Charged::KeyVersion(still_allowed(server, caller, &asked.chatbot_id).await?)
        }
    })
}
