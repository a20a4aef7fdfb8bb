//! What the usage page asks the server: one page of the ledger under a filter, read from the words of the URL.

use crate::documents::server_fns::Choice;
use crate::error::AppError;
use domain::ledger::EntryPage;
use domain::money::Currency;
use leptos::prelude::*;
use leptos::server_fn::codec::Postcard;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use {
    crate::server_fns::{require_viewer, server},
    domain::clock::{DAY_US, Timestamp},
    domain::field::FieldError,
    domain::id::KeyId,
    domain::ledger::EntryFilter,
    domain::problem::Problem,
};

/// Entries on one page.
#[cfg(feature = "ssr")]
const PAGE_SIZE: i64 = 50;

/// The filter as the URL spells it; every part may be empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Filter {
    pub key: String,
    /// First day, `2026-11-24`, UTC.
    pub from: String,
    /// Last day, inclusive.
    pub until: String,
    /// Only entries with a smaller number.
    pub before: String,
}

impl Filter {
    /// Whether it selects less than all entries, apart from the page.
    pub fn is_set(&self) -> bool {
        !(self.key.is_empty() && self.from.is_empty() && self.until.is_empty())
    }
}

/// A page of entries and the currency they are in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsageView {
    pub page: EntryPage,
    pub currency: Currency,
}

#[server(prefix = "/rpc", endpoint = "usage/list", input = Postcard, output = Postcard)]
pub async fn load_usage(filter: Filter) -> Result<UsageView, AppError> {
    let viewer = require_viewer().await?;
    let server = server();
    let filter = parse(&filter)?;
    if let Some(key_id) = &filter.key_id {
        server::keys::must_be_own(&server, &viewer.account_id, key_id).await?;
    }
    let page = server::ledger::entries(&server, &viewer.account_id, &filter, PAGE_SIZE).await?;
    Ok(UsageView { page, currency: server.config.currency })
}

/// The keys of the account, for the filter form.
#[server(prefix = "/rpc", endpoint = "usage/keys", input = Postcard, output = Postcard)]
pub async fn load_key_choices() -> Result<Vec<Choice>, AppError> {
    let viewer = require_viewer().await?;
    let keys = server::keys::list(&server(), &viewer.account_id).await?;
    Ok(keys.into_iter().map(|key| Choice { id: key.id.to_string(), name: key.settings.name }).collect())
}

#[cfg(feature = "ssr")]
fn parse(filter: &Filter) -> server::Result<EntryFilter> {
    let key_id = match filter.key.as_str() {
        "" => None,
        key => Some(KeyId::parse(key).ok_or_else(|| Problem::not_found("API key"))?),
    };
    let before_seq = match filter.before.as_str() {
        "" => None,
        seq => Some(seq.parse().map_err(|_| FieldError::new("before", "this is not the number of an entry"))?),
    };
    let from = parse_day("from", &filter.from)?;
    let until = parse_day("until", &filter.until)?.map(|day| day.plus_us(DAY_US));
    if let (Some(from), Some(until)) = (from, until)
        && from >= until
    {
        return Err(FieldError::new("until", "the last day lies before the first one").into());
    }
    Ok(EntryFilter { key_id, from, until, before_seq })
}

#[cfg(feature = "ssr")]
fn parse_day(name: &str, text: &str) -> server::Result<Option<Timestamp>> {
    if text.is_empty() {
        return Ok(None);
    }
    let day = Timestamp::from_date(text).ok_or_else(|| FieldError::new(name, "enter a day such as 2026-11-24"))?;
    Ok(Some(day))
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn the_last_day_is_part_of_the_filter() {
        let filter = Filter { from: "2026-11-01".into(), until: "2026-11-01".into(), ..Filter::default() };
        let parsed = parse(&filter).expect("a filter");
        let (from, until) = (parsed.from.expect("a first day"), parsed.until.expect("a last day"));
        assert_eq!(until.us_since(from), DAY_US);
    }

    #[test]
    fn a_filter_that_cannot_be_meant_names_its_part() {
        for (filter, name) in [
            (Filter { from: "2026-02-30".into(), ..Filter::default() }, Some("from")),
            (Filter { from: "2026-11-02".into(), until: "2026-11-01".into(), ..Filter::default() }, Some("until")),
            (Filter { before: "x".into(), ..Filter::default() }, Some("before")),
            (Filter { key: "ck_1".into(), ..Filter::default() }, None),
        ] {
            let problem = parse(&filter).expect_err("it is refused").into_problem();
            assert_eq!(problem.field.as_deref(), name);
        }
    }
}
