//! Chatbots: the list of them, and one of them with its documents and a panel to try it.

mod chatbot_page;
mod dialogs;
pub mod page;
pub mod parts;
#[cfg(feature = "ssr")]
mod plain_page;
pub mod server_fns;
mod settings;
#[cfg(feature = "ssr")]
mod settings_fields;
mod spending;
mod try_it;
mod widget_card;
#[cfg(feature = "ssr")]
mod widget_fields;

#[cfg(feature = "ssr")]
pub use server_fns::plain_routes;
