//! CSV: each row is a paragraph under the name of the file, in which each value stands with its column.

use super::markdown::Markdown;
use super::{Unreadable, decode};
use ::csv::ReaderBuilder;

pub(super) fn read(name: &str, bytes: &[u8]) -> Result<String, Unreadable> {
    let text = decode(bytes, None);
    let mut reader = ReaderBuilder::new().delimiter(delimiter(&text)).flexible(true).from_reader(text.as_bytes());
    let columns = reader.headers().map_err(|_| Unreadable::Broken)?.clone();
    let mut markdown = Markdown::default();
    let mut rows = 0;
    markdown.heading(1, name)?;
    for row in reader.records() {
        let row = row.map_err(|_| Unreadable::Broken)?;
        let values = row.iter().enumerate().filter(|(_, value)| !value.trim().is_empty());
        let values: Vec<String> = values
            .map(|(number, value)| match columns.get(number).map(str::trim).filter(|column| !column.is_empty()) {
                Some(column) => format!("{column}: {}", value.trim()),
                None => value.trim().to_owned(),
            })
            .collect();
        rows += usize::from(!values.is_empty());
        markdown.paragraph(&values.join("; "))?;
    }
    if rows == 0 { Err(Unreadable::NoText) } else { markdown.finish() }
}

/// The character that divides the first line most often. A comma where none does.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let divisions = |delimiter: &u8| first.bytes().filter(|byte| byte == delimiter).count();
    // Of those that divide as often, the last is taken.
    b"|\t;,".iter().max_by_key(|delimiter| divisions(delimiter)).copied().unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_says_its_columns() {
        let text = "Article,Price,\n\"Lamp, brass\",20,new\n\nChair,,\n";
        let expected = "# shop.csv\n\nArticle: Lamp, brass; Price: 20; new\n\nArticle: Chair\n\n";
        assert_eq!(read("shop.csv", text.as_bytes()), Ok(expected.to_owned()));
    }

    #[test]
    fn what_spreadsheets_write_is_understood() {
        let expected = "# a.csv\n\nStadt: München; Einwohner: 1,5\n\n";
        let semicolons = "\u{feff}Stadt;Einwohner\r\nMünchen;1,5\r\n";
        assert_eq!(read("a.csv", semicolons.as_bytes()), Ok(expected.to_owned()));
        assert_eq!(read("a.csv", b"Stadt\tEinwohner\nM\xfcnchen\t1,5\n"), Ok(expected.to_owned()));
        let utf16: Vec<u8> = semicolons.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(read("a.csv", &utf16), Ok(expected.to_owned()));
    }

    #[test]
    fn a_table_without_rows_has_no_text() {
        for text in ["", "\n\n", "Article,Price\n", "Article,Price\n,\n"] {
            assert_eq!(read("a.csv", text.as_bytes()), Err(Unreadable::NoText), "{text:?}");
        }
    }
}
