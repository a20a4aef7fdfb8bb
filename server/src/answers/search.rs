//! Search: which passages of a chatbot's documents fit a question best, by BM25 over the words that `words.rs` makes of
//! both.
//!
//! A word counts for where it stands: in the passage, in the headings above it or in the document's name (BM25F:
//! Robertson, Zaragoza, Taylor, 2004). A passage also gets a share of what its whole section scores, because the words of
//! a question are often spread over the sentences that belong together. How much each counts was measured with
//! `server/tests/retrieval.rs`.

use super::words::Words;
use domain::chatbot::Citation;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;

/// How soon more of the same word adds nothing more (k₁ of BM25).
const SATURATION: f32 = 1.8;
/// How much a long passage is held against itself (b of BM25).
const LENGTH_SHARE: f32 = 0.5;
/// What a word counts in the heading, in those above it and in the name of the document, where it counts one in the
/// passage.
const HEADING_WEIGHT: f32 = 2.0;
const OUTER_HEADING_WEIGHT: f32 = 0.2;
const NAME_WEIGHT: f32 = 2.0;
/// The share of a section's score that each of its passages gets.
const SECTION_SHARE: f32 = 0.5;
/// What is left of a passage's score for each better one of the same section.
const AGAIN_SHARE: f32 = 0.9;
/// How many passages are looked at for each that is wanted.
const LOOKED_AT: usize = 8;

/// A word in one passage or section: what it scores there.
#[derive(Clone, Copy)]
struct Posting {
    place: u32,
    score: f32,
}

/// Words and what they score, wherever they stand. Many chatbots have few documents, so what a word takes beside its
/// postings counts: the words stand in one text, and not each in a place of its own.
#[derive(Default)]
struct Postings {
    /// The words, in the order of their bytes.
    text: String,
    /// Where each word ends in the text.
    ends: Vec<u32>,
    /// Where the scores of each word end in all of them.
    score_ends: Vec<u32>,
    all: Vec<Posting>,
}

impl Postings {
    fn of(&self, word: &str) -> &[Posting] {
        let (mut from, mut to) = (0, self.ends.len());
        while from < to {
            let middle = usize::midpoint(from, to);
            match self.word(middle).cmp(word) {
                Ordering::Less => from = middle + 1,
                Ordering::Greater => to = middle,
                Ordering::Equal => return self.all.get(span(&self.score_ends, middle)).unwrap_or_default(),
            }
        }
        &[]
    }

    fn word(&self, place: usize) -> &str {
        self.text.get(span(&self.ends, place)).unwrap_or_default()
    }

    const fn bytes(&self) -> usize {
        self.text.len() + size_of::<u32>() * 2 * self.ends.len() + size_of::<Posting>() * self.all.len()
    }
}

/// The part at a place of what lies one after the other, of which the ends are known.
fn span(ends: &[u32], place: usize) -> Range<usize> {
    let end = |place: usize| ends.get(place).map_or(0, |end| *end as usize);
    place.checked_sub(1).map_or(0, end)..end(place)
}

/// The number of something in memory, of which there are fewer than 2³².
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Passages that can be searched.
pub(super) struct Passages {
    by_passage: Postings,
    by_section: Postings,
    /// The section of each passage.
    section_of: Vec<u32>,
    /// Whether each section has a heading.
    is_headed: Vec<bool>,
}

impl Passages {
    pub fn new(words: &Words, citations: &[Citation]) -> Self {
        let mut passages = Counted::default();
        let mut sections = Counted::default();
        let mut section_of = Vec::with_capacity(citations.len());
        let mut is_headed = Vec::new();
        let mut section: Option<(&Citation, Weights)> = None;
        for citation in citations {
            let is_same = section.as_ref().is_some_and(|(first, _)| {
                first.document_id == citation.document_id && first.heading == citation.heading
            });
            if !is_same {
                if let Some((_, weights)) = section.take() {
                    sections.add(weights);
                }
                section = Some((citation, head(words, citation)));
                is_headed.push(!citation.heading.is_empty());
            }
            section_of.push(sections.len());
            let mut weights = head(words, citation);
            for word in words.of(&citation.text) {
                if let Some((_, section)) = &mut section {
                    section.add(&word, 1.0);
                }
                weights.add(&word, 1.0);
            }
            passages.add(weights);
        }
        if let Some((_, weights)) = section {
            sections.add(weights);
        }
        Self { by_passage: passages.scored(), by_section: sections.scored(), section_of, is_headed }
    }

    /// What they take in memory, in bytes.
    pub const fn bytes(&self) -> usize {
        self.by_passage.bytes()
            + self.by_section.bytes()
            + size_of::<u32>() * self.section_of.len()
            + self.is_headed.len()
    }

