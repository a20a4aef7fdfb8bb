//! What is in one batch of the ledger's writer, on both databases.

use crate::shop::{question, shop};
use crate::support::{assert_sound, databases_with_steps, give_credit};
use domain::ledger::Channel;
use server::Result;
use server::conversations::ask;
use server::ledger::steps::{Step, Steps};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

const PRICE: i64 = 2_000;

/// Says when a batch was taken, lets no transaction go on after it has begun until two requests are queued, and counts
/// commits.
#[derive(Default)]
struct WaitsForTwo {
    taken: Notify,
    queued: AtomicUsize,
    commits: AtomicUsize,
}

impl Steps for WaitsForTwo {
    fn reached(&self, step: Step) -> Result<()> {
        match step {
            Step::Queued => _ = self.queued.fetch_add(1, Ordering::SeqCst),
            Step::Taken => self.taken.notify_one(),
            Step::Begun => {
                let give_up_at = Instant::now() + Duration::from_secs(20);
                while self.queued.load(Ordering::SeqCst) < 2 && Instant::now() < give_up_at {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            Step::Committed => _ = self.commits.fetch_add(1, Ordering::SeqCst),
            _ => {}
        }
        Ok(())
    }
}

#[tokio::test]
async fn who_asks_while_the_transaction_begins_is_in_it() {
    let steps = Arc::new(WaitsForTwo::default());
    let shared = || -> Arc<dyn Steps> { Arc::<WaitsForTwo>::clone(&steps) };
    for server in databases_with_steps(&[], shared).await {
        let shop = shop(&server).await;
        give_credit(&server, &shop.olga, 2 * PRICE).await;
        let first = ask(&server, question(&shop, Channel::Api, "req_1"));
        let second = async {
            steps.taken.notified().await;
            ask(&server, question(&shop, Channel::Api, "req_2")).await
        };
        let (first, second) = tokio::join!(first, second);
        assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
        assert_eq!(steps.commits.swap(0, Ordering::SeqCst), 1, "on {}", server.db.name());
        assert_eq!(steps.queued.swap(0, Ordering::SeqCst), 2);
        assert_sound(&server).await;
    }
}
