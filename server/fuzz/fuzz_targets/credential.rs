//! The header `Authorization`: whatever it holds is read or refused, and what is read is of the form that is promised.
#![no_main]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::api_key::{ConsumerKey, PlainSecret, read_authorization};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let decode = |text: &str| STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    if let Ok(credential) = read_authorization(Some(text), decode) {
        assert!(ConsumerKey::parse(credential.consumer_key.as_str()).is_some());
        assert!(PlainSecret::parse(credential.secret.expose()).is_some());
    }
});
