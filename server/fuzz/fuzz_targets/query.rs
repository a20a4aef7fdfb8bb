//! The query of a list: filters, pages and cursors are read or refused.
#![no_main]

use domain::id::ConversationId;
use http::Uri;
use libfuzzer_sys::fuzz_target;
use server::http::api::{PAGE_SIZE_MAX, QueryFields};

const KNOWN: [&str; 8] = ["limit", "cursor", "from", "until", "key_id", "chatbot_id", "channel", "by"];

fuzz_target!(|text: &str| {
    let Ok(uri) = format!("/api/v1/entries?{text}").parse::<Uri>() else { return };
    let Ok(fields) = QueryFields::read(&uri, &KNOWN) else { return };
    if let Ok(size) = fields.page_size() {
        assert!((1..=PAGE_SIZE_MAX).contains(&size));
    }
    if let Ok((Some(from), Some(until))) = fields.days() {
        assert!(from < until);
    }
    let _seq = fields.cursor(|text| text.parse::<i64>().ok());
    let _id = fields.cursor(ConversationId::parse);
    let _key = fields.key_id();
    let _chatbot = fields.chatbot_id();
    let _channel = fields.channel();
});
