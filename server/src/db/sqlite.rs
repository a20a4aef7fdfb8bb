//! SQLite: the one connection that writes, its transactions, and its write-ahead log.
//!
//! What writes runs on the thread of whoever asks for it, with no other thread in between: two threads that hand each
//! statement over and wait for its end take longer for that than SQLite takes to carry it out. Readers have a pool, whose
//! connections have threads of their own.

use super::found::Found;
use super::{ACQUIRE_TIMEOUT, Arg, Row, SQLITE_MIGRATIONS, Value};
use crate::error::StartError;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OpenFlags};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection as _};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Each has a thread and a cache of its own: with eight it was 15 MB more.
const READERS: u32 = 4;
/// Pages of the write-ahead log from which it is started anew: 64 MiB.
const RESTART_PAGES: i64 = 8_000;
/// Most pages that may still have to be copied for that, while the writers wait: 8 MiB.
const RESTART_BEHIND_MAX: i64 = 1_000;
/// How many prepared statements the writing connection keeps.
const STATEMENTS_KEPT: usize = 256;

/// Nearly all that is written goes to the ends of tables, so large pages mean fewer of them for each commit. It holds for a
/// new file; an older one keeps its own.
const PAGE_BYTES: u32 = 8_192;

/// The connection that writes.
#[derive(Clone)]
pub struct Writer {
    /// `None` after the end.
    connection: Arc<Mutex<Option<Connection>>>,
    /// How often the right to write was given.
    turns: Arc<AtomicU64>,
}

/// The right to write, until it is dropped.
pub struct Writing {
    guard: OwnedMutexGuard<Option<Connection>>,
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
pub struct SqliteTx {
    /// `None` after the commit.
    writing: Option<Writing>,
}

/// Opens the file at `url` and brings its tables up to date: a pool that reads, and the connection that writes.
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
    let mut migrating = options.connect().await.map_err(StartError::database)?;
    SQLITE_MIGRATIONS.run(&mut migrating).await.map_err(StartError::migration)?;
    migrating.close().await.map_err(StartError::database)?;
    let connection = connect(&options).map_err(|error| StartError::database(error.into()))?;
    let readers = SqlitePoolOptions::new().max_connections(READERS).min_connections(1).acquire_timeout(ACQUIRE_TIMEOUT);
    let reader = readers.connect_with(options).await.map_err(StartError::database)?;
    Ok((reader, Writer { connection: Arc::new(Mutex::new(Some(connection))), turns: Arc::default() }))
}

/// The connection that writes.
fn connect(options: &SqliteConnectOptions) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(options.get_filename(), flags)?;
    connection.busy_timeout(ACQUIRE_TIMEOUT)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    // Nothing is checkpointed in a caller's commit: `keep_checkpointing` does that beside them.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    // What a statement needs to undo itself alone, should it fail in its middle, is not worth a file.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    let found = "SELECT s.synchronous, j.journal_mode FROM pragma_synchronous s, pragma_journal_mode j";
    let (synchronous, journal): (i64, String) =
        connection.query_row(found, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if synchronous < 2 || journal != "wal" {
        return Err(Failure::new("SQLite did not accept journal_mode=WAL with synchronous=FULL"));
    }
    Ok(connection)
}

/// Runs what may wait for the disk. Where other tasks share this thread, they are taken over by another one first.
fn waiting<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

impl Writer {
    /// Waits for the right to write.
    pub async fn lock(&self) -> Result<Writing, sqlx::Error> {
        let guard = self.connection().await?;
        Ok(Writing { guard, turn: self.turns.fetch_add(1, Ordering::Relaxed) })
    }

    /// Waits for the connection, for what changes nothing that anybody reads.
    async fn connection(&self) -> Result<OwnedMutexGuard<Option<Connection>>, sqlx::Error> {
        let lock = Arc::clone(&self.connection).lock_owned();
        tokio::time::timeout(ACQUIRE_TIMEOUT, lock).await.map_err(|_| sqlx::Error::PoolTimedOut)
    }

    pub async fn begin(&self) -> Result<SqliteTx, sqlx::Error> {
        let writing = self.lock().await?;
        let connection = writing.connection()?;
        waiting(|| run(connection, "BEGIN IMMEDIATE", &[]))?;
        Ok(SqliteTx { writing: Some(writing) })
    }

    /// Copies what was committed from the write-ahead log into the file, beside the writers; returns how many pages of the
    /// log have been copied since it was last started anew.
    pub async fn checkpoint(&self, reader: &SqlitePool) -> Result<i64, sqlx::Error> {
        const CHECKPOINT: &str = "PRAGMA wal_checkpoint(PASSIVE)";
        type Progress = (i64, i64, i64);
        let (_, pages, copied): Progress = sqlx::query_as(CHECKPOINT).fetch_one(reader).await?;
        if copied < RESTART_PAGES || pages - copied > RESTART_BEHIND_MAX {
            return Ok(copied);
        }
        // Copies the little that came meanwhile while nobody writes: whoever writes next begins the log anew, unless
        // somebody still reads in it. Nobody is waited for, so one who reads for long only lets the log grow.
        let guard = self.connection().await?;
        let connection = guard.as_ref().ok_or(sqlx::Error::PoolClosed)?;
        let found: Vec<Progress> = waiting(|| rows(connection, CHECKPOINT, &[]))?;
        Ok(found.first().map_or(copied, |(_, _, copied)| *copied))
    }

    /// Closes the connection, after what runs on it has ended.
    pub async fn close(&self) {
        let Some(connection) = self.connection.lock().await.take() else { return };
        if let Err((_, error)) = waiting(|| connection.close()) {
            tracing::warn!(%error, "the database was not closed in order");
        }
    }
}

