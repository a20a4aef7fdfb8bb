//! Search: which passages of a chatbot's documents fit a question best, by BM25 over words in their basic form.
//!
//! A word counts for where it stands: in the passage, in the headings above it or in the document's name (BM25F:
//! Robertson, Zaragoza, Taylor, 2004). A passage also gets a share of what its whole section scores, because the words of
//! a question are often spread over the sentences that belong together. How much each counts was measured with
//! `server/tests/retrieval.rs`.

use bm25::{DefaultTokenizer, Language, Tokenizer};
use domain::chatbot::Citation;
use std::collections::HashMap;
use std::ops::Range;

/// How soon more of the same word adds nothing more (k₁ of BM25).
const SATURATION: f32 = 1.2;
/// How much a long passage is held against itself (b of BM25).
const LENGTH_SHARE: f32 = 0.75;
/// What a word counts in a heading and in the name of the document, where it counts one in the passage.
const HEADING_WEIGHT: f32 = 1.5;
const NAME_WEIGHT: f32 = 0.5;
/// The share of a section's score that each of its passages gets.
const SECTION_SHARE: f32 = 0.5;

/// What makes words of a text. It is made once: its stop words are a set that every new one copies.
pub(super) struct Words(DefaultTokenizer);

impl Default for Words {
    fn default() -> Self {
        Self(DefaultTokenizer::new(Language::English))
    }
}

impl Words {
    fn of(&self, text: &str) -> Vec<String> {
        self.0.tokenize(text)
    }
}

/// A word in one passage or section: what it scores there.
#[derive(Clone, Copy)]
struct Posting {
    place: u32,
    score: f32,
}

/// Words and what they score, wherever they stand.
#[derive(Default)]
struct Postings {
    words: HashMap<Box<str>, Range<u32>>,
    all: Vec<Posting>,
}

impl Postings {
    fn of(&self, word: &str) -> &[Posting] {
        let Some(range) = self.words.get(word) else { return &[] };
        self.all.get(range.start as usize..range.end as usize).unwrap_or_default()
    }
}

/// Passages that can be searched.
pub(super) struct Passages {
    passages: Postings,
    sections: Postings,
    /// The section of each passage.
    section_of: Vec<u32>,
    section_count: usize,
}

impl Passages {
    pub fn new(words: &Words, citations: &[Citation]) -> Self {
        let mut passages = Counted::default();
        let mut sections = Counted::default();
        let mut section_of = Vec::with_capacity(citations.len());
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
        let section_count = sections.lengths.len();
        Self { passages: passages.scored(), sections: sections.scored(), section_of, section_count }
    }

    /// The places of the passages that score most and their scores, best first.
    pub fn best(&self, words: &Words, question: &str, count: usize) -> Vec<(usize, f32)> {
        let mut asked = words.of(question);
        asked.sort_unstable();
        asked.dedup();
        let mut scores = vec![0.0_f32; self.section_of.len()];
        let mut section_scores = vec![0.0_f32; self.section_count];
        for word in &asked {
            add(&mut scores, self.passages.of(word));
            add(&mut section_scores, self.sections.of(word));
        }
        let mut best: Vec<(usize, f32)> = Vec::with_capacity(count + 1);
        for (place, (own, section)) in scores.iter().zip(&self.section_of).enumerate() {
            if *own <= 0.0 {
                continue;
            }
            let score = own + SECTION_SHARE * section_scores.get(*section as usize).copied().unwrap_or_default();
            if best.len() == count && best.last().is_some_and(|(_, least)| *least >= score) {
                continue;
            }
            let at = best.partition_point(|(_, other)| *other >= score);
            best.insert(at, (place, score));
            best.truncate(count);
        }
        best
    }
}

fn add(scores: &mut [f32], postings: &[Posting]) {
    for posting in postings {
        if let Some(score) = scores.get_mut(posting.place as usize) {
            *score += posting.score;
        }
    }
}

/// What stands above a passage.
fn head(words: &Words, citation: &Citation) -> Weights {
    let mut weights = Weights::default();
    for word in words.of(&citation.heading) {
        weights.add(&word, HEADING_WEIGHT);
    }
    let name = citation.document_name.replace(|character: char| !character.is_alphanumeric(), " ");
    for word in words.of(&name) {
        weights.add(&word, NAME_WEIGHT);
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
        u32::try_from(self.lengths.len()).unwrap_or(u32::MAX)
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
        let mut postings = Postings::default();
        postings.all.reserve_exact(self.words.values().map(Vec::len).sum());
        for (word, found) in self.words {
            let with_word = found.len() as f32;
            let rarity = (1.0 + (count - with_word + 0.5) / (with_word + 0.5)).ln();
            let start = u32::try_from(postings.all.len()).unwrap_or(u32::MAX);
            postings.all.extend(found.into_iter().map(|Posting { place, score: weight }| Posting {
                place,
                score: rarity * weight * (SATURATION + 1.0) / (weight + norm(place)),
            }));
            let end = u32::try_from(postings.all.len()).unwrap_or(u32::MAX);
            postings.words.insert(word, start..end);
        }
        postings
    }
}
