//! What happens at the built-in gateway after the customer has left its page: pending cards are decided, disputes are
//! opened and decided, checkouts that nobody pays expire, and webhooks that were not taken are sent again.

use super::delay_us;
use crate::error::Result;
use crate::payments::{OPEN_US_MAX, delivery};
use crate::{Server, args};
use domain::clock::Timestamp;
use domain::id::PaymentId;
use std::sync::Arc;
use std::time::Duration;

/// How often, and in which steps, a card is waited for that is not yet due; after that [`sweep`] decides it.
const DUE_LOOKS_MAX: u32 = 200;
const DUE_PAUSE: Duration = Duration::from_millis(50);

const DECIDE_CARDS: &str = "
UPDATE local_checkouts SET state = outcome, resolves_at = NULL, changes = changes + 1
WHERE state = 'processing' AND resolves_at <= $1 AND outcome IS NOT NULL";

const DECIDE_DISPUTES: &str = "
UPDATE local_checkouts SET dispute_state = dispute_outcome, resolves_at = NULL, changes = changes + 1
WHERE dispute_state = 'open' AND resolves_at <= $1";

const OPEN_DISPUTES: &str = "
UPDATE local_checkouts SET dispute_state = 'open', resolves_at = $2, changes = changes + 1
WHERE state = 'paid' AND dispute_state IS NULL AND dispute_outcome IS NOT NULL AND resolves_at <= $1
  AND refunded_minor_units < minor_units";

/// Takes the next step of everything that is due; of one checkout never two steps at once.
async fn step(server: &Server) -> Result<()> {
    let now = server.now();
    server.db.execute(DECIDE_CARDS, args![now.us()]).await?;
    server.db.execute(DECIDE_DISPUTES, args![now.us()]).await?;
    server.db.execute(OPEN_DISPUTES, args![now.us(), now.plus_us(delay_us(server)).us()]).await?;
    Ok(())
}

/// Waits until a card is due and tells what became of it, for each step that it takes. When the process stops before,
/// [`sweep`] does the same.
pub(super) async fn resolve(server: Arc<Server>, payment_id: PaymentId, steps: u32) {
    for _ in 0..steps {
        let due = server.now().plus_us(delay_us(&server));
        resolve_at(&server, &payment_id, due).await;
    }
}

/// It is due by the clock of the server, which need not run like the one that wakes this task.
async fn resolve_at(server: &Arc<Server>, payment_id: &PaymentId, due: Timestamp) {
    tokio::time::sleep(Duration::from_millis(server.config.local_gateway_delay_ms)).await;
    for _ in 0..DUE_LOOKS_MAX {
        if server.now() >= due {
            break;
        }
        tokio::time::sleep(DUE_PAUSE).await;
    }
    match step(server).await {
        Ok(()) => delivery::tell_soon(server, payment_id).await,
        Err(error) => tracing::error!(%error, %payment_id, "a card could not be decided"),
    }
}

const EXPIRE_OPEN: &str = "
UPDATE local_checkouts SET state = 'expired', changes = changes + 1 WHERE state = 'open' AND created_at <= $1";

const SELECT_UNTOLD: &str = "SELECT payment_id FROM local_checkouts WHERE told <> changes ORDER BY payment_id LIMIT 50";

/// Takes the steps that are due, lets checkouts expire, and tells what has not been told.
///
/// # Errors
/// When the database fails. A webhook that is not taken is no error: the next round sends it again.
pub async fn sweep(server: &Server) -> Result<()> {
    step(server).await?;
    server.db.execute(EXPIRE_OPEN, args![server.now().plus_us(-OPEN_US_MAX).us()]).await?;
    let untold: Vec<(String,)> = server.db.all(SELECT_UNTOLD, args![]).await?;
    for (payment_id,) in untold {
        let payment_id = PaymentId::from_row(payment_id);
        if let Err(error) = delivery::tell(server, &payment_id).await {
            tracing::warn!(%error, %payment_id, "a webhook was not taken");
        }
    }
    Ok(())
}

const MARK_TOLD: &str = "UPDATE local_checkouts SET told = $2 WHERE payment_id = $1 AND told < $2";

/// Remembers up to which change a checkout was told.
pub(in crate::payments) async fn mark_told(server: &Server, payment_id: &PaymentId, changes: i64) -> Result<()> {
    server.db.execute(MARK_TOLD, args![payment_id.as_str(), changes]).await?;
    Ok(())
}
