//! Conversations: the list, one of them with all that was said, and the files they are exported as.

mod conversation_page;
mod filter;
mod page;
pub mod server_fns;

pub use conversation_page::ConversationPage;
pub use page::ConversationsPage;
