//! The database: one SQL text for SQLite and PostgreSQL, dispatched in this file alone.
//!
//! A use case writes a query once, as a constant with `$1, $2 …`, and runs it on a [`Db`] or, where several statements
//! belong together, on a [`Tx`]. Only here is a driver named.
//!
//! **Invariant:** on SQLite all writes go through one connection with `BEGIN IMMEDIATE`, so writers queue in order
//! instead of failing with "database is locked"; WAL with `synchronous=FULL` is read back at start, because a commit
//! that did not reach the disk would be credit that comes back after a power cut.

mod sqlite;

use crate::error::{Error, Result, StartError};
use serde::de::DeserializeOwned;
use sqlite::{SqliteTx, Writer};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{Postgres, Transaction};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

pub use sqlite::Mark;
pub use sqlx::FromRow;

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// How long a statement waits for a connection before the caller gets 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
const POSTGRES_CONNECTIONS: u32 = 16;

/// A connection pool to the one database of this installation.
#[derive(Clone)]
pub enum Db {
    Sqlite { reader: SqlitePool, writer: Writer },
    Postgres(PgPool),
}

/// A transaction. Dropping it without [`Tx::commit`] rolls it back.
pub enum Tx {
    Sqlite(SqliteTx),
    Postgres(Transaction<'static, Postgres>),
}

/// A row type that both databases can fill: a tuple, or a struct that derives [`FromRow`].
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}
impl<R> Row for R where R: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// An argument of a query. A text is shared, so that rows which say the same do not each have a copy of it.
#[derive(Clone, Debug)]
pub enum Arg {
    Int(i64),
    MaybeInt(Option<i64>),
    Text(Arc<str>),
    MaybeText(Option<Arc<str>>),
    Bytes(Vec<u8>),
}

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<Option<i64>> for Arg {
    fn from(value: Option<i64>) -> Self {
        Self::MaybeInt(value)
    }
}

impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<String> for Arg {
    fn from(value: String) -> Self {
        Self::Text(value.into())
    }
}

impl From<&String> for Arg {
    fn from(value: &String) -> Self {
        Self::Text(value.as_str().into())
    }
}

impl From<Option<&str>> for Arg {
    fn from(value: Option<&str>) -> Self {
        Self::MaybeText(value.map(Arc::from))
    }
}

impl From<Option<String>> for Arg {
    fn from(value: Option<String>) -> Self {
        Self::MaybeText(value.map(Arc::from))
    }
}

impl From<Vec<u8>> for Arg {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

/// A statement in the two forms where the databases truly differ.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

impl Pair {
    #[must_use]
    pub const fn pick(&self, is_sqlite: bool) -> &'static str {
        if is_sqlite { self.sqlite } else { self.postgres }
    }
}

/// A statement with its arguments, to be run together with others.
#[derive(Clone, Debug)]
pub struct Statement {
    /// On SQLite with `?` for each argument: in a row of statements there are no numbers.
    pub sql: &'static str,
    pub args: Vec<Arg>,
}

/// The arguments of a query, in the order of `$1, $2 …`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::db::Arg::from($value)),*] };
}

/// Binds the arguments to a query of either driver.
macro_rules! bound {
    ($query:expr, $args:expr) => {{
        let mut query = $query;
        for arg in $args {
            query = match arg {
                Arg::Int(value) => query.bind(value),
                Arg::MaybeInt(value) => query.bind(value),
                Arg::Text(value) => query.bind(value),
                Arg::MaybeText(value) => query.bind(value),
                Arg::Bytes(value) => query.bind(value),
            };
        }
        query
    }};
}

/// The one place where a reading statement goes to a driver.
macro_rules! read {
    ($db:expr, $pool:ident => $body:expr) => {
        match $db {
            Db::Sqlite { reader: $pool, .. } => Ok($body?),
            Db::Postgres($pool) => Ok($body?),
        }
    };
}