impl Writing {
    fn connection(&self) -> Result<&Connection, sqlx::Error> {
        self.guard.as_ref().ok_or(sqlx::Error::PoolClosed)
    }

    /// Runs one statement, which is a transaction of its own; returns how many rows it touched.
    pub fn execute(&self, sql: &'static str, args: &[Arg]) -> Result<u64, sqlx::Error> {
        let connection = self.connection()?;
        waiting(|| run(connection, sql, args))
    }
}

impl SqliteTx {
    fn connection(&self) -> Result<&Connection, sqlx::Error> {
        self.writing.as_ref().ok_or(sqlx::Error::PoolClosed)?.connection()
    }

    pub fn commit(mut self) -> Result<(), sqlx::Error> {
        let connection = self.connection()?;
        waiting(|| run(connection, "COMMIT", &[]))?;
        self.writing = None;
        Ok(())
    }

    /// See [`Mark`].
    pub fn mark(&self) -> Result<Mark, sqlx::Error> {
        let writing = self.writing.as_ref().ok_or(sqlx::Error::PoolClosed)?;
        let found: Vec<(i64,)> = rows(writing.connection()?, "PRAGMA data_version", &[])?;
        let (data_version,) = *found.first().ok_or(sqlx::Error::RowNotFound)?;
        Ok(Mark { turn: writing.turn, data_version })
    }

    pub fn execute(&self, sql: &'static str, args: &[Arg]) -> Result<u64, sqlx::Error> {
        let connection = self.connection()?;
        waiting(|| run(connection, sql, args))
    }

    /// Runs a statement once for each of some rows, whose values are those of its places 1, 2 and so on.
    pub fn execute_each<'r, R>(
        &self,
        sql: &'static str,
        given: &'r [R],
        values: impl Fn(&'r R, &mut Vec<Value<'r>>),
    ) -> Result<(), sqlx::Error> {
        let connection = self.connection()?;
        waiting(|| {
            let mut statement = connection.prepare_cached(sql).map_err(Failure::from)?;
            let mut of_row = Vec::new();
            for row in given {
                of_row.clear();
                values(row, &mut of_row);
                for (place, value) in of_row.iter().enumerate() {
                    statement.raw_bind_parameter(place + 1, value).map_err(Failure::from)?;
                }
                statement.raw_execute().map_err(Failure::from)?;
            }
            Ok(())
        })
    }

    pub fn all<R: Row>(&self, sql: &'static str, args: &[Arg]) -> Result<Vec<R>, sqlx::Error> {
        let connection = self.connection()?;
        waiting(|| rows(connection, sql, args))
    }
}

impl Drop for SqliteTx {
    fn drop(&mut self) {
        let Some(connection) = self.writing.as_ref().and_then(|writing| writing.guard.as_ref()) else { return };
        // A commit that failed may have rolled back already.
        if !connection.is_autocommit()
            && let Err(error) = run(connection, "ROLLBACK", &[])
        {
            tracing::warn!(%error, "a transaction was not rolled back");
        }
    }
}

fn run(connection: &Connection, sql: &str, args: &[Arg]) -> Result<u64, sqlx::Error> {
    let mut statement = prepared(connection, sql, args)?;
    // Some statements that write give rows all the same.
    if statement.column_count() > 0 {
        let mut rows = statement.raw_query();
        while rows.next().map_err(Failure::from)?.is_some() {}
        drop(rows);
        return Ok(connection.changes());
    }
    let touched = statement.raw_execute().map_err(Failure::from)?;
    Ok(touched as u64)
}

fn rows<R: Row>(connection: &Connection, sql: &str, args: &[Arg]) -> Result<Vec<R>, sqlx::Error> {
    let mut statement = prepared(connection, sql, args)?;
    let mut found = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(Failure::from)? {
        found.push(R::deserialize(Found(row)).map_err(|error| sqlx::Error::Decode(Box::new(error)))?);
    }
    Ok(found)
}

/// The statement with its arguments: `$1, $2 …` where it has such names, or else one for each `?`.
fn prepared<'c>(connection: &'c Connection, sql: &str, args: &[Arg]) -> Result<CachedStatement<'c>, sqlx::Error> {
    let mut statement = connection.prepare_cached(sql).map_err(Failure::from)?;
    for place in 1..=statement.parameter_count() {
        let number = statement.parameter_name(place).map_or(Ok(place), |name| name[1..].parse());
        let arg = number.ok().and_then(|number| args.get(number.wrapping_sub(1)));
        let arg = arg.ok_or_else(|| Failure::new("a statement has more places than arguments"))?;
        statement.raw_bind_parameter(place, arg).map_err(Failure::from)?;
    }
    Ok(statement)
}

impl ToSql for Arg {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Int(value) | Self::MaybeInt(Some(value)) => ValueRef::Integer(*value),
            Self::Text(value) | Self::MaybeText(Some(value)) => ValueRef::Text(value.as_bytes()),
            Self::Bytes(value) => ValueRef::Blob(value),
            Self::MaybeInt(None) | Self::MaybeText(None) => ValueRef::Null,
        }))
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
        }))
    }
}

/// What SQLite reported.
#[derive(Debug)]
pub struct Failure {
    /// SQLite's extended result code; zero where SQLite has none for it.
    code: i32,
    text: String,
}

impl Failure {
    fn new(text: &str) -> Self {
        Self { code: 0, text: text.to_owned() }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error().map(|error| error.extended_code).unwrap_or_default();
        Self { code, text: error.to_string() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {})", self.text, self.code)
    }
}

impl std::error::Error for Failure {}

impl sqlx::error::DatabaseError for Failure {
    fn message(&self) -> &str {
        &self.text
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(self.code.to_string().into())
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> sqlx::error::ErrorKind {
        sqlx::error::ErrorKind::Other
    }
}
