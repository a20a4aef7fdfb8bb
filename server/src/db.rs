//! The database: one SQL text for SQLite and PostgreSQL, dispatched in this file alone.
//!
//! A use case writes a query once, as a constant with `$1, $2 …`, and runs it on a [`Db`] or, where several statements
//! belong together, on a [`Tx`]. Only here is a driver named.
//!
//! **Invariant:** on SQLite all writes go through one connection with `BEGIN IMMEDIATE`, so writers queue in order
//! instead of failing with "database is locked"; WAL with `synchronous=FULL` is read back at start, because a commit
//! that did not reach the disk would be credit that comes back after a power cut.

use crate::error::{Result, StartError};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Postgres, Sqlite, Transaction};
use std::str::FromStr;
use std::time::Duration;

pub use sqlx::FromRow;

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// How long a statement waits for a connection before the caller gets 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
const SQLITE_READERS: u32 = 8;
const POSTGRES_CONNECTIONS: u32 = 16;

/// A connection pool to the one database of this installation.
#[derive(Clone)]
pub enum Db {
    Sqlite { reader: SqlitePool, writer: SqlitePool },
    Postgres(PgPool),
}

/// A transaction. Dropping it without [`Tx::commit`] rolls it back.
pub enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// A row type that both databases can fill: a tuple, or a struct that derives [`FromRow`].
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}
impl<R> Row for R where R: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// An argument of a query.
#[derive(Clone, Debug)]
pub enum Arg {
    Int(i64),
    MaybeInt(Option<i64>),
    Text(String),
    MaybeText(Option<String>),
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
        Self::Text(value.to_owned())
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
        Self::MaybeText(value.map(str::to_owned))
    }
}

impl From<Option<String>> for Arg {
    fn from(value: Option<String>) -> Self {
        Self::MaybeText(value)
    }
}

/// A statement in the two forms where the databases truly differ.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    pub sqlite: &'static str,
    pub postgres: &'static str,
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
            };
        }
        query
    }};
}

/// The one place where a statement goes to a driver: `reads` picks the pool on SQLite.
macro_rules! dispatch {
    ($target:expr, $pool:ident, $connection:ident => $body:expr) => {
        match $target {
            Db::Sqlite { $pool: $connection, .. } => $body,
            Db::Postgres($connection) => $body,
        }
    };
}

