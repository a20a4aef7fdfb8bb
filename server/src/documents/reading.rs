//! Reading files: whoever finds one that waits takes it, reads it and stores its text, or why there is none.
//!
//! Several processes may look at the same database. A file is taken by a row that says until when it is left to whoever
//! took it; after that time it is taken again, so that a process which ends in the middle loses nothing. What was read is
//! stored only where the row still says the same, so that nothing is stored twice, nor of a file that was replaced
//! meanwhile.

use super::program::Program;
use super::{DELETE_FILE, count, pages_of, touch};
use crate::error::{Error, Result};
use crate::{Config, Server, args};
use domain::chatbot::DocumentKind;
use domain::clock::SECOND_US;
use domain::id::AccountId;
use domain::passages::passages;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Notify;

/// How many files a process reads at the same time.
pub(crate) const PARALLEL_READINGS: usize = 2;
/// How long a file is left to whoever took it: longer than reading may take.
const LEFT_US: i64 = 60 * SECOND_US;
/// How often a file is taken before it is given up.
const ATTEMPTS_MAX: i64 = 3;
/// How often a process looks for files that others have left.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What reads, and what wakes it.
pub(crate) struct Readings {
    program: Program,
    uploaded: Arc<Notify>,
}

impl Readings {
    pub fn new(config: &Config) -> Self {
        let time_max = config.document_reading_ms.map(Duration::from_millis);
        Self { program: Program::new(config.document_reader.as_deref(), time_max), uploaded: Arc::default() }
    }

    /// Says that there may be a file to read.
    pub fn wake(&self) {
        self.uploaded.notify_one();
    }

    pub fn uploaded(&self) -> Arc<Notify> {
        Arc::clone(&self.uploaded)
    }
}

/// Reads one file after the other, until the server stops or nobody has it any more.
pub(crate) async fn keep_reading(server: Weak<Server>, uploaded: Arc<Notify>) {
    loop {
        let Some(running) = server.upgrade().filter(|server| !server.is_stopping()) else { return };
        let read = read_next(&running).await;
        let is_stopping = running.is_stopping();
        drop(running);
        match read {
            Ok(true) => continue,
            Err(error) if !is_stopping => tracing::error!(%error, "no document could be read"),
            Ok(false) | Err(_) => {}
        }
        let _either = tokio::time::timeout(LOOK_EVERY, uploaded.notified()).await;
    }
}

/// Reads what waits, and returns when nothing does.
///
/// # Errors
/// When the database fails, or no process can be started that reads.
pub async fn read_waiting(server: &Server) -> Result<()> {
    while read_next(server).await? {}
    Ok(())
}

/// Accounts take turns: whoever has many files waits for others after each one that is being read.
const SELECT_WAITING: &str = "
SELECT account_id, id
FROM (SELECT account_id, id, state, reading_until, queued_at,
             ROW_NUMBER() OVER (PARTITION BY account_id
                                ORDER BY CASE WHEN reading_until > $1 THEN 0 ELSE 1 END, queued_at, id) AS turn
      FROM documents
      WHERE state IN ('waiting', 'reading')) waiting
WHERE state = 'waiting' OR reading_until <= $1
ORDER BY turn, queued_at, id
LIMIT 8";

/// `$4` is until when the file is left to whoever takes it.
const TAKE: &str = "
UPDATE documents SET state = 'reading', reading_until = $4, attempts = attempts + 1
WHERE account_id = $1 AND id = $2 AND (state = 'waiting' OR (state = 'reading' AND reading_until <= $3))
RETURNING chatbot_id, name, kind, revision, attempts";

const SELECT_FILE: &str = "SELECT bytes FROM document_files WHERE account_id = $1 AND document_id = $2";

/// A file that was taken.
struct Taken {
    account_id: AccountId,
    id: String,
    chatbot_id: String,
    name: String,
    kind: DocumentKind,
    revision: i64,
    attempts: i64,
    until_us: i64,
}

