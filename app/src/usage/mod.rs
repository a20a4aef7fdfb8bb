//! Usage: the entries behind every change of the credit, filtered by key and by day, and their totals.

mod entry_row;
mod filter_form;
pub mod page;
pub mod server_fns;

pub use entry_row::what;
