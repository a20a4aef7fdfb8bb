//! Marks: where a model names the passages that it used, `[2]`, and which those are.
//!
//! A model names passages by the numbers they were given; a reader sees those that were used, numbered in the order in
//! which they are named. The text comes in pieces that may cut a mark, so a piece that could be the beginning of one is
//! held back until more of it is there.

use std::fmt::Write;

/// Longest text between brackets that is read as a mark: `[1, 2, 3]`.
const MARK_BYTES_MAX: usize = 16;

/// The marks in a text that comes in pieces.
pub(super) struct Marks {
    /// How many passages there are to be named.
    passages: usize,
    /// The places of those that were named, in that order.
    named: Vec<usize>,
    held_back: String,
}

impl Marks {
    pub const fn new(passages: usize) -> Self {
        Self { passages, named: Vec::new(), held_back: String::new() }
    }

    /// What can be told after another piece.
    pub fn push(&mut self, piece: &str) -> String {
        self.held_back.push_str(piece);
        let text = std::mem::take(&mut self.held_back);
        let mut told = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(open) = rest.find('[') {
            told.push_str(&rest[..open]);
            rest = &rest[open..];
            let inner = rest[1..].find(|character: char| !is_of_mark(character)).unwrap_or(rest.len() - 1);
            if inner > MARK_BYTES_MAX
                || rest[1 + inner..].starts_with(|character| character != ']')
                || inner == 0 && rest.len() > 1
            {
                told.push('[');
                rest = &rest[1..];
            } else if rest.len() == 1 + inner {
                rest.clone_into(&mut self.held_back);
                return told;
            } else {
                self.name(&rest[1..=inner], &mut told);
                rest = &rest[inner + 2..];
            }
        }
        told.push_str(rest);
        told
    }

    /// What was held back, when nothing more comes.
    pub fn end(&mut self) -> String {
        std::mem::take(&mut self.held_back)
    }

    /// The places of the passages that were named.
    pub fn named(&self) -> &[usize] {
        &self.named
    }

    /// A number that belongs to no passage names nothing and is left out.
    fn name(&mut self, mark: &str, told: &mut String) {
        for number in mark.split([',', ' ']).filter_map(|number| number.parse::<usize>().ok()) {
            if !(1..=self.passages).contains(&number) {
                continue;
            }
            let known = self.named.iter().position(|named| *named == number - 1);
            let place = known.unwrap_or_else(|| {
                self.named.push(number - 1);
                self.named.len() - 1
            });
            let _infallible = write!(told, "[{}]", place + 1);
        }
    }
}

const fn is_of_mark(character: char) -> bool {
    character.is_ascii_digit() || matches!(character, ',' | ' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(pieces: &[&str]) -> (String, Vec<usize>) {
        let mut marks = Marks::new(4);
        let mut text: String = pieces.iter().map(|piece| marks.push(piece)).collect();
        text.push_str(&marks.end());
        (text, marks.named().to_vec())
    }

    #[test]
    fn passages_are_numbered_in_the_order_in_which_they_are_named() {
        for (piece, text, named) in [
            (
                "It opens at nine [3]. It closes at five [1][3].",
                "It opens at nine [1]. It closes at five [2][1].",
                vec![2, 0],
            ),
            ("Both [4, 2].", "Both [1][2].", vec![3, 1]),
            ("None [9] and [0].", "None  and .", vec![]),
            ("A list[i], [], [see 2] and [", "A list[i], [], [see 2] and [", vec![]),
        ] {
            assert_eq!(told(&[piece]), (text.to_owned(), named), "{piece}");
        }
    }

    proptest! {
        #[test]
        fn where_a_text_is_cut_does_not_matter(text in "[a-c\\[\\]0-9, ]{0,40}", cuts in prop::collection::vec(0_usize..40, 0..6)) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            let (mut pieces, mut start) = (Vec::new(), 0);
            for cut in cuts.into_iter().chain([text.len()]) {
                pieces.push(&text[start..cut]);
                start = cut;
            }
            prop_assert_eq!(told(&pieces), told(&[&text]));
        }
    }
}
