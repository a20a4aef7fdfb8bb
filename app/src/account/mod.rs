//! The person and the account, what is told by mail, and the way out.

#[cfg(feature = "ssr")]
mod alert;
pub mod page;
pub mod server_fns;
