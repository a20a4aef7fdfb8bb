//! Sums of entries by day, so that a page does not read every entry of a month.
//!
//! Entries are summed up some time after they were written, in the order of their numbers and each exactly once: the mark
//! of an account says up to which one. Whoever wants a total adds to the days what stands behind the mark, so totals are
//! exact at any moment, and a charge costs nothing for it. An entry never changes, so it can be read before the lock is
//! taken under which the sums and the mark change together.

use crate::error::Result;
use crate::{Server, args, rounds};
use domain::clock::DAY_US;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// How often it is looked whether there is something to sum up.
const INTERVAL: Duration = Duration::from_secs(2);
/// A tenth of the time at most, however much there is to sum up. Entries are read some hundred at a time, so that whoever
/// needs the processor meanwhile waits for half a millisecond, and what many reads found is written at once.
const EFFORT: Effort = Effort { behind_max: 1_000, read: 300, write: 6_000, rest: 9 };
/// Most accounts of one round.
const ROUND_MAX: i64 = 200;

const SELECT_BEHIND: &str = "
SELECT b.account_id, COALESCE(m.summed_seq, 0), b.next_entry - 1
FROM balances b LEFT JOIN usage_marks m ON m.account_id = b.account_id
WHERE b.next_entry - 1 - COALESCE(m.summed_seq, 0) > $1
ORDER BY b.account_id
LIMIT $2";

const SUM_READ: &str = "
SELECT e.at / $4 * $4, COALESCE(e.key_id, ''), COALESCE(e.chatbot_id, ''), COALESCE(e.channel, ''), COUNT(*),
       CAST(SUM(CASE WHEN e.amount < 0 THEN -e.amount ELSE 0 END) AS BIGINT),
       CAST(SUM(CASE WHEN e.amount > 0 THEN e.amount ELSE 0 END) AS BIGINT),
       CAST(SUM(CASE WHEN e.kind = 'charge' THEN -e.amount ELSE 0 END) AS BIGINT),
       MIN(e.seq), MAX(e.seq)
FROM entries e
WHERE e.account_id = $1 AND e.seq > $2 AND e.seq <= $3
GROUP BY 1, 2, 3, 4
ORDER BY 1
LIMIT 50000";

const INSERT_MARK: &str = "
INSERT INTO usage_marks (account_id, summed_seq) VALUES ($1, 0) ON CONFLICT (account_id) DO NOTHING";

const MOVE_MARK: &str = "
UPDATE usage_marks SET summed_seq = $3 WHERE account_id = $1 AND summed_seq = $2";

const ADD_TO_DAY: &str = "
INSERT INTO usage_days (account_id, day, key_id, chatbot_id, channel,
                        entries, spent, added, charged, first_seq, last_seq)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (account_id, day, key_id, chatbot_id, channel) DO UPDATE
SET entries = usage_days.entries + excluded.entries, spent = usage_days.spent + excluded.spent,
    added = usage_days.added + excluded.added, charged = usage_days.charged + excluded.charged,
    last_seq = excluded.last_seq";

/// How much is summed up, and how fast.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// How many entries may stand behind the mark of an account before they are summed up.
    pub behind_max: i64,
    /// Most entries that are read at a time.
    pub read: i64,
    /// After how many entries their sums are written.
    pub write: i64,
    /// How many times as long as a read took is waited before the next.
    pub rest: u32,
}

/// Sums up what accounts have behind their marks.
///
/// # Errors
/// When the database fails. Another process that was faster is no error.
pub async fn sum_up(server: &Server, effort: Effort) -> Result<()> {
    let accounts: Vec<(String, i64, i64)> = server.db.all(SELECT_BEHIND, args![effort.behind_max, ROUND_MAX]).await?;
    for (account_id, summed, last) in accounts {
        sum_account(server, effort, &account_id, summed, last).await?;
    }
    Ok(())
}

/// Sums up the entries of an account after `summed` and up to `last`.
async fn sum_account(server: &Server, effort: Effort, account_id: &str, mut summed: i64, last: i64) -> Result<()> {
    let (mut read, mut sums) = (summed, Sums::new());
    while read < last {
        let (until, began) = (last.min(read + effort.read), Instant::now());
        add_read(server, account_id, read, until, &mut sums).await?;
        read = until;
        if read == last || read - summed >= effort.write {
            if !write(server, account_id, summed, read, std::mem::take(&mut sums)).await? {
                // Somebody else was faster, and goes on.
                break;
            }
            summed = read;
        }
        tokio::time::sleep(began.elapsed() * effort.rest).await;
    }
    Ok(())
}

/// Day, key, chatbot and channel of a sum.
type Of = (i64, String, String, String);
/// Sorted, so that two processes take the rows of an account in the same order.
type Sums = BTreeMap<Of, DaySum>;

#[derive(Clone, Copy)]
struct DaySum {
    entries: i64,
    spent: i64,
    added: i64,
    charged: i64,
    first_seq: i64,
    last_seq: i64,
}

impl DaySum {
    /// Adds what comes after it.
    const fn add(&mut self, later: Self) {
        self.entries += later.entries;
        self.spent += later.spent;
        self.added += later.added;
        self.charged += later.charged;
        self.last_seq = later.last_seq;
    }
}

async fn add_read(server: &Server, account_id: &str, after: i64, until: i64, sums: &mut Sums) -> Result<()> {
    type DayRow = (i64, String, String, String, i64, i64, i64, i64, i64, i64);
    let rows: Vec<DayRow> = server.db.all(SUM_READ, args![account_id, after, until, DAY_US]).await?;
    for (day, key_id, chatbot_id, channel, entries, spent, added, charged, first_seq, last_seq) in rows {
        let sum = DaySum { entries, spent, added, charged, first_seq, last_seq };
        let found = sums.entry((day, key_id, chatbot_id, channel));
        found.and_modify(|before| before.add(sum)).or_insert(sum);
    }
    Ok(())
}

/// Writes the sums of the entries after `summed` and up to `until`, and moves the mark; false when somebody else did.
async fn write(server: &Server, account_id: &str, summed: i64, until: i64, sums: Sums) -> Result<bool> {
    let mut tx = server.db.begin().await?;
    tx.execute(INSERT_MARK, args![account_id]).await?;
    if tx.execute(MOVE_MARK, args![account_id, summed, until]).await? != 1 {
        return Ok(false);
    }
    for ((day, key_id, chatbot_id, channel), sum) in sums {
        let DaySum { entries, spent, added, charged, first_seq, last_seq } = sum;
        let row =
            args![account_id, day, key_id, chatbot_id, channel, entries, spent, added, charged, first_seq, last_seq];
        tx.execute(ADD_TO_DAY, row).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Sums up again and again, for as long as the server is there.
pub(crate) async fn keep_summing_up(server: Weak<Server>) {
    let sum_up = async |server: Arc<Server>| sum_up(&server, EFFORT).await;
    rounds::keep(server, INTERVAL, "the usage of the accounts could not be summed up", sum_up).await;
}
