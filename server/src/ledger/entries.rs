//! Reading the ledger: the list of entries with its totals, one entry, and the figures of the credit card.

use super::filter::{chosen, is_behind_mark, is_chosen};
use crate::error::{Error, Result};
use crate::{Server, args, db};
use domain::clock::{DAY_US, Timestamp};
use domain::credit::{Credit, CreditSummary, DaySpend};
use domain::id::{AccountId, ChatbotId, KeyId, PaymentId};
use domain::ledger::{Channel, Entry, EntryFilter, EntryKind, EntryPage, EntryTotals, Named};
use domain::problem::Problem;

/// Most entries on one page.
pub const PAGE_SIZE_MAX: i64 = 200;
/// Most entries of one reading where nobody looks at them as a page.
pub(super) const STEP_SIZE: i64 = 1_000;
const DAYS_SHOWN: i64 = 30;

#[derive(db::FromRow, serde::Deserialize)]
struct EntryRow {
    seq: i64,
    kind: String,
    amount: i64,
    posted_after: i64,
    at: i64,
    request_id: String,
    caller_request_id: Option<String>,
    channel: Option<String>,
    key_id: Option<String>,
    key_name: Option<String>,
    chatbot_id: Option<String>,
    chatbot_name: Option<String>,
    payment_id: Option<String>,
    reason: Option<String>,
}

impl TryFrom<EntryRow> for Entry {
    type Error = Error;

    fn try_from(row: EntryRow) -> Result<Self> {
        let kind = EntryKind::parse(&row.kind).ok_or_else(|| Error::internal("an entry of an unknown kind"))?;
        let named_key = row.key_id.map(|id| (KeyId::from_row(id), row.key_name));
        let named_chatbot = row.chatbot_id.map(|id| (ChatbotId::from_row(id), row.chatbot_name));
        Ok(Self {
            seq: row.seq,
            kind,
            amount: Credit::from_millionths(row.amount),
            posted_after: Credit::from_millionths(row.posted_after),
            at: Timestamp::from_us(row.at),
            request_id: row.request_id,
            caller_request_id: row.caller_request_id,
            channel: row.channel.as_deref().and_then(Channel::parse),
            key: named_key.map(|(id, name)| Named { id, name: name.unwrap_or_default() }),
            chatbot: named_chatbot.map(|(id, name)| Named { id, name: name.unwrap_or_default() }),
            payment_id: row.payment_id.map(PaymentId::from_row),
            reason: row.reason,
        })
    }
}

/// Where the entries of a filter are: up to which one days are summed up, and between which ones those days have some.
const SELECT_PLACES: &str = concat!(
    "
SELECT COALESCE((SELECT summed_seq FROM usage_marks WHERE account_id = $1), 0),
       MIN(d.first_seq), MAX(d.last_seq)
FROM usage_days d
WHERE d.day > $7 - $9 AND d.day < $8 AND ",
    is_chosen!(days "d")
);

/// Entries with the names of what they point to, also of what was deleted.
macro_rules! select_entries {
    () => {
        "
SELECT e.seq, e.kind, e.amount, e.posted_after, e.at, e.request_id, e.caller_request_id, e.channel,
       e.key_id, k.name AS key_name, e.chatbot_id, c.name AS chatbot_name, e.payment_id, e.reason
FROM entries e
LEFT JOIN api_keys k ON k.account_id = e.account_id AND k.id = e.key_id
LEFT JOIN chatbots c ON c.account_id = e.account_id AND c.id = e.chatbot_id
WHERE "
    };
}

const SELECT_ENTRIES: &str = concat!(
    select_entries!(),
    is_chosen!(entries "e"),
    " AND e.at >= $7 AND e.at < $8 AND e.seq >= $9 AND e.seq <= $10
ORDER BY e.seq DESC
LIMIT $11"
);

const SELECT_ENTRY: &str = concat!(select_entries!(), "e.account_id = $1 AND e.seq = $2");

