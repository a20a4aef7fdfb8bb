//! Reading the ledger: the list of entries with its totals, and the figures of the credit card.

use crate::error::{Error, Result};
use crate::{Server, args, db};
use domain::clock::{DAY_US, Timestamp};
use domain::credit::{Credit, CreditSummary, DaySpend};
use domain::id::{AccountId, ChatbotId, KeyId, PaymentId};
use domain::ledger::{Channel, Entry, EntryFilter, EntryKind, EntryPage, EntryTotals, Named};
use domain::problem::Problem;

/// Most entries on one page.
pub const PAGE_SIZE_MAX: i64 = 200;
const DAYS_SHOWN: i64 = 30;

#[derive(db::FromRow)]
struct EntryRow {
    seq: i64,
    kind: String,
    amount: i64,
    posted_after: i64,
    at: i64,
    request_id: String,
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
            channel: row.channel.as_deref().and_then(Channel::parse),
            key: named_key.map(|(id, name)| Named { id, name: name.unwrap_or_default() }),
            chatbot: named_chatbot.map(|(id, name)| Named { id, name: name.unwrap_or_default() }),
            payment_id: row.payment_id.map(PaymentId::from_row),
            reason: row.reason,
        })
    }
}

const SELECT_ENTRIES: &str = "
SELECT e.seq, e.kind, e.amount, e.posted_after, e.at, e.request_id, e.channel,
       e.key_id, k.name AS key_name, e.chatbot_id, c.name AS chatbot_name, e.payment_id, e.reason
FROM entries e
LEFT JOIN api_keys k ON k.account_id = e.account_id AND k.id = e.key_id
LEFT JOIN chatbots c ON c.account_id = e.account_id AND c.id = e.chatbot_id
WHERE e.account_id = $1 AND ($2 = '' OR e.key_id = $2) AND e.at >= $3 AND e.at < $4 AND e.seq < $5
ORDER BY e.seq DESC
LIMIT $6";

const SUM_ENTRIES: &str = "
SELECT COUNT(*),
       CAST(COALESCE(SUM(CASE WHEN e.amount < 0 THEN -e.amount ELSE 0 END), 0) AS BIGINT),
       CAST(COALESCE(SUM(CASE WHEN e.amount > 0 THEN e.amount ELSE 0 END), 0) AS BIGINT)
FROM entries e
WHERE e.account_id = $1 AND ($2 = '' OR e.key_id = $2) AND e.at >= $3 AND e.at < $4";

/// One page of entries, newest first, and the totals of everything the filter selects.
pub async fn entries(
    server: &Server,
    account_id: &AccountId,
    filter: &EntryFilter,
    page_size: i64,
) -> Result<EntryPage> {
    let page_size = page_size.clamp(1, PAGE_SIZE_MAX);
    let key_id = filter.key_id.as_ref().map_or("", KeyId::as_str);
    let from = filter.from.map_or(i64::MIN, Timestamp::us);
    let until = filter.until.map_or(i64::MAX, Timestamp::us);
    let before_seq = filter.before_seq.unwrap_or(i64::MAX);
    let page = args![account_id.as_str(), key_id, from, until, before_seq, page_size + 1];
    let rows: Vec<EntryRow> = server.db.all(SELECT_ENTRIES, page).await?;
    let mut entries = rows.into_iter().map(Entry::try_from).collect::<Result<Vec<_>>>()?;
    let has_more = entries.len() as u64 > page_size.unsigned_abs();
    entries.truncate(usize::try_from(page_size).unwrap_or(0));
    let sums = args![account_id.as_str(), key_id, from, until];
    let (count, spent, added): (i64, i64, i64) = server.db.one(SUM_ENTRIES, sums).await?;
    Ok(EntryPage {
        next_before_seq: entries.last().filter(|_| has_more).map(|entry| entry.seq),
        entries,
        totals: EntryTotals { count, spent: Credit::from_millionths(spent), added: Credit::from_millionths(added) },
    })
}

const SELECT_BALANCE: &str = "SELECT posted, held FROM balances WHERE account_id = $1";

const SUM_DAYS: &str = "
SELECT (e.at - $2) / $3 AS day, e.channel, CAST(-SUM(e.amount) AS BIGINT)
FROM entries e
WHERE e.account_id = $1 AND e.at >= $2 AND e.kind = 'charge'
GROUP BY 1, 2
ORDER BY 1
LIMIT 1000";

/// The credit of an account, and what it spent in the last 30 days.
///
/// # Errors
/// 404 when there is no such account.
pub async fn summary(server: &Server, account_id: &AccountId) -> Result<CreditSummary> {
    let row: Option<(i64, i64)> = server.db.optional(SELECT_BALANCE, args![account_id.as_str()]).await?;
    let (posted, held) = row.ok_or_else(|| Problem::not_found("account"))?;
    let first_day = server.now().start_of_day().plus_us(-(DAYS_SHOWN - 1) * DAY_US);
    let mut days: Vec<DaySpend> = (0..DAYS_SHOWN)
        .map(|day| DaySpend { day: first_day.plus_us(day * DAY_US), api: Credit::ZERO, widget: Credit::ZERO })
        .collect();
    let sums: Vec<(i64, Option<String>, i64)> =
        server.db.all(SUM_DAYS, args![account_id.as_str(), first_day.us(), DAY_US]).await?;
    for (day, channel, spent) in sums {
        let Some(day) = usize::try_from(day).ok().and_then(|day| days.get_mut(day)) else { continue };
        match channel.as_deref() {
            Some("widget") => day.widget = Credit::from_millionths(spent),
            _ => day.api = Credit::from_millionths(spent),
        }
    }
    Ok(CreditSummary {
        posted: Credit::from_millionths(posted),
        held: Credit::from_millionths(held),
        currency: server.config.currency,
        price_per_message: server.catalogue.price_per_message,
        days,
    })
}
