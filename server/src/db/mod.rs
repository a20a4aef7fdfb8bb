//! The database: one SQL text for SQLite and PostgreSQL, dispatched in this file alone.
//!
//! A use case writes a query once, as a constant with `$1, $2 …`, and runs it on a [`Db`] or, where several statements
//! belong together, on a [`Tx`]. Only here is a driver named.
//!
//! **Invariant:** on SQLite all writes go through one connection with `BEGIN IMMEDIATE`, so writers queue in order
//! instead of failing with "database is locked"; WAL with `synchronous=FULL` is read back at start, because a commit
//! that did not reach the disk would be credit that comes back after a power cut.

mod found;
mod sqlite;

use crate::error::{Error, Result, StartError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlite::{SqliteTx, Writer};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{Postgres, Transaction};
use std::str::FromStr;
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

/// A row type that both databases can fill: a tuple, or a struct that derives [`FromRow`] and `Deserialize`.
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + DeserializeOwned + Send + Unpin {}
impl<R> Row for R where R: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + DeserializeOwned + Send + Unpin {}

/// An argument of a query.
#[derive(Clone, Debug)]
pub enum Arg {
    Int(i64),
    MaybeInt(Option<i64>),
    Text(String),
    MaybeText(Option<String>),
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
        Self::Text(value)
    }
}