    /// The places of the passages that score most and their scores, best first.
    pub fn best(&self, words: &Words, question: &str, count: usize) -> Vec<(usize, f32)> {
        let mut scores = vec![0.0_f32; self.section_of.len()];
        let mut section_scores = vec![0.0_f32; self.is_headed.len()];
        for (word, weight) in words.of_question(question) {
            add(&mut scores, self.by_passage.of(&word), weight);
            add(&mut section_scores, self.by_section.of(&word), weight);
        }
        let mut found: Vec<(usize, f32)> = Vec::new();
        for (place, (own, section)) in scores.iter().zip(&self.section_of).enumerate() {
            if *own > 0.0 {
                let whole = section_scores.get(*section as usize).copied().unwrap_or_default();
                found.push((place, own + SECTION_SHARE * whole));
            }
        }
        let looked_at = count.saturating_mul(LOOKED_AT);
        if looked_at < found.len() {
            found.select_nth_unstable_by(looked_at, by_score);
            found.truncate(looked_at);
        }
        found.sort_unstable_by(by_score);
        self.vary(&mut found);
        found.truncate(count);
        found
    }

    /// Three passages of one section say less than passages of three; where there are no headings, a section is a whole
    /// document.
    fn vary(&self, found: &mut [(usize, f32)]) {
        let mut before: Vec<u32> = Vec::with_capacity(found.len());
        for (place, score) in found.iter_mut() {
            let Some(section) = self.section_of.get(*place) else { continue };
            if self.is_headed.get(*section as usize) == Some(&true) {
                for _ in before.iter().filter(|other| *other == section) {
                    *score *= AGAIN_SHARE;
                }
                before.push(*section);
            }
        }
        found.sort_unstable_by(by_score);
    }
}

/// Best first; of equals, the one that stands first.
fn by_score((place, score): &(usize, f32), (other_place, other_score): &(usize, f32)) -> Ordering {
    other_score.total_cmp(score).then(place.cmp(other_place))
}

fn add(scores: &mut [f32], postings: &[Posting], weight: f32) {
    for posting in postings {
        if let Some(score) = scores.get_mut(posting.place as usize) {
            *score += weight * posting.score;
        }
    }
}

/// What stands above a passage.
fn head(words: &Words, citation: &Citation) -> Weights {
    let mut weights = Weights::default();
    let (outer, heading) = citation.heading.rsplit_once(" › ").unwrap_or(("", &citation.heading));
    let name = citation.document_name.replace(|character: char| !character.is_alphanumeric(), " ");
    for (text, weight) in [(heading, HEADING_WEIGHT), (outer, OUTER_HEADING_WEIGHT), (name.as_str(), NAME_WEIGHT)] {
        for word in words.of(text) {
            weights.add(&word, weight);
        }
    }
    weights
}

/// How much each word of a text counts in it, and all of them together.
#[derive(Default)]
struct Weights {
    of_words: HashMap<Box<str>, f32>,
    length: f32,
}

impl Weights {
    fn add(&mut self, word: &str, weight: f32) {
        self.length += weight;
        match self.of_words.get_mut(word) {
            Some(sum) => *sum += weight,
            None => drop(self.of_words.insert(word.into(), weight)),
        }
    }
}

/// Texts that are read before their words can be scored: how rare a word is shows at the end.
#[derive(Default)]
struct Counted {
    words: HashMap<Box<str>, Vec<Posting>>,
    lengths: Vec<f32>,
}

impl Counted {
    fn len(&self) -> u32 {
        number(self.lengths.len())
    }

    fn add(&mut self, text: Weights) {
        let place = self.len();
        self.lengths.push(text.length);
        for (word, score) in text.of_words {
            self.words.entry(word).or_default().push(Posting { place, score });
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers of passages and words are far below 2²⁴")]
    fn scored(self) -> Postings {
        let count = self.lengths.len() as f32;
        let average = self.lengths.iter().sum::<f32>() / count.max(1.0);
        let norm = |place: u32| {
            let length = self.lengths.get(place as usize).copied().unwrap_or(average);
            SATURATION * (1.0 - LENGTH_SHARE + LENGTH_SHARE * length / average.max(1.0))
        };
        let mut words: Vec<_> = self.words.into_iter().collect();
        words.sort_unstable_by(|(word, _), (other, _)| word.cmp(other));
        let mut postings = Postings {
            text: String::with_capacity(words.iter().map(|(word, _)| word.len()).sum()),
            ends: Vec::with_capacity(words.len()),
            score_ends: Vec::with_capacity(words.len()),
            all: Vec::with_capacity(words.iter().map(|(_, found)| found.len()).sum()),
        };
        for (word, found) in words {
            let with_word = found.len() as f32;
            let rarity = (1.0 + (count - with_word + 0.5) / (with_word + 0.5)).ln();
            postings.text.push_str(&word);
            postings.ends.push(number(postings.text.len()));
            postings.all.extend(found.into_iter().map(|Posting { place, score: weight }| Posting {
                place,
                score: rarity * weight * (SATURATION + 1.0) / (weight + norm(place)),
            }));
            postings.score_ends.push(number(postings.all.len()));
        }
        postings
    }
}
