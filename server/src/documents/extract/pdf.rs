//! PDF: characters with their places on the page, from which lines, paragraphs and headings have to be guessed. What
//! is written larger than most of the text is a heading; a gap between lines that is wider than usual ends a paragraph.

use super::markdown::Markdown;
use super::{PAGES_MAX, Unreadable};
use domain::field::DOCUMENT_BYTES_MAX;
use pdf_extract::{Document, MediaBox, OutputDev, OutputError, Transform, output_doc};
use std::collections::BTreeMap;

/// From how much larger than most of the text something is a heading.
const HEADING_SIZE: f64 = 1.15;
/// The longest heading, in bytes.
const HEADING_BYTES_MAX: usize = 200;
/// From how many times the usual distance of lines a paragraph ends.
const PARAGRAPH_GAP: f64 = 1.35;
const BULLETS: [char; 7] = ['•', '◦', '▪', '■', '●', '‣', '\u{f0b7}'];

pub(super) fn read(bytes: &[u8]) -> Result<String, Unreadable> {
    let mut document = Document::load_mem(bytes).map_err(|_| Unreadable::Broken)?;
    if document.is_encrypted() {
        document.decrypt("").map_err(|_| Unreadable::Protected)?;
    }
    let pages = document.get_pages().len();
    if pages > PAGES_MAX {
        return Err(Unreadable::TooManyPages(pages));
    }
    let mut lines = Lines::default();
    let read = output_doc(&document, &mut lines);
    if lines.bytes > DOCUMENT_BYTES_MAX {
        return Err(Unreadable::TooMuchText);
    }
    read.map_err(|_| Unreadable::Broken)?;
    write(&lines.found, pages)
}

struct Line {
    page: u32,
    text: String,
    /// Of its first character, in points.
    size: f64,
    /// How far it is below the line before it.
    below: f64,
}

/// Puts characters together to lines as they come.
#[derive(Default)]
struct Lines {
    found: Vec<Line>,
    bytes: usize,
    page: u32,
    height: f64,
    is_new_page: bool,
    /// Whether the next character is the first of those that are shown together.
    is_first: bool,
    last_x: f64,
    last_y: f64,
}

impl OutputDev for Lines {
    fn begin_page(
        &mut self,
        page: u32,
        media_box: &MediaBox,
        _: Option<(f64, f64, f64, f64)>,
    ) -> Result<(), OutputError> {
        (self.page, self.height, self.is_new_page) = (page, media_box.ury, true);
        Ok(())
    }

    fn output_character(
        &mut self,
        transform: &Transform,
        width: f64,
        _: f64,
        font_size: f64,
        text: &str,
    ) -> Result<(), OutputError> {
        self.bytes += text.len();
        if self.bytes > DOCUMENT_BYTES_MAX {
            return Err(OutputError::FormatError(std::fmt::Error));
        }
        let (x, y) = (transform.m31, self.height - transform.m32);
        let size = (transform.m11 * transform.m22 - transform.m12 * transform.m21).abs().sqrt() * font_size.abs();
        let size = if size.is_finite() && size > 0.0 { size } else { 1.0 };
        let below = y - self.last_y;
        let is_apart = below.abs() > size * 0.5 && (x < self.last_x || below.abs() > size * 1.5);
        match self.found.last_mut().filter(|_| !(self.is_new_page || self.is_first && is_apart)) {
            Some(line) => {
                if self.is_first && x > self.last_x + size * 0.1 {
                    line.text.push(' ');
                }
                line.text.push_str(text);
            }
            None => self.found.push(Line { page: self.page, text: text.to_owned(), size, below }),
        }
        (self.is_new_page, self.is_first, self.last_x, self.last_y) = (false, false, x + width * size, y);
        Ok(())
    }

    fn begin_word(&mut self) -> Result<(), OutputError> {
        self.is_first = true;
        Ok(())
    }

    fn end_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_page(&mut self) -> Result<(), OutputError> {
        Ok(())
    }
}

/// In halves of a point, so that sizes that differ by a rounding are the same.
#[expect(clippy::cast_possible_truncation, reason = "what does not fit is cut to what does")]
fn halves(points: f64) -> i64 {
    (points * 2.0).round() as i64
}

/// The value with the most weight.
fn commonest(values: impl Iterator<Item = (i64, usize)>) -> Option<i64> {
    let mut weights: BTreeMap<i64, usize> = BTreeMap::new();
    for (value, weight) in values {
        *weights.entry(value).or_default() += weight;
    }
    weights.into_iter().max_by_key(|(_, weight)| *weight).map(|(value, _)| value)
}

/// What the sizes and distances of the lines mean.
struct Layout {
    /// Sizes of headings, largest first.
    heading_sizes: Vec<i64>,
    /// The usual distance of two lines of a paragraph, as a multiple of their size.
    distance: f64,
}

