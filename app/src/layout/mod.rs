//! What surrounds every page of a signed-in person: the navigation, the account menu, and the stream of changes.

mod nav;
mod not_found;
mod signed_in;

pub use not_found::NotFound;
pub use signed_in::SignedIn;
