//! What is chosen on the usage page, as its address spells it: every selection can be kept and shared.

use crate::documents::get_form::{address, escaped};
use leptos_router::params::ParamsMap;
use serde::{Deserialize, Serialize};

/// The filter as the URL spells it; every part may be empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    pub key: String,
    pub chatbot: String,
    pub channel: String,
    /// `messages` or `changes`.
    pub only: String,
    /// First day, `2026-11-24`, UTC.
    pub from: String,
    /// Last day, inclusive.
    pub until: String,
    /// What the chart tells apart: `key`, `chatbot` or `channel`.
    pub by: String,
    /// Only entries with a smaller number.
    pub before: String,
}

impl Filter {
    pub fn of(query: &ParamsMap) -> Self {
        let part = |name| query.get(name).unwrap_or_default();
        Self {
            key: part("key"),
            chatbot: part("chatbot"),
            channel: part("channel"),
            only: part("only"),
            from: part("from"),
            until: part("until"),
            by: part("by"),
            before: part("before"),
        }
    }

    /// Whether it selects less than all entries, apart from the page.
    pub fn is_set(&self) -> bool {
        [&self.key, &self.chatbot, &self.channel, &self.only, &self.from, &self.until]
            .iter()
            .any(|part| !part.is_empty())
    }

    /// The address of a page with this filter.
    pub fn address(&self, page: &str) -> String {
        let parts = [
            ("key", &self.key),
            ("chatbot", &self.chatbot),
            ("channel", &self.channel),
            ("only", &self.only),
            ("from", &self.from),
            ("until", &self.until),
            ("by", &self.by),
            ("before", &self.before),
        ];
        address(page, &parts.map(|(name, value)| (name, escaped(value))))
    }

    /// The same filter on the page that begins below entry `seq`; on the first page when there is none.
    #[must_use]
    pub fn before(&self, seq: Option<i64>) -> Self {
        Self { before: seq.map(|seq| seq.to_string()).unwrap_or_default(), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_the_next_page_keeps_the_filter() {
        let filter = Filter { key: "key_1".into(), from: "2026-11-01".into(), ..Filter::default() };
        assert_eq!(filter.before(Some(51)).address("/usage"), "/usage?key=key_1&from=2026-11-01&before=51");
        assert_eq!(filter.before(Some(51)).before(None), filter);
        assert_eq!(Filter::default().address("/usage"), "/usage");
        let odd = Filter { by: "a&b=\"c".into(), ..Filter::default() };
        assert_eq!(odd.address("/usage"), "/usage?by=a%26b%3D%22c");
    }

    #[test]
    fn every_part_but_the_page_and_the_division_selects() {
        assert!(!Filter { by: "key".into(), before: "7".into(), ..Filter::default() }.is_set());
        assert!(Filter { only: "changes".into(), ..Filter::default() }.is_set());
    }
}
