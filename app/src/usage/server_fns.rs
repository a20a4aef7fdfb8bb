//! What the usage pages ask the server: the ledger under a filter, read from the words of the URL, and drawn; and the
//! plain route that sends the same entries as a file.

pub use super::filter::Filter;
use crate::documents::server_fns::Choice;
use crate::error::AppError;
use domain::ledger::{Entry, EntryPage};
use domain::money::Currency;
use leptos::prelude::*;
use leptos::server_fn::codec::Postcard;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
pub use self::plain::{file_for, plain_routes};
#[cfg(feature = "ssr")]
use {
    super::chart,
    super::entry_row::channel_name,
    crate::server_fns::{require_viewer, server},
    domain::clock::{DAY_US, Timestamp},
    domain::field::FieldError,
    domain::html::escape,
    domain::id::{AccountId, ChatbotId, KeyId},
    domain::ledger::{Channel, EntryClass, EntryFilter, UsageBy, UsageSums},
    domain::problem::{Problem, sentence},
    server::Server,
};

/// Entries on one page.
#[cfg(feature = "ssr")]
const PAGE_SIZE: i64 = 50;

/// A chart as HTML that the server wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChartView {
    pub head: String,
    pub graph: String,
    /// Empty when there is nothing to count.
    pub table: String,
}

/// A page of entries and the currency they are in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsageView {
    pub page: EntryPage,
    pub currency: Currency,
    /// None for an account without any entry.
    pub chart: Option<ChartView>,
}

#[server(prefix = "/rpc", endpoint = "usage/list", input = Postcard, output = Postcard)]
pub async fn load_usage(filter: Filter) -> Result<UsageView, AppError> {
    let viewer = require_viewer().await?;
    let server = server();
    let parsed = read_filter(&server, &viewer.account_id, &filter).await?;
    let page = server::ledger::entries(&server, &viewer.account_id, &parsed, PAGE_SIZE).await?;
    let is_new = page.entries.is_empty() && !filter.is_set() && filter.before.is_empty();
    let chart = if is_new { None } else { Some(draw(&server, &viewer.account_id, &filter, &parsed).await?) };
    Ok(UsageView { page, currency: server.config.currency, chart })
}

/// What a key spent in the last thirty days, by chatbot.
#[server(prefix = "/rpc", endpoint = "usage/key", input = Postcard, output = Postcard)]
pub async fn load_key_chart(key_id: String) -> Result<ChartView, AppError> {
    let viewer = require_viewer().await?;
    let (server, by) = (server(), Some(UsageBy::Chatbot));
    let key_id = KeyId::parse(&key_id).ok_or_else(|| Problem::not_found("API key"))?;
    server::keys::get(&server, &viewer.account_id, &key_id).await?;
    let filter = EntryFilter { key_id: Some(key_id), ..EntryFilter::default() };
    let sums = server::ledger::usage_sums(&server, &viewer.account_id, &filter, by).await?;
    let currency = server.config.currency;
    let head = heading("Spending of the last 30 days, by chatbot", &chart::total_text(&sums, currency));
    Ok(chart::draw(&sums, currency, head))
}

/// What the filter form offers to choose from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FilterChoices {
    pub keys: Vec<Choice>,
    pub chatbots: Vec<Choice>,
    pub channels: Vec<Choice>,
    pub classes: Vec<Choice>,
}

#[server(prefix = "/rpc", endpoint = "usage/choices", input = Postcard, output = Postcard)]
pub async fn load_filter_choices() -> Result<FilterChoices, AppError> {
    let viewer = require_viewer().await?;
    let server = server();
    let keys = server::keys::list(&server, &viewer.account_id).await?;
    let chatbots = server::chatbots::list(&server, &viewer.account_id).await?;
    let choice = |id: &str, name: &str| Choice { id: id.to_owned(), name: name.to_owned() };
    let paid = [Channel::Api, Channel::Widget];
    Ok(FilterChoices {
        keys: keys.into_iter().map(|key| choice(key.id.as_str(), &key.settings.name)).collect(),
        chatbots: chatbots.into_iter().map(|chatbot| choice(chatbot.id.as_str(), &chatbot.name)).collect(),
        channels: paid.into_iter().map(|channel| choice(channel.as_str(), channel_name(channel))).collect(),
        classes: vec![choice("messages", "Messages"), choice("changes", "Payments and corrections")],
    })
}

/// One entry, and whether what it points to is still there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryView {
    pub entry: Entry,
    pub currency: Currency,
    pub has_key: bool,
    pub has_chatbot: bool,
}

