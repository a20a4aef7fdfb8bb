//! API & Reference: every operation with its fields, refusals, and snippets with the reader's own ids in them; how to
//! authenticate, limits, streams and pages; the catalogue of errors; and a form that sends a call from the page.
//!
//! **Architecture invariant:** what is said of an operation comes from the OpenAPI document. It is read on the server and
//! sent as texts, so that the browser does not have to load it, or the code that reads it, with every page.

mod contents;
pub mod document;
#[cfg(feature = "ssr")]
mod errors;
#[cfg(feature = "ssr")]
mod fields;
#[cfg(feature = "ssr")]
mod inputs;
#[cfg(feature = "ssr")]
pub mod openapi;
pub mod operation_page;
pub mod page;
mod parts;
#[cfg(feature = "ssr")]
mod sections;
mod sending;
pub mod server_fns;
#[cfg(feature = "ssr")]
mod snippets;
mod try_it;
