//! Files that were damaged by chance, and what becomes of reading them as the product does, each in a process of its own.

use crate::files::{Placed, docx, packed, pdf, protected};
use domain::chatbot::DocumentKind;
use server::documents::extract::Unreadable;
use server::documents::program::Program;
use std::path::Path;
use std::time::{Duration, Instant};

/// Chance that is the same for the same seed (Marsaglia's xorshift).
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `limit`, which is not 0.
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }
}

const HTML: &str = "<!doctype html><html><head><meta charset=utf-8><title>Shop</title><style>p { color: red }</style></head>\
    <body><nav><a href=/>Home</a></nav><h1>Opening <em>hours</em></h1><p>We open at nine &amp; close at five.\
    <ul><li>Monday<li>Tuesday</ul><table><tr><th>Day<th>Time<tr><td>Sunday<td>closed</table><pre>let a = 1;</pre>\
    <script>if (a < b) {}</script>";
/// What parsers stumble over: numbers at the edge, beginnings without ends.
const TOKENS: [&[u8]; 16] = [
    b"0",
    b"-1",
    b"4294967296",
    b"9999999999999999999999",
    b"1e308",
    b"<<",
    b">>",
    b"[[[[[[[[",
    b"1 0 R",
    b"/Length 2147483647",
    b"stream\n",
    b"endobj",
    b"<w:p>",
    b"&#x110000;",
    b"<![CDATA[",
    b"\xff\xfe\x00",
];

/// The text of a DOCX, which is damaged and then packed: in the archive itself nearly every change is noticed.
const XML: &str = "<w:document xmlns:w=\"w\"><w:body><w:p><w:pPr><w:pStyle w:val=\"Heading1\"/></w:pPr><w:r><w:t>Opening hours\
    </w:t></w:r></w:p><w:tbl><w:tr><w:tc><w:p><w:r><w:t>Sunday</w:t></w:r></w:p></w:tc></w:tr></w:tbl><w:del><w:r><w:delText>no\
    </w:delText></w:r></w:del><w:p><w:r><w:t>We open &amp; close.</w:t></w:r></w:p></w:body></w:document>";

/// The whole files that are damaged.
fn whole_files() -> Vec<(DocumentKind, Vec<u8>)> {
    let line = |top, size, text| Placed { left: 50, top, size, text };
    let pages = [
        vec![
            line(60, 20, "Opening hours"),
            line(100, 11, "The shop opens at nine."),
            line(114, 11, "It closes at five."),
        ],
        vec![line(60, 11, "\u{95} Monday"), line(80, 11, "\u{95} Tuesday")],
    ];
    let guide = pdf(&[&pages[0], &pages[1]]);
    let locked = protected(&guide, "");
    vec![
        (DocumentKind::Pdf, guide),
        (DocumentKind::Docx, docx("Opening hours", "The shop opens at nine.")),
        (DocumentKind::Html, HTML.as_bytes().to_vec()),
        (DocumentKind::Pdf, locked),
        (DocumentKind::Docx, XML.as_bytes().to_vec()),
    ]
}

/// The file with one to four things changed in it.
fn mutated(chance: &mut Chance, whole: &[u8]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..=chance.below(4) {
        let place = chance.below(bytes.len() + 1);
        let end = (place + chance.below(40)).min(bytes.len());
        match chance.below(6) {
            0 => bytes.truncate(place.max(8)),
            1 => drop(bytes.drain(place..end)),
            2 => drop(bytes.splice(place..end, TOKENS[chance.below(TOKENS.len())].iter().copied())),
            3 => {
                let again = bytes[place..end].repeat(1 + chance.below(200));
                bytes.splice(place..place, again);
            }
            4 => bytes
                .splice(place..place, TOKENS[chance.below(TOKENS.len())].repeat(1 + chance.below(50)))
                .for_each(drop),
            _ => bytes[place..end].iter_mut().for_each(|byte| *byte ^= 1 << chance.below(8)),
        }
    }
    bytes
}

/// What became of the files.
#[derive(Debug, Default)]
pub struct Outcomes {
    pub files: usize,
    pub read: usize,
    /// Refused by the parsers, with a reason.
    pub refused: usize,
    /// A parser panicked; its process ended with that.
    pub panicked: usize,
    /// The process was ended by a limit on its memory, or by its stack.
    pub ended: usize,
    pub took_too_long: usize,
    pub slowest: Duration,
}

/// Reads `count` damaged files, and returns what became of them.
pub async fn try_files(reader: &Path, seed: u64, count: usize) -> Outcomes {
    let program = Program::new(Some(reader), None);
    let mut chance = Chance::new(seed);
    let whole = whole_files();
    let mut outcomes = Outcomes { files: count, ..Outcomes::default() };
    for number in 0..count {
        let (kind, bytes) = &whole[number % whole.len()];
        let mut damaged = mutated(&mut chance, bytes);
        if bytes == XML.as_bytes() {
            damaged = packed(&[("word/document.xml", &String::from_utf8_lossy(&damaged))]);
        }
        let started = Instant::now();
        let read = program.read(*kind, "damaged", &damaged).await.expect("a process");
        outcomes.slowest = outcomes.slowest.max(started.elapsed());
        *match read {
            Ok(_) => &mut outcomes.read,
            // What a process says itself comes as `Told`.
            Err(Unreadable::Broken) => &mut outcomes.panicked,
            Err(Unreadable::TooMuchMemory) => &mut outcomes.ended,
            Err(Unreadable::TookTooLong) => &mut outcomes.took_too_long,
            Err(_) => &mut outcomes.refused,
        } += 1;
    }
    outcomes
}
