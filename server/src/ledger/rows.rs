//! The rows that a batch writes, each with its columns in one place.

use super::command::Command;
use super::loaded::Changed;
use super::sql;
use super::steps::{Step, Steps};
use crate::db::{Pair, Tx, Value, Values};
use crate::error::Result;
use domain::clock::Timestamp;
use domain::id::KeyId;
use domain::ledger::{Alert, HoldState};
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// A row of a table, with the statement that writes it.
pub(super) trait Write: Values {
    const TABLE: &'static str;
    const STATEMENT: Pair;
}

/// A long text, which is not copied for the database.
pub(super) struct Shared<'a>(pub &'a Arc<str>);

impl Serialize for Shared<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

/// A value of a row.
trait Column {
    fn value(&self) -> Value<'_>;
}

impl Column for i64 {
    fn value(&self) -> Value<'_> {
        Value::Int(*self)
    }
}

impl Column for &str {
    fn value(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl Column for Shared<'_> {
    fn value(&self) -> Value<'_> {
        Value::Text(self.0)
    }
}

impl<C: Column> Column for Option<C> {
    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, Column::value)
    }
}

/// A row of a table: its columns, and what follows in the statement that adds it, or a statement that changes it.
macro_rules! row {
    (
        $(#[$doc:meta])*
        $name:ident<$life:lifetime> in $table:literal then $then:literal {
            $first:ident: $first_type:ty as $first_kind:ident,
            $($column:ident: $type:ty as $kind:ident),+ $(,)?
        }
    ) => {
        row! {
            $(#[$doc])*
            $name<$life> in $table by Pair {
                sqlite: concat!(
                    "INSERT INTO ", $table, " (", stringify!($first), $(", ", stringify!($column)),+, ") VALUES (?1",
                    $(row!(@place $column)),+, ") ", $then
                ),
                postgres: concat!(
                    "INSERT INTO ", $table, " (", stringify!($first), $(", ", stringify!($column)),+, ") SELECT ",
                    stringify!($first), $(", ", stringify!($column)),+, " FROM json_to_recordset(CAST($1 AS json)) AS given(",
                    stringify!($first), " ", stringify!($first_kind),
                    $(", ", stringify!($column), " ", stringify!($kind)),+, ") WHERE true ", $then
                ),
            }, {
                $first: $first_type,
                $($column: $type),+
            }
        }
    };
    (@place $column:ident) => {
        ", ?"
    };
    ($(#[$doc:meta])* $name:ident<$life:lifetime> in $table:literal by $statement:expr, { $($column:ident: $type:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Serialize)]
        pub(super) struct $name<$life> {
            $(pub $column: $type),+
        }

        impl Values for $name<'_> {
            fn values<'r>(&'r self, values: &mut Vec<Value<'r>>) {
                values.extend([$(self.$column.value()),+]);
            }
        }

        impl Write for $name<'_> {
            const TABLE: &'static str = $table;
            const STATEMENT: Pair = $statement;
        }
    };
}

row! {
    EntryRow<'a> in "entries" then "" {
        account_id: &'a str as TEXT,
        seq: i64 as BIGINT,
        kind: &'static str as TEXT,
        amount: i64 as BIGINT,
        posted_after: i64 as BIGINT,
        at: i64 as BIGINT,
        request_id: &'a str as TEXT,
        channel: &'static str as TEXT,
        key_id: Option<&'a str> as TEXT,
        chatbot_id: &'a str as TEXT,
        caller_request_id: Option<&'a str> as TEXT,
    }
}

row! {
    CountedRow<'a> in "counted_messages" then "" {
        account_id: &'a str as TEXT,
        number: i64 as BIGINT,
        at: i64 as BIGINT,
        place_limit: i64 as BIGINT,
        window_us: i64 as BIGINT,
    }
}

row! {
    ConversationRow<'a> in "conversations" then "" {
        account_id: &'a str as TEXT,
        id: &'a str as TEXT,
        chatbot_id: &'a str as TEXT,
        channel: &'static str as TEXT,
        created_at: i64 as BIGINT,
        next_message: i64 as BIGINT,
    }
}

row! {
    MessageRow<'a> in "messages" then "" {
        account_id: &'a str as TEXT,
        conversation_id: &'a str as TEXT,
        number: i64 as BIGINT,
        request_id: &'a str as TEXT,
        question: Shared<'a> as TEXT,
        answer: Shared<'a> as TEXT,
        citations: Shared<'a> as TEXT,
        price: i64 as BIGINT,
        at: i64 as BIGINT,
    }
}

row! {
    HoldRow<'a> in "holds" then "" {
        account_id: &'a str as TEXT,
        id: &'a str as TEXT,
        request_id: &'a str as TEXT,
        amount: i64 as BIGINT,
        state: &'static str as TEXT,
        channel: &'static str as TEXT,
        key_id: Option<&'a str> as TEXT,
        chatbot_id: &'a str as TEXT,
        key_since: Option<i64> as BIGINT,
        chatbot_since: Option<i64> as BIGINT,
        created_at: i64 as BIGINT,
        expires_at: i64 as BIGINT,
    }
}

