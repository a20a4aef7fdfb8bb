//! Files to read: small ones in each form, made here, so that a test says what is in them.

#![allow(dead_code, reason = "each test binary uses another part of this file")]

use pdf_extract::content::{Content, Operation};
use pdf_extract::{Dictionary, Document, EncryptionState, EncryptionVersion, Object, ObjectId, Permissions, Stream};
use std::io::{Cursor, Write};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const PAGE_HEIGHT: u16 = 800;

/// Something that stands on a page, in points from its upper left corner.
#[derive(Clone, Copy)]
pub struct Placed {
    pub left: u16,
    pub top: u16,
    pub size: u16,
    pub text: &'static str,
}

fn dictionary(entries: Vec<(&str, Object)>) -> Dictionary {
    entries.into_iter().map(|(name, value)| (name.as_bytes().to_vec(), value)).collect()
}

fn name(text: &str) -> Object {
    Object::Name(text.as_bytes().to_vec())
}

fn empty_document(pages: impl FnOnce(&mut Document, ObjectId) -> Vec<Object>) -> Document {
    let mut document = Document::with_version("1.5");
    let tree = document.new_object_id();
    let pages = pages(&mut document, tree);
    let count = i64::try_from(pages.len()).expect("a number of pages");
    let of_tree = dictionary(vec![("Type", name("Pages")), ("Kids", pages.into()), ("Count", count.into())]);
    document.objects.insert(tree, Object::Dictionary(of_tree));
    let catalogue = document.add_object(dictionary(vec![("Type", name("Catalog")), ("Pages", tree.into())]));
    document.trailer.set("Root", catalogue);
    document.trailer.set("ID", vec![Object::string_literal("one"), Object::string_literal("two")]);
    document
}

fn written(mut document: Document) -> Vec<u8> {
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).expect("written");
    bytes
}

/// A PDF of these pages, compressed as programs write it.
pub fn pdf(pages: &[&[Placed]]) -> Vec<u8> {
    let mut document = empty_document(|document, tree| {
        let font = dictionary(vec![
            ("Type", name("Font")),
            ("Subtype", name("Type1")),
            ("BaseFont", name("Helvetica")),
            ("Encoding", name("WinAnsiEncoding")),
        ]);
        let font = document.add_object(font);
        let resources = dictionary(vec![("Font", dictionary(vec![("F1", font.into())]).into())]);
        let resources = document.add_object(resources);
        let mut made = Vec::new();
        for texts in pages {
            let contents = document.add_object(Stream::new(Dictionary::new(), content(texts)));
            let page = dictionary(vec![
                ("Type", name("Page")),
                ("Parent", tree.into()),
                ("Contents", contents.into()),
                ("Resources", resources.into()),
                ("MediaBox", vec![0.into(), 0.into(), 600.into(), i64::from(PAGE_HEIGHT).into()].into()),
            ]);
            made.push(document.add_object(page).into());
        }
        made
    });
    document.compress();
    written(document)
}

fn content(texts: &[Placed]) -> Vec<u8> {
    let mut operations = Vec::new();
    for Placed { left, top, size, text } in texts {
        let bytes: Vec<u8> = text.chars().map(|character| u8::try_from(character).expect("one byte")).collect();
        let place = vec![i64::from(*left).into(), i64::from(PAGE_HEIGHT - top).into()];
        operations.push(Operation::new("BT", vec![]));
        operations.push(Operation::new("Tf", vec![name("F1"), i64::from(*size).into()]));
        operations.push(Operation::new("Td", place));
        operations.push(Operation::new("Tj", vec![Object::string_literal(bytes)]));
        operations.push(Operation::new("ET", vec![]));
    }
    Content { operations }.encode().expect("content")
}

/// A PDF of many pages with nothing on them.
pub fn bare_pages(count: usize) -> Vec<u8> {
    written(empty_document(|document, tree| {
        let page = |_| {
            let page = dictionary(vec![("Type", name("Page")), ("Parent", tree.into())]);
            Object::from(document.add_object(page))
        };
        (0..count).map(page).collect()
    }))
}

/// The same PDF, which asks for a password before it is read; for an empty one nobody is asked.
pub fn protected(pdf: &[u8], password: &str) -> Vec<u8> {
    let mut document = Document::load_mem(pdf).expect("a PDF");
    let version = EncryptionVersion::V2 {
        document: &document,
        owner_password: "owner",
        user_password: password,
        key_length: 128,
        permissions: Permissions::all(),
    };
    let state = EncryptionState::try_from(version).expect("a state");
    document.encrypt(&state).expect("encrypted");
    written(document)
}

/// A ZIP archive of files with their texts.
pub fn packed(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        archive.start_file(*name, SimpleFileOptions::default()).expect("a place");
        archive.write_all(text.as_bytes()).expect("written");
    }
    archive.finish().expect("whole").into_inner()
}

/// A DOCX with a heading and a paragraph.
pub fn docx(heading: &str, paragraph: &str) -> Vec<u8> {
    let text = |properties: &str, text: &str| {
        format!("<w:p><w:pPr>{properties}</w:pPr><w:r><w:t xml:space=\"preserve\">{text}</w:t></w:r></w:p>")
    };
    let (heading, paragraph) = (text("<w:pStyle w:val=\"Heading1\"/>", heading), text("", paragraph));
    let document = format!("<w:document xmlns:w=\"w\"><w:body>{heading}{paragraph}</w:body></w:document>");
    let styles =
        "<w:styles xmlns:w=\"w\"><w:style w:styleId=\"Heading1\"><w:name w:val=\"heading 1\"/></w:style></w:styles>";
    packed(&[("[Content_Types].xml", "<Types/>"), ("word/document.xml", &document), ("word/styles.xml", styles)])
}

/// A DOCX of some kilobytes that unpacks to more than may be unpacked.
pub fn zip_bomb() -> Vec<u8> {
    packed(&[("word/document.xml", &" ".repeat(70 * 1024 * 1024))])
}
