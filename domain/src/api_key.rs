//! API keys: the consumer key that names one, the consumer secret that proves it, and how a caller sends the two.

use crate::clock::{DAY_US, SECOND_US, Timestamp};
use crate::credit::Credit;
use crate::id::{ChatbotId, KeyId, base62, is_base62};
use crate::problem::ProblemCode;
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// The public half: `ck_` and 20 base62 characters. It may be shown and logged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConsumerKey(String);

impl ConsumerKey {
    pub const PREFIX: &str = "ck_";
    const DIGITS: usize = 20;

    /// Makes a consumer key from random bytes.
    #[must_use]
    pub fn new(random: [u8; 16]) -> Self {
        Self(format!("{}{}", Self::PREFIX, base62(u128::from_be_bytes(random), Self::DIGITS)))
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(Self::PREFIX)?;
        (rest.len() == Self::DIGITS && is_base62(rest)).then(|| Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConsumerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The secret half, readable: `sk_`, 36 random base62 characters, and 6 that are their CRC-32.
///
/// It has no `Debug` and no `Display`, so it cannot reach a log by accident; it is wiped when dropped. It can be
/// serialised only because the page that shows it once has to receive it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlainSecret(Zeroizing<String>);

impl PlainSecret {
    pub const PREFIX: &str = "sk_";
    const RANDOM_DIGITS: usize = 36;
    const CHECK_DIGITS: usize = 6;

    /// Makes a secret from 32 random bytes, which fill 36 base62 digits: 214 bits.
    #[must_use]
    pub fn new(random: &[u8; 32]) -> Self {
        let (high, low) = random.split_at(16);
        let half = |bytes: &[u8]| {
            let number = bytes.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
            Zeroizing::new(base62(number, Self::RANDOM_DIGITS / 2))
        };
        let mut text = Zeroizing::new(String::with_capacity(45));
        text.push_str(Self::PREFIX);
        text.push_str(&half(high));
        text.push_str(&half(low));
        let check = check_digits(&text);
        text.push_str(&check);
        Self(text)
    }

    /// Reads a secret and checks its last six characters, so that a typo is refused without asking the database.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(Self::PREFIX)?;
        let has_length = rest.len() == Self::RANDOM_DIGITS + Self::CHECK_DIGITS;
        if !has_length || !is_base62(rest) {
            return None;
        }
        let (body, check) = text.split_at(text.len() - Self::CHECK_DIGITS);
        (check_digits(body) == check).then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The readable secret. Each caller is a place where it leaves its wrapper: look there when you audit.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

fn check_digits(body: &str) -> String {
    base62(u128::from(crc32fast::hash(body.as_bytes())), PlainSecret::CHECK_DIGITS)
}

/// What a caller sends: both halves.
#[derive(Clone)]
pub struct Credential {
    pub consumer_key: ConsumerKey,
    pub secret: PlainSecret,
}

/// Why a credential could not be read, in the order in which it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialError {
    Missing,
    Malformed,
}

/// The longest `Authorization` value that is looked at, in bytes.
pub const AUTHORIZATION_BYTES_MAX: usize = 512;

/// Reads the value of an `Authorization` header: `ck_…:sk_…`, `Bearer ck_…:sk_…`, or `Basic` with the base64 of
/// `ck_…:sk_…` (RFC 7617). `decode_base64` is the caller's decoder.
///
/// # Errors
/// In the order of [`CredentialError`].
pub fn read_authorization(
    value: Option<&str>,
    decode_base64: impl Fn(&str) -> Option<String>,
) -> Result<Credential, CredentialError> {
    let value = value.map(str::trim).filter(|value| !value.is_empty()).ok_or(CredentialError::Missing)?;
    if value.len() > AUTHORIZATION_BYTES_MAX {
        return Err(CredentialError::Malformed);
    }
    let pair = match value.split_once(' ') {
        None => Zeroizing::new(value.to_owned()),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => Zeroizing::new(rest.trim().to_owned()),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("basic") => {
            Zeroizing::new(decode_base64(rest.trim()).ok_or(CredentialError::Malformed)?)
        }
        Some(_) => return Err(CredentialError::Malformed),
    };
    let (key, secret) = pair.split_once(':').ok_or(CredentialError::Malformed)?;
    let consumer_key = ConsumerKey::parse(key).ok_or(CredentialError::Malformed)?;
    let secret = PlainSecret::parse(secret).ok_or(CredentialError::Malformed)?;
    Ok(Credential { consumer_key, secret })
}

/// One thing that a program may do with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Permission {
    #[serde(rename = "messages:write")]
    MessagesWrite,
    #[serde(rename = "conversations:read")]
    ConversationsRead,
    #[serde(rename = "usage:read")]
    UsageRead,
    #[serde(rename = "chatbots:read")]
    ChatbotsRead,
    #[serde(rename = "chatbots:write")]
    ChatbotsWrite,
    #[serde(rename = "documents:write")]
    DocumentsWrite,
}

impl Permission {
    pub const ALL: [Self; 6] = [
        Self::MessagesWrite,
        Self::ConversationsRead,
        Self::UsageRead,
        Self::ChatbotsRead,
        Self::ChatbotsWrite,
        Self::DocumentsWrite,
    ];

    /// The permission as programs read it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MessagesWrite => "messages:write",
            Self::ConversationsRead => "conversations:read",
            Self::UsageRead => "usage:read",
            Self::ChatbotsRead => "chatbots:read",
            Self::ChatbotsWrite => "chatbots:write",
            Self::DocumentsWrite => "documents:write",
        }
    }