/// The same inside a transaction.
macro_rules! within {
    ($tx:expr, $connection:ident => $body:expr) => {
        match $tx {
            Tx::Sqlite(tx) => {
                let $connection = tx.connection().await?;
                Ok($body?)
            }
            Tx::Postgres(tx) => {
                let $connection = &mut **tx;
                Ok($body?)
            }
        }
    };
}

impl Db {
    /// Opens the database at `sqlite://…` or `postgres://…` and brings its tables up to date.
    ///
    /// # Errors
    /// When the address is of neither kind, the database cannot be reached, or a migration fails.
    pub async fn open(url: &str) -> std::result::Result<Self, StartError> {
        let db = if url.starts_with("sqlite:") {
            let (reader, writer) = sqlite::open(url).await?;
            Self::Sqlite { reader, writer }
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let options = PgConnectOptions::from_str(url).map_err(StartError::database)?;
            let pool = PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS).acquire_timeout(ACQUIRE_TIMEOUT);
            Self::Postgres(pool.connect_with(options).await.map_err(StartError::database)?)
        } else {
            return Err(StartError::option("--database-url", "it must start with sqlite:// or postgres://"));
        };
        db.migrate().await?;
        Ok(db)
    }

    async fn migrate(&self) -> std::result::Result<(), StartError> {
        match self {
            Self::Sqlite { writer, .. } => {
                let mut writing = writer.lock().await.map_err(StartError::database)?;
                SQLITE_MIGRATIONS.run(writing.connection().map_err(StartError::database)?).await
            }
            Self::Postgres(pool) => POSTGRES_MIGRATIONS.run(pool).await,
        }
        .map_err(|error| StartError::message(format!("the database could not be migrated: {error}")))
    }

    /// `SQLite` or `PostgreSQL`, for people.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    /// Begins a transaction that may write.
    pub async fn begin(&self) -> Result<Tx> {
        Ok(match self {
            Self::Sqlite { writer, .. } => Tx::Sqlite(writer.begin().await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Runs one statement that writes; returns how many rows it touched.
    pub async fn execute(&self, sql: &'static str, args: Vec<Arg>) -> Result<u64> {
        match self {
            Self::Sqlite { writer, .. } => {
                let mut writing = writer.lock().await?;
                let done = bound!(sqlx::query(sql), args).execute(writing.connection()?).await;
                Ok(writer.note(done)?.rows_affected())
            }
            Self::Postgres(pool) => Ok(bound!(sqlx::query(sql), args).execute(pool).await?.rows_affected()),
        }
    }

    /// Reads exactly one row.
    pub async fn one<R: Row>(&self, sql: &'static str, args: Vec<Arg>) -> Result<R> {
        read!(self, pool => bound!(sqlx::query_as(sql), args).fetch_one(pool).await)
    }

    /// Reads one row, if there is one.
    pub async fn optional<R: Row>(&self, sql: &'static str, args: Vec<Arg>) -> Result<Option<R>> {
        read!(self, pool => bound!(sqlx::query_as(sql), args).fetch_optional(pool).await)
    }

    /// Reads all rows. Every query that can return many has its own `LIMIT`.
    pub async fn all<R: Row>(&self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<R>> {
        read!(self, pool => bound!(sqlx::query_as(sql), args).fetch_all(pool).await)
    }

    /// Moves what was committed from SQLite's write-ahead log into its file again and again, until `ended` returns.
    pub async fn keep_checkpointing(&self, ended: impl Future<Output = ()>) {
        let Self::Sqlite { reader, writer } = self else { return };
        let mut ended = std::pin::pin!(ended);
        let (mut pause, mut copied_before) = (CHECKPOINT_PAUSE_MAX, 0);
        loop {
            tokio::select! {
                () = &mut ended => return,
                () = tokio::time::sleep(pause) => {}
            }
            if reader.is_closed() {
                return;
            }
            match writer.checkpoint(reader).await {
                Ok(copied) => {
                    // Where less is copied than before, the log was started anew in between.
                    let pages = if copied < copied_before { copied } else { copied - copied_before };
                    pause = checkpoint_pause(pause, pages);
                    copied_before = copied;
                }
                Err(error) => {
                    tracing::warn!(%error, "the write-ahead log could not be moved into the database");
                    pause = CHECKPOINT_PAUSE_MAX;
                }
            }
        }
    }

    /// Closes all connections, after what runs on them has ended.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { reader, writer } => {
                reader.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// Pages that many commits change are copied once for all of them: the longer the pause, the less is copied.
const CHECKPOINT_PAUSE_MAX: Duration = Duration::from_secs(1);
const CHECKPOINT_PAUSE_MIN: Duration = Duration::from_millis(3);
/// How many pages are to be copied at a time. A commit whose sync comes while the file is synced waits for both, so that
/// many pages at once would be felt by callers.
const CHECKPOINT_PAGES: f64 = 100.0;

/// The pause after which about [`CHECKPOINT_PAGES`] will have come, where `pages` came in the last one.
fn checkpoint_pause(last: Duration, pages: i64) -> Duration {
    let pages = f64::from(u32::try_from(pages.max(1)).unwrap_or(u32::MAX));
    last.mul_f64(CHECKPOINT_PAGES / pages).clamp(CHECKPOINT_PAUSE_MIN, CHECKPOINT_PAUSE_MAX)
}

/// Whether a statement may succeed when its whole transaction is run again: two transactions were in each other's way.
#[must_use]
pub fn is_transient(error: &sqlx::Error) -> bool {
    let code = code_of(error);
    ["40001", "40P01", "5", "6", "261", "517"].contains(&code.as_str())
}

/// Whether the database cannot be reached or has no room, so that the same statement may succeed later.
#[must_use]
pub fn is_out_of_reach(error: &sqlx::Error) -> bool {
    // SQLite: disk full, and errors of reading or writing. PostgreSQL: no resources (class 53), the server stops or
    // starts (57P0x), the connection broke (class 08).
    let code = code_of(error);
    let sqlite = code.parse::<u32>().is_ok_and(|number| code.len() < 5 && matches!(number & 0xff, 10 | 13 | 14));
    let postgres = code.len() == 5 && ["53", "57P0", "08"].iter().any(|class| code.starts_with(class));
    sqlite
        || postgres
        || matches!(
            error,
            sqlx::Error::Io(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::Tls(_)
                | sqlx::Error::WorkerCrashed
        )
}

/// Whether a COMMIT that ended with this error has certainly left nothing. SQLite itself says that it did not commit; of a
/// connection to PostgreSQL that broke, nothing is known.
#[must_use]
pub fn is_known_to_have_failed(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some())
}

fn code_of(error: &sqlx::Error) -> String {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.map(std::borrow::Cow::into_owned).unwrap_or_default()
}

/// The rows in a JSON text.
fn rows_of<R: DeserializeOwned>(json: &str) -> Result<Vec<R>> {
    serde_json::from_str(json).map_err(Error::internal)
}

impl Tx {
    #[must_use]
    pub const fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// Of a pair, the form that this database understands.
    #[must_use]
    pub const fn pick(&self, pair: &Pair) -> &'static str {
        pair.pick(self.is_sqlite())
    }

    /// Makes everything of this transaction durable. Nothing is answered to anybody before this returns.
    pub async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// See [`Db::execute`].
    pub async fn execute(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<u64> {
        within!(self, tx => bound!(sqlx::query(sql), args).execute(tx).await.map(|done| done.rows_affected()))
    }

    /// Runs statements one after the other; the first that fails ends the row. On SQLite all are handed over at once,
    /// because every call there wakes another thread and waits for it.
    pub async fn execute_all(&mut self, statements: Vec<Statement>) -> Result<()> {
        if let Self::Sqlite(tx) = &mut *self {
            let texts: Vec<&'static str> = statements.iter().map(|statement| statement.sql).collect();
            if let Some(sql) = sqlite::joined(&texts) {
                let args = statements.into_iter().flat_map(|statement| statement.args);
                bound!(sqlx::query(sql), args).execute(tx.connection().await?).await?;
                return Ok(());
            }
        }
        for statement in statements {
            self.execute(statement.sql, statement.args).await?;
        }
        Ok(())
    }

    /// What tells whether anybody has written since an earlier transaction; `None` where that cannot be told.
    pub async fn mark(&mut self) -> Result<Option<Mark>> {
        match self {
            Self::Sqlite(tx) => Ok(Some(tx.mark().await?)),
            Self::Postgres(_) => Ok(None),
        }
    }

    /// Reads the rows of two statements, the second after the first; see [`Tx::execute_all`]. On SQLite each gives its rows
    /// as one JSON text, an array for each row: the driver copies each value of a row and wakes its reader for it.
    pub async fn both<A, B>(&mut self, first: Statement, second: Statement) -> Result<(Vec<A>, Vec<B>)>
    where
        A: Row + DeserializeOwned,
        B: Row + DeserializeOwned,
    {
        let Self::Sqlite(tx) = &mut *self else {
            return Ok((self.all(first.sql, first.args).await?, self.all(second.sql, second.args).await?));
        };
        let (first, second): ((String,), (String,)) = match sqlite::joined(&[first.sql, second.sql]) {
            Some(sql) => tx.two(bound!(sqlx::query(sql), first.args.into_iter().chain(second.args))).await?,
            None => (self.one(first.sql, first.args).await?, self.one(second.sql, second.args).await?),
        };
        Ok((rows_of(&first.0)?, rows_of(&second.0)?))
    }

    /// See [`Db::one`].
    pub async fn one<R: Row>(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<R> {
        within!(self, tx => bound!(sqlx::query_as(sql), args).fetch_one(tx).await)
    }

    /// See [`Db::optional`].
    pub async fn optional<R: Row>(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<Option<R>> {
        within!(self, tx => bound!(sqlx::query_as(sql), args).fetch_optional(tx).await)
    }

    /// See [`Db::all`].
    pub async fn all<R: Row>(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<R>> {
        within!(self, tx => bound!(sqlx::query_as(sql), args).fetch_all(tx).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADD: &str = "INSERT INTO numbers (number) VALUES (?)";
    const DOUBLE: &str = "UPDATE numbers SET number = number * ?";
    const ALL: &str = "SELECT json_group_array(json_array(number)) FROM (SELECT number FROM numbers ORDER BY number)";
    const MORE: &str = "SELECT json_group_array(json_array(number)) FROM numbers WHERE number > ?";

    #[tokio::test]
    async fn statements_whose_text_is_not_kept_run_one_after_the_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let db =
            Db::open(&format!("sqlite://{}", folder.path().join("joined.sqlite").display())).await.expect("a database");
        db.execute("CREATE TABLE numbers (number BIGINT NOT NULL UNIQUE)", args![]).await.expect("a table");
        let texts =
            (0..=sqlite::JOINED_MAX).map(|number| sqlite::joined(&["SELECT 0", format!("SELECT {number}").leak()]));
        assert_eq!(texts.filter(Option::is_none).count(), 1, "the last is one too many");
        assert_eq!(sqlite::joined(&[ADD, DOUBLE]), None);

        let mut tx = db.begin().await.expect("a transaction");
        let add = |number: i64| Statement { sql: ADD, args: args![number] };
        let double = Statement { sql: DOUBLE, args: args![2_i64] };
        tx.execute_all(vec![add(3), double, add(4)]).await.expect("three statements");
        let all = Statement { sql: ALL, args: args![] };
        let more = Statement { sql: MORE, args: args![5_i64] };
        let found: (Vec<(i64,)>, Vec<(i64,)>) = tx.both(all, more).await.expect("two answers");
        assert_eq!(found, (vec![(4,), (6,)], vec![(6,)]));

        tx.execute_all(vec![add(7), add(4), add(8)]).await.expect_err("4 is there already");
        let (count,): (i64,) = tx.one("SELECT COUNT(*) FROM numbers", args![]).await.expect("a count");
        assert_eq!(count, 3, "what failed ended the row");
    }
}
