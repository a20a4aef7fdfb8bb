//! Usage: the entries behind every change of the credit, filtered in every way that they differ, with their totals, and
//! what messages cost by day.

#[cfg(feature = "ssr")]
mod chart;
mod chart_card;
pub mod entry_page;
mod entry_row;
pub mod filter;
mod filter_form;
pub mod page;
pub mod server_fns;

pub use chart_card::chart_card;
pub use entry_row::{channel_name, what};
pub use filter_form::{day, select};
pub use server_fns::FilterChoices;
