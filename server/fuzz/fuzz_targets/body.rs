//! The JSON body of a message: its fields are read or refused, and a refusal never repeats what was sent.
#![no_main]

use libfuzzer_sys::fuzz_target;
use server::http::JsonObject;

fuzz_target!(|bytes: &[u8]| {
    match JsonObject::parse(bytes.to_vec().into()) {
        Ok(fields) => {
            let _text = fields.text("user_message");
            let _name = fields.optional_name("conversation_id");
            let _flag = fields.flag("stream");
        }
        Err(refused) => assert!(refused.problem().detail.len() < 200),
    }
});