impl From<&String> for Arg {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<Option<&str>> for Arg {
    fn from(value: Option<&str>) -> Self {
        Self::MaybeText(value.map(Into::into))
    }
}

impl From<Option<String>> for Arg {
    fn from(value: Option<String>) -> Self {
        Self::MaybeText(value)
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

/// A value of a row that is written.
#[derive(Clone, Copy, Debug)]
pub enum Value<'r> {
    Null,
    Int(i64),
    Text(&'r str),
}

/// A row that is written, among others.
pub trait Values: Serialize {
    /// Adds what it has in its columns, in their order.
    fn values<'r>(&'r self, values: &mut Vec<Value<'r>>);
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
            let pool = pool.connect_with(options).await.map_err(StartError::database)?;
            POSTGRES_MIGRATIONS.run(&pool).await.map_err(StartError::migration)?;
            Self::Postgres(pool)
        } else {
            return Err(StartError::option("--database-url", "it must start with sqlite:// or postgres://"));
        };
        Ok(db)
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
            Self::Sqlite { writer, .. } => Ok(writer.lock().await?.execute(sql, &args)?),
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
    matches!(error, sqlx::Error::Database(error) if error.try_downcast_ref::<sqlite::Failure>().is_some())
}

fn code_of(error: &sqlx::Error) -> String {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.map(std::borrow::Cow::into_owned).unwrap_or_default()
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
            Self::Sqlite(tx) => tx.commit()?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// What tells whether anybody has written since an earlier transaction; `None` where that cannot be told.
    ///
    /// # Errors
    /// When the database fails.
    pub fn mark(&self) -> Result<Option<Mark>> {
        match self {
            Self::Sqlite(tx) => Ok(Some(tx.mark()?)),
            Self::Postgres(_) => Ok(None),
        }
    }

    /// See [`Db::execute`].
    pub async fn execute(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<u64> {
        match self {
            Self::Sqlite(tx) => Ok(tx.execute(sql, &args)?),
            Self::Postgres(tx) => Ok(bound!(sqlx::query(sql), args).execute(&mut **tx).await?.rows_affected()),
        }
    }

    /// Writes rows: on SQLite the statement is run for each with its values in its places, on PostgreSQL once with all rows
    /// as one JSON text.
    pub async fn write_rows<R: Values>(&mut self, pair: &Pair, rows: &[R]) -> Result<()> {
        match self {
            Self::Sqlite(tx) => tx.execute_each(pair.sqlite, rows, R::values)?,
            Self::Postgres(_) => {
                let rows = serde_json::to_string(rows).map_err(Error::internal)?;
                self.execute(pair.postgres, crate::args![rows]).await?;
            }
        }
        Ok(())
    }

    /// See [`Db::one`].
    pub async fn one<R: Row>(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<R> {
        Ok(self.optional(sql, args).await?.ok_or(sqlx::Error::RowNotFound)?)
    }

    /// See [`Db::optional`].
    pub async fn optional<R: Row>(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<Option<R>> {
        match self {
            Self::Sqlite(tx) => Ok(tx.all(sql, &args)?.into_iter().next()),
            Self::Postgres(tx) => Ok(bound!(sqlx::query_as(sql), args).fetch_optional(&mut **tx).await?),
        }
    }

    /// See [`Db::all`].
    pub async fn all<R: Row>(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<R>> {
        match self {
            Self::Sqlite(tx) => Ok(tx.all(sql, &args)?),
            Self::Postgres(tx) => Ok(bound!(sqlx::query_as(sql), args).fetch_all(&mut **tx).await?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[derive(FromRow, serde::Deserialize, Debug, PartialEq, Eq)]
    struct Thing {
        name: Option<String>,
        number: i64,
        bytes: Vec<u8>,
    }

    const ADD: &str = "INSERT INTO things (number, name, bytes) VALUES ($2, $1, $3)";
    const ALL: &str = "SELECT bytes, number, name FROM things ORDER BY number";

    async fn opened(folder: &Path) -> Db {
        let url = format!("sqlite://{}", folder.join("things.sqlite").display());
        Db::open(&url).await.expect("a database")
    }

    async fn with_things(folder: &Path) -> Db {
        let db = opened(folder).await;
        let table = "CREATE TABLE things (number BIGINT NOT NULL UNIQUE, name TEXT, bytes BLOB NOT NULL)";
        db.execute(table, args![]).await.expect("a table");
        db
    }

    #[tokio::test]
    async fn a_row_is_the_same_to_those_who_read_and_to_those_who_write() {
        let folder = tempfile::tempdir().expect("a folder");
        let db = with_things(folder.path()).await;
        let things = [
            Thing { name: None, number: i64::MIN, bytes: vec![] },
            Thing { name: Some("\u{0}ünïcode '\"".to_owned()), number: i64::MAX, bytes: vec![0, 255, 7] },
        ];
        for thing in &things {
            let args = args![thing.name.as_deref(), thing.number, thing.bytes.clone()];
            assert_eq!(db.execute(ADD, args).await.expect("a thing"), 1);
        }
        assert_eq!(db.all::<Thing>(ALL, args![]).await.expect("read"), things);
        let mut tx = db.begin().await.expect("a transaction");
        assert_eq!(tx.all::<Thing>(ALL, args![]).await.expect("read within"), things);
        let wrong = tx.all::<(i64,)>("SELECT name FROM things", args![]).await.expect_err("no number");
        assert!(matches!(wrong, Error::Database(sqlx::Error::Decode(_))), "{wrong}");
        tx.execute(ADD, args!["too few"]).await.expect_err("a place without an argument");
    }

    #[tokio::test]
    async fn a_transaction_leaves_all_or_nothing_and_sqlite_says_why() {
        let folder = tempfile::tempdir().expect("a folder");
        let db = with_things(folder.path()).await;
        let thing = |number: i64| args![None::<&str>, number, vec![1]];
        let count = "SELECT COUNT(*) FROM things";
        let mut tx = db.begin().await.expect("a transaction");
        tx.execute(ADD, thing(1)).await.expect("a thing");
        drop(tx);
        let mut tx = db.begin().await.expect("another one");
        assert_eq!(tx.one::<(i64,)>(count, args![]).await.expect("a count"), (0,), "the first was rolled back");
        tx.execute(ADD, thing(1)).await.expect("a thing");
        let twice = tx.execute(ADD, thing(1)).await.expect_err("it is there");
        let Error::Database(error) = &twice else { panic!("{twice}") };
        assert_eq!(code_of(error), "2067", "SQLITE_CONSTRAINT_UNIQUE");
        assert!(is_known_to_have_failed(error) && !is_transient(error) && !is_out_of_reach(error));
        tx.execute(ADD, thing(2)).await.expect("the transaction goes on");
        tx.commit().await.expect("a commit");
        assert_eq!(db.one::<(i64,)>(count, args![]).await.expect("a count"), (2,));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn whoever_waits_for_the_disk_or_for_a_lock_keeps_nobody_else_from_working() {
        let folder = tempfile::tempdir().expect("a folder");
        let (db, other) = (with_things(folder.path()).await, opened(folder.path()).await);
        let held = other.begin().await.expect("the lock of the file");
        let has_begun = Arc::new(AtomicBool::new(false));
        let noting = Arc::clone(&has_begun);
        let waits = tokio::spawn(async move {
            let tx = db.begin().await.expect("in its turn");
            noting.store(true, Ordering::Relaxed);
            tx.commit().await
        });
        let releases = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let was_early = has_begun.load(Ordering::Relaxed);
            held.commit().await.map(|()| was_early)
        });
        assert!(!releases.await.expect("the runtime goes on").expect("a commit"), "one writes at a time");
        waits.await.expect("the runtime goes on").expect("a commit");
    }
}
