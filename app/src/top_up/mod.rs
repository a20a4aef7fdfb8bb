//! Auto top-up: what the owner chooses, the card it pays with, and what it is doing.

#[cfg(feature = "ssr")]
mod fields;
pub mod page;
pub mod server_fns;