/// Reads one file; says whether there was one.
async fn read_next(server: &Server) -> Result<bool> {
    let Some(taken) = take(server).await? else { return Ok(false) };
    // There may be another one, for somebody else.
    server.readings.wake();
    server.live.changed(&taken.account_id);
    if taken.attempts > ATTEMPTS_MAX {
        fail(server, &taken, "reading the file was broken off several times: try again, or divide it").await?;
        return Ok(true);
    }
    let scope = args![taken.account_id.as_str(), &taken.id];
    let file: Option<(Vec<u8>,)> = server.db.optional(SELECT_FILE, scope).await?;
    // It was deleted or replaced by a text.
    let Some((bytes,)) = file else { return Ok(true) };
    let read = tokio::select! {
        read = server.readings.program.read(taken.kind, &taken.name, &bytes) => read,
        () = server.stopped() => Err(Error::internal("the server stops")),
    };
    drop(bytes);
    match read {
        Ok(Ok(text)) => store(server, &taken, text).await?,
        Ok(Err(unreadable)) => fail(server, &taken, &unreadable.to_string()).await?,
        Err(error) => {
            give_back(server, &taken).await?;
            return Err(error);
        }
    }
    Ok(true)
}

async fn take(server: &Server) -> Result<Option<Taken>> {
    type TakenRow = (String, String, String, i64, i64);
    let now = server.now();
    let until_us = now.plus_us(LEFT_US).us();
    let waiting: Vec<(String, String)> = server.db.all(SELECT_WAITING, args![now.us()]).await?;
    for (account, id) in waiting {
        let mut tx = server.db.begin().await?;
        let row: Option<TakenRow> = tx.optional(TAKE, args![&account, &id, now.us(), until_us]).await?;
        // Somebody else was faster.
        let Some((chatbot_id, name, kind, revision, attempts)) = row else { continue };
        tx.commit().await?;
        let account_id = AccountId::from_row(account);
        let kind = DocumentKind::parse(&kind).unwrap_or(DocumentKind::Text);
        return Ok(Some(Taken { account_id, id, chatbot_id, name, kind, revision, attempts, until_us }));
    }
    Ok(None)
}

const STORE: &str = "
UPDATE documents SET state = 'ready', reason = '', text = $5, passages = $6, pages = $7
WHERE account_id = $1 AND id = $2 AND state = 'reading' AND revision = $3 AND reading_until = $4";

/// Stores what was read, and forgets the file.
async fn store(server: &Server, taken: &Taken, text: String) -> Result<()> {
    let Some(found) = count_passages(&text).filter(|found| *found > 0) else {
        return fail(server, taken, "there is no text in the file").await;
    };
    let pages = pages_of(&text);
    let account = taken.account_id.as_str();
    let mut tx = server.db.begin().await?;
    match touch(&mut tx, &taken.account_id, &taken.chatbot_id, true).await {
        Ok(_name) => {}
        // The chatbot was deleted with all its documents.
        Err(Error::Problem(_)) => return Ok(()),
        Err(error) => return Err(error),
    }
    let row = args![account, &taken.id, taken.revision, taken.until_us, text, found, pages];
    if tx.execute(STORE, row).await? == 1 {
        tx.execute(DELETE_FILE, args![account, &taken.id]).await?;
        tx.commit().await?;
        server.live.changed(&taken.account_id);
    }
    Ok(())
}

fn count_passages(text: &str) -> Option<i64> {
    (!text.contains('\0')).then(|| count(passages(text).len()))
}

const FAIL: &str = "
UPDATE documents SET state = 'failed', reason = $5
WHERE account_id = $1 AND id = $2 AND state = 'reading' AND revision = $3 AND reading_until = $4";

async fn fail(server: &Server, taken: &Taken, reason: &str) -> Result<()> {
    let row = args![taken.account_id.as_str(), &taken.id, taken.revision, taken.until_us, reason];
    server.db.execute(FAIL, row).await?;
    server.live.changed(&taken.account_id);
    tracing::info!(document_id = taken.id, reason, "a document could not be read");
    Ok(())
}

const GIVE_BACK: &str = "
UPDATE documents SET state = 'waiting', reading_until = 0
WHERE account_id = $1 AND id = $2 AND state = 'reading' AND revision = $3 AND reading_until = $4";

async fn give_back(server: &Server, taken: &Taken) -> Result<()> {
    let row = args![taken.account_id.as_str(), &taken.id, taken.revision, taken.until_us];
    server.db.execute(GIVE_BACK, row).await?;
    server.live.changed(&taken.account_id);
    Ok(())
}
