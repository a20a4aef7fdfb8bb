//! The steps that a batch takes, as places where a test can make it fail, stop or end the process.
//!
//! In service nobody stands there. A test passes in its own [`Steps`] and proves that whatever breaks between two steps,
//! no charge is lost, doubled or answered too early.

use crate::error::Result;

/// A place in the life of a batch. Each is reached after the step that it is named for; from `Locked` to `Written` once for
/// those who asked until the transaction had begun and, on SQLite if there are any, once more for those who asked meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A request waits in the queue.
    Queued,
    /// The writer has taken what was queued.
    Taken,
    /// The transaction has begun.
    Begun,
    /// The accounts are locked.
    Locked,
    /// Everything that a decision reads is read.
    Loaded,
    /// Every request is decided; nothing is written.
    Decided,
    /// The rows of this table are written.
    Written(&'static str),
    /// Everything is written, nothing is durable.
    Committing,
    /// Everything is durable, nobody has been answered.
    Committed,
    /// Every caller has been answered.
    Replied,
}

/// What happens at a step: nothing, or a failure as the database would report it.
pub trait Steps: Send + Sync {
    /// # Errors
    /// When the batch is to fail here.
    fn reached(&self, step: Step) -> Result<()>;
}

/// Nobody stands at any step.
pub struct NoSteps;

impl Steps for NoSteps {
    fn reached(&self, _: Step) -> Result<()> {
        Ok(())
    }
}
