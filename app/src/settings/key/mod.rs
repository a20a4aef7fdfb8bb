//! The page of one API key: its settings, its secrets, what it has used, and the ways to end it.

mod form;
pub mod page;
mod requests;
mod secrets;
