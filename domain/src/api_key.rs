//! API keys: the consumer key that names one, the consumer secret that proves it, and how a caller sends the two.

use crate::clock::Timestamp;
use crate::credit::Credit;
use crate::id::{KeyId, base62, is_base62};
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

/// A key as its owner sees it in the list: never with its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    pub id: KeyId,
    pub name: String,
    pub consumer_key: ConsumerKey,
    pub created_at: Timestamp,
    /// When the secret was last replaced; the same as `created_at` until then.
    pub secret_created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    /// Credit spent through this key since the first of the month (UTC); a positive number.
    pub spent_this_month: Credit,
    /// How much it may spend in a calendar month (UTC).
    pub monthly_cap: Option<Credit>,
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
