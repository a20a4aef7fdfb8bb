//! The query of a GET: what is not known, sent twice or out of range is refused, so that a misspelt filter never answers
//! with everything.

use crate::http::problem::Refused;
use axum::extract::Query;
use domain::clock::{DAY_US, Timestamp};
use domain::field::FieldError;
use domain::id::{ChatbotId, KeyId};
use domain::ledger::Channel;
use domain::problem::Problem;
use http::Uri;

/// Items on a page, where the caller does not say.
pub const PAGE_SIZE: i64 = 50;
/// Most items on a page.
pub const PAGE_SIZE_MAX: i64 = 200;

/// The parameters of a query, each at most once.
pub struct QueryFields(Vec<(String, String)>);

impl QueryFields {
    /// # Errors
    /// 422 when a parameter is not one of `known`, or comes twice.
    pub fn read(uri: &Uri, known: &[&str]) -> Result<Self, Refused> {
        let Query(fields): Query<Vec<(String, String)>> =
            Query::try_from_uri(uri).map_err(|_| refuse("query", "the query cannot be read".to_owned()))?;
        for (place, (name, _)) in fields.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let shown: String = name.chars().take(40).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(refuse(&shown, format!("there is no parameter {shown}; there are: {known}")));
            }
            if fields[..place].iter().any(|(other, _)| other == name) {
                return Err(refuse(name, format!("send {name} once")));
            }
        }
        Ok(Self(fields))
    }

    /// A parameter; `None` when it is absent. One that is sent and empty is a value like any other.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub fn page_size(&self) -> Result<i64, Refused> {
        let Some(text) = self.text("limit") else { return Ok(PAGE_SIZE) };
        let size = text.parse().ok().filter(|size| (1..=PAGE_SIZE_MAX).contains(size));
        size.ok_or_else(|| refuse("limit", format!("limit must be a number from 1 to {PAGE_SIZE_MAX}")))
    }

    /// Where the page before ended, as it said in `next_cursor`.
    pub fn cursor<T>(&self, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Refused> {
        let Some(text) = self.text("cursor") else { return Ok(None) };
        let refused = || refuse("cursor", "send the next_cursor of the page before, as it is".to_owned());
        parse(text).map(Some).ok_or_else(refused)
    }

    pub fn chatbot_id(&self) -> Result<Option<ChatbotId>, Refused> {
        self.id("chatbot_id", "chatbot", ChatbotId::parse)
    }

    pub fn key_id(&self) -> Result<Option<KeyId>, Refused> {
        self.id("key_id", "API key", KeyId::parse)
    }

    /// What cannot be an id is the id of nothing.
    fn id<T>(&self, name: &str, what: &str, parse: fn(&str) -> Option<T>) -> Result<Option<T>, Refused> {
        let Some(text) = self.text(name) else { return Ok(None) };
        parse(text).map(Some).ok_or_else(|| Problem::not_found(what).into())
    }

    pub fn channel(&self) -> Result<Option<Channel>, Refused> {
        self.one_of("channel", "console, api or widget", Channel::parse)
    }

    /// A parameter with a few possible values, which `allowed` lists.
    pub fn one_of<T>(&self, name: &str, allowed: &str, parse: fn(&str) -> Option<T>) -> Result<Option<T>, Refused> {
        let Some(text) = self.text(name) else { return Ok(None) };
        parse(text).map(Some).ok_or_else(|| refuse(name, format!("{name} must be {allowed}")))
    }

    /// The first day and the end of the last one, both UTC.
    pub fn days(&self) -> Result<(Option<Timestamp>, Option<Timestamp>), Refused> {
        let from = self.day("from")?;
        let until = self.day("until")?.map(|day| day.plus_us(DAY_US));
        if let (Some(from), Some(until)) = (from, until)
            && from >= until
        {
            return Err(refuse("until", "the last day lies before the first one".to_owned()));
        }
        Ok((from, until))
    }

    fn day(&self, name: &str) -> Result<Option<Timestamp>, Refused> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let day = Timestamp::from_date(text);
        day.map(Some).ok_or_else(|| refuse(name, format!("{name} must be a day such as 2026-11-24")))
    }
}

fn refuse(name: &str, message: String) -> Refused {
    Problem::from(FieldError::new(name, message)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<QueryFields, Refused> {
        QueryFields::read(&format!("/entries?{query}").parse().expect("a URI"), &["limit", "cursor", "from", "until"])
    }

    #[test]
    fn a_parameter_that_is_not_known_or_comes_twice_is_named() {
        for (query, name) in [("form=2026-11-01", "form"), ("limit=1&limit=2", "limit"), ("%66orm", "form")] {
            let refused = read(query).err().expect("refused");
            assert_eq!(refused.problem().field.as_deref(), Some(name), "{query}");
        }
    }

    #[test]
    fn pages_and_days_stay_within_their_limits() {
        assert_eq!(read("").and_then(|fields| fields.page_size()).ok(), Some(PAGE_SIZE));
        assert_eq!(read("limit=200").and_then(|fields| fields.page_size()).ok(), Some(200));
        for query in ["limit=0", "limit=201", "limit=-1", "limit=x", "limit=99999999999999999999"] {
            assert!(read(query).and_then(|fields| fields.page_size()).is_err(), "{query}");
        }
        let (from, until) = read("from=2026-11-24&until=2026-11-24").and_then(|fields| fields.days()).expect("a day");
        assert_eq!(until.expect("an end").us_since(from.expect("a start")), DAY_US);
        for query in ["from=2026-02-30", "until=yesterday", "from=2026-11-25&until=2026-11-24"] {
            assert!(read(query).and_then(|fields| fields.days()).is_err(), "{query}");
        }
    }
}
