//! The text that files are read as: Markdown in the form that `domain::passages` understands, with a limit on its size.

use super::Unreadable;
use domain::field::DOCUMENT_BYTES_MAX;
use domain::passages::PAGE_END;

/// A text under construction.
#[derive(Default)]
pub(super) struct Markdown {
    text: String,
    has_words: bool,
}

impl Markdown {
    /// `level` is from 1 to 6, as in HTML.
    pub fn heading(&mut self, level: usize, text: &str) -> Result<(), Unreadable> {
        self.block(&format!("{} ", "#".repeat(level.clamp(1, 6))), text)
    }

    pub fn paragraph(&mut self, text: &str) -> Result<(), Unreadable> {
        self.block("", text.trim_start_matches(['`', '~', ' ']))
    }

    pub fn item(&mut self, text: &str) -> Result<(), Unreadable> {
        self.block("- ", text)
    }

    /// A row of a table.
    pub fn row(&mut self, cells: &[String]) -> Result<(), Unreadable> {
        let cells: Vec<String> = cells.iter().map(|cell| on_one_line(cell)).filter(|cell| !cell.is_empty()).collect();
        self.block("| ", &cells.join(" | "))
    }

    /// Text whose lines stay as they are.
    pub fn code(&mut self, text: &str) -> Result<(), Unreadable> {
        let text: String = text.chars().filter(|character| !character.is_control() || *character == '\n').collect();
        if text.trim().is_empty() {
            return Ok(());
        }
        self.push("```\n")?;
        self.push(text.replace("```", "").replace("~~~", "").trim_matches('\n'))?;
        self.has_words = true;
        self.push("\n```\n\n")
    }

    pub fn end_page(&mut self) -> Result<(), Unreadable> {
        self.push(PAGE_END.encode_utf8(&mut [0; 4]))
    }

    /// # Errors
    /// When there is not a word in it.
    pub fn finish(self) -> Result<String, Unreadable> {
        if self.has_words { Ok(self.text) } else { Err(Unreadable::NoText) }
    }

    fn block(&mut self, mark: &str, text: &str) -> Result<(), Unreadable> {
        let text = on_one_line(text);
        if text.is_empty() {
            return Ok(());
        }
        self.has_words = true;
        self.push(mark)?;
        self.push(&text)?;
        self.push("\n\n")
    }

    fn push(&mut self, text: &str) -> Result<(), Unreadable> {
        if self.text.len() + text.len() > DOCUMENT_BYTES_MAX {
            return Err(Unreadable::TooMuchText);
        }
        self.text.push_str(text);
        Ok(())
    }
}

/// With one space wherever there is space, and without control characters, which a database would refuse.
fn on_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        let mut characters = word.chars().filter(|character| !character.is_control()).peekable();
        if characters.peek().is_some() && !line.is_empty() {
            line.push(' ');
        }
        line.extend(characters);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_refused_or_misread_is_left_out() {
        let mut markdown = Markdown::default();
        markdown.heading(9, " A\0\n\u{c} heading ").unwrap();
        markdown.paragraph("``` not a fence\u{b}").unwrap();
        markdown.row(&["a\tb".to_owned(), String::new(), "c".to_owned()]).unwrap();
        markdown.code("\nlet a = 1;\n```\nlet b = 2;\n").unwrap();
        markdown.end_page().unwrap();
        let expected = "###### A heading\n\nnot a fence\n\n| a b | c\n\n```\nlet a = 1;\n\nlet b = 2;\n```\n\n\u{c}";
        assert_eq!(markdown.finish(), Ok(expected.to_owned()));
    }

    #[test]
    fn a_text_without_a_word_and_one_that_is_too_long_are_errors() {
        let mut markdown = Markdown::default();
        markdown.paragraph(" \n\0").unwrap();
        markdown.end_page().unwrap();
        assert_eq!(markdown.finish(), Err(Unreadable::NoText));
        let mut markdown = Markdown::default();
        let long = "word ".repeat(DOCUMENT_BYTES_MAX / 10);
        markdown.paragraph(&long).unwrap();
        assert_eq!(markdown.paragraph(&long).and(markdown.paragraph(&long)), Err(Unreadable::TooMuchText));
    }
}
