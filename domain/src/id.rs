//! Identifiers: a prefix that says what the thing is, then characters that sort by the time it was made.
//!
//! Sorting by time makes index writes appends and lets a page of rows be cut by id alone.

use crate::clock::Timestamp;
use serde::{Deserialize, Serialize};

/// Random bytes that an identifier needs beside the time.
pub const RANDOM_BYTES: usize = 8;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Base62 digits of the time: microseconds until the year 3700 fit.
const TIME_DIGITS: usize = 10;
const RANDOM_DIGITS: usize = 11;

/// Writes `value` in base62 with exactly `digits` digits, most significant first; higher digits are cut off.
#[must_use]
pub fn base62(mut value: u128, digits: usize) -> String {
    let mut text = vec![b'0'; digits];
    for place in text.iter_mut().rev() {
        *place = ALPHABET[usize::try_from(value % 62).unwrap_or(0)];
        value /= 62;
    }
    text.into_iter().map(char::from).collect()
}

/// Whether every character is one of `0-9A-Za-z`.
#[must_use]
pub fn is_base62(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn suffix(at: Timestamp, random: [u8; RANDOM_BYTES]) -> String {
    let time = u128::try_from(at.us()).unwrap_or(0);
    let random = u128::from(u64::from_be_bytes(random));
    base62(time, TIME_DIGITS) + &base62(random, RANDOM_DIGITS)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub const PREFIX: &str = $prefix;

            /// Makes a new identifier from the time and random bytes.
            #[must_use]
            pub fn new(at: Timestamp, random: [u8; RANDOM_BYTES]) -> Self {
                Self(format!("{}{}", $prefix, suffix(at, random)))
            }

            /// Reads an identifier that came from outside; `None` when it does not have the form of one.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let rest = text.strip_prefix($prefix)?;
                (rest.len() == TIME_DIGITS + RANDOM_DIGITS && is_base62(rest)).then(|| Self(text.to_owned()))
            }

            /// Takes an identifier as the database holds it.
            #[must_use]
            pub fn from_row(text: String) -> Self {
                Self(text)
            }

            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// The customer.
    AccountId = "acct_";
    /// A person who signs in.
    UserId = "user_";
    /// An API key's row; not the public consumer key.
    KeyId = "key_";
    /// A chatbot.
    ChatbotId = "bot_";
    /// The widget of a chatbot: it stands in public pages.
    WidgetId = "wid_";
    /// A document of a chatbot.
    DocumentId = "doc_";
    /// A conversation of a chatbot.
    ConversationId = "conv_";
    /// What a visitor of a widget left for people to answer.
    ContactId = "ctc_";
    /// One attempt to buy credit.
    PaymentId = "pay_";
    /// One attempt to save a card for payments that nobody is present for.
    CardSetupId = "cset_";
    /// Credit set aside for one request.
    HoldId = "hold_";
    /// A line of the audit.
    AuditId = "audit_";
    /// One request: names the log line, the entry and the error text that belong together.
    RequestId = "req_";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_sort_by_the_time_they_were_made() {
        let early = ChatbotId::new(Timestamp::from_us(1_795_000_000_000_000), [255; 8]);
        let late = ChatbotId::new(Timestamp::from_us(1_795_000_000_000_001), [0; 8]);
        assert!(early < late);
        assert_eq!(ChatbotId::parse(early.as_str()), Some(early));
    }

    #[test]
    fn an_identifier_of_another_kind_is_not_accepted() {
        let key = KeyId::new(Timestamp::from_us(1), [1; 8]);
        assert_eq!(ChatbotId::parse(key.as_str()), None);
        assert_eq!(KeyId::parse("key_"), None);
        assert_eq!(KeyId::parse("key_0000000000000000000-' OR"), None);
    }
}