    /// What it allows, for people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::MessagesWrite => "Send messages, which are paid for from the credit",
            Self::ConversationsRead => "Read conversations",
            Self::UsageRead => "Read plan, credit and usage",
            Self::ChatbotsRead => "Read chatbots",
            Self::ChatbotsWrite => "Change the settings of chatbots",
            Self::DocumentsWrite => "Add and delete documents",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == text)
    }
}

/// Most chatbots that a key can be limited to by name.
pub const KEY_CHATBOTS_MAX: usize = 100;
/// Most networks that a key can be limited to.
pub const KEY_NETWORKS_MAX: usize = 20;

/// What the owner of a key decides about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySettings {
    pub name: String,
    /// Each once, in the order of [`Permission::ALL`].
    pub permissions: Vec<Permission>,
    /// The chatbots it may use; `None` is all of the account, those to come too.
    pub chatbots: Option<Vec<ChatbotId>>,
    /// When it stops working by itself.
    pub expires_at: Option<Timestamp>,
    /// How much it may spend in a calendar month (UTC).
    pub monthly_cap: Option<Credit>,
    /// The networks it may be used from, as `192.0.2.0/24` or `2001:db8::/32`; empty is from everywhere.
    pub networks: Vec<String>,
}

/// How long the old secret goes on working after a new one was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Overlap {
    #[default]
    None,
    Hour,
    Day,
    Week,
}

impl Overlap {
    pub const ALL: [Self; 4] = [Self::None, Self::Hour, Self::Day, Self::Week];

    /// The overlap as forms name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
        }
    }

    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::None => "No time: it stops at once",
            Self::Hour => "1 hour",
            Self::Day => "24 hours",
            Self::Week => "7 days",
        }
    }

    #[must_use]
    pub const fn duration_us(self) -> i64 {
        match self {
            Self::None => 0,
            Self::Hour => 3_600 * SECOND_US,
            Self::Day => DAY_US,
            Self::Week => 7 * DAY_US,
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|overlap| overlap.as_str() == text)
    }
}

/// One of a key's secrets, without the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretUse {
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    /// How many requests it has proved.
    pub uses: i64,
}

