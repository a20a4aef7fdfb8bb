//! The server's tests in one program, which is linked once and not forty times: one file a subject, then what they share.
//!
//! One subject alone: `cargo test -p server --test all ledger::`.

mod accounts;
mod api;
mod ask;
mod chatbot_settings;
mod contacts;
mod conversations;
mod document_api;
mod documents;
mod engine;
mod http;
mod kept_answers;
mod keys;
mod ledger;
mod listen;
mod log;
mod mail;
mod mail_log;
mod metering;
mod mutated_documents;
mod openai;
mod payments;
mod plan_changes;
mod reading;
mod receipts;
mod recovery;
mod refunds;
mod retrieval;
mod room;
mod secrets;
mod smtp;
mod strangers;
mod stripe;
mod stripe_cards;
mod stripe_deliveries;
mod stripe_forged;
mod sums;
mod top_up;
mod usage;
mod widget;

mod api_holder;
mod belongings;
mod files;
mod gateway;
mod key_holder;
mod listener;
mod mutations;
mod operations;
mod post;
mod requests;
mod shop;
mod stripe_api;
mod support;
mod upstream;