impl Layout {
    fn of(lines: &[Line]) -> Self {
        let body = commonest(lines.iter().map(|line| (halves(line.size), line.text.len()))).unwrap_or(1);
        #[expect(clippy::cast_precision_loss, reason = "sizes are small")]
        let is_heading = |line: &&Line| {
            halves(line.size) as f64 >= body as f64 * HEADING_SIZE
                && line.text.len() <= HEADING_BYTES_MAX
                && line.text.chars().any(char::is_alphabetic)
        };
        let mut heading_sizes: Vec<i64> = lines.iter().filter(is_heading).map(|line| halves(line.size)).collect();
        heading_sizes.sort_unstable_by_key(|size| -size);
        heading_sizes.dedup();
        let distances = lines.iter().filter(|line| halves(line.size) == body && line.below > 0.0);
        let distances = distances.map(|line| (halves(line.below / line.size * 5.0), 1));
        #[expect(clippy::cast_precision_loss, reason = "distances are small")]
        let distance = commonest(distances.filter(|(distance, _)| *distance < 30)).map_or(1.2, |d| d as f64 / 10.0);
        Self { heading_sizes, distance }
    }

    fn level(&self, line: &Line) -> Option<usize> {
        let is_heading = line.text.len() <= HEADING_BYTES_MAX && line.text.chars().any(char::is_alphabetic);
        let size = halves(line.size);
        self.heading_sizes.iter().position(|heading| is_heading && *heading == size).map(|place| place + 1)
    }

    /// Whether a line goes on with the paragraph or the heading before it.
    fn goes_on(&self, before: &Line, line: &Line) -> bool {
        before.page == line.page
            && halves(before.size) == halves(line.size)
            && line.below > 0.0
            && line.below <= line.size * self.distance * PARAGRAPH_GAP
            && !line.text.trim_start().starts_with(BULLETS)
    }
}

fn write(lines: &[Line], pages: usize) -> Result<String, Unreadable> {
    let layout = Layout::of(lines);
    let mut markdown = Markdown::default();
    let mut ended = 0;
    let mut rest = lines;
    while let Some(first) = rest.first() {
        let count = 1 + rest.windows(2).take_while(|pair| layout.goes_on(&pair[0], &pair[1])).count();
        let (block, after) = rest.split_at(count);
        while ended + 1 < first.page {
            markdown.end_page()?;
            ended += 1;
        }
        let text = joined(block);
        match (layout.level(first), text.trim_start().strip_prefix(BULLETS)) {
            (Some(level), _) => markdown.heading(level, &text)?,
            (None, Some(item)) => markdown.item(item)?,
            (None, None) => markdown.paragraph(&text)?,
        }
        rest = after;
    }
    for _ in usize::try_from(ended).unwrap_or(pages)..pages {
        markdown.end_page()?;
    }
    markdown.finish()
}

/// Lines as one text; a word that was divided at the end of a line is put together.
fn joined(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        let line = line.text.trim();
        let is_divided = text.strip_suffix('-').is_some_and(|before| before.ends_with(char::is_alphabetic))
            && line.starts_with(char::is_lowercase);
        if is_divided {
            text.pop();
        } else if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(line);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::files::{Placed, bare_pages, pdf, protected};
    use super::*;

    fn line(top: u16, size: u16, text: &'static str) -> Placed {
        Placed { left: 50, top, size, text }
    }

    #[test]
    fn headings_paragraphs_and_pages_are_found_by_the_looks_of_the_text() {
        let first = [
            line(60, 20, "Opening hours"),
            line(100, 11, "The shop opens at nine, and clo-"),
            line(114, 11, "ses at five."),
            line(150, 11, "Parking is free."),
            line(180, 14, "Days"),
            line(205, 11, "\u{95} Monday"),
            line(219, 11, "\u{95} Tuesday"),
        ];
        let second = [line(60, 11, "On the second page.")];
        let expected = "# Opening hours\n\nThe shop opens at nine, and closes at five.\n\nParking is free.\n\n## Days\n\n\
            - Monday\n\n- Tuesday\n\n\u{c}On the second page.\n\n\u{c}\u{c}";
        assert_eq!(read(&pdf(&[&first, &second, &[]])), Ok(expected.to_owned()));
    }

    #[test]
    fn words_that_are_shown_one_by_one_stand_on_one_line() {
        let at = |left, text| Placed { left, top: 60, size: 10, text };
        assert_eq!(read(&pdf(&[&[at(50, "One"), at(90, "two")]])), Ok("One two\n\n\u{c}".to_owned()));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let whole = pdf(&[&[line(60, 11, "Words")]]);
        assert_eq!(read(&whole[..whole.len() / 3]), Err(Unreadable::Broken));
        assert_eq!(read(b"%PDF-1.7"), Err(Unreadable::Broken));
        assert_eq!(read(&pdf(&[&[], &[]])), Err(Unreadable::NoText));
        assert_eq!(read(&bare_pages(10_000)), Err(Unreadable::TooManyPages(10_000)));
        assert_eq!(read(&protected(&whole, "secret")), Err(Unreadable::Protected));
        assert_eq!(read(&protected(&whole, "")), Ok("Words\n\n\u{c}".to_owned()));
    }
}
