//! Changing to another plan: what it takes, said before anything is paid, and the way to it.

pub mod page;
pub mod server_fns;
#[cfg(feature = "ssr")]
pub mod texts;
