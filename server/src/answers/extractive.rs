//! The built-in engine: it quotes the passages that fit a question best, with the document each came from.

use super::{AnswerEngine, Draft, Prompt};
use crate::answers::index::Index;
use crate::error::Result;
use domain::chatbot::{Answer, Citation};

/// Most passages that an answer quotes.
const CITATIONS_MAX: usize = 3;
/// A further passage is quoted when its score is at least this share of the best one's.
const CLOSE_SCORE: f32 = 0.75;

/// What a chatbot says when nothing matches.
pub const NOTHING_FOUND: &str = "I found nothing about that in my documents.";

pub(super) struct Extractive;

impl AnswerEngine for Extractive {
    fn history_max(&self) -> i64 {
        0
    }

    fn draft(&self, prompt: Prompt<'_>) -> Result<Draft> {
        Ok(Draft::Made(quote(&prompt.index, prompt.question)))
    }
}

fn quote(index: &Index, question: &str) -> Answer {
    let mut close_score = 0.0;
    let mut citations: Vec<Citation> = Vec::new();
    for (citation, score) in index.best(question, CITATIONS_MAX) {
        if citations.is_empty() {
            close_score = score * CLOSE_SCORE;
        }
        if score >= close_score {
            citations.push(citation.clone());
        }
    }
    if citations.is_empty() {
        return Answer { text: NOTHING_FOUND.to_owned(), citations };
    }
    let mut text = String::new();
    for citation in &citations {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&citation.text);
        text.push_str(" (");
        text.push_str(&citation.document_name);
        text.push(')');
    }
    Answer { text, citations }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_passage_is_quoted_with_its_document() {
        let index = Index::of(&[
            ("shipping.md", "# Shipping\nParcels leave our warehouse on weekdays.\n\nExpress costs extra."),
            ("returns.md", "# Returns\nYou can send a lamp back within thirty days."),
        ]);
        let answer = quote(&index, "how long can I return lamps?");
        assert_eq!(answer.citations[0].document_name, "returns.md");
        assert_eq!(answer.text, "You can send a lamp back within thirty days. (returns.md)");
    }

    #[test]
    fn a_question_without_a_match_gets_a_plain_no() {
        let answer = quote(&Index::of(&[("a.md", "Lamps and shades.")]), "quantum chromodynamics");
        assert_eq!((answer.text.as_str(), answer.citations.len()), (NOTHING_FOUND, 0));
        assert_eq!(quote(&Index::of(&[]), "anything").text, NOTHING_FOUND);
    }
}
