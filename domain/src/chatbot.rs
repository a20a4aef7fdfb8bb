//! Chatbots, their documents, the passages a document is read as, and the answer that is made of them.

use crate::clock::Timestamp;
use crate::credit::Credit;
use crate::id::{ChatbotId, DocumentId};
use serde::{Deserialize, Serialize};

/// A chatbot as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chatbot {
    pub id: ChatbotId,
    pub name: String,
    pub created_at: Timestamp,
    pub documents: i64,
    /// What it may spend a day (UTC), whoever calls it; `None` is no cap.
    pub daily_cap: Option<Credit>,
    pub spent_today: Credit,
    /// Since when it is paused: it answers in the console alone, where its owner tries it.
    pub paused_at: Option<Timestamp>,
}

/// A document of a chatbot, without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    pub id: DocumentId,
    pub chatbot_id: ChatbotId,
    pub chatbot_name: String,
    pub name: String,
    pub size_bytes: i64,
    pub passages: i64,
    pub created_at: Timestamp,
}

/// A searchable piece of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// The heading under which it stands; empty when there is none.
    pub heading: String,
    pub text: String,
}

/// A passage that an answer is made of, with the document it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Citation {
    pub document_id: DocumentId,
    pub document_name: String,
    pub heading: String,
    pub text: String,
}

/// What a chatbot says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub text: String,
    /// Best first; empty when nothing in the documents matches.
    pub citations: Vec<Citation>,
}

/// Where a passage came from, as it is kept with a message: what was said from it stands in the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source<'a> {
    pub document_id: &'a DocumentId,
    pub document_name: &'a str,
    pub heading: &'a str,
}

impl<'a> Source<'a> {
    fn of(citation: &'a Citation) -> Self {
        let Citation { document_id, document_name, heading, .. } = citation;
        Self { document_id, document_name, heading }
    }
}

impl Answer {
    /// Where its passages came from, best first.
    #[must_use]
    pub fn sources(&self) -> Vec<Source<'_>> {
        self.citations.iter().map(Source::of).collect()
    }
}

/// Longest passage, in bytes, before a long paragraph is cut at a sentence.
pub const PASSAGE_BYTES_MAX: usize = 1_200;

/// Reads plain text or Markdown as passages: a paragraph, list item or table row each, under its nearest headings.
/// Text inside a code fence stays together.
#[must_use]
pub fn passages(text: &str) -> Vec<Passage> {
    let mut reader = Reader::default();
    for line in text.lines() {
        reader.line(line);
    }
    reader.end_paragraph();
    reader.passages
}

#[derive(Default)]
struct Reader {
    passages: Vec<Passage>,
    /// Open headings, outermost first, each with its level.
    headings: Vec<(usize, String)>,
    paragraph: String,
    is_in_fence: bool,
}

impl Reader {
    fn line(&mut self, line: &str) {
        let trimmed = line.trim();
        if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
            self.is_in_fence = !self.is_in_fence;
            return;
        }
        if self.is_in_fence {
            return self.push(line);
        }
        if trimmed.is_empty() {
            return self.end_paragraph();
        }
        let level = trimmed.bytes().take_while(|byte| *byte == b'#').count();
        if (1..=6).contains(&level) && trimmed.as_bytes().get(level) == Some(&b' ') {
            self.end_paragraph();
            self.headings.retain(|(open, _)| *open < level);
            let heading = plain(trimmed[level..].trim().trim_end_matches('#').trim());
            return self.headings.push((level, heading));
        }
        if let Some(item) = list_item(trimmed) {
            self.end_paragraph();
            return self.push(item);
        }
        if trimmed.starts_with('|') {
            self.end_paragraph();
            let is_rule = trimmed.chars().all(|character| matches!(character, '|' | '-' | ':' | ' '));
            let cells: Vec<&str> = trimmed.trim_matches('|').split('|').map(str::trim).collect();
            if !is_rule {
                self.push(&cells.join(": "));
            }
            return;
        }
        self.push(trimmed);
    }

    fn push(&mut self, line: &str) {
        if !self.paragraph.is_empty() {
            self.paragraph.push(if self.is_in_fence { '\n' } else { ' ' });
        }
        self.paragraph.push_str(line);
    }

    fn end_paragraph(&mut self) {
        let paragraph = std::mem::take(&mut self.paragraph);
        let heading = self.headings.iter().map(|(_, heading)| heading.as_str()).collect::<Vec<_>>().join(" › ");
        for piece in pieces(&plain(&paragraph)) {
            self.passages.push(Passage { heading: heading.clone(), text: piece.to_owned() });
        }
    }
}