#[server(prefix = "/rpc", endpoint = "usage/entry", input = Postcard, output = Postcard)]
pub async fn load_entry(seq: String) -> Result<EntryView, AppError> {
    let (server, viewer) = (server(), require_viewer().await?);
    let seq = seq.parse().map_err(|_| Problem::not_found("entry"))?;
    let entry = server::ledger::entry(&server, &viewer.account_id, seq).await?;
    let keys = server::keys::list(&server, &viewer.account_id).await?;
    let chatbots = server::chatbots::list(&server, &viewer.account_id).await?;
    let has_key = entry.key.as_ref().is_some_and(|of| keys.iter().any(|key| key.id == of.id));
    let has_chatbot = entry.chatbot.as_ref().is_some_and(|of| chatbots.iter().any(|chatbot| chatbot.id == of.id));
    Ok(EntryView { entry, currency: server.config.currency, has_key, has_chatbot })
}

#[cfg(feature = "ssr")]
async fn draw(
    server: &Server,
    account_id: &AccountId,
    filter: &Filter,
    parsed: &EntryFilter,
) -> server::Result<ChartView> {
    let by = parse_word("by", &filter.by, UsageBy::parse)?;
    let currency = server.config.currency;
    match server::ledger::usage_sums(server, account_id, parsed, by).await {
        Ok(sums) => Ok(chart::draw(&sums, currency, head(filter, &sums, currency, server.now()))),
        Err(server::Error::Problem(problem)) if problem.field.as_deref() == Some("from") => {
            let graph = format!(r#"<p class="quiet">No chart: {}</p>"#, escape(&sentence(&problem.detail)));
            Ok(ChartView { head: heading("Spending", ""), graph, table: String::new() })
        }
        Err(error) => Err(error),
    }
}

#[cfg(feature = "ssr")]
fn heading(title: &str, text: &str) -> String {
    format!(r#"<h2 id="chart-title">{title}</h2><span class="push num">{}</span>"#, escape(text))
}

/// The heading of the chart, and the links that choose its days and what it tells apart.
#[cfg(feature = "ssr")]
fn head(filter: &Filter, sums: &UsageSums, currency: Currency, now: Timestamp) -> String {
    let first_page = filter.before(None);
    let presets = chart::presets(now).map(|(text, from, until)| {
        let is_chosen = first_page.from == from && first_page.until == until;
        let href = Filter { from, until, ..first_page.clone() }.address("/usage");
        chart::Choice { href, text, is_chosen }
    });
    let divisions = chart::DIVISIONS.map(|(text, by)| {
        let is_chosen = sums.by == by;
        let by = by.map_or("", UsageBy::as_str).to_owned();
        chart::Choice { href: Filter { by, ..first_page.clone() }.address("/usage"), text, is_chosen }
    });
    let is_default = filter.from.is_empty() && filter.until.is_empty();
    let days = if is_default { "the last 30 days".to_owned() } else { chart::stretch_text(sums) };
    let title = heading(&format!("Spending, {days}"), &chart::total_text(sums, currency));
    let choices = chart::choices("Days of the chart", &presets) + &chart::choices("Parts of the chart", &divisions);
    format!(r#"{title}<div class="chart-choices">{choices}</div>"#)
}

/// What the words of a filter choose.
///
/// 404 for a key or a chatbot that the account never had, so that no list is empty for want of it.
#[cfg(feature = "ssr")]
async fn read_filter(server: &Server, account_id: &AccountId, filter: &Filter) -> server::Result<EntryFilter> {
    let parsed = parse(filter)?;
    if let Some(key_id) = &parsed.key_id {
        server::keys::exists(server, account_id, key_id).await?;
    }
    if let Some(chatbot_id) = &parsed.chatbot_id {
        server::chatbots::exists(server, account_id, chatbot_id).await?;
    }
    Ok(parsed)
}

#[cfg(feature = "ssr")]
fn parse(filter: &Filter) -> server::Result<EntryFilter> {
    let from = parse_day("from", &filter.from)?;
    let until = parse_day("until", &filter.until)?.map(|day| day.plus_us(DAY_US));
    if let (Some(from), Some(until)) = (from, until)
        && from >= until
    {
        return Err(FieldError::new("until", "the last day lies before the first one").into());
    }
    let not_found = |noun: &'static str| move || Problem::not_found(noun);
    let key_id = match filter.key.as_str() {
        "" => None,
        key => Some(KeyId::parse(key).ok_or_else(not_found("API key"))?),
    };
    let chatbot_id = match filter.chatbot.as_str() {
        "" => None,
        chatbot => Some(ChatbotId::parse(chatbot).ok_or_else(not_found("chatbot"))?),
    };
    let before_seq = match filter.before.as_str() {
        "" => None,
        seq => Some(seq.parse().map_err(|_| FieldError::new("before", "this is not the number of an entry"))?),
    };
    let channel = parse_word("channel", &filter.channel, Channel::parse)?;
    let only = parse_word("only", &filter.only, EntryClass::parse)?;
    Ok(EntryFilter { key_id, chatbot_id, channel, only, chatbots: None, from, until, before_seq })
}

#[cfg(feature = "ssr")]
pub fn parse_word<T>(name: &str, text: &str, parse: impl Fn(&str) -> Option<T>) -> server::Result<Option<T>> {
    if text.is_empty() {
        return Ok(None);
    }
    Ok(Some(parse(text).ok_or_else(|| FieldError::new(name, "this is none of the choices"))?))
}

#[cfg(feature = "ssr")]
pub fn parse_day(name: &str, text: &str) -> server::Result<Option<Timestamp>> {
    if text.is_empty() {
        return Ok(None);
    }
    let day = Timestamp::from_date(text).ok_or_else(|| FieldError::new(name, "enter a day such as 2026-11-24"))?;
    Ok(Some(day))
}

#[cfg(feature = "ssr")]
mod plain {
    use super::{Filter, read_filter};
    use crate::error::AppError;
    use axum::Router;
    use axum::body::Body;
    use axum::extract::{Query, State};
    use axum::http::{HeaderMap, StatusCode, Uri, header};
    use axum::response::{IntoResponse, Redirect, Response};
    use axum::routing::get;
    use domain::account::Viewer;
    use domain::problem::sentence;
    use leptos_router::location::Url;
    use server::Server;
    use std::sync::Arc;

    /// `GET /usage/entries.csv`
    pub fn plain_routes<S: Clone + Send + Sync + 'static>(server: Arc<Server>) -> Router<S> {
        Router::new().route("/usage/entries.csv", get(export)).with_state(server)
    }

    async fn export(
        State(server): State<Arc<Server>>,
        headers: HeaderMap,
        uri: Uri,
        Query(filter): Query<Filter>,
    ) -> Response {
        let name = file_name(&filter, &server.now().date());
        let kind = ("text/csv; charset=utf-8; header=present", name);
        file_for(Arc::clone(&server), &headers, ("/usage", &uri), kind, async move |viewer| {
            let filter = read_filter(&server, &viewer.account_id, &filter).await?;
            Ok(Body::from_stream(server::ledger::export(server, viewer.account_id, filter).await?))
        })
        .await
    }

    /// Sends a file to whoever is signed in, while it is written. `page` is the one with the same filter, which whoever is
    /// not signed in yet comes to afterwards: a file cannot be shown there. `kind` is the media type and the name.
    pub async fn file_for(
        server: Arc<Server>,
        headers: &HeaderMap,
        (page, uri): (&str, &Uri),
        (media_type, name): (&str, String),
        write: impl AsyncFnOnce(Viewer) -> server::Result<Body>,
    ) -> Response {
        let viewer = match server::sessions::token_from(&server.config, headers) {
            Some(token) => server::sessions::viewer(&server, &token).await,
            None => Ok(None),
        };
        let viewer = match viewer {
            Ok(Some(viewer)) => viewer,
            Ok(None) => {
                let page = uri.query().map_or_else(|| page.to_owned(), |query| format!("{page}?{query}"));
                return Redirect::to(&format!("/sign-in?next={}", Url::escape(&page))).into_response();
            }
            Err(error) => return refusal(&error.into()),
        };
        let headers = [
            (header::CONTENT_TYPE, media_type.to_owned()),
            (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
            (header::CACHE_CONTROL, "no-store".to_owned()),
        ];
        match write(viewer).await {
            Ok(file) => (headers, file).into_response(),
            Err(error) => refusal(&error.into()),
        }
    }

    /// `artiko-usage-2026-11-01-2026-11-25.csv`; both days have been read before it is used.
    pub(super) fn file_name(filter: &Filter, today: &str) -> String {
        let or = |day: &String, other: &str| if day.is_empty() { other.to_owned() } else { day.clone() };
        format!("artiko-usage-{}-{}.csv", or(&filter.from, "start"), or(&filter.until, today))
    }

    fn refusal(error: &AppError) -> Response {
        let status = StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, [(header::CACHE_CONTROL, "no-store")], sentence(&error.problem.detail)).into_response()
    }
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
            (Filter { channel: "letter".into(), ..Filter::default() }, Some("channel")),
            (Filter { only: "some".into(), ..Filter::default() }, Some("only")),
            (Filter { key: "ck_1".into(), ..Filter::default() }, None),
            (Filter { chatbot: "help".into(), ..Filter::default() }, None),
        ] {
            let problem = parse(&filter).expect_err("it is refused").into_problem();
            assert_eq!(problem.field.as_deref(), name);
        }
    }

    #[test]
    fn a_file_is_called_by_its_days() {
        let filter = Filter { from: "2026-11-01".into(), ..Filter::default() };
        assert_eq!(plain::file_name(&filter, "2026-11-25"), "artiko-usage-2026-11-01-2026-11-25.csv");
        assert_eq!(plain::file_name(&Filter::default(), "2026-11-25"), "artiko-usage-start-2026-11-25.csv");
    }
}
