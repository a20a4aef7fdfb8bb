//! The header `Idempotency-Key`: a key is read exactly when it is 1 to 255 visible ASCII characters.
#![no_main]

use libfuzzer_sys::fuzz_target;
use server::idempotency::{KEY_CHARACTERS_MAX, OnceKey};

fuzz_target!(|bytes: &[u8]| {
    let is_key = (1..=KEY_CHARACTERS_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
    assert_eq!(OnceKey::read(bytes, "messages", b"{}").is_ok(), is_key);
});
