//! The rows that a batch adds, each with its columns in one place.
//!
//! PostgreSQL takes all rows of a table as one JSON text, in one round trip. SQLite reads JSON three times slower than it
//! inserts, so there the values are bound to a statement with places for so many rows; places that stay empty are left
//! out by it. Small batches are handed over to SQLite in one row of statements. What fails ends the whole transaction, so
//! SQLite is told not to keep what a statement would need to undo itself alone.

use super::command::Command;
use super::loaded::{Changed, json};
use super::sql;
use super::steps::{Step, Steps};
use crate::args;
use crate::db::{Arg, Pair, Statement, Tx};
use crate::error::Result;
use domain::clock::Timestamp;
use domain::id::KeyId;
use domain::ledger::{Alert, HoldState};
use foldhash::HashMap;
use serde::{Serialize, Serializer};
use std::sync::{Arc, Mutex, PoisonError};

/// A row that can be added to a table.
trait Insert: Serialize {
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
        let mut writing = Writing { tx, steps, tables: Vec::new(), statements: Vec::new(), places: 0 };
        writing.insert(&self.conversations).await?;
        writing.change("conversations", &sql::UPDATE_CONVERSATIONS, &changed.conversations).await?;
        writing.insert(&self.messages).await?;
        writing.insert(&self.entries).await?;
        writing.insert(&self.counted).await?;
        writing.insert(&self.holds).await?;
        writing.change("holds", &sql::UPDATE_HOLDS, &self.ended_holds).await?;
        writing.change("idempotency_keys", &sql::DELETE_IDEMPOTENCY, &self.forgotten).await?;
        writing.insert(&self.idempotency).await?;
        writing.insert(&alerts).await?;
        writing.change("api_keys", &sql::UPDATE_KEYS, &changed.keys).await?;
        writing.change("chatbots", &sql::UPDATE_CHATBOTS, &changed.chatbots).await?;
        writing.change("balances", &sql::UPDATE_BALANCES, &changed.balances).await?;
        writing.flush().await
    }
}

/// How many rows a statement for SQLite has places for.
const PLACES: [usize; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];
/// From how many places on statements are handed over and not joined with further ones.
const TOGETHER_PLACES: usize = 512;

/// For so many rows, how many places the next statement has: as many as can be filled, and for a rest the smallest number
/// that is enough.
fn next_places(rows: usize) -> usize {
    let is_rest = rows < 128;
    let fitting = |places: &usize| if is_rest { *places >= rows } else { *places <= rows };
    let found = if is_rest { PLACES.into_iter().find(fitting) } else { PLACES.into_iter().rev().find(fitting) };
    found.unwrap_or(1)
}

/// The statement for so many rows. There are a few for each table, made once and kept as long as the program runs.
fn sqlite_insert<R: Insert>(places: usize) -> &'static str {
    static TEXTS: Mutex<Option<HashMap<(&str, usize), &'static str>>> = Mutex::new(None);
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    texts.get_or_insert_default().entry((R::TABLE, places)).or_insert_with(|| {
        let [before, after] = R::SQLITE;
        // Without numbers: the driver looks for the name of each place, and names are searched from the beginning.
        let row = format!("({})", vec!["?"; R::COLUMNS].join(", "));
        let rows = vec![row; places];
        format!("{before}{}{after}", rows.join(", ")).leak()
    })
}

/// Gathers statements and hands them over: on SQLite many at once, on PostgreSQL each by itself.
struct Writing<'a> {
    tx: &'a mut Tx,
    steps: &'a dyn Steps,
    /// Those that the gathered statements write.
    tables: Vec<&'static str>,
    statements: Vec<Statement>,
    places: usize,
}

impl Writing<'_> {
    async fn insert<R: Insert>(&mut self, rows: &[R]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        if !self.tx.is_sqlite() {
            return self.add(R::TABLE, Statement { sql: R::POSTGRES, args: args![json(&rows)?] }, rows.len()).await;
        }
        let mut rest = rows;
        while !rest.is_empty() {
            let places = next_places(rest.len());
            let (taken, left) = rest.split_at(places.min(rest.len()));
            rest = left;
            let mut args = Vec::with_capacity(places * R::COLUMNS);
            for row in taken {
                row.bind(&mut args);
            }
            args.resize(places * R::COLUMNS, Arg::MaybeInt(None));
            self.add(R::TABLE, Statement { sql: sqlite_insert::<R>(places), args }, places).await?;
        }
        Ok(())
    }

    async fn change(&mut self, table: &'static str, pair: &Pair, rows: &[impl Serialize]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        self.add(table, Statement { sql: self.tx.pick(pair), args: args![json(&rows)?] }, 1).await
    }

    async fn add(&mut self, table: &'static str, statement: Statement, places: usize) -> Result<()> {
        if self.tables.last() != Some(&table) {
            self.tables.push(table);
        }
        self.statements.push(statement);
        self.places += places;
        if !self.tx.is_sqlite() || self.places >= TOGETHER_PLACES { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<()> {
        let (statements, tables) = (std::mem::take(&mut self.statements), std::mem::take(&mut self.tables));
        self.places = 0;
        if !statements.is_empty() {
            self.tx.execute_all(statements).await?;
        }
        tables.into_iter().try_for_each(|table| self.steps.reached(Step::Written(table)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_place_and_few_places_stay_empty() {
        for rows in 1..2_000_usize {
            let (mut rest, mut places) = (rows, 0);
            while rest > 0 {
                let next = next_places(rest);
                assert!(PLACES.contains(&next));
                places += next;
                rest = rest.saturating_sub(next);
            }
            assert!((rows..=rows + 63).contains(&places), "{rows} rows, {places} places");
        }
    }
}