/// The secret before the present one, while both work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldSecret {
    pub secret: SecretUse,
    /// When it stops.
    pub until: Timestamp,
}

/// A key as its owner sees it: never with its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    pub id: KeyId,
    pub consumer_key: ConsumerKey,
    pub settings: KeySettings,
    pub created_at: Timestamp,
    /// The name of the user who made it.
    pub created_by: String,
    pub secret: SecretUse,
    pub old_secret: Option<OldSecret>,
    pub last_used_at: Option<Timestamp>,
    /// The address that it was last used from.
    pub last_used_from: Option<String>,
    /// Since when it is switched off.
    pub disabled_at: Option<Timestamp>,
    /// Credit spent through this key since the first of the month (UTC); a positive number.
    pub spent_this_month: Credit,
}

/// A key at the one moment when its secret can be seen.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownOnce {
    pub key: ApiKey,
    pub secret: PlainSecret,
}

impl ShownOnce {
    /// The contents of the `.env` file that the page offers for download.
    #[must_use]
    pub fn env_file(&self) -> Zeroizing<String> {
        let Self { key, secret } = self;
        Zeroizing::new(format!(
            "ARTIKO_CONSUMER_KEY={}\nARTIKO_CONSUMER_SECRET={}\n",
            key.consumer_key,
            secret.expose()
        ))
    }
}

/// A request that a key sent, as the page of the key lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRequest {
    pub at: Timestamp,
    pub request_id: String,
    /// The name of the chatbot where it was a message that was paid for; method and address otherwise.
    pub operation: String,
    /// HTTP status.
    pub status: u16,
    /// Why it was not done.
    pub refused: Option<ProblemCode>,
    /// The number of the entry and the price, where it was paid for.
    pub entry: Option<(i64, Credit)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pair() -> (String, String) {
        let key = ConsumerKey::new([7; 16]);
        (key.to_string(), PlainSecret::new(&[9; 32]).expose().to_owned())
    }

    fn read(value: &str) -> Result<Credential, CredentialError> {
        read_authorization(Some(value), |text| (text == "B64").then(|| format!("{}:{}", pair().0, pair().1)))
    }

    #[test]
    fn all_three_forms_name_the_same_key() {
        let (key, secret) = pair();
        for value in [
            format!("{key}:{secret}"),
            format!("Bearer {key}:{secret}"),
            format!("bearer  {key}:{secret} "),
            "Basic B64".to_owned(),
        ] {
            let credential = read(&value).unwrap_or_else(|error| panic!("{error:?}"));
            assert_eq!(credential.consumer_key.as_str(), key);
            assert!(credential.secret.expose() == secret);
        }
    }

    #[test]
    fn anything_else_is_malformed_and_nothing_is_missing() {
        let (key, secret) = pair();
        assert!(matches!(read_authorization(None, |_| None), Err(CredentialError::Missing)));
        assert!(matches!(read("  "), Err(CredentialError::Missing)));
        let long = "x".repeat(AUTHORIZATION_BYTES_MAX + 1);
        for value in [&key, &secret, &format!("{secret}:{key}"), &format!("Digest {key}:{secret}"), "Basic ?", &long] {
            assert!(matches!(read(value), Err(CredentialError::Malformed)), "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_secret_with_one_changed_character_is_refused(random: [u8; 32], place in 3_usize..45, other in "[0-9A-Za-z]") {
            let secret = PlainSecret::new(&random);
            prop_assert!(PlainSecret::parse(secret.expose()).is_some());
            prop_assert_eq!(secret.expose().len(), 45);
            let mut changed = secret.expose().to_owned();
            changed.replace_range(place..=place, &other);
            prop_assert_eq!(PlainSecret::parse(&changed).is_some(), changed == secret.expose());
        }

        #[test]
        fn reading_a_header_never_panics(value in ".{0,200}") {
            let _ = read_authorization(Some(&value), |text| Some(text.to_owned()));
        }
    }
}
