//! SQLite: the one connection that writes, its transactions, and its write-ahead log.
//!
//! A pool asks a connection whether it is still there each time it is taken and given back. Here each such question wakes
//! another thread, so the connection that writes stands behind a lock of its own, which is passed on in the order of
//! asking.

use super::ACQUIRE_TIMEOUT;
use crate::error::StartError;
use sqlx::query::Query;
use sqlx::sqlite::{
    Sqlite, SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteRow, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Executor, FromRow};
use std::collections::HashMap;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Each has a thread and a cache of its own: with eight it was 15 MB more.
const READERS: u32 = 4;
/// How many rows of an answer the reading thread may be ahead. Each time it has to wait costs two switches of threads.
const ROWS_AHEAD: usize = 4_096;
/// Pages of the write-ahead log from which it is started anew: 64 MiB.
const RESTART_PAGES: i64 = 8_000;
/// Most pages that may still have to be copied for that, while the writers wait: 8 MiB.
const RESTART_BEHIND_MAX: i64 = 1_000;
/// How many prepared statements the writing connection keeps.
const STATEMENTS_KEPT: usize = 256;

/// The connection that writes. When its thread has ended, it is made anew for the next one who asks.
#[derive(Clone)]
pub struct Writer {
    options: Arc<SqliteConnectOptions>,
    connection: Arc<Mutex<Option<SqliteConnection>>>,
    is_broken: Arc<AtomicBool>,
    /// How often the right to write was given.
    turns: Arc<AtomicU64>,
}

/// Nearly all that is written goes to the ends of tables, so large pages mean fewer of them for each commit. It holds for a
/// new file; an older one keeps its own.
const PAGE_BYTES: u32 = 8_192;

/// The right to write, until it is dropped.
pub struct Writing {
    guard: OwnedMutexGuard<Option<SqliteConnection>>,
    turn: u64,
}

/// Tells what a transaction finds from what others find: whose turn it is among all that write through this connection, and
/// SQLite's own number, which changes with every commit of any other connection to the file.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    turn: u64,
    data_version: i64,
}

impl Mark {
    /// Whether nobody else, of this process or of another one, can have written between the two transactions.
    #[must_use]
    pub const fn follows(&self, before: &Self) -> bool {
        self.turn == before.turn + 1 && self.data_version == before.data_version
    }
}

/// A transaction on the connection that writes. Dropping it without a commit rolls it back.
///
/// It begins with its first statement, because every call wakes another thread and waits for it. The right to write is its
/// own from the start, so nobody notices the difference.
pub struct SqliteTx {
    /// `None` after the commit.
    writing: Option<Writing>,
    is_begun: bool,
    writer: Writer,
}

/// What a transaction begins with.
const BEGIN: &str = "BEGIN IMMEDIATE";
const DATA_VERSION: &str = "PRAGMA data_version";
const BEGIN_AND_MARK: &str = "BEGIN IMMEDIATE; PRAGMA data_version";

/// Opens the file at `url`: a pool that reads, and the connection that writes.
pub async fn open(url: &str) -> Result<(SqlitePool, Writer), StartError> {
    let options = SqliteConnectOptions::from_str(url)
        .map_err(StartError::database)?
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(ACQUIRE_TIMEOUT)
        .page_size(PAGE_BYTES)
        .pragma("cache_size", "-2048");
    // Nothing is checkpointed in a caller's commit: `keep_checkpointing` does that beside them.
    let writing = options
        .clone()
        .pragma("wal_autocheckpoint", "0")
        .pragma("cache_size", "-16384")
        // What a statement needs to undo itself alone, should it fail in its middle, is not worth a file.
        .pragma("temp_store", "MEMORY")
        .row_buffer_size(ROWS_AHEAD)
        .statement_cache_capacity(STATEMENTS_KEPT);
    let mut connection = writing.connect().await.map_err(StartError::database)?;
    let (synchronous, journal): (i64, String) =
        sqlx::query_as("SELECT s.synchronous, j.journal_mode FROM pragma_synchronous s, pragma_journal_mode j")
            .fetch_one(&mut connection)
            .await
            .map_err(StartError::database)?;
    if synchronous < 2 || journal != "wal" {
        return Err(StartError::message("SQLite did not accept journal_mode=WAL with synchronous=FULL"));
    }
    let readers = SqlitePoolOptions::new().max_connections(READERS).min_connections(1).acquire_timeout(ACQUIRE_TIMEOUT);
    let reader = readers.connect_with(options).await.map_err(StartError::database)?;
    Ok((
        reader,
        Writer {
            options: Arc::new(writing),
            connection: Arc::new(Mutex::new(Some(connection))),
            is_broken: Arc::default(),
            turns: Arc::default(),
        },
    ))
}

impl Writer {
    /// Waits for the right to write.
    pub async fn lock(&self) -> Result<Writing, sqlx::Error> {
        let guard = self.connection().await?;
        Ok(Writing { guard, turn: self.turns.fetch_add(1, Ordering::Relaxed) })
    }

    /// Waits for the connection, for what changes nothing that anybody reads.
    async fn connection(&self) -> Result<OwnedMutexGuard<Option<SqliteConnection>>, sqlx::Error> {
        let lock = Arc::clone(&self.connection).lock_owned();
        let mut connection =
            tokio::time::timeout(ACQUIRE_TIMEOUT, lock).await.map_err(|_| sqlx::Error::PoolTimedOut)?;
        if connection.is_some() && self.is_broken.load(Ordering::Relaxed) {
            *connection = Some(self.options.connect().await?);
            self.is_broken.store(false, Ordering::Relaxed);
            // The numbers of two connections say nothing about each other.
            self.turns.fetch_add(1, Ordering::Relaxed);
        }
        Ok(connection)
    }