macro_rules! dispatch_tx {
    ($target:expr, $connection:ident => $body:expr) => {
        match $target {
            Tx::Sqlite(tx) => {
                let $connection = &mut **tx;
                $body
            }
            Tx::Postgres(tx) => {
                let $connection = &mut **tx;
                $body
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
            Self::open_sqlite(url).await?
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

    async fn open_sqlite(url: &str) -> std::result::Result<Self, StartError> {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(StartError::database)?
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(ACQUIRE_TIMEOUT)
            .pragma("cache_size", "-8192");
        // Nothing is checkpointed in a caller's commit: `keep_checkpointing` does that beside them.
        let writing = options.clone().pragma("wal_autocheckpoint", "0").pragma("cache_size", "-65536");
        let pool = |connections| {
            SqlitePoolOptions::new().max_connections(connections).min_connections(1).acquire_timeout(ACQUIRE_TIMEOUT)
        };
        let writer = pool(1).connect_with(writing).await.map_err(StartError::database)?;
        let (synchronous, journal): (i64, String) =
            sqlx::query_as("SELECT s.synchronous, j.journal_mode FROM pragma_synchronous s, pragma_journal_mode j")
                .fetch_one(&writer)
                .await
                .map_err(StartError::database)?;
        if synchronous < 2 || journal != "wal" {
            return Err(StartError::message("SQLite did not accept journal_mode=WAL with synchronous=FULL"));
        }
        let reader = pool(SQLITE_READERS).connect_with(options).await.map_err(StartError::database)?;
        Ok(Self::Sqlite { reader, writer })
    }

    async fn migrate(&self) -> std::result::Result<(), StartError> {
        match self {
            Self::Sqlite { writer, .. } => SQLITE_MIGRATIONS.run(writer).await,
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
            Self::Sqlite { writer, .. } => Tx::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Runs one statement that writes; returns how many rows it touched.
    pub async fn execute(&self, sql: &'static str, args: Vec<Arg>) -> Result<u64> {
        dispatch!(self, writer, pool => Ok(bound!(sqlx::query(sql), args).execute(pool).await?.rows_affected()))
    }

    /// Reads exactly one row.
    pub async fn one<R: Row>(&self, sql: &'static str, args: Vec<Arg>) -> Result<R> {
        dispatch!(self, reader, pool => Ok(bound!(sqlx::query_as(sql), args).fetch_one(pool).await?))
    }

    /// Reads one row, if there is one.
    pub async fn optional<R: Row>(&self, sql: &'static str, args: Vec<Arg>) -> Result<Option<R>> {
        dispatch!(self, reader, pool => Ok(bound!(sqlx::query_as(sql), args).fetch_optional(pool).await?))
    }

    /// Reads all rows. Every query that can return many has its own `LIMIT`.
    pub async fn all<R: Row>(&self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<R>> {
        dispatch!(self, reader, pool => Ok(bound!(sqlx::query_as(sql), args).fetch_all(pool).await?))
    }

    /// Moves what was committed from SQLite's write-ahead log into its file, until `ended` returns. On a connection of its
    /// own: the copying runs beside the writers, and only starting the log anew keeps them waiting for a moment.
    pub async fn keep_checkpointing(&self, ended: impl Future<Output = ()>) {
        let Self::Sqlite { reader, writer } = self else { return };
        let mut interval = tokio::time::interval(CHECKPOINT_INTERVAL);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut ended = std::pin::pin!(ended);
        loop {
            tokio::select! {
                () = &mut ended => return,
                _ = interval.tick() => {}
            }
            if reader.is_closed() {
                return;
            }
            if let Err(error) = checkpoint(reader, writer).await {
                tracing::warn!(%error, "the write-ahead log could not be moved into the database");
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

/// Pages of the write-ahead log from which it is started anew: 64 MiB.
const RESTART_PAGES: i64 = 16_000;
/// Pages that many commits change are copied once for all of them: the longer the pause, the less is copied.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(1);

async fn checkpoint(reader: &SqlitePool, writer: &SqlitePool) -> std::result::Result<(), sqlx::Error> {
    type Progress = (i64, i64, i64);
    let (_, pages, _): Progress = sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(reader).await?;
    if pages >= RESTART_PAGES {
        // Copies what was written during the line above, so that little is left for the one below.
        let _: Progress = sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(reader).await?;
        // The writer's own connection comes free between two commits; any other one could wait for its lock for ever.
        // Everybody waits meanwhile.
        let _: Progress = sqlx::query_as("PRAGMA wal_checkpoint(RESTART)").fetch_one(writer).await?;
    }
    Ok(())
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
        match self {
            Self::Sqlite(_) => pair.sqlite,
            Self::Postgres(_) => pair.postgres,
        }
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
        dispatch_tx!(self, tx => Ok(bound!(sqlx::query(sql), args).execute(tx).await?.rows_affected()))
    }

    /// See [`Db::one`].
    pub async fn one<R: Row>(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<R> {
        dispatch_tx!(self, tx => Ok(bound!(sqlx::query_as(sql), args).fetch_one(tx).await?))
    }

    /// See [`Db::optional`].
    pub async fn optional<R: Row>(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<Option<R>> {
        dispatch_tx!(self, tx => Ok(bound!(sqlx::query_as(sql), args).fetch_optional(tx).await?))
    }

    /// See [`Db::all`].
    pub async fn all<R: Row>(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<R>> {
        dispatch_tx!(self, tx => Ok(bound!(sqlx::query_as(sql), args).fetch_all(tx).await?))
    }
}
