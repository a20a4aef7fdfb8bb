//! Support: how to reach the operator, and the customer's guide.

#[cfg(feature = "ssr")]
pub(crate) mod guide;
pub mod page;
pub mod server_fns;
