//! The call in several languages, each complete enough to be run as it stands.
//!
//! The consumer key is public and is filled in. The secret never is: every snippet reads it from the environment, where
//! the `.env` file puts it that is offered when a key is made. A snippet prints what comes back, and ends with an error
//! when the call was refused. To add a language: a file with its function, and a line in [`LANGUAGES`].

mod curl;
mod javascript;
mod php;
mod python;
mod rust;

use super::document::Snippet;
use serde_json::Value;

/// A call with everything filled in.
pub struct Call<'a> {
    /// `POST`
    pub method: &'a str,
    pub url: String,
    /// The fields of the body; empty when there is none. Their values are texts, truth values or null.
    pub body: Vec<(String, Value)>,
    /// Empty when the account has no key; the snippets then read it from the environment too.
    pub consumer_key: &'a str,
    /// Whether a body comes back.
    pub has_answer: bool,
}

type Write = fn(&Call) -> String;

/// The languages as the address and as the tab name them, with what writes them.
const LANGUAGES: [(&str, &str, Write); 5] = [
    ("curl", "curl", curl::write),
    ("javascript", "JavaScript", javascript::write),
    ("python", "Python", python::write),
    ("php", "PHP", php::write),
    ("rust", "Rust", rust::write),
];

impl Call<'_> {
    /// The call in every language.
    #[must_use]
    pub fn snippets(&self) -> Vec<Snippet> {
        let snippet = |(language, label, write): (&str, &str, fn(&Call) -> String)| Snippet {
            language: language.to_owned(),
            label: label.to_owned(),
            code: write(self),
        };
        LANGUAGES.map(snippet).into()
    }

    fn key_or<'a>(&'a self, variable: &'a str) -> &'a str {
        if self.consumer_key.is_empty() { variable } else { self.consumer_key }
    }

    /// A line for each field of the body.
    fn body_lines(&self, line: impl Fn(&str, &Value) -> String) -> String {
        self.body.iter().map(|(name, value)| line(name, value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(consumer_key: &str) -> Call<'_> {
        let body =
            [("chatbot_id", "bot_1".into()), ("text", "It's \"9\" $a\n".into()), ("conversation_id", Value::Null)];
        Call {
            method: "POST",
            url: "http://127.0.0.1:3000/ask".to_owned(),
            body: body.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            consumer_key,
            has_answer: true,
        }
    }

    #[test]
    fn every_snippet_names_the_address_and_the_key_and_reads_the_secret_from_the_environment() {
        for Snippet { code, .. } in call("ck_1").snippets() {
            assert!(code.contains("http://127.0.0.1:3000/ask") && code.contains("bot_1") && code.contains("ck_1:"));
            assert!(code.contains("ARTIKO_CONSUMER_SECRET") && !code.contains("ARTIKO_CONSUMER_KEY"), "{code}");
        }
    }

    #[test]
    fn without_a_key_the_snippets_read_it_from_the_environment() {
        for Snippet { code, .. } in call("").snippets() {
            assert!(code.contains("ARTIKO_CONSUMER_KEY"), "{code}");
        }
    }

    #[test]
    fn a_text_is_written_as_each_language_quotes_it() {
        let texts = call("ck_1").snippets().map_code();
        for (language, quoted) in [
            ("curl", r#""It'\''s \"9\" $a\n""#),
            ("javascript", r#""It's \"9\" $a\n""#),
            ("python", r#""It's \"9\" $a\n""#),
            ("php", r#""It's \"9\" \$a\n""#),
            ("rust", r#""It's \"9\" $a\n""#),
        ] {
            assert!(texts[language].contains(quoted), "{}", texts[language]);
        }
    }

    #[test]
    fn nothing_is_a_word_of_each_language() {
        let texts = call("ck_1").snippets().map_code();
        for (language, word) in [("curl", "null"), ("javascript", "null"), ("python", "None"), ("php", "null")] {
            assert!(texts[language].contains(word), "{}", texts[language]);
        }
    }

    trait MapCode {
        fn map_code(self) -> std::collections::BTreeMap<String, String>;
    }

    impl MapCode for Vec<Snippet> {
        fn map_code(self) -> std::collections::BTreeMap<String, String> {
            self.into_iter().map(|snippet| (snippet.language, snippet.code)).collect()
        }
    }
}
