//! Signatures of webhooks, in the header form that Stripe made common: `t=1795000000,v1=5257a8…`.
//!
//! Without them anybody who knows the address could buy credit for nothing. The time is signed together with the body,
//! so a recorded webhook cannot be sent again later.

use domain::clock::{SECOND_US, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use std::fmt::Write as _;
use subtle::{Choice, ConstantTimeEq};

/// The header that carries the signature.
pub const HEADER: &str = "stripe-signature";
/// How far the signed time may lie from ours, in either direction, in seconds.
pub const TOLERANCE_S: i64 = 300;

/// Why a webhook was not believed, in the order in which it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureError {
    Missing,
    Malformed,
    OutsideTolerance,
    Wrong,
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the signature header is missing",
            Self::Malformed => "the signature header has not the form t=…,v1=…",
            Self::OutsideTolerance => "the signature is too old or lies in the future",
            Self::Wrong => "the signature does not match the body",
        })
    }
}

/// The value of the signature header for a body that is sent at a time.
#[must_use]
pub fn sign(secret: &[u8], at: Timestamp, body: &[u8]) -> String {
    let seconds = at.us().div_euclid(SECOND_US).to_string();
    format!("t={seconds},v1={}", digest(secret, &seconds, body))
}

/// Checks the value of the signature header. While a secret is being replaced there are several of them, on this side or
/// on the other: one `v1` signature by one of the secrets is enough. All are computed and compared, in constant time.
///
/// # Errors
/// In the order of [`SignatureError`].
pub fn verify<'a>(
    secrets: impl IntoIterator<Item = &'a [u8]>,
    header: Option<&str>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), SignatureError> {
    let header = header.ok_or(SignatureError::Missing)?;
    let values = |wanted: &'static str| {
        header
            .split(',')
            .filter_map(|part| part.trim().split_once('='))
            .filter(move |(name, _)| *name == wanted)
            .map(|(_, value)| value)
    };
    let seconds_text = values("t").next().ok_or(SignatureError::Malformed)?;
    let seconds: i64 = seconds_text.parse().map_err(|_| SignatureError::Malformed)?;
    if values("v1").next().is_none() {
        return Err(SignatureError::Malformed);
    }
    if now.us().div_euclid(SECOND_US).saturating_sub(seconds).saturating_abs() > TOLERANCE_S {
        return Err(SignatureError::OutsideTolerance);
    }
    let mut is_signed = Choice::from(0);
    for secret in secrets {
        let expected = digest(secret, seconds_text, body);
        for given in values("v1") {
            is_signed |= given.as_bytes().ct_eq(expected.as_bytes());
        }
    }
    if bool::from(is_signed) { Ok(()) } else { Err(SignatureError::Wrong) }
}

fn digest(secret: &[u8], seconds: &str, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        unreachable!("HMAC takes a key of any length");
    };
    mac.update(seconds.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.finalize().into_bytes().iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_us(1_795_000_000 * SECOND_US);

    #[test]
    fn the_signature_is_the_one_that_others_compute() {
        // From `printf '1492774577.{}' | openssl dgst -sha256 -hmac whsec`.
        let at = Timestamp::from_us(1_492_774_577 * SECOND_US);
        let expected = "t=1492774577,v1=9e4711d7c8a6df6f6635a71dd3df8fbb6138d4f2807a487e8fed2e4a67af1fa8";
        assert_eq!(sign(b"whsec", at, b"{}"), expected);
    }

    #[test]
    fn a_signature_is_believed_for_its_body_its_secret_and_five_minutes() {
        let header = sign(b"secret", NOW, b"body");
        let check = |secret: &[u8], header: &str, body: &[u8], now| verify([secret], Some(header), body, now);
        assert_eq!(check(b"secret", &header, b"body", NOW), Ok(()));
        for seconds in [-TOLERANCE_S, TOLERANCE_S] {
            assert_eq!(check(b"secret", &header, b"body", NOW.plus_us(seconds * SECOND_US)), Ok(()), "{seconds}");
        }
        for seconds in [-TOLERANCE_S - 1, TOLERANCE_S + 1] {
            let outcome = check(b"secret", &header, b"body", NOW.plus_us(seconds * SECOND_US));
            assert_eq!(outcome, Err(SignatureError::OutsideTolerance), "{seconds}");
        }
        assert_eq!(check(b"secret", &header, b"bodz", NOW), Err(SignatureError::Wrong));
        assert_eq!(check(b"Secret", &header, b"body", NOW), Err(SignatureError::Wrong));
    }

    #[test]
    fn one_matching_signature_of_several_is_enough() {
        let (old, new) = (sign(b"old", NOW, b"body"), sign(b"new", NOW, b"body"));
        let both = format!("{old},{}", new.split_once(',').expect("two parts").1);
        assert_eq!(verify([&b"new"[..]], Some(&both), b"body", NOW), Ok(()));
        assert_eq!(verify([&b"other"[..]], Some(&both), b"body", NOW), Err(SignatureError::Wrong));
    }

    #[test]
    fn one_of_several_secrets_is_enough_and_none_is_not() {
        let active: [&[u8]; 3] = [b"oldest", b"old", b"new"];
        for secret in active {
            assert_eq!(verify(active, Some(&sign(secret, NOW, b"body")), b"body", NOW), Ok(()));
        }
        for secret in [&b"other"[..], b"", b"oldestoldnew"] {
            let header = sign(secret, NOW, b"body");
            assert_eq!(verify(active, Some(&header), b"body", NOW), Err(SignatureError::Wrong));
            assert_eq!(verify([], Some(&header), b"body", NOW), Err(SignatureError::Wrong));
        }
    }

    #[test]
    fn a_header_of_another_form_is_refused_by_name() {
        assert_eq!(verify([&b"secret"[..]], None, b"", NOW), Err(SignatureError::Missing));
        for header in ["", "t=1", "v1=00", "t=x,v1=00", "1795000000", "t,v1"] {
            assert_eq!(verify([&b"secret"[..]], Some(header), b"", NOW), Err(SignatureError::Malformed), "{header}");
        }
    }
}
