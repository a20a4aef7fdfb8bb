//! The page "API Plans & Settings": the plan, the API credit, the API keys, and the pages of a key and of payments behind it.

mod add_balance_dialog;
mod compare_plans_dialog;
mod credit_card;
mod delete_key_dialog;
pub mod key;
mod keys_card;
mod new_key_dialog;
#[cfg(feature = "ssr")]
mod new_key_page;
pub mod page;
mod payment_notice;
pub mod payments_page;
mod plan_card;
#[cfg(feature = "ssr")]
pub mod receipts;
mod regenerate_key_dialog;
pub mod server_fns;
mod shown_key;
mod spend_chart;

#[cfg(feature = "ssr")]
pub use server_fns::plain_routes;
