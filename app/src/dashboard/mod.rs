//! The dashboard: what there is at a glance, and the first steps of a new account.

mod first_steps;
pub mod page;
pub mod server_fns;
