//! Signing in and signing up.

pub mod page;
pub mod server_fns;
