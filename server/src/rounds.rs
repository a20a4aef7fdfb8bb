//! What is done again and again beside the requests: clearing away, summing up, writing down.

use crate::Server;
use crate::error::Result;
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Does something every so often, until the server stops or nobody has it any more. A round that fails is logged with what
/// could not be done, and the next one comes. One that the end of the server cuts off leaves its work to the next start.
pub async fn keep<F>(server: Weak<Server>, every: Duration, failure: &'static str, round: impl Fn(Arc<Server>) -> F)
where
    F: Future<Output = Result<()>>,
{
    let mut interval = tokio::time::interval(every);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let Some(server) = server.upgrade().filter(|server| !server.is_stopping()) else { return };
        let done = round(Arc::clone(&server)).await;
        if let Some(error) = done.err().filter(|_| !server.is_stopping()) {
            tracing::error!(%error, "{failure}");
        }
    }
}
