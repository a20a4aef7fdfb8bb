//! Text in the built-in fonts of PDF readers: which letters they have, and how wide the letters are.
//!
//! Every reader has Helvetica with the letters of Western Europe (Windows-1252), so that a receipt needs no font in it and
//! is a file of two kilobytes. A letter of another Latin alphabet is written without its accent and every other letter as
//! a question mark; the receipt then says where all letters can be read.

use encoding_rs::WINDOWS_1252;

/// Letters, each before the one that stands for it.
const PLAIN: &str = "ĄAąaĂAăaĀAāaĆCćcČCčcĎDďdĐDđdĘEęeĚEěeĖEėeĒEēeĞGğgĢGģgİIıiĪIīiĮIįiĶKķkŁLłlĽLľlĻLļlŃNńnŇNňnŅNņn\
    ŐOőoŌOōoŘRřrŚSśsŞSşsȘSșsŤTťtŢTţtȚTțtŰUűuŮUůuŪUūuŲUųuŹZźzŻZżz";

/// Widths of Helvetica's printable ASCII letters from the space on, in thousandths of the size (Adobe's font metrics).
const WIDTHS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
    556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584,
];
/// Of every other letter: as wide as most capitals, so that no line becomes too long.
const WIDTH_OF_OTHERS: u16 = 667;
/// The sign of the euro and that of the pound, which amounts begin with.
const CURRENCY_SIGNS: [u8; 2] = [0x80, 0xa3];
const WIDTH_OF_CURRENCY_SIGNS: u16 = 556;

/// A text as the font has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub bytes: Vec<u8>,
    /// Every letter is the one that was meant.
    pub is_exact: bool,
}

impl Written {
    pub fn of(text: &str) -> Self {
        let mut written = Self { bytes: Vec::with_capacity(text.len()), is_exact: true };
        for letter in text.chars() {
            let byte = byte_of(letter).unwrap_or_else(|| {
                written.is_exact = false;
                plain(letter).and_then(byte_of).unwrap_or(b'?')
            });
            written.bytes.push(byte);
        }
        written
    }

    /// In thousandths of the font's size.
    pub fn width(&self) -> u32 {
        self.bytes.iter().map(|byte| u32::from(width_of(*byte))).sum()
    }
}

fn byte_of(letter: char) -> Option<u8> {
    match letter {
        // A true minus sign, which amounts have.
        '−' => Some(b'-'),
        letter if letter.is_control() => Some(b' '),
        letter => {
            let mut buffer = [0; 4];
            let (bytes, _, has_unknown) = WINDOWS_1252.encode(letter.encode_utf8(&mut buffer));
            if has_unknown { None } else { bytes.first().copied() }
        }
    }
}

fn plain(letter: char) -> Option<char> {
    let mut letters = PLAIN.chars();
    while let (Some(accented), Some(plain)) = (letters.next(), letters.next()) {
        if accented == letter {
            return Some(plain);
        }
    }
    None
}

fn width_of(byte: u8) -> u16 {
    if CURRENCY_SIGNS.contains(&byte) {
        return WIDTH_OF_CURRENCY_SIGNS;
    }
    byte.checked_sub(b' ').and_then(|place| WIDTHS.get(usize::from(place))).copied().unwrap_or(WIDTH_OF_OTHERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_the_font_has_are_written_as_they_are() {
        let written = Written::of("Zürich, 25 € “Ÿ”");
        assert!(written.is_exact);
        assert_eq!(written.bytes, b"Z\xfcrich, 25 \x80 \x93\x9f\x94");
        assert_eq!(Written::of("−$1.00").bytes, b"-$1.00");
    }

    #[test]
    fn other_letters_are_replaced_and_that_is_known() {
        for (text, shown) in [("Łukasz Šťastný", "Lukasz \u{8a}tastn\u{fd}"), ("株式会社 A", "???? A")] {
            let written = Written::of(text);
            assert!(!written.is_exact);
            let expected: Vec<u8> =
                shown.chars().map(|letter| u8::try_from(u32::from(letter)).expect("a byte")).collect();
            assert_eq!(written.bytes, expected);
        }
    }

    #[test]
    fn every_letter_of_the_table_has_one_that_the_font_has() {
        let letters: Vec<char> = PLAIN.chars().collect();
        for pair in letters.chunks(2) {
            let [accented, plain] = pair else { panic!("a letter without another") };
            assert!(byte_of(*accented).is_none() && plain.is_ascii_alphabetic(), "{accented} {plain}");
        }
    }

    #[test]
    fn digits_are_of_one_width_and_a_text_is_as_wide_as_its_letters() {
        assert!((b'0'..=b'9').all(|digit| width_of(digit) == 556));
        assert_eq!(Written::of("$1,024.00").width(), 7 * 556 + 2 * 278);
        assert_eq!(Written::of("€1").width(), 2 * 556);
        assert_eq!(Written::of("Wi~").width(), 944 + 222 + 584);
    }
}
