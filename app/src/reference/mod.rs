//! API & Reference: how to authenticate, the call, examples with the reader's own ids in them, and every error.
//!
//! The examples and the catalogue of errors are made on the server and sent as texts, so that the browser does not have
//! to load them with every page.

#[cfg(feature = "ssr")]
mod errors;
pub mod page;
mod parts;
pub mod server_fns;
#[cfg(feature = "ssr")]
mod snippets;
