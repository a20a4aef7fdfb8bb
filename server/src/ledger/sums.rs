//! Usage in sums, by day and by key, chatbot or channel: what a chart shows.
//!
//! Only whole days are asked for, so that days which are summed up are never read entry by entry: a year of an account is
//! some thousand rows however many messages it had, and the entries behind the mark, which are a range of their primary
//! key. See `usage.rs` for why the two together are exact.

use super::filter::{chosen, is_behind_mark, is_chosen};
use crate::error::{Error, Result};
use crate::{Server, args, db};
use domain::clock::{DAY_US, Timestamp};
use domain::credit::Credit;
use domain::id::{AccountId, ChatbotId, KeyId};
use domain::ledger::{
    Channel, EntryFilter, Named, USAGE_SERIES_MAX, UsageBy, UsageDay, UsageDays, UsageOf, UsageSeries, UsageSum,
    UsageSums,
};

/// The dearest series by themselves and the rest as one more, at the place after them. One statement, so that no entry is
/// counted twice or not at all when others are summed up meanwhile.
const SUM_SERIES: &str = concat!(
    "
WITH mark AS (SELECT COALESCE(MAX(summed_seq), 0) AS seq FROM usage_marks WHERE account_id = $1),
selected AS (
    SELECT d.day, d.key_id, d.chatbot_id, d.channel, d.entries AS messages, d.charged FROM usage_days d
    WHERE d.day >= $7 AND d.day < $8 AND d.channel <> '' AND ",
    is_chosen!(days "d"),
    "
    UNION ALL
    SELECT e.at / $9 * $9, COALESCE(e.key_id, ''), COALESCE(e.chatbot_id, ''), COALESCE(e.channel, ''), 1, -e.amount
    FROM entries e
    WHERE ",
    is_behind_mark!(),
    " AND e.at >= $7 AND e.at < $8 AND e.kind = 'charge' AND ",
    is_chosen!(entries "e"),
    "
),
summed AS (
    SELECT s.day,
           CASE $10 WHEN 'key' THEN s.key_id WHEN 'chatbot' THEN s.chatbot_id WHEN 'channel' THEN s.channel ELSE '' END
               AS series,
           SUM(s.messages) AS messages, SUM(s.charged) AS charged
    FROM selected s
    GROUP BY 1, 2
),
ranked AS (
    SELECT series, ROW_NUMBER() OVER (ORDER BY SUM(charged) DESC, SUM(messages) DESC, series) AS place
    FROM summed
    GROUP BY series
),
placed AS (
    SELECT s.day, CASE WHEN r.place <= $11 THEN r.place ELSE $11 + 1 END AS place, s.series, s.messages, s.charged
    FROM summed s JOIN ranked r ON r.series = s.series
)
SELECT p.day, CAST(p.place AS BIGINT) AS place, MIN(p.series) AS series, COALESCE(MAX(k.name), MAX(c.name), '') AS name,
       CAST(SUM(p.messages) AS BIGINT) AS messages, CAST(SUM(p.charged) AS BIGINT) AS charged
FROM placed p
LEFT JOIN api_keys k ON $10 = 'key' AND k.account_id = $1 AND k.id = p.series
LEFT JOIN chatbots c ON $10 = 'chatbot' AND c.account_id = $1 AND c.id = p.series
GROUP BY p.day, p.place
ORDER BY p.place, p.day
LIMIT 10000"
);

#[derive(db::FromRow, serde::Deserialize)]
struct SumRow {
    day: i64,
    /// Of its series, from 1.
    place: i64,
    series: String,
    name: String,
    messages: i64,
    charged: i64,
}

/// What the messages of a filter cost on each day, all together or by something. `from` and `until` are rounded outwards
/// to whole days, UTC; `before_seq` is not looked at.
///
/// # Errors
/// 422 when the filter ends before it begins, or has more than [`domain::ledger::USAGE_DAYS_MAX`] days.
pub async fn usage_sums(
    server: &Server,
    account_id: &AccountId,
    filter: &EntryFilter,
    by: Option<UsageBy>,
) -> Result<UsageSums> {
    let days = UsageDays::around(filter.from, filter.until, server.now())?;
    let mut chosen = chosen(account_id, filter);
    let by_text = by.map_or("", UsageBy::as_str);
    chosen.extend(args![days.from.us(), days.until.us(), DAY_US, by_text, USAGE_SERIES_MAX]);
    let rows: Vec<SumRow> = server.db.all(SUM_SERIES, chosen).await?;
    arrange(days, by, rows)
}

/// Gives each sum its day and its series.
fn arrange(days: UsageDays, by: Option<UsageBy>, rows: Vec<SumRow>) -> Result<UsageSums> {
    let count = rows.iter().map(|row| row.place).max().unwrap_or(0);
    let count = usize::try_from(count).map_err(Error::internal)?;
    let mut series: Vec<Option<UsageSeries>> = vec![None; count];
    let empty = |day: Timestamp| UsageDay { day, sums: vec![UsageSum::default(); count] };
    let mut summed: Vec<UsageDay> = days.starts().map(empty).collect();
    let mut total = UsageSum::default();
    for row in rows {
        let of_day = Timestamp::from_us(row.day).us_since(days.from) / DAY_US;
        let found = usize::try_from(of_day).ok().and_then(|day| summed.get_mut(day));
        let place = usize::try_from(row.place - 1).map_err(Error::internal)?;
        let sum = UsageSum { messages: row.messages, charged: Credit::from_millionths(row.charged) };
        let day = found.ok_or_else(|| Error::internal("a sum lies outside its days"))?;
        day.sums[place].add(sum);
        let of = series_of(by, row)?;
        series[place].get_or_insert_with(|| UsageSeries { of, total: UsageSum::default() }).total.add(sum);
        total.add(sum);
    }
    // Places are given without gaps.
    Ok(UsageSums { by, series: series.into_iter().flatten().collect(), days: summed, total })
}

fn series_of(by: Option<UsageBy>, SumRow { place, series, name, .. }: SumRow) -> Result<UsageOf> {
    if place > USAGE_SERIES_MAX {
        return Ok(UsageOf::Others);
    }
    Ok(match by {
        None => UsageOf::All,
        Some(UsageBy::Key) if series.is_empty() => UsageOf::NoKey,
        Some(UsageBy::Key) => UsageOf::Key(Named { id: KeyId::from_row(series), name }),
        Some(UsageBy::Chatbot) => UsageOf::Chatbot(Named { id: ChatbotId::from_row(series), name }),
        Some(UsageBy::Channel) => {
            let channel = Channel::parse(&series).ok_or_else(|| Error::internal("a message of an unknown channel"))?;
            UsageOf::Channel(channel)
        }
    })
}
