//! HTML: headings, paragraphs, list items, rows of tables and code, in the order in which they stand.
//!
//! The file is read as a row of tags and never as a tree, so that however deep it is nested, it takes no more than its own
//! size.

use super::markdown::Markdown;
use super::{Unreadable, decode};
use html5gum::emitters::default::DefaultEmitter;
use html5gum::{Token, Tokenizer};

/// How far into a file the name of its encoding is looked for, in bytes.
const LABEL_WITHIN: usize = 1024;

/// Elements whose text is not for readers of the page, or leads to other pages.
const LEFT_OUT: [&str; 13] = [
    "script", "style", "title", "nav", "noscript", "template", "svg", "iframe", "object", "select", "textarea",
    "button", "dialog",
];

/// Elements that stand for themselves, and so end the paragraph before them.
const BLOCKS: [&str; 26] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "header",
    "hr",
    "html",
    "main",
    "ol",
    "p",
    "section",
    "summary",
    "table",
    "caption",
    "ul",
];

pub(super) fn read(bytes: &[u8]) -> Result<String, Unreadable> {
    let text = decode(bytes, label(bytes));
    let mut emitter = DefaultEmitter::default();
    // The text of scripts and styles holds no tags.
    emitter.naively_switch_states(true);
    let mut page = Page::default();
    for Ok(token) in Tokenizer::new_with_emitter(text.as_str(), emitter) {
        match token {
            Token::StartTag(tag) => page.start(&String::from_utf8_lossy(&tag.name), tag.self_closing)?,
            Token::EndTag(tag) => page.end(&String::from_utf8_lossy(&tag.name))?,
            Token::String(text) => page.text(&String::from_utf8_lossy(&text)),
            _ => {}
        }
    }
    page.flush()?;
    page.end_row()?;
    page.markdown.finish()
}

/// The encoding that the file names near its beginning.
fn label(bytes: &[u8]) -> Option<&[u8]> {
    let head = &bytes[..bytes.len().min(LABEL_WITHIN)];
    let place = head.windows(8).position(|window| window.eq_ignore_ascii_case(b"charset="))?;
    let value = head[place + 8..].trim_ascii_start();
    let value = value.strip_prefix(b"\"").or(value.strip_prefix(b"'")).unwrap_or(value);
    value.split(|byte| !(byte.is_ascii_alphanumeric() || b"-_:.".contains(byte))).next()
}

#[derive(Clone, Copy, Default)]
enum Block {
    #[default]
    Paragraph,
    Heading(usize),
    Item,
    Code,
}

#[derive(Default)]
struct Page {
    markdown: Markdown,
    text: String,
    block: Block,
    /// The cells of the row that is open.
    row: Option<Vec<String>>,
    /// The element that is being left out, and how many of its name are open.
    left_out: Option<(&'static str, usize)>,
}

impl Page {
    fn start(&mut self, name: &str, is_closed: bool) -> Result<(), Unreadable> {
        if let Some((left_out, open)) = &mut self.left_out {
            *open += usize::from(*left_out == name && !is_closed);
            return Ok(());
        }
        if let Some(left_out) = LEFT_OUT.iter().find(|left_out| **left_out == name) {
            self.left_out = (!is_closed).then_some((*left_out, 1));
            return Ok(());
        }
        match (name, heading(name)) {
            (_, Some(level)) => self.begin(Block::Heading(level)),
            ("li", _) => self.begin(Block::Item),
            ("pre", _) => self.begin(Block::Code),
            ("tr", _) => {
                self.flush()?;
                self.end_row()?;
                self.row = Some(Vec::new());
                Ok(())
            }
            ("td" | "th", _) => {
                self.flush()?;
                self.row.get_or_insert_default().push(String::new());
                Ok(())
            }
            ("br", _) => {
                self.text.push('\n');
                Ok(())
            }
            _ if BLOCKS.contains(&name) => self.next(),
            _ => Ok(()),
        }
    }

