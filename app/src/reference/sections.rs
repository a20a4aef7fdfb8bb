//! The running text of the reference: a Markdown file for each section, with the numbers of the installation and of the
//! reader's plan put in.

use super::errors;
use crate::components::grouped;
use crate::support::guide;
use domain::credit::Credit;

/// A section of running text.
pub struct Section {
    /// Its anchor.
    pub id: String,
    pub title: String,
    pub html: String,
}

/// What the sections say about this installation and this reader.
pub struct Facts<'a> {
    pub public_url: &'a str,
    pub version: &'a str,
    pub plan_name: &'a str,
    pub requests_per_minute: u32,
    pub requests_per_minute_per_key: u32,
    /// `1 to 200`
    pub page_sizes: &'a str,
    pub price: Credit,
}

/// The sections with their anchors, in the order of the page.
const SECTIONS: [(&str, &str, &str); 7] = [
    ("authentication", "Authentication", include_str!("sections/authentication.md")),
    ("rate-limits", "Rate limits", include_str!("sections/rate-limits.md")),
    ("idempotency", "Sending again safely", include_str!("sections/idempotency.md")),
    ("streaming", "Streaming", include_str!("sections/streaming.md")),
    ("pages", "Pages and cursors", include_str!("sections/pages.md")),
    ("errors", "Errors", include_str!("sections/errors.md")),
    ("changelog", "Changes", include_str!("sections/changelog.md")),
];

#[must_use]
pub fn sections(facts: &Facts) -> Vec<Section> {
    let number = |number: u32| number.to_string();
    let (per_key, per_account) = (facts.requests_per_minute_per_key, facts.requests_per_minute);
    let values = [
        ("{public_url}", facts.public_url.to_owned()),
        ("{version}", facts.version.to_owned()),
        ("{plan_name}", facts.plan_name.to_owned()),
        ("{per_minute_per_key}", grouped(per_key.into())),
        ("{per_minute}", grouped(per_account.into())),
        ("{key_q}", number(per_key)),
        ("{key_r}", number(per_key.saturating_sub(1))),
        ("{account_q}", number(per_account)),
        ("{account_r}", number(per_account.saturating_sub(1))),
        ("{page_sizes}", facts.page_sizes.to_owned()),
        ("{example}", errors::example(facts.public_url, facts.price)),
    ];
    let section = |(id, title, text): (&str, &str, &str)| {
        let text = values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
        Section { id: id.to_owned(), title: title.to_owned(), html: guide::html(&text) }
    };
    SECTIONS.map(section).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Vec<Section> {
        sections(&Facts {
            public_url: "https://console.example.com",
            version: "1.0.0",
            plan_name: "Plus",
            requests_per_minute: 6_000,
            requests_per_minute_per_key: 3_000,
            page_sizes: "1 to 200, 50 without it",
            price: Credit::from_millionths(2_000),
        })
    }

    #[test]
    fn every_number_is_filled_in() {
        for Section { id, html, .. } in facts() {
            let left = html.split('{').skip(1).find(|rest| rest.starts_with(|first: char| first.is_ascii_lowercase()));
            assert_eq!(left, None, "{id}");
        }
    }

    #[test]
    fn the_limits_are_those_of_the_plan() {
        let sections = facts();
        let limits = sections.iter().find(|section| section.id == "rate-limits").expect("the section");
        assert!(
            limits.html.contains("<strong>3,000</strong>") && limits.html.contains("q=6000;w=60"),
            "{}",
            limits.html
        );
    }

    #[test]
    fn what_is_wider_than_the_page_can_be_scrolled_by_keyboard() {
        for Section { id, html, .. } in facts() {
            assert!(!html.contains("<pre>"), "{id}");
        }
    }
}