    pub async fn begin(&self) -> Result<SqliteTx, sqlx::Error> {
        Ok(SqliteTx { writing: Some(self.lock().await?), is_begun: false, writer: self.clone() })
    }

    /// Passes a result on, and notices when it says that the connection's thread has ended.
    pub fn note<T>(&self, result: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        if matches!(result, Err(sqlx::Error::WorkerCrashed)) {
            self.is_broken.store(true, Ordering::Relaxed);
        }
        result
    }

    /// Copies what was committed from the write-ahead log into the file, beside the writers; returns how many pages of the
    /// log have been copied since it was last started anew.
    pub async fn checkpoint(&self, reader: &SqlitePool) -> Result<i64, sqlx::Error> {
        type Progress = (i64, i64, i64);
        let (_, pages, copied): Progress = sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(reader).await?;
        if copied < RESTART_PAGES || pages - copied > RESTART_BEHIND_MAX {
            return Ok(copied);
        }
        // Copies the little that came meanwhile while nobody writes: whoever writes next begins the log anew, unless
        // somebody still reads in it. Nobody is waited for, so one who reads for long only lets the log grow.
        let mut guard = self.connection().await?;
        let connection = guard.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let (_, _, copied): Progress = sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(connection).await?;
        Ok(copied)
    }

    /// Closes the connection, after what runs on it has ended.
    pub async fn close(&self) {
        let Some(connection) = self.connection.lock().await.take() else { return };
        if let Err(error) = connection.close().await {
            tracing::warn!(%error, "the database was not closed in order");
        }
    }
}

impl Writing {
    /// # Errors
    /// When the database was closed.
    pub fn connection(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        self.guard.as_mut().ok_or(sqlx::Error::PoolClosed)
    }
}

impl SqliteTx {
    /// The connection, in the transaction.
    ///
    /// # Errors
    /// When the database was closed, or cannot be written.
    pub async fn connection(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        let connection = self.writing.as_mut().ok_or(sqlx::Error::PoolClosed)?.connection()?;
        // Whoever stops waiting may have begun it.
        if !std::mem::replace(&mut self.is_begun, true) {
            self.writer.note(sqlx::query(BEGIN).execute(&mut *connection).await)?;
        }
        Ok(connection)
    }

    pub async fn commit(mut self) -> Result<(), sqlx::Error> {
        sqlx::query("COMMIT").execute(self.connection().await?).await?;
        self.writing = None;
        Ok(())
    }

    /// See [`Mark`].
    pub async fn mark(&mut self) -> Result<Mark, sqlx::Error> {
        let writing = self.writing.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let sql = if std::mem::replace(&mut self.is_begun, true) { DATA_VERSION } else { BEGIN_AND_MARK };
        let row = sqlx::query_as(sql).fetch_one(writing.connection()?).await;
        let (data_version,) = self.writer.note(row)?;
        Ok(Mark { turn: writing.turn, data_version })
    }

    /// Reads the rows of two statements, each of which gives one row.
    pub async fn two<A, B>(&mut self, query: Query<'_, Sqlite, SqliteArguments>) -> Result<(A, B), sqlx::Error>
    where
        A: for<'r> FromRow<'r, SqliteRow>,
        B: for<'r> FromRow<'r, SqliteRow>,
    {
        let rows: Vec<SqliteRow> = self.connection().await?.fetch_all(query).await?;
        let [first, second] = rows.as_slice() else { return Err(sqlx::Error::RowNotFound) };
        Ok((A::from_row(first)?, B::from_row(second)?))
    }
}

/// Most rows of statements whose joined text is kept. Each is kept as long as the program runs, so there must be an end.
pub const JOINED_MAX: usize = 128;

/// One text of several statements, made once for each row of them; `None` when there are too many different rows.
pub fn joined(statements: &[&'static str]) -> Option<&'static str> {
    /// Where each part begins and how long it is: the parts live for ever, and some are too long to be compared each time.
    type Places = Vec<(usize, usize)>;
    static TEXTS: StdMutex<Option<HashMap<Places, &'static str>>> = StdMutex::new(None);
    if let [only] = statements {
        return Some(only);
    }
    let places: Places = statements.iter().map(|sql| (sql.as_ptr().addr(), sql.len())).collect();
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    let texts = texts.get_or_insert_default();
    if let Some(text) = texts.get(&places) {
        return Some(text);
    }
    if texts.len() >= JOINED_MAX {
        return None;
    }
    let text: &'static str = statements.join(";\n").leak();
    texts.insert(places, text);
    Some(text)
}

impl Drop for SqliteTx {
    fn drop(&mut self) {
        let Some(mut writing) = self.writing.take().filter(|_| self.is_begun) else { return };
        // Nobody else gets the right to write before this has ended. Where a commit was carried out whose caller had gone
        // away, there is nothing to roll back, and SQLite says so.
        tokio::spawn(async move {
            if let Ok(connection) = writing.connection() {
                let _nothing_to_roll_back = sqlx::query("ROLLBACK").execute(connection).await;
            }
        });
    }
}
