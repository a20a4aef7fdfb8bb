//! The rows that a batch writes, each as the JSON object that its statement in `sql.rs` reads.

use super::command::Command;
use super::loaded::{Changed, json};
use super::sql;
use super::steps::{Step, Steps};
use crate::args;
use crate::db::{Pair, Tx};
use crate::error::Result;
use domain::clock::Timestamp;
use domain::credit::Credit;
use domain::id::KeyId;
use domain::ledger::{Alert, HoldState};
use serde::Serialize;

pub(super) const fn millionths(credit: Credit) -> i64 {
    credit.millionths()
}

#[derive(Serialize)]
pub(super) struct EntryRow<'a> {
    pub account_id: &'a str,
    pub seq: i64,
    pub kind: &'static str,
    pub amount: i64,
    pub posted_after: i64,
    pub at: i64,
    pub request_id: &'a str,
    pub channel: &'static str,
    pub key_id: Option<&'a str>,
    pub chatbot_id: &'a str,
}

#[derive(Serialize)]
pub(super) struct CountedRow<'a> {
    pub account_id: &'a str,
    pub number: i64,
    pub at: i64,
    pub place_limit: i64,
    pub window_us: i64,
}

#[derive(Serialize)]
pub(super) struct ConversationRow<'a> {
    pub account_id: &'a str,
    pub id: &'a str,
    pub chatbot_id: &'a str,
    pub channel: &'static str,
    pub created_at: i64,
    pub next_message: i64,
}

#[derive(Serialize)]
pub(super) struct MessageRow<'a> {
    pub account_id: &'a str,
    pub conversation_id: &'a str,
    pub number: i64,
    pub request_id: &'a str,
    pub question: &'a str,
    pub answer: &'a str,
    pub citations: &'a str,
    pub price: i64,
    pub at: i64,
}

#[derive(Serialize)]
pub(super) struct HoldRow<'a> {
    pub account_id: &'a str,
    pub id: &'a str,
    pub request_id: &'a str,
    pub amount: i64,
    pub channel: &'static str,
    pub key_id: Option<&'a str>,
    pub chatbot_id: &'a str,
    pub key_since: Option<i64>,
    pub chatbot_since: Option<i64>,
    pub created_at: i64,
    pub expires_at: i64,
}

#[derive(Serialize)]
struct EndedHoldRow<'a> {
    account_id: &'a str,
    id: &'a str,
    state: &'static str,
    ended_at: i64,
}

#[derive(Serialize)]
pub(super) struct IdempotencyRow<'a> {
    pub account_id: &'a str,
    pub idempotency_key: &'a str,
    pub fingerprint: &'a str,
    pub request_id: &'a str,
    pub body: Option<&'a str>,
    pub credit_remaining: Option<i64>,
    pub created_at: i64,
}

#[derive(Serialize)]
struct ForgottenRow<'a> {
    account_id: &'a str,
    id: &'a str,
}

#[derive(Serialize)]
pub(super) struct AlertRow<'a> {
    account_id: &'a str,
    id: String,
    kind: &'static str,
    subject_id: Option<&'a str>,
    threshold: i64,
    amount: i64,
    at: i64,
}

impl<'a> AlertRow<'a> {
    pub fn new(account_id: &'a str, command: &'a Command, alert: Alert, now: Timestamp) -> Self {
        let (subject_id, threshold, amount) = match alert {
            Alert::CreditLow { below, available } => (None, below, available),
            Alert::KeyCapNear { cap, spent } => (command.key_id.as_ref().map(KeyId::as_str), cap, spent),
            Alert::ChatbotCapNear { cap, spent } => (Some(command.chatbot_id.as_str()), cap, spent),
        };
        Self {
            account_id,
            // A request is carried out once and crosses each threshold at most once.
            id: format!("{}_{}", command.request_id, alert.as_str()),
            kind: alert.as_str(),
            subject_id,
            threshold: threshold.millionths(),
            amount: amount.millionths(),
            at: now.us(),
        }
    }
}

/// Everything that a batch writes beside the rows it changes.
#[derive(Default)]
pub(super) struct Rows<'a> {
    pub entries: Vec<EntryRow<'a>>,
    pub counted: Vec<CountedRow<'a>>,
    pub conversations: Vec<ConversationRow<'a>>,
    pub messages: Vec<MessageRow<'a>>,
    pub holds: Vec<HoldRow<'a>>,
    pub idempotency: Vec<IdempotencyRow<'a>>,
    pub alerts: Vec<AlertRow<'a>>,
    ended_holds: Vec<EndedHoldRow<'a>>,
    forgotten: Vec<ForgottenRow<'a>>,
}

impl<'a> Rows<'a> {
    pub fn end_hold(&mut self, account_id: &'a str, id: &'a str, state: HoldState, now: Timestamp) {
        self.ended_holds.push(EndedHoldRow { account_id, id, state: state.as_str(), ended_at: now.us() });
    }

    pub fn forget_idempotency(&mut self, account_id: &'a str, id: &'a str) {
        self.forgotten.push(ForgottenRow { account_id, id });
    }

    /// Writes everything. A row stands after those that it refers to.
    pub async fn write(&self, tx: &mut Tx, changed: &Changed<'_>, steps: &dyn Steps) -> Result<()> {
        let mut writing = Writing { tx, steps };
        writing.write("conversations", &sql::INSERT_CONVERSATIONS, &self.conversations).await?;
        writing.write("conversations", &sql::UPDATE_CONVERSATIONS, &changed.conversations).await?;
        writing.write("messages", &sql::INSERT_MESSAGES, &self.messages).await?;
        writing.write("entries", &sql::INSERT_ENTRIES, &self.entries).await?;
        writing.write("counted_messages", &sql::INSERT_COUNTED, &self.counted).await?;
        writing.write("holds", &sql::INSERT_HOLDS, &self.holds).await?;
        writing.write("holds", &sql::UPDATE_HOLDS, &self.ended_holds).await?;
        writing.write("idempotency_keys", &sql::DELETE_IDEMPOTENCY, &self.forgotten).await?;
        writing.write("idempotency_keys", &sql::UPSERT_IDEMPOTENCY, &self.idempotency).await?;
        writing.write("outbox", &sql::INSERT_OUTBOX, &self.alerts).await?;
        writing.write("api_keys", &sql::UPDATE_KEYS, &changed.keys).await?;
        writing.write("chatbots", &sql::UPDATE_CHATBOTS, &changed.chatbots).await?;
        writing.write("balances", &sql::UPDATE_BALANCES, &changed.balances).await
    }
}

struct Writing<'a> {
    tx: &'a mut Tx,
    steps: &'a dyn Steps,
}

impl Writing<'_> {
    async fn write(&mut self, table: &'static str, pair: &Pair, rows: &[impl Serialize]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let sql = self.tx.pick(pair);
        self.tx.execute(sql, args![json(&rows)?]).await?;
        self.steps.reached(Step::Written(table))
    }
}