    fn end(&mut self, name: &str) -> Result<(), Unreadable> {
        if let Some((left_out, open)) = &mut self.left_out {
            *open -= usize::from(*left_out == name);
            if *open == 0 {
                self.left_out = None;
            }
            return Ok(());
        }
        match name {
            "tr" | "table" => {
                self.flush()?;
                self.end_row()
            }
            "li" | "pre" | "td" | "th" => self.begin(Block::Paragraph),
            _ if heading(name).is_some() => self.begin(Block::Paragraph),
            _ if BLOCKS.contains(&name) => self.next(),
            _ => Ok(()),
        }
    }

    fn text(&mut self, text: &str) {
        if self.left_out.is_none() {
            self.text.push_str(text);
        }
    }

    fn begin(&mut self, block: Block) -> Result<(), Unreadable> {
        self.flush()?;
        self.block = block;
        Ok(())
    }

    /// Ends a paragraph. An item or a heading whose text stands in a paragraph of its own remains one.
    fn next(&mut self) -> Result<(), Unreadable> {
        let is_empty = self.text.trim().is_empty();
        self.flush()?;
        if !is_empty {
            self.block = Block::Paragraph;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Unreadable> {
        let text = std::mem::take(&mut self.text);
        if let Some(cell) = self.row.as_mut().and_then(|row| row.last_mut()) {
            cell.push(' ');
            cell.push_str(&text);
            return Ok(());
        }
        match self.block {
            Block::Paragraph => self.markdown.paragraph(&text),
            Block::Heading(level) => self.markdown.heading(level, &text),
            Block::Item => self.markdown.item(&text),
            Block::Code => self.markdown.code(&text),
        }
    }

    fn end_row(&mut self) -> Result<(), Unreadable> {
        self.row.take().map_or(Ok(()), |row| self.markdown.row(&row))
    }
}

fn heading(name: &str) -> Option<usize> {
    let level = name.strip_prefix('h')?.parse().ok()?;
    (1..=6).contains(&level).then_some(level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structure_is_kept_and_what_is_not_for_readers_is_left_out() {
        let html = "<!doctype html><html><head><title>Shop</title><style>p { color: red }</style></head><body>\
            <nav><ul><li>Home</ul></nav><h1>Opening <em>hours</em></h1><p>We open at nine.<p>And close &amp; lock at\n five.\
            <script>if (a < b) { document.write('<p>no</p>') }</script>\
            <ul><li><p>Monday</p><li>Tuesday<br>too</ul><table><tr><th>Day<th>Time<tr><td>Sunday</td><td><p>closed</p></table>\
            <pre>let a = 1;\n  let b = 2;</pre>Last words";
        let expected = "# Opening hours\n\nWe open at nine.\n\nAnd close & lock at five.\n\n- Monday\n\n- Tuesday too\n\n\
            | Day | Time\n\n| Sunday | closed\n\n```\nlet a = 1;\n  let b = 2;\n```\n\nLast words\n\n";
        assert_eq!(read(html.as_bytes()), Ok(expected.to_owned()));
    }

    #[test]
    fn the_encoding_is_what_the_file_says() {
        let html = b"<meta charset='iso-8859-2'><p>Wroc\xb3aw";
        assert_eq!(read(html), Ok("Wrocław\n\n".to_owned()));
        assert_eq!(read(b"<p>M\xfcnchen"), Ok("München\n\n".to_owned()));
        assert_eq!(read("<meta charset=iso-8859-2><p>Wrocław".as_bytes()), Ok("Wrocław\n\n".to_owned()));
    }

    #[test]
    fn a_page_of_a_million_open_tags_is_read() {
        let html = format!("{}words{}", "<div><table><tr><td>".repeat(250_000), "</b>".repeat(100_000));
        assert!(read(html.as_bytes()).is_ok_and(|text| text.contains("words")));
        assert_eq!(read(b"<p><script>words</script>"), Err(Unreadable::NoText));
    }
}
