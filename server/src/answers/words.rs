//! Words: what a text is compared by. Each is brought to its basic form, and those that carry no meaning are left out. A
//! question also gets the words that documents use for what people say: nobody asks where "the message window" is full.

use bm25::{DefaultTokenizer, Language, Tokenizer};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// Forms that are no regular ones, `sent = send`; and what people say with how documents put it, `said said > meant meant`.
/// `_` joins the words of a phrase.
const LIST: &str = include_str!("words.txt");
/// What a word counts that means one of the question's; a phrase is no longer itself, so what it means counts in full.
const SYNONYM_WEIGHT: f32 = 0.6;
/// What a word counts that stands in a question whatever it is about.
const FILLER_WEIGHT: f32 = 0.3;
/// Other words that may stand between two words of a phrase: "turn the old one off".
const GAP_MAX: usize = 3;

const FILLERS: &str = "already also anybody anyone anything anyway could even get got happen happened happens hello hi \
    however know let like many may might much must need okay one please possible really right shall somebody someone \
    something suddenly tell thank thanks thing time us use used using want way would wrong yet";

/// What makes words of a text. It is made once: it holds lists of words.
pub(super) struct Words {
    tokenizer: DefaultTokenizer,
    fillers: HashSet<String>,
    /// What the tokenizer makes of an irregular form → of the regular one.
    irregular: HashMap<String, String>,
    /// Basic form → basic forms of what it may mean.
    synonyms: HashMap<String, Vec<String>>,
    /// First word, as it is written in lower case → the phrases that begin with it.
    phrases: HashMap<String, Vec<Phrase>>,
}

struct Phrase {
    /// The words after the first.
    rest: Vec<String>,
    meant: Vec<String>,
}

impl Default for Words {
    fn default() -> Self {
        let tokenizer = DefaultTokenizer::new(Language::English);
        let fillers = tokenizer.tokenize(FILLERS).into_iter().collect();
        let mut words =
            Self { tokenizer, fillers, irregular: HashMap::new(), synonyms: HashMap::new(), phrases: HashMap::new() };
        for (forms, regular) in LIST.lines().filter_map(|line| line.split_once(" = ")) {
            if let Some(regular) = words.tokenizer.tokenize(regular).pop() {
                let forms = words.tokenizer.tokenize(forms);
                words.irregular.extend(forms.into_iter().map(|form| (form, regular.clone())));
            }
        }
        for (said, meant) in LIST.lines().filter_map(|line| line.split_once(" > ")) {
            let meant = words.of(meant);
            for said in said.split(' ') {
                words.learn(said, &meant);
            }
        }
        words
    }
}

impl Words {
    fn learn(&mut self, said: &str, meant: &[String]) {
        if let Some((first, rest)) = said.split_once('_') {
            let phrase = Phrase { rest: rest.split('_').map(str::to_owned).collect(), meant: meant.to_vec() };
            self.phrases.entry(first.to_owned()).or_default().push(phrase);
        } else {
            for word in self.of(said) {
                self.synonyms.entry(word).or_default().extend_from_slice(meant);
            }
        }
    }

    /// The words of a text in their basic form, as often as they stand there.
    pub fn of(&self, text: &str) -> Vec<String> {
        // A name such as `key_disabled` is found by its words.
        let text = if text.contains('_') { Cow::Owned(text.replace('_', " ")) } else { Cow::Borrowed(text) };
        let mut words = self.tokenizer.tokenize(&text);
        for word in &mut words {
            if let Some(regular) = self.irregular.get(word) {
                word.clone_from(regular);
            }
        }
        words
    }

    /// The words that a question looks for, each once, and how much each counts.
    pub fn of_question(&self, question: &str) -> Vec<(String, f32)> {
        let own = self.of(question);
        let mut weighted: Vec<(String, f32)> = Vec::with_capacity(own.len() * 4);
        let mut add = |word: &String, weight: f32| {
            if !weighted.iter().any(|(other, _)| other == word) {
                weighted.push((word.clone(), weight));
            }
        };
        for word in &own {
            add(word, if self.fillers.contains(word) { FILLER_WEIGHT } else { 1.0 });
        }
        for word in self.phrases_in(question).iter().flat_map(|phrase| &phrase.meant) {
            add(word, 1.0);
        }
        for word in own.iter().filter_map(|word| self.synonyms.get(word)).flatten() {
            add(word, SYNONYM_WEIGHT);
        }
        weighted
    }

    fn phrases_in(&self, question: &str) -> Vec<&Phrase> {
        let lower = question.to_lowercase();
        let words: Vec<&str> =
            lower.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let mut found = Vec::new();
        for (place, first) in words.iter().enumerate() {
            let begun = self.phrases.get(*first).into_iter().flatten();
            found.extend(begun.filter(|phrase| phrase.goes_on_in(&words[place + 1..])));
        }
        found
    }
}

impl Phrase {
    fn goes_on_in(&self, mut words: &[&str]) -> bool {
        self.rest.iter().all(|next| {
            let Some(place) = words.iter().take(GAP_MAX + 1).position(|word| word == next) else { return false };
            words = &words[place + 1..];
            true
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(question: &str) -> HashMap<String, f32> {
        Words::default().of_question(question).into_iter().collect()
    }

    #[test]
    fn a_question_looks_for_what_documents_call_it_too() {
        let words = counted("How do I get rid of my colleagues?");
        let weight = |word| words.get(word).copied();
        assert_eq!((weight("colleagu"), weight("user")), (Some(1.0), Some(SYNONYM_WEIGHT)));
        assert_eq!((weight("delet"), weight("get")), (Some(1.0), Some(FILLER_WEIGHT)));
    }

    #[test]
    fn a_phrase_may_have_words_between_its_own_but_not_many() {
        assert_eq!(counted("turn that old key off").get("disabl"), Some(&1.0));
        assert_eq!(counted("turn the page, then look whether it is off").get("disabl"), None);
    }

    #[test]
    fn every_line_of_the_list_says_something() {
        let words = Words::default();
        for line in LIST.lines() {
            let (said, meant) =
                line.split_once(" > ").or_else(|| line.split_once(" = ")).unwrap_or_else(|| panic!("{line}"));
            assert!(!said.is_empty() && !words.of(meant).is_empty(), "{line}");
        }
        assert_eq!(words.of("sent it to licences"), words.of("send license"));
    }

    #[test]
    fn a_name_with_underscores_is_found_by_its_words() {
        assert_eq!(Words::default().of("key_disabled"), ["key", "disabl"]);
    }
}
