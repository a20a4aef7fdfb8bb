//! DOCX: a ZIP archive with the text in one XML file, and what its styles mean in another. Headings by their style, list
//! items, and tables by their rows; what was deleted while changes were tracked is left out.
//!
//! The XML is read as a row of tags, without entities of its own, so that neither nesting nor references can make it grow.

use super::markdown::Markdown;
use super::{UNPACKED_BYTES_MAX, Unreadable};
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use std::collections::HashMap;
use std::io::{Cursor, Read};
use zip::ZipArchive;
use zip::result::ZipError;

pub(super) fn read(bytes: &[u8]) -> Result<String, Unreadable> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| Unreadable::Broken)?;
    let document = unpack(&mut archive, "word/document.xml")?;
    // Without styles all of it is paragraphs.
    let levels = match unpack(&mut archive, "word/styles.xml") {
        Ok(styles) => heading_levels(&styles),
        Err(Unreadable::Broken) => HashMap::new(),
        Err(error) => return Err(error),
    };
    let mut body = Body { levels, ..Body::default() };
    let mut reader = Reader::from_str(&document);
    loop {
        match reader.read_event().map_err(|_| Unreadable::Broken)? {
            Event::Start(tag) => body.start(&tag)?,
            Event::Empty(tag) => {
                body.start(&tag)?;
                body.end(tag.local_name().as_ref())?;
            }
            Event::End(tag) => body.end(tag.local_name().as_ref())?,
            Event::Text(text) => body.text(&text.xml10_content()),
            Event::CData(text) => body.text(&text.xml10_content()),
            Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                Ok(Some(character)) => body.text(character.encode_utf8(&mut [0; 4])),
                Ok(None) => body.text(resolve_predefined_entity(&reference).unwrap_or_default()),
                Err(_) => return Err(Unreadable::Broken),
            },
            Event::Eof => return if body.has_begun { body.markdown.finish() } else { Err(Unreadable::Broken) },
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_) => {}
        }
    }
}

/// One file of the archive, which may not be larger than [`UNPACKED_BYTES_MAX`], whatever the archive says of it.
fn unpack(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<String, Unreadable> {
    let file = archive.by_name(name).map_err(|error| match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => Unreadable::Protected,
        _ => Unreadable::Broken,
    })?;
    let mut bytes = Vec::new();
    let read = file.take(UNPACKED_BYTES_MAX + 1).read_to_end(&mut bytes);
    if bytes.len() as u64 > UNPACKED_BYTES_MAX {
        return Err(Unreadable::TooLargeUnpacked);
    }
    read.map_err(|_| Unreadable::Broken)?;
    let text = String::from_utf8(bytes).map_err(|_| Unreadable::Broken)?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The styles that make a heading of a paragraph, with their levels. The names of built-in styles are English in every
/// language, their ids are not.
fn heading_levels(styles: &str) -> HashMap<String, usize> {
    let mut levels = HashMap::new();
    let mut style = String::new();
    let mut reader = Reader::from_str(styles);
    while let Ok(Event::Start(tag) | Event::Empty(tag)) = next_tag(&mut reader) {
        match tag.local_name().as_ref() {
            "style" => style = attribute(&tag, "styleId"),
            "name" => {
                let name = attribute(&tag, "val").to_lowercase();
                let level = if name == "title" { Some(1) } else { name.strip_prefix("heading ").and_then(level) };
                levels.extend(level.map(|level| (style.clone(), level)));
            }
            "outlineLvl" => levels.extend(outline_level(&tag).map(|level| (style.clone(), level))),
            _ => {}
        }
    }
    levels
}

/// The next tag that opens something, or the end.
fn next_tag<'a>(reader: &mut Reader<&'a [u8]>) -> quick_xml::Result<Event<'a>> {
    loop {
        if let event @ (Event::Start(_) | Event::Empty(_) | Event::Eof) = reader.read_event()? {
            return Ok(event);
        }
    }
}

fn level(text: &str) -> Option<usize> {
    text.parse().ok().filter(|level| (1..=6).contains(level))
}

/// Levels of the outline are counted from 0; 9 is body text.
fn outline_level(tag: &BytesStart<'_>) -> Option<usize> {
    let level: usize = attribute(tag, "val").parse().ok()?;
    (level < 6).then_some(level + 1)
}

/// The value of an attribute whatever its prefix; empty when it is not there.
fn attribute(tag: &BytesStart<'_>, name: &str) -> String {
    let found = tag.attributes().flatten().find(|attribute| attribute.key.local_name().as_ref() == name);
    found
        .and_then(|attribute| attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).ok())
        .unwrap_or_default()
        .into_owned()
}

#[derive(Default)]
struct Body {
    levels: HashMap<String, usize>,
    markdown: Markdown,
    has_begun: bool,
    paragraph: String,
    /// Of the paragraph, when it is a heading.
    level: Option<usize>,
    is_item: bool,
    is_in_text: bool,
    /// How many tables are open. Those inside another are text of its cells.
    tables: usize,
    row: Vec<String>,
    /// How many alternatives are open, which say once more what was said already.
    fallbacks: usize,
}