/// The days that lie in the filter as a whole, the entries of up to two days that lie in it in part, and the entries that
/// are not summed up yet. One statement, so that no entry is counted twice or not at all when others are summed up
/// meanwhile.
const SUM_ENTRIES: &str = concat!(
    "
WITH mark AS (SELECT COALESCE(MAX(summed_seq), 0) AS seq FROM usage_marks WHERE account_id = $1),
selected AS (
    SELECT d.entries, d.spent, d.added FROM usage_days d
    WHERE d.day >= $9 AND d.day < $10 AND ",
    is_chosen!(days "d"),
    "
    UNION ALL
    SELECT 1, -e.amount, e.amount FROM entries e
    WHERE ",
    is_behind_mark!(),
    " AND e.at >= $7 AND e.at < $8 AND ",
    is_chosen!(entries "e"),
    "
    UNION ALL
    SELECT 1, -e.amount, e.amount FROM entries e
    WHERE e.seq <= (SELECT seq FROM mark)
      AND e.seq >= (SELECT MIN(first_seq) FROM usage_days WHERE account_id = $1 AND day = $11)
      AND e.seq <= (SELECT MAX(last_seq) FROM usage_days WHERE account_id = $1 AND day = $11)
      AND e.at >= $12 AND e.at < $13 AND ",
    is_chosen!(entries "e"),
    "
    UNION ALL
    SELECT 1, -e.amount, e.amount FROM entries e
    WHERE e.seq <= (SELECT seq FROM mark)
      AND e.seq >= (SELECT MIN(first_seq) FROM usage_days WHERE account_id = $1 AND day = $14)
      AND e.seq <= (SELECT MAX(last_seq) FROM usage_days WHERE account_id = $1 AND day = $14)
      AND e.at >= $15 AND e.at < $16 AND ",
    is_chosen!(entries "e"),
    "
)
SELECT CAST(COALESCE(SUM(entries), 0) AS BIGINT),
       CAST(COALESCE(SUM(CASE WHEN spent > 0 THEN spent ELSE 0 END), 0) AS BIGINT),
       CAST(COALESCE(SUM(CASE WHEN added > 0 THEN added ELSE 0 END), 0) AS BIGINT)
FROM selected"
);

/// A stretch of time in microseconds, and the day that it lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    day: i64,
    from: i64,
    until: i64,
}

/// From when until when, in microseconds: what a filter says, or else everything that a clock can show.
fn stretch(filter: &EntryFilter) -> (i64, i64) {
    let until_max = i64::MAX / DAY_US * DAY_US;
    let from = filter.from.map_or(0, Timestamp::us).clamp(0, until_max);
    (from, filter.until.map_or(until_max, Timestamp::us).clamp(from, until_max))
}

/// Divides a stretch into its whole days, given by where they begin and end, and what is left before and after them.
fn divide(from: i64, until: i64) -> ((i64, i64), [Part; 2]) {
    let first_day = (from + DAY_US - 1) / DAY_US * DAY_US;
    let days_end = (until / DAY_US * DAY_US).max(first_day);
    let before = Part { day: from / DAY_US * DAY_US, from, until: until.min(first_day) };
    let after = Part { day: days_end, from: days_end, until: until.max(days_end) };
    ((first_day, days_end), [before, after])
}

/// One page of entries, newest first, and the totals of everything the filter selects.
pub async fn entries(
    server: &Server,
    account_id: &AccountId,
    filter: &EntryFilter,
    page_size: i64,
) -> Result<EntryPage> {
    let page_size = page_size.clamp(1, PAGE_SIZE_MAX);
    let rows = rows(server, account_id, filter, page_size + 1).await?;
    let mut entries = rows.into_iter().map(Entry::try_from).collect::<Result<Vec<_>>>()?;
    let has_more = entries.len() as u64 > page_size.unsigned_abs();
    entries.truncate(usize::try_from(page_size).unwrap_or(0));
    Ok(EntryPage {
        next_before_seq: entries.last().filter(|_| has_more).map(|entry| entry.seq),
        entries,
        totals: totals(server, account_id, filter).await?,
    })
}

/// At most [`STEP_SIZE`] entries of a filter, newest first, without totals.
pub(super) async fn step(server: &Server, account_id: &AccountId, filter: &EntryFilter) -> Result<Vec<Entry>> {
    rows(server, account_id, filter, STEP_SIZE).await?.into_iter().map(Entry::try_from).collect()
}

/// One entry.
///
/// # Errors
/// 404 when the account has no entry of this number.
pub async fn entry(server: &Server, account_id: &AccountId, seq: i64) -> Result<Entry> {
    let row: Option<EntryRow> = server.db.optional(SELECT_ENTRY, args![account_id.as_str(), seq]).await?;
    row.ok_or_else(|| Problem::not_found("entry"))?.try_into()
}

const SELECT_ENTRIES_OF_REQUEST: &str =
    concat!(select_entries!(), "e.account_id = $1 AND e.request_id = $2 ORDER BY e.seq LIMIT 10");

/// The entries of one request, oldest first: one of each kind at most.
pub async fn entries_of_request(server: &Server, account_id: &AccountId, request_id: &str) -> Result<Vec<Entry>> {
    let rows: Vec<EntryRow> = server.db.all(SELECT_ENTRIES_OF_REQUEST, args![account_id.as_str(), request_id]).await?;
    rows.into_iter().map(Entry::try_from).collect()
}

