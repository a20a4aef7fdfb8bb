//! What those see who run the installation: the mails of all accounts. Plain HTML, which nobody else's browser loads.

#[cfg(feature = "ssr")]
mod pages;
#[cfg(feature = "ssr")]
pub mod server_fns;
