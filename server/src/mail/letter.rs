//! A mail as it is read: a subject, a few sentences, facts in two columns, and one link; as plain text and as HTML.
//!
//! The plain text stays within ASCII where what it names does, so that it can be read in the outbox's files as it is.

use domain::html::escape;
use std::fmt::Write;

/// What a mail says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Letter {
    pub subject: String,
    /// Sentences before the facts.
    pub paragraphs: Vec<String>,
    pub facts: Vec<(&'static str, String)>,
    pub link: Option<Link>,
    /// What stands below the link.
    pub after: Vec<String>,
    /// Why it is sent, in small print.
    pub reason: String,
    pub attachment: Option<Attached>,
}

/// A file that goes with a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    pub name: String,
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
}

/// Where the reader can do something about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub label: &'static str,
    pub url: String,
}

impl Letter {
    /// The subject on one line, whatever names stand in it: a line break would begin another header.
    #[must_use]
    pub fn subject_line(&self) -> String {
        self.subject.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }

    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for paragraph in &self.paragraphs {
            let _written = write!(text, "{paragraph}\n\n");
        }
        let width = self.facts.iter().map(|(label, _)| label.len()).max().unwrap_or(0) + 2;
        for (label, value) in &self.facts {
            let _written = writeln!(text, "{:width$}{value}", format!("{label}:"));
        }
        if !self.facts.is_empty() {
            text.push('\n');
        }
        if let Some(Link { label, url }) = &self.link {
            let _written = write!(text, "{label}:\n{url}\n\n");
        }
        for paragraph in &self.after {
            let _written = write!(text, "{paragraph}\n\n");
        }
        // Mail programs fold away what stands below this line.
        let _written = writeln!(text, "-- \n{}", self.reason);
        text
    }

    #[must_use]
    pub fn html(&self) -> String {
        let mut html = String::from("<!doctype html>\n<html lang=\"en\">\n<body>\n");
        let paragraph = |html: &mut String, text: &str| {
            let _written = writeln!(html, "<p>{}</p>", escape(text));
        };
        self.paragraphs.iter().for_each(|text| paragraph(&mut html, text));
        if !self.facts.is_empty() {
            html.push_str("<table>\n");
            for (label, value) in &self.facts {
                let _written = writeln!(html, "<tr><td>{label}</td><td>{}</td></tr>", escape(value));
            }
            html.push_str("</table>\n");
        }
        if let Some(Link { label, url }) = &self.link {
            let _written = writeln!(html, "<p><a href=\"{}\">{label}</a></p>", escape(url));
        }
        self.after.iter().for_each(|text| paragraph(&mut html, text));
        let _written = writeln!(html, "<hr>\n<p><small>{}</small></p>\n</body>\n</html>", escape(&self.reason));
        html
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> Letter {
        Letter {
            subject: "The key \"<b>\r\nBcc: eve@evil.example\" is about to end".to_owned(),
            paragraphs: vec!["The key <b>Shop & more</b> ends.".to_owned()],
            facts: vec![("Key", "<script>".to_owned()), ("Last day", "2026-12-01".to_owned())],
            link: Some(Link { label: "Open the key", url: "https://console.example.com/a?b=c&d=\"".to_owned() }),
            after: vec!["Programs that use it are refused then.".to_owned()],
            reason: "You own the account acct_1.".to_owned(),
            attachment: None,
        }
    }

    #[test]
    fn the_text_has_its_facts_in_columns_and_its_link_on_a_line_of_its_own() {
        let text = "The key <b>Shop & more</b> ends.\n\nKey:      <script>\nLast day: 2026-12-01\n\nOpen the key:\n\
            https://console.example.com/a?b=c&d=\"\n\nPrograms that use it are refused then.\n\n-- \n\
            You own the account acct_1.\n";
        assert_eq!(letter().text(), text);
    }

    #[test]
    fn names_cannot_become_markup_or_headers() {
        let html = letter().html();
        assert!(html.contains("<td>&lt;script&gt;</td>") && html.contains("&lt;b&gt;Shop &amp; more"), "{html}");
        assert!(html.contains("href=\"https://console.example.com/a?b=c&amp;d=&quot;\""), "{html}");
        assert_eq!(letter().subject_line(), "The key \"<b> Bcc: eve@evil.example\" is about to end");
    }
}
