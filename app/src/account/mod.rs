//! The person and the account, and the way out.

pub mod page;
