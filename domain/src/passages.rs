//! Passages: the searchable pieces that a document's text is read as, each with its place in the document.

use serde::{Deserialize, Serialize};

/// A searchable piece of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// The heading under which it stands; empty when there is none.
    pub heading: String,
    /// The page on which it begins, from 1; `None` where the text has no pages.
    pub page: Option<u32>,
    pub text: String,
}

/// Longest passage, in bytes, before a long paragraph is cut at a sentence.
pub const PASSAGE_BYTES_MAX: usize = 1_200;

/// Ends a page; a text in which there is none has no pages.
pub const PAGE_END: char = '\u{c}';

/// Reads plain text or Markdown as passages: a paragraph, list item or table row each, under its nearest headings and with
/// its page. Text inside a code fence stays together.
#[must_use]
pub fn passages(text: &str) -> Vec<Passage> {
    let mut reader = Reader::default();
    let has_pages = text.contains(PAGE_END);
    for (page, part) in (1..).zip(text.split(PAGE_END)) {
        reader.page = has_pages.then_some(page);
        for line in part.lines() {
            reader.line(line);
        }
        reader.end_paragraph();
    }
    reader.passages
}

#[derive(Default)]
struct Reader {
    passages: Vec<Passage>,
    /// Open headings, outermost first, each with its level.
    headings: Vec<(usize, String)>,
    paragraph: String,
    page: Option<u32>,
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
            self.passages.push(Passage { heading: heading.clone(), page: self.page, text: piece.to_owned() });
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
    fn a_passage_knows_its_page_where_there_are_pages() {
        let text = "# Guide\n\nOne.\n\n- Two\n\u{c}\u{c}Three\ngoes on.\n\u{c}";
        let found: Vec<(String, Option<u32>, String)> =
            passages(text).into_iter().map(|passage| (passage.heading, passage.page, passage.text)).collect();
        let expected = [("Guide", 1, "One."), ("Guide", 1, "Two"), ("Guide", 3, "Three goes on.")];
        assert_eq!(found, expected.map(|(heading, page, text)| (heading.to_owned(), Some(page), text.to_owned())));
        assert!(passages("One.\n\nTwo.").iter().all(|passage| passage.page.is_none()));
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
