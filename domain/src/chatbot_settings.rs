//! What the owner of a chatbot decides about it: what it says first, what visitors may ask with one touch, its colour, and
//! how its answers are written.

use crate::field::{FieldError, optional_text};
use serde::{Deserialize, Serialize};

/// Longest welcome message, in characters.
pub const WELCOME_CHARACTERS_MAX: usize = 300;
/// Longest instructions, in characters.
pub const INSTRUCTIONS_CHARACTERS_MAX: usize = 4_000;
/// Most suggested questions.
pub const SUGGESTED_QUESTIONS_MAX: usize = 5;
/// Longest suggested question, in characters.
pub const SUGGESTED_QUESTION_CHARACTERS_MAX: usize = 120;

/// The product's own colour, which a chatbot has until its owner chooses another.
pub const DEFAULT_COLOUR: &str = "#4b45d6";

/// What writes an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnswerEngine {
    /// Built in: it quotes the passages that match best.
    Extractive,
    /// A model behind an address that the operator has configured.
    Openai,
}

impl AnswerEngine {
    pub const ALL: [Self; 2] = [Self::Extractive, Self::Openai];

    /// The engine as programs read it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Extractive => "extractive",
            Self::Openai => "openai",
        }
    }

    /// What it does, for people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Extractive => "Quotes the best passages",
            Self::Openai => "A language model writes from the best passages",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.as_str() == text)
    }
}

/// A colour, written `#rrggbb` in small letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Colour(String);

impl Colour {
    /// Reads a colour in any case; `None` when it is not `#` and six hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        let is_colour = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_colour.then(|| Self(text.to_ascii_lowercase()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// White or black, whichever is easier to read on it: one of the two always reaches 4.5:1 (WCAG 2.2, 1.4.3).
    #[must_use]
    pub fn ink(&self) -> &'static str {
        let luminance = self.luminance();
        let (on_white, on_black) = (1.05 / (luminance + 0.05), (luminance + 0.05) / 0.05);
        if on_white >= on_black { "#ffffff" } else { "#000000" }
    }

    /// Relative luminance as WCAG 2.2 defines it, from 0 to 1.
    fn luminance(&self) -> f64 {
        let channel = |from: usize| {
            let value = u8::from_str_radix(self.0.get(from..from + 2).unwrap_or_default(), 16).unwrap_or(0);
            let value = f64::from(value) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }
}

/// What the owner of a chatbot decides about it, beside its name, its cap and its pause.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatbotSettings {
    /// What it says before it is asked; empty is nothing.
    pub welcome_message: String,
    /// How it is to answer, for engines that write; empty is nothing.
    pub instructions: String,
    pub suggested_questions: Vec<String>,
    /// `None` is the product's own.
    pub colour: Option<Colour>,
    /// `None` is whatever is the server's default.
    pub answer_engine: Option<AnswerEngine>,
}

/// A change of settings as it was typed or sent; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsChange {
    pub welcome_message: Option<String>,
    pub instructions: Option<String>,
    /// Empty ones count for the limit and are then left out.
    pub suggested_questions: Option<Vec<String>>,
    /// Empty is the product's own.
    pub colour: Option<String>,
    /// Empty is the server's default.
    pub answer_engine: Option<String>,
}

impl ChatbotSettings {
    /// The settings after a change. `engines` are those that the server has.
    ///
    /// # Errors
    /// In the order of the fields, when a text is too long, there are too many questions, the colour is none, or the
    /// server has no such engine.
    pub fn changed(self, change: &SettingsChange, engines: &[AnswerEngine]) -> Result<Self, FieldError> {
        let text = |field, label, text: &Option<String>, characters_max, kept| match text {
            Some(text) => optional_text(field, label, text, characters_max).map(str::to_owned),
            None => Ok(kept),
        };
        Ok(Self {
            welcome_message: text(
                "welcome_message",
                "welcome message",
                &change.welcome_message,
                WELCOME_CHARACTERS_MAX,
                self.welcome_message,
            )?,
            instructions: text(
                "instructions",
                "instructions",
                &change.instructions,
                INSTRUCTIONS_CHARACTERS_MAX,
                self.instructions,
            )?,
            suggested_questions: match &change.suggested_questions {
                Some(questions) => suggested_questions(questions)?,
                None => self.suggested_questions,
            },
            colour: match change.colour.as_deref().map(str::trim) {
                Some("") => None,
                Some(colour) => Some(read_colour(colour)?),
                None => self.colour,
            },
            answer_engine: match change.answer_engine.as_deref().map(str::trim) {
                Some("") => None,
                Some(engine) => Some(read_engine(engine, engines)?),
                None => self.answer_engine,
            },
        })
    }
}

fn suggested_questions(questions: &[String]) -> Result<Vec<String>, FieldError> {
    const FIELD: &str = "suggested_questions";
    if questions.len() > SUGGESTED_QUESTIONS_MAX {
        return Err(FieldError::new(FIELD, format!("there may be at most {SUGGESTED_QUESTIONS_MAX} questions")));
    }
    let mut read = Vec::new();
    for question in questions {
        let question = optional_text(FIELD, "question", question, SUGGESTED_QUESTION_CHARACTERS_MAX)?;
        if question.contains(['\n', '\r', '\t']) {
            return Err(FieldError::new(FIELD, "each question must stand on one line"));
        }
        if !question.is_empty() {
            read.push(question.to_owned());
        }
    }
    Ok(read)
}

