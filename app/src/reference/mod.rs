//! API & Reference: every operation with its fields, refusals, and snippets with the reader's own ids in them; how to
//! authenticate, limits, streams and pages; the catalogue of errors; and a form that sends a call from the page.
//!
//! **Architecture invariant:** what is said of an operation comes from the OpenAPI document. It is read and
//! rendered on the server, so that the browser does not have to load it, or the code that does so, with every page.

mod contents;
#[cfg(feature = "ssr")]
mod description;
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
#[cfg(feature = "ssr")]
mod overview;
pub mod page;
mod parts;
#[cfg(feature = "ssr")]
mod sections;
mod sending;
pub mod server_fns;
#[cfg(feature = "ssr")]
mod snippets;
mod try_it;

pub(crate) use page::rendered;
