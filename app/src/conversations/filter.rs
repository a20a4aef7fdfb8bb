//! Which conversations are listed, as the address spells it: every selection can be kept and shared.

use crate::documents::get_form::{address, escaped};
use leptos_router::params::ParamsMap;
use serde::{Deserialize, Serialize};

/// The names of the parts that a form asks for, in the order in which the address has them.
pub const FIELDS: &[&str] = &["text", "chatbot", "channel", "from", "until"];

/// The filter as the URL spells it; every part may be empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// What was said.
    pub text: String,
    pub chatbot: String,
    pub channel: String,
    /// First day on which it began, `2026-11-24`, UTC.
    pub from: String,
    /// Last day, inclusive.
    pub until: String,
    /// Only conversations that are older than this one.
    pub before: String,
}

impl Filter {
    pub fn of(query: &ParamsMap) -> Self {
        let part = |name| query.get(name).unwrap_or_default();
        Self {
            text: part("text"),
            chatbot: part("chatbot"),
            channel: part("channel"),
            from: part("from"),
            until: part("until"),
            before: part("before"),
        }
    }

    fn parts(&self) -> [(&'static str, &String); 6] {
        [
            ("text", &self.text),
            ("chatbot", &self.chatbot),
            ("channel", &self.channel),
            ("from", &self.from),
            ("until", &self.until),
            ("before", &self.before),
        ]
    }

    /// Whether it selects less than all conversations, apart from the page.
    pub fn is_set(&self) -> bool {
        self.parts().iter().any(|(name, part)| *name != "before" && !part.is_empty())
    }

    /// The address of a page with this filter.
    pub fn address(&self, page: &str) -> String {
        address(page, &self.parts().map(|(name, value)| (name, escaped(value))))
    }

    /// The same filter on the page that begins below a conversation; on the first page when it is empty.
    #[must_use]
    pub fn before(&self, id: String) -> Self {
        Self { before: id, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_the_next_page_keeps_the_filter() {
        let filter = Filter { text: "a lamp?".into(), channel: "api".into(), ..Filter::default() };
        let next = filter.before("conv_1".to_owned());
        assert_eq!(next.address("/conversations"), "/conversations?text=a%20lamp%3F&channel=api&before=conv_1");
        assert_eq!(next.before(String::new()), filter);
        assert_eq!(Filter::default().address("/conversations"), "/conversations");
    }

    #[test]
    fn every_part_but_the_page_selects() {
        assert!(!Filter { before: "conv_1".into(), ..Filter::default() }.is_set());
        assert!(Filter { from: "2026-11-01".into(), ..Filter::default() }.is_set());
    }
}
