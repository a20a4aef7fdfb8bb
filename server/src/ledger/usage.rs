//! Sums of entries by day, so that a page does not read every entry of a month.
//!
//! Entries are summed up some time after they were written, in the order of their numbers and each exactly once: the mark
//! of an account says up to which one. Whoever wants a total adds to the days what stands behind the mark, so totals are
//! exact at any moment, and a charge costs nothing for it. An entry never changes, so it can be read before the lock is
//! taken under which the sums and the mark change together.

use crate::error::Result;
use crate::{Server, args, rounds};
use domain::clock::DAY_US;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// How often it is looked whether there is something to sum up.
const INTERVAL: Duration = Duration::from_secs(2);
/// A tenth of the time at most, however much there is to sum up, and in steps of a few milliseconds: while one reads, the
/// write-ahead log cannot be copied.
const EFFORT: Effort = Effort { behind_max: 1_000, step: 4_000, rest: 9 };
/// Most accounts of one round.
const ROUND_MAX: i64 = 200;

const SELECT_BEHIND: &str = "
SELECT b.account_id, COALESCE(m.summed_seq, 0), b.next_entry - 1
FROM balances b LEFT JOIN usage_marks m ON m.account_id = b.account_id
WHERE b.next_entry - 1 - COALESCE(m.summed_seq, 0) > $1
ORDER BY b.account_id
LIMIT $2";

const SUM_STEP: &str = "
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
    /// Most entries of one transaction.
    pub step: i64,
    /// How many times as long as a step took is waited before the next.
    pub rest: u32,
}

/// Sums up what accounts have behind their marks.
///
/// # Errors
/// When the database fails. Another process that was faster is no error.
pub async fn sum_up(server: &Server, effort: Effort) -> Result<()> {
    let Effort { behind_max, step, rest } = effort;
    let accounts: Vec<(String, i64, i64)> = server.db.all(SELECT_BEHIND, args![behind_max, ROUND_MAX]).await?;
    for (account_id, mut summed, last) in accounts {
        while summed < last {
            let (until, began) = (last.min(summed + step), Instant::now());
            if !sum_step(server, &account_id, summed, until).await? {
                break;
            }
            summed = until;
            tokio::time::sleep(began.elapsed() * rest).await;
        }
    }
    Ok(())
}

/// Sums up the entries after `summed` and up to `until`; false when somebody else did.
async fn sum_step(server: &Server, account_id: &str, summed: i64, until: i64) -> Result<bool> {
    type DayRow = (i64, String, String, String, i64, i64, i64, i64, i64, i64);
    let days: Vec<DayRow> = server.db.all(SUM_STEP, args![account_id, summed, until, DAY_US]).await?;
    let mut tx = server.db.begin().await?;
    tx.execute(INSERT_MARK, args![account_id]).await?;
    if tx.execute(MOVE_MARK, args![account_id, summed, until]).await? != 1 {
        return Ok(false);
    }
    for (day, key_id, chatbot_id, channel, entries, spent, added, charged, first_seq, last_seq) in days {
        let sums =
            args![account_id, day, key_id, chatbot_id, channel, entries, spent, added, charged, first_seq, last_seq];
        tx.execute(ADD_TO_DAY, sums).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Sums up again and again, for as long as the server is there.
pub(crate) async fn keep_summing_up(server: Weak<Server>) {
    let sum_up = async |server: Arc<Server>| sum_up(&server, EFFORT).await;
    rounds::keep(server, INTERVAL, "the usage of the accounts could not be summed up", sum_up).await;
}
