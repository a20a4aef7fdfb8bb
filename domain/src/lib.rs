//! The rules of the product: what credit, plans, keys, payments and the message window mean.
//!
//! Everything here is pure. A rule takes what it needs (the time, random bytes, the state of an account) as parameters
//! and returns a decision, so the server, the browser and the tests run the very same code.

pub mod account;
pub mod api_key;
pub mod breaker;
pub mod chatbot;
pub mod chatbot_settings;
pub mod clock;
pub mod contact;
pub mod conversation;
pub mod credit;
pub mod field;
pub mod html;
pub mod id;
pub mod ledger;
pub mod mail;
pub mod money;
pub mod passages;
pub mod payment;
pub mod plan;
pub mod problem;
pub mod quote;
pub mod receipt;
pub mod subscription;
pub mod top_up;
pub mod widget;
pub mod window;
