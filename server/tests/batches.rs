//! What is in one batch of the ledger's writer, on both databases.

use crate::shop::{question, shop};
use crate::support::{assert_sound, databases_with_steps, give_credit};
use domain::ledger::Channel;
use domain::problem::ProblemCode;
use server::conversations::ask;
use server::db::Db;
use server::ledger::steps::{Step, Steps};
use server::{Result, Server};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

const PRICE: i64 = 2_000;

/// Lets the first batch go on from a step only when two requests are queued, says when it stands there, and counts commits.
struct WaitsForTwo {
    at: Step,
    is_there: Notify,
    queued: AtomicUsize,
    commits: AtomicUsize,
}

impl WaitsForTwo {
    fn at(at: Step) -> Arc<Self> {
        Arc::new(Self { at, is_there: Notify::new(), queued: AtomicUsize::new(0), commits: AtomicUsize::new(0) })
    }

    fn is_one_missing(&self) -> bool {
        self.queued.load(Ordering::SeqCst) < 2
    }
}

impl Steps for WaitsForTwo {
    fn reached(&self, step: Step) -> Result<()> {
        match step {
            Step::Queued => _ = self.queued.fetch_add(1, Ordering::SeqCst),
            Step::Committed => _ = self.commits.fetch_add(1, Ordering::SeqCst),
            step if step == self.at && self.is_one_missing() => {
                self.is_there.notify_one();
                let give_up_at = Instant::now() + Duration::from_secs(20);
                while self.is_one_missing() && Instant::now() < give_up_at {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Asks once, and once more while the first batch stands at the step, with credit for one message; expects so many commits.
async fn assert_commits(at: Step, commits_on: impl Fn(&Server) -> usize) {
    let steps = WaitsForTwo::at(at);
    let shared = || -> Arc<dyn Steps> { Arc::<WaitsForTwo>::clone(&steps) };
    for server in databases_with_steps(&[], shared).await {
        let shop = shop(&server).await;
        give_credit(&server, &shop.olga, PRICE).await;
        let first = ask(&server, question(&shop, Channel::Api, "req_1"));
        let second = async {
            steps.is_there.notified().await;
            ask(&server, question(&shop, Channel::Api, "req_2")).await
        };
        let (first, second) = tokio::join!(first, second);
        assert!(first.is_ok(), "{first:?}");
        assert_eq!(second.expect_err("there is credit for one").into_problem().code, ProblemCode::InsufficientCredit);
        assert_eq!(steps.queued.swap(0, Ordering::SeqCst), 2);
        assert_eq!(steps.commits.swap(0, Ordering::SeqCst), commits_on(&server), "on {}", server.db.name());
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn who_asks_while_the_transaction_begins_is_in_it() {
    assert_commits(Step::Begun, |_| 1).await;
}

/// On PostgreSQL he is in the next one: there accounts are locked in the order of their ids.
#[tokio::test]
async fn who_asks_while_a_batch_is_written_is_in_it() {
    assert_commits(Step::Decided, |server| if matches!(server.db, Db::Sqlite { .. }) { 1 } else { 2 }).await;
}