/// The newest entries of a filter: first those behind the mark, then those of the days.
async fn rows(server: &Server, account_id: &AccountId, filter: &EntryFilter, limit: i64) -> Result<Vec<EntryRow>> {
    let (from, until) = stretch(filter);
    let last = filter.before_seq.unwrap_or(i64::MAX).saturating_sub(1);
    let with = |more: Vec<db::Arg>| [chosen(account_id, filter), more].concat();
    let (mark, first_of_days, last_of_days): (i64, Option<i64>, Option<i64>) =
        server.db.one(SELECT_PLACES, with(args![from, until, DAY_US])).await?;
    let between =
        |first: i64, last: i64, limit: i64| server.db.all(SELECT_ENTRIES, with(args![from, until, first, last, limit]));
    let mut rows: Vec<EntryRow> = between(mark + 1, last, limit).await?;
    let missing = limit - i64::try_from(rows.len()).unwrap_or(limit);
    if let (Some(first_of_days), Some(last_of_days), 1..) = (first_of_days, last_of_days, missing) {
        rows.extend(between(first_of_days, last_of_days.min(last).min(mark), missing).await?);
    }
    Ok(rows)
}

async fn totals(server: &Server, account_id: &AccountId, filter: &EntryFilter) -> Result<EntryTotals> {
    let (from, until) = stretch(filter);
    let ((first_day, days_end), [before, after]) = divide(from, until);
    let mut stretches = chosen(account_id, filter);
    stretches.extend(args![from, until, first_day, days_end]);
    for part in [before, after] {
        stretches.extend(args![part.day, part.from, part.until]);
    }
    let (count, spent, added): (i64, i64, i64) = server.db.one(SUM_ENTRIES, stretches).await?;
    Ok(EntryTotals { count, spent: Credit::from_millionths(spent), added: Credit::from_millionths(added) })
}

const SELECT_BALANCE: &str = "SELECT posted, held, debt FROM balances WHERE account_id = $1";

/// By day and channel, from the days and from the entries that are not in them yet.
const SUM_DAYS: &str = concat!(
    "
WITH mark AS (SELECT COALESCE(MAX(summed_seq), 0) AS seq FROM usage_marks WHERE account_id = $1)
SELECT (u.at - $2) / $3 AS day, u.channel, CAST(SUM(u.charged) AS BIGINT)
FROM (
    SELECT d.day AS at, d.channel, d.charged FROM usage_days d
    WHERE d.account_id = $1 AND d.day >= $2
    UNION ALL
    SELECT e.at, COALESCE(e.channel, ''), -e.amount FROM entries e
    WHERE e.account_id = $1 AND e.at >= $2 AND e.kind = 'charge' AND ",
    is_behind_mark!(),
    "
) u
GROUP BY 1, 2
ORDER BY 1
LIMIT 1000"
);

/// The credit of an account, and what it spent in the last 30 days.
///
/// # Errors
/// 404 when there is no such account.
pub async fn summary(server: &Server, account_id: &AccountId) -> Result<CreditSummary> {
    let row: Option<(i64, i64, i64)> = server.db.optional(SELECT_BALANCE, args![account_id.as_str()]).await?;
    let (posted, held, debt) = row.ok_or_else(|| Problem::not_found("account"))?;
    let first_day = server.now().start_of_day().plus_us(-(DAYS_SHOWN - 1) * DAY_US);
    let mut days: Vec<DaySpend> = (0..DAYS_SHOWN)
        .map(|day| DaySpend { day: first_day.plus_us(day * DAY_US), api: Credit::ZERO, widget: Credit::ZERO })
        .collect();
    let sums: Vec<(i64, String, i64)> =
        server.db.all(SUM_DAYS, args![account_id.as_str(), first_day.us(), DAY_US]).await?;
    for (day, channel, spent) in sums {
        let Some(day) = usize::try_from(day).ok().and_then(|day| days.get_mut(day)) else { continue };
        let of_channel = if channel == "widget" { &mut day.widget } else { &mut day.api };
        *of_channel = Credit::from_millionths(of_channel.millionths() + spent);
    }
    Ok(CreditSummary {
        posted: Credit::from_millionths(posted),
        held: Credit::from_millionths(held),
        debt: Credit::from_millionths(debt),
        currency: server.config.currency,
        price_per_message: server.catalogue.price_per_message,
        days,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whole days and what is left of others together are the stretch, each moment once.
        #[test]
        fn a_stretch_is_divided_without_gaps(from in 0..5 * DAY_US, length in 0..4 * DAY_US) {
            let until = from + length;
            let ((first_day, days_end), [before, after]) = divide(from, until);
            prop_assert_eq!((first_day % DAY_US, days_end % DAY_US), (0, 0));
            let lengths = (before.until - before.from) + (days_end - first_day) + (after.until - after.from);
            prop_assert_eq!(lengths, length);
            for part in [before, after] {
                prop_assert!(part.from <= part.until);
                prop_assert!(part.from == part.until || part.day <= part.from && part.until <= part.day + DAY_US);
            }
        }
    }
}