impl Body {
    fn start(&mut self, tag: &BytesStart<'_>) -> Result<(), Unreadable> {
        match tag.local_name().as_ref() {
            "body" => self.has_begun = true,
            "Fallback" => self.fallbacks += 1,
            "pStyle" => self.level = self.levels.get(&attribute(tag, "val")).copied(),
            "outlineLvl" => self.level = outline_level(tag).or(self.level),
            "numPr" => self.is_item = true,
            "t" => self.is_in_text = true,
            "tab" | "br" | "cr" => self.paragraph.push(' '),
            "noBreakHyphen" => self.paragraph.push('-'),
            "tbl" => {
                self.end_paragraph()?;
                self.tables += 1;
            }
            "tr" if self.tables == 1 => self.row.clear(),
            "tc" if self.tables == 1 => self.row.push(String::new()),
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, name: &str) -> Result<(), Unreadable> {
        match name {
            "Fallback" => self.fallbacks = self.fallbacks.saturating_sub(1),
            "t" => self.is_in_text = false,
            "p" => self.end_paragraph()?,
            "tbl" => self.tables = self.tables.saturating_sub(1),
            "tr" if self.tables == 1 => self.markdown.row(&std::mem::take(&mut self.row))?,
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        if self.is_in_text && self.fallbacks == 0 {
            self.paragraph.push_str(text);
        }
    }

    fn end_paragraph(&mut self) -> Result<(), Unreadable> {
        let text = std::mem::take(&mut self.paragraph);
        let (level, is_item) = (self.level.take(), std::mem::take(&mut self.is_item));
        if let Some(cell) = self.row.last_mut().filter(|_| self.tables > 0) {
            cell.push(' ');
            cell.push_str(&text);
            return Ok(());
        }
        match level {
            Some(level) => self.markdown.heading(level, &text),
            None if is_item => self.markdown.item(&text),
            None => self.markdown.paragraph(&text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::packed;
    use super::*;

    const STYLES: &str = r#"<w:styles xmlns:w="w"><w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
        <w:style w:styleId="Eigen"><w:name w:val="My own"/><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style></w:styles>"#;

    fn document(body: &str) -> Vec<u8> {
        let document = format!(r#"<w:document xmlns:w="w"><w:body>{body}</w:body></w:document>"#);
        packed(&[("word/document.xml", &document), ("word/styles.xml", STYLES)])
    }

    fn paragraph(properties: &str, text: &str) -> String {
        format!("<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>")
    }

    #[test]
    fn structure_is_kept_and_what_was_deleted_is_left_out() {
        let cell = |text: &str| format!("<w:tc>{}{}</w:tc>", paragraph("", text), paragraph("", ""));
        let body = [
            paragraph(r#"<w:pStyle w:val="berschrift1"/>"#, "Opening &amp; closing"),
            "<w:p><w:r><w:t>We open </w:t><w:tab/><w:t>at&#160;nine.</w:t><w:delText>At ten.</w:delText></w:r></w:p>".to_owned(),
            paragraph(r#"<w:pStyle w:val="Eigen"/>"#, "Days"),
            paragraph(r#"<w:numPr><w:numId w:val="1"/></w:numPr>"#, "Monday"),
            format!("<w:tbl><w:tr>{}{}</w:tr><w:tr>{}{}</w:tr></w:tbl>", cell("Day"), cell("Time"), cell("Sunday"), cell("closed")),
            "<w:p><mc:AlternateContent><mc:Choice><w:t>Once.</w:t></mc:Choice><mc:Fallback><w:t>Twice.</w:t></mc:Fallback></mc:AlternateContent></w:p>".to_owned(),
        ];
        let expected = "# Opening & closing\n\nWe open at nine.\n\n## Days\n\n- Monday\n\n| Day | Time\n\n\
            | Sunday | closed\n\nOnce.\n\n";
        assert_eq!(read(&document(&body.concat())), Ok(expected.to_owned()));
    }

    #[test]
    fn an_archive_that_unpacks_to_more_than_is_allowed_is_refused() {
        let zeros = " ".repeat(usize::try_from(UNPACKED_BYTES_MAX).unwrap() + 1);
        let bomb = packed(&[("word/document.xml", &zeros)]);
        assert!(bomb.len() < 100_000);
        assert_eq!(read(&bomb), Err(Unreadable::TooLargeUnpacked));
        let beside = packed(&[("word/document.xml", "<w:document/>"), ("word/styles.xml", &zeros)]);
        assert_eq!(read(&beside), Err(Unreadable::TooLargeUnpacked));
    }

    #[test]
    fn what_is_no_document_is_refused() {
        let whole = document(&paragraph("", "Words"));
        for bytes in [b"".as_slice(), b"PK\x03\x04", &whole[..whole.len() / 2], &packed(&[("a.txt", "Words")])] {
            assert_eq!(read(bytes), Err(Unreadable::Broken));
        }
        assert_eq!(read(&document("")), Err(Unreadable::NoText));
        let cut = packed(&[("word/document.xml", "<w:document><w:body><w:p><w:t>Words</w:t></w:x>")]);
        assert_eq!(read(&cut), Err(Unreadable::Broken));
        let bomb =
            "<!DOCTYPE a [<!ENTITY b \"bb\">]><w:document><w:body><w:p><w:t>&b;</w:t></w:p></w:body></w:document>";
        assert_eq!(read(&packed(&[("word/document.xml", bomb)])), Err(Unreadable::NoText));
    }
}