fn read_colour(text: &str) -> Result<Colour, FieldError> {
    Colour::parse(text).ok_or_else(|| FieldError::new("colour", "write the colour as # and six digits, like #4b45d6"))
}

fn read_engine(text: &str, engines: &[AnswerEngine]) -> Result<AnswerEngine, FieldError> {
    let found = AnswerEngine::parse(text).filter(|engine| engines.contains(engine));
    found.ok_or_else(|| {
        let names: Vec<&str> = engines.iter().map(|engine| engine.as_str()).collect();
        FieldError::new("answer_engine", format!("the answer engine must be one of: {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ENGINES: [AnswerEngine; 1] = [AnswerEngine::Extractive];

    fn full() -> ChatbotSettings {
        ChatbotSettings {
            welcome_message: "Hello".to_owned(),
            instructions: "Be short.".to_owned(),
            suggested_questions: vec!["When do you open?".to_owned()],
            colour: Colour::parse("#4b45d6"),
            answer_engine: Some(AnswerEngine::Extractive),
        }
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn what_is_not_named_stays_and_what_is_empty_goes() {
        assert_eq!(full().changed(&SettingsChange::default(), &ENGINES), Ok(full()));
        let emptied = SettingsChange {
            welcome_message: Some(" ".to_owned()),
            instructions: Some(String::new()),
            suggested_questions: Some(texts(&["", "  "])),
            colour: Some(String::new()),
            answer_engine: Some(String::new()),
        };
        assert_eq!(full().changed(&emptied, &ENGINES), Ok(ChatbotSettings::default()));
    }

    #[test]
    fn texts_are_trimmed_and_the_colour_is_written_in_small_letters() {
        let change = SettingsChange {
            welcome_message: Some("  Hello\nthere ".to_owned()),
            suggested_questions: Some(texts(&[" One? ", "", "Two?"])),
            colour: Some(" #FFAA00".to_owned()),
            ..SettingsChange::default()
        };
        let changed = full().changed(&change, &ENGINES).expect("a change");
        assert_eq!((changed.welcome_message.as_str(), changed.instructions.as_str()), ("Hello\nthere", "Be short."));
        assert_eq!(changed.suggested_questions, ["One?", "Two?"]);
        assert_eq!(changed.colour.as_ref().map(Colour::as_str), Some("#ffaa00"));
    }

    #[test]
    fn each_field_has_its_limit() {
        let refused = |change: SettingsChange| full().changed(&change, &ENGINES).err().map(|error| error.field);
        let nothing = SettingsChange::default;
        let welcome = |length| SettingsChange { welcome_message: Some("ä".repeat(length)), ..nothing() };
        assert_eq!((refused(welcome(300)), refused(welcome(301))), (None, Some("welcome_message".to_owned())));
        let instructions = |length| SettingsChange { instructions: Some("ä".repeat(length)), ..nothing() };
        assert_eq!(
            (refused(instructions(4_000)), refused(instructions(4_001))),
            (None, Some("instructions".to_owned()))
        );
        let questions = |questions| SettingsChange { suggested_questions: Some(questions), ..nothing() };
        assert_eq!(refused(questions(texts(&["?"; 5]))), None);
        assert_eq!(refused(questions(texts(&["?"; 6]))), Some("suggested_questions".to_owned()));
        assert_eq!(refused(questions(texts(&["", "", "", "", "", " "]))), Some("suggested_questions".to_owned()));
        assert_eq!(refused(questions(texts(&["ä".repeat(121).as_str()]))), Some("suggested_questions".to_owned()));
        assert_eq!(refused(questions(texts(&[" ".repeat(121).as_str()]))), Some("suggested_questions".to_owned()));
        assert_eq!(refused(questions(texts(&["one\ntwo"]))), Some("suggested_questions".to_owned()));
        for colour in ["4b45d6", "#4b45d", "#4b45d67", "red", "#4b45dg", "#ä45d6"] {
            assert_eq!(
                refused(SettingsChange { colour: Some(colour.to_owned()), ..nothing() }),
                Some("colour".to_owned()),
                "{colour}"
            );
        }
    }

    #[test]
    fn only_an_engine_that_the_server_has_can_be_chosen() {
        let change =
            |engine: &str| SettingsChange { answer_engine: Some(engine.to_owned()), ..SettingsChange::default() };
        let error = full().changed(&change("openai"), &ENGINES).expect_err("it is not there");
        assert_eq!(error.message, "the answer engine must be one of: extractive");
        assert!(full().changed(&change("openai"), &AnswerEngine::ALL).is_ok());
        assert!(full().changed(&change("other"), &AnswerEngine::ALL).is_err());
    }

    proptest! {
        #[test]
        fn every_colour_has_an_ink_that_can_be_read_on_it(red: u8, green: u8, blue: u8) {
            let colour = Colour::parse(&format!("#{red:02x}{green:02x}{blue:02x}")).expect("a colour");
            let ink = Colour::parse(colour.ink()).expect("a colour").luminance();
            let (lighter, darker) = (colour.luminance().max(ink), colour.luminance().min(ink));
            prop_assert!((lighter + 0.05) / (darker + 0.05) >= 4.5);
        }
    }
}