fn list_item(line: &str) -> Option<&str> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let marker = match line.as_bytes().first()? {
        b'-' | b'*' | b'+' => 1,
        _ if (1..=3).contains(&digits) && matches!(line.as_bytes().get(digits), Some(b'.' | b')')) => digits + 1,
        _ => return None,
    };
    line[marker..].strip_prefix(' ').map(str::trim)
}

/// Takes away Markdown's emphasis and code marks, and leaves the text of a link.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let link = rest[open + 1..].split_once("](").and_then(|(label, after)| {
            let (_, after) = after.split_once(')')?;
            (!label.contains('[')).then_some((label, after))
        });
        let Some((label, after)) = link else {
            plain.push_str(&rest[..=open]);
            rest = &rest[open + 1..];
            continue;
        };
        plain.push_str(&rest[..open]);
        plain.push_str(label);
        rest = after;
    }
    plain.push_str(rest);
    plain.replace("**", "").replace("__", "").replace('`', "")
}

/// Cuts a paragraph into pieces of at most [`PASSAGE_BYTES_MAX`], at the end of a sentence where there is one.
fn pieces(paragraph: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = paragraph.trim();
    while rest.len() > PASSAGE_BYTES_MAX {
        let mut limit = PASSAGE_BYTES_MAX;
        while !rest.is_char_boundary(limit) {
            limit -= 1;
        }
        let head = &rest[..limit];
        let sentence = [". ", "? ", "! ", "\n"].iter().filter_map(|end| head.rfind(end)).max().map(|place| place + 1);
        let cut = sentence.or_else(|| head.rfind(' ')).filter(|place| *place > 0).unwrap_or(limit);
        pieces.push(rest[..cut].trim());
        rest = rest[cut..].trim_start();
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn markdown_is_read_as_paragraphs_under_their_headings() {
        let text = "# Guide\n\nFirst line\nsecond line.\n\n## Keys\n- **One** [item](https://example.com)\n- Two\n\n| Field | Meaning |\n| --- | --- |\n| name | what it is called |\n# Other\n```\nlet a = 1;\n\nlet b = 2;\n```\n";
        let found: Vec<(String, String)> =
            passages(text).into_iter().map(|passage| (passage.heading, passage.text)).collect();
        let expected = [
            ("Guide", "First line second line."),
            ("Guide › Keys", "One item"),
            ("Guide › Keys", "Two"),
            ("Guide › Keys", "Field: Meaning"),
            ("Guide › Keys", "name: what it is called"),
            ("Other", "let a = 1;\n\nlet b = 2;"),
        ];
        assert_eq!(found, expected.map(|(heading, text)| (heading.to_owned(), text.to_owned())));
    }

    #[test]
    fn a_long_paragraph_is_cut_at_a_sentence() {
        let sentence = "A sentence of some length that says little. ";
        let found = passages(&sentence.repeat(60));
        assert!(found.len() > 1);
        assert!(found.iter().all(|passage| passage.text.len() <= PASSAGE_BYTES_MAX));
        assert!(found.iter().all(|passage| passage.text.ends_with("little.")));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic_or_lose_a_word(text in "[a-zäß漢 .#*`\\[\\]()|\n-]{0,400}") {
            let found = passages(&text);
            prop_assert!(found.iter().all(|passage| !passage.text.is_empty()));
        }
    }
}