row! {
    /// A key that is being worked on has a row without an answer, which the answer then completes.
    IdempotencyRow<'a> in "idempotency_keys" then
    "ON CONFLICT (account_id, idempotency_key) DO UPDATE
     SET body = excluded.body, credit_remaining = excluded.credit_remaining" {
        account_id: &'a str as TEXT,
        idempotency_key: &'a str as TEXT,
        fingerprint: &'a str as TEXT,
        request_id: &'a str as TEXT,
        body: Option<&'a str> as TEXT,
        credit_remaining: Option<i64> as BIGINT,
        created_at: i64 as BIGINT,
    }
}

row! {
    /// What a key or a chatbot has spent; its first charge makes the row.
    SpendingRow<'a> in "spendings" then
    "ON CONFLICT (account_id, subject_id) DO UPDATE SET since = excluded.since, spent = excluded.spent" {
        account_id: &'a str as TEXT,
        subject_id: &'a str as TEXT,
        since: i64 as BIGINT,
        spent: i64 as BIGINT,
    }
}

row! {
    /// The row of an account is there; as a row that is added it is changed three times as fast as by a list in JSON.
    BalanceRow<'a> in "balances" then
    "ON CONFLICT (account_id) DO UPDATE
     SET posted = excluded.posted, held = excluded.held, debt = excluded.debt, next_entry = excluded.next_entry,
         next_message = excluded.next_message" {
        account_id: &'a str as TEXT,
        posted: i64 as BIGINT,
        held: i64 as BIGINT,
        debt: i64 as BIGINT,
        next_entry: i64 as BIGINT,
        next_message: i64 as BIGINT,
    }
}

row! {
    AlertRow<'a> in "outbox" then "" {
        account_id: &'a str as TEXT,
        id: &'a str as TEXT,
        kind: &'static str as TEXT,
        subject_id: Option<&'a str> as TEXT,
        threshold: i64 as BIGINT,
        amount: i64 as BIGINT,
        at: i64 as BIGINT,
    }
}

row! {
    NextMessageRow<'a> in "conversations" by sql::UPDATE_CONVERSATIONS, {
        account_id: &'a str,
        id: &'a str,
        next_message: i64,
    }
}

row! {
    EndedHoldRow<'a> in "holds" by sql::UPDATE_HOLDS, {
        account_id: &'a str,
        id: &'a str,
        state: &'static str,
        ended_at: i64,
    }
}

row! {
    /// The hold whose request gives its Idempotency-Key back.
    ForgottenRow<'a> in "idempotency_keys" by sql::DELETE_IDEMPOTENCY, {
        account_id: &'a str,
        id: &'a str,
    }
}

/// An alert, and whom it is about.
struct Told<'a> {
    command: &'a Command,
    /// A request is carried out once and crosses each threshold at most once.
    id: String,
    alert: Alert,
    at: Timestamp,
}

impl Told<'_> {
    fn row(&self) -> AlertRow<'_> {
        let (subject_id, threshold, amount) = match self.alert {
            Alert::CreditLow { below, available } => (None, below, available),
            Alert::KeyCapNear { cap, spent } => (self.command.key_id.as_ref().map(KeyId::as_str), cap, spent),
            Alert::ChatbotCapNear { cap, spent } => (Some(self.command.chatbot_id.as_str()), cap, spent),
        };
        AlertRow {
            account_id: self.command.account_id.as_str(),
            id: &self.id,
            kind: self.alert.as_str(),
            subject_id,
            threshold: threshold.millionths(),
            amount: amount.millionths(),
            at: self.at.us(),
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
    told: Vec<Told<'a>>,
    ended_holds: Vec<EndedHoldRow<'a>>,
    forgotten: Vec<ForgottenRow<'a>>,
}

impl<'a> Rows<'a> {
    pub fn tell(&mut self, command: &'a Command, alert: Alert, now: Timestamp) {
        let id = format!("{}_{}", command.request_id, alert.as_str());
        self.told.push(Told { command, id, alert, at: now });
    }

    pub fn end_hold(&mut self, account_id: &'a str, id: &'a str, state: HoldState, now: Timestamp) {
        self.ended_holds.push(EndedHoldRow { account_id, id, state: state.as_str(), ended_at: now.us() });
    }

    pub fn forget_idempotency(&mut self, account_id: &'a str, id: &'a str) {
        self.forgotten.push(ForgottenRow { account_id, id });
    }

    /// Writes everything. A row stands after those that it refers to.
    pub async fn write(&self, tx: &mut Tx, changed: &Changed<'_>, steps: &dyn Steps) -> Result<()> {
        let alerts: Vec<AlertRow<'_>> = self.told.iter().map(Told::row).collect();
        write(tx, &self.conversations, steps).await?;
        write(tx, &changed.conversations, steps).await?;
        write(tx, &self.messages, steps).await?;
        write(tx, &self.entries, steps).await?;
        write(tx, &self.counted, steps).await?;
        write(tx, &self.holds, steps).await?;
        write(tx, &self.ended_holds, steps).await?;
        write(tx, &self.forgotten, steps).await?;
        write(tx, &self.idempotency, steps).await?;
        write(tx, &alerts, steps).await?;
        write(tx, &changed.spendings, steps).await?;
        write(tx, &changed.balances, steps).await
    }
}

async fn write<R: Write>(tx: &mut Tx, rows: &[R], steps: &dyn Steps) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    tx.write_rows(&R::STATEMENT, rows).await?;
    steps.reached(Step::Written(R::TABLE))
}
