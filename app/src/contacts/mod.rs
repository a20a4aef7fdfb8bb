//! Contact requests: what visitors of widgets left for people to answer.

#[cfg(feature = "ssr")]
mod list;
mod page;
pub mod server_fns;

pub use page::ContactsPage;
