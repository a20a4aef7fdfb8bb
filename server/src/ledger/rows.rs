//! The rows that a batch adds, each with its columns in one place.
//!
//! What fails ends the whole transaction, so SQLite is told not to keep what a statement would need to undo itself alone.

use super::command::Command;
use super::handover::{Added, Altered, Handover, Handovers, Part};
use super::loaded::Changed;
use super::sql;
use super::steps::{Step, Steps};
use crate::db::{Arg, Tx};
use crate::error::Result;
use domain::clock::Timestamp;
use domain::id::KeyId;
use domain::ledger::{Alert, HoldState};
use futures_util::future::join;
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// A row that can be added to a table.
pub(super) trait Insert: Serialize {
    const TABLE: &'static str;
    /// The whole statement for PostgreSQL.
    const POSTGRES: &'static str;
    /// For SQLite, what stands before the places for rows and after them.
    const SQLITE: [&'static str; 2];
    const COLUMNS: usize;

    fn bind(&self, args: &mut Vec<Arg>);
}

/// A value of a row. Most rows of a batch say in most of their columns what the row before says: such a text is shared.
trait Value {
    fn after(&self, before: Option<&Arg>) -> Arg;
}

impl Value for i64 {
    fn after(&self, _: Option<&Arg>) -> Arg {
        Arg::Int(*self)
    }
}

impl Value for Option<i64> {
    fn after(&self, _: Option<&Arg>) -> Arg {
        Arg::MaybeInt(*self)
    }
}

impl Value for &str {
    fn after(&self, before: Option<&Arg>) -> Arg {
        match before {
            Some(Arg::Text(text)) if **text == **self => Arg::Text(Arc::clone(text)),
            _ => Arg::from(*self),
        }
    }
}

/// A long text, which is not copied for the database.
pub(super) struct Shared<'a>(pub &'a Arc<str>);

impl Serialize for Shared<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl Value for Shared<'_> {
    fn after(&self, _: Option<&Arg>) -> Arg {
        Arg::Text(Arc::clone(self.0))
    }
}

impl Value for Option<&str> {
    fn after(&self, before: Option<&Arg>) -> Arg {
        match before {
            Some(Arg::MaybeText(text)) if text.as_deref() == *self => Arg::MaybeText(text.clone()),
            _ => Arg::from(*self),
        }
    }
}

/// Binds a value below that of the row before.
fn bind_below(args: &mut Vec<Arg>, columns: usize, value: &impl Value) {
    let before = args.len().checked_sub(columns).and_then(|place| args.get(place));
    let arg = value.after(before);
    args.push(arg);
}

/// A table's row: its columns, and what follows in the statement that adds it.
macro_rules! row {
    (
        $(#[$doc:meta])*
        $name:ident<$life:lifetime> in $table:literal then $then:literal {
            $first:ident: $first_type:ty as $first_kind:ident,
            $($column:ident: $type:ty as $kind:ident),+ $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Serialize)]
        pub(super) struct $name<$life> {
            pub $first: $first_type,
            $(pub $column: $type),+
        }

        impl Insert for $name<'_> {
            const TABLE: &'static str = $table;
            const POSTGRES: &'static str = concat!(
                "INSERT INTO ", $table, " (", stringify!($first), $(", ", stringify!($column)),+, ") SELECT ",
                stringify!($first), $(", ", stringify!($column)),+, " FROM json_to_recordset(CAST($1 AS json)) AS given(",
                stringify!($first), " ", stringify!($first_kind),
                $(", ", stringify!($column), " ", stringify!($kind)),+, ") WHERE true ", $then
            );
            const SQLITE: [&'static str; 2] = [
                concat!(
                    "INSERT OR FAIL INTO ", $table, " (", stringify!($first), $(", ", stringify!($column)),+,
                    ") SELECT * FROM (VALUES "
                ),
                concat!(") WHERE column1 IS NOT NULL ", $then),
            ];
            const COLUMNS: usize = [stringify!($first), $(stringify!($column)),+].len();

            fn bind(&self, args: &mut Vec<Arg>) {
                bind_below(args, Self::COLUMNS, &self.$first);
                $(bind_below(args, Self::COLUMNS, &self.$column);)+
            }
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

#[derive(Serialize)]
struct EndedHoldRow<'a> {
    account_id: &'a str,
    id: &'a str,
    state: &'static str,
    ended_at: i64,
}

#[derive(Serialize)]
struct ForgottenRow<'a> {
    account_id: &'a str,
    id: &'a str,
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
        let parts: [&(dyn Part + Sync); 12] = [
            &Added(&self.conversations),
            &Altered("conversations", &sql::UPDATE_CONVERSATIONS, &changed.conversations),
            &Added(&self.messages),
            &Added(&self.entries),
            &Added(&self.counted),
            &Added(&self.holds),
            &Altered("holds", &sql::UPDATE_HOLDS, &self.ended_holds),
            &Altered("idempotency_keys", &sql::DELETE_IDEMPOTENCY, &self.forgotten),
            &Added(&self.idempotency),
            &Added(&alerts),
            &Added(&changed.spendings),
            &Added(&changed.balances),
        ];
        let requests = [self.entries.len(), self.messages.len(), self.holds.len(), self.idempotency.len()];
        let requests = requests.into_iter().max().unwrap_or_default();
        let mut handovers = Handovers::new(tx.is_sqlite(), &parts, requests);
        let mut next = handovers.next();
        while let Some(handover) = next {
            let Handover { statements, tables } = handover?;
            // The next one is made while the database has this one.
            let (written, following) = join(tx.execute_all(statements), async { handovers.next() }).await;
            written?;
            tables.into_iter().try_for_each(|table| steps.reached(Step::Written(table)))?;
            next = following;
        }
        Ok(())
    }
}
