//! The ledger's writer under fire, on both databases: races for the last credit, failures between any two steps, callers
//! that go away, a queue that is full, and several processes on one database.

use crate::shop::{Shop, question, shop};
use crate::support::{Queued, TestServer, assert_sound, databases, databases_with, databases_with_steps, give_credit};
use domain::credit::Credit;
use domain::id::AccountId;
use domain::ledger::{Channel, Operation};
use domain::problem::ProblemCode;
use server::conversations::{Question, ask};
use server::ledger::steps::{Step, Steps};
use server::{Error, Result, Server, ledger};
use sqlx::{Connection, PgConnection};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;

const PRICE: i64 = 2_000;

async fn posted(server: &Server, account_id: &AccountId) -> i64 {
    ledger::summary(server, account_id).await.expect("a summary").posted.millionths()
}

/// Keeps the ledger's writer waiting until it is committed.
async fn locked(server: &Server) -> server::db::Tx {
    let mut tx = server.db.begin().await.expect("begins");
    tx.execute("UPDATE balances SET posted = posted", vec![]).await.expect("locks");
    tx
}

async fn processes(server: &TestServer, count: usize) -> Vec<Arc<Server>> {
    let mut processes = vec![Arc::clone(server)];
    while processes.len() < count {
        processes.push(server.second_process().await);
    }
    processes
}

/// How often a thousand parallel calls were accepted and refused for want of credit.
async fn race(processes: &[Arc<Server>], shop: &Arc<Shop>, name: &str) -> (usize, usize) {
    let calls: Vec<_> = (0..1_000)
        .map(|number| {
            let (server, shop) = (Arc::clone(&processes[number % processes.len()]), Arc::clone(shop));
            let request_id = format!("req_{name}_{number}");
            tokio::spawn(async move { ask(&server, question(&shop, Channel::Api, &request_id)).await })
        })
        .collect();
    let (mut accepted, mut short) = (0, 0);
    for call in calls {
        match call.await.expect("ends") {
            Ok(_) => accepted += 1,
            Err(error) => {
                assert_eq!(error.into_problem().code, ProblemCode::InsufficientCredit);
                short += 1;
            }
        }
    }
    (accepted, short)
}

async fn race_for_the_last_credit(count: usize) {
    for server in databases().await {
        let shop = Arc::new(shop(&server).await);
        let processes = processes(&server, count).await;
        for k in [0, 1, 100, 999] {
            give_credit(&server, &shop.olga, k * PRICE + 1).await;
            let raced = race(&processes, &shop, &format!("{k}")).await;
            let k = usize::try_from(k).expect("small");
            assert_eq!(raced, (k, 1_000 - k));
            assert_sound(&server).await;
        }
        assert_eq!(posted(&server, &shop.olga.account_id).await, 4);
    }
}

#[tokio::test]
async fn a_thousand_calls_race_for_the_last_credit_in_one_process() {
    race_for_the_last_credit(1).await;
}

#[tokio::test]
async fn a_thousand_calls_race_for_the_last_credit_in_three_processes() {
    race_for_the_last_credit(3).await;
}

#[tokio::test]
async fn parallel_messages_of_the_console_take_exactly_the_places_of_the_window() {
    for server in databases().await {
        let shop = Arc::new(shop(&server).await);
        let processes = processes(&server, 2).await;
        let calls: Vec<_> = (0..300)
            .map(|number| {
                let (server, shop) = (Arc::clone(&processes[number % 2]), Arc::clone(&shop));
                let request_id = format!("req_{number}");
                tokio::spawn(async move { ask(&server, question(&shop, Channel::Console, &request_id)).await.is_ok() })
            })
            .collect();
        let mut accepted = 0;
        for call in calls {
            accepted += usize::from(call.await.unwrap());
        }
        assert_eq!(accepted, 200);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn two_bursts_around_an_edge_never_make_more_than_the_limit_in_any_window() {
    for server in databases_with(&["--plans", &plans_file()]).await {
        let shop = shop(&server).await;
        let mut number = 0;
        let mut burst = async |calls: usize| {
            let mut accepted = 0;
            for _ in 0..calls {
                number += 1;
                accepted += usize::from(
                    ask(&server, question(&shop, Channel::Console, &format!("req_{number}"))).await.is_ok(),
                );
            }
            accepted
        };
        server.clock.advance_us(3 * 3_600_000_000 - 1_000);
        assert_eq!(burst(39).await, 39);
        server.clock.advance_us(2_000);
        assert_eq!(burst(40).await, 1, "39 of 40 places are two milliseconds old");
        server.clock.advance_us(3 * 3_600_000_000 - 2_001);
        assert_eq!(burst(40).await, 0);
        server.clock.advance_us(1);
        assert_eq!(burst(40).await, 39);
        assert_sound(&server).await;
    }
}

/// A catalogue whose default plan has 40 messages in three hours.
fn plans_file() -> String {
    let text = include_str!("../plans.toml").replace("messages_per_window = 200", "messages_per_window = 40");
    let path = std::env::temp_dir().join(format!("artiko-plans-{}.toml", std::process::id()));
    std::fs::write(&path, text).expect("writes");
    path.to_str().expect("UTF-8").to_owned()
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_what_is_queued_is_carried_out() {
    for server in databases_with(&["--ledger-queue", "5"]).await {
        let shop = Arc::new(shop(&server).await);
        give_credit(&server, &shop.olga, 100 * PRICE).await;
        let tx = locked(&server).await;
        let mut calls = JoinSet::new();
        for number in 0..40 {
            let (server, shop) = (Arc::clone(&server), Arc::clone(&shop));
            calls.spawn(async move {
                let asked = ask(&server, question(&shop, Channel::Api, &format!("req_{number}"))).await;
                asked.map_err(Error::into_problem)
            });
        }
        // Nothing can be written yet, so what ends now did not wait for that.
        let first = tokio::time::timeout(Duration::from_secs(4), calls.join_next()).await.expect("refused at once");
        let mut ended = vec![first.expect("forty calls").unwrap()];
        assert!(ended[0].is_err());
        tx.commit().await.unwrap();
        ended.extend(calls.join_all().await);
        let mut accepted = 0;
        for asked in ended {
            match asked {
                Ok(_) => accepted += 1,
                Err(problem) => {
                    assert_eq!(problem.code, ProblemCode::Unavailable);
                    assert!(problem.retry_at.is_some_and(|at| at > server.now()), "{problem:?}");
                }
            }
        }
        assert!((5..40).contains(&accepted), "{accepted}");
        assert_eq!(posted(&server, &shop.olga.account_id).await, (100 - accepted) * PRICE);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_is_charged_and_his_answer_is_stored() {
    let queued = Arc::new(Queued::default());
    for server in databases_with_steps(&[], || Arc::<Queued>::clone(&queued)).await {
        let shop = Arc::new(shop(&server).await);
        give_credit(&server, &shop.olga, PRICE).await;
        let (tx, before) = (locked(&server).await, queued.count());
        let call = {
            let (server, shop) = (Arc::clone(&server), Arc::clone(&shop));
            tokio::spawn(async move { ask(&server, question(&shop, Channel::Api, "req_1")).await.map(drop) })
        };
        queued.until(before + 1).await;
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        tx.commit().await.unwrap();
        let other = server.second_process().await;
        server.close().await;
        assert_eq!(posted(&other, &shop.olga.account_id).await, 0);
        assert_sound(&other).await;
    }
}

#[tokio::test]
async fn what_is_queued_when_the_server_closes_is_answered() {
    let queued = Arc::new(Queued::default());
    for server in databases_with_steps(&[], || Arc::<Queued>::clone(&queued)).await {
        let shop = Arc::new(shop(&server).await);
        give_credit(&server, &shop.olga, 50 * PRICE).await;
        let other = server.second_process().await;
        let (tx, before) = (locked(&server).await, queued.count());
        let calls: Vec<_> = (0..30)
            .map(|number| {
                let (server, shop) = (Arc::clone(&server), Arc::clone(&shop));
                tokio::spawn(async move { ask(&server, question(&shop, Channel::Api, &format!("req_{number}"))).await })
            })
            .collect();
        queued.until(before + 30).await;
        let closing = {
            let server = Arc::clone(&server);
            tokio::spawn(async move { server.close().await })
        };
        tokio::time::sleep(Duration::from_millis(50)).await;
        tx.commit().await.unwrap();
        closing.await.unwrap();
        for call in calls {
            call.await.unwrap().expect("answered");
        }
        assert!(ask(&server, question(&shop, Channel::Api, "req_late")).await.is_err());
        assert_eq!(posted(&other, &shop.olga.account_id).await, 20 * PRICE);
    }
}

#[tokio::test]
async fn a_request_that_comes_twice_in_one_batch_is_charged_once_and_fails_none_of_the_others() {
    let queued = Arc::new(Queued::default());
    for server in databases_with_steps(&[], || Arc::<Queued>::clone(&queued)).await {
        let shop = Arc::new(shop(&server).await);
        give_credit(&server, &shop.olga, 100 * PRICE).await;
        ask(&server, question(&shop, Channel::Api, "req_0")).await.unwrap();
        let (tx, before) = (locked(&server).await, queued.count());
        let calls: Vec<_> = (0..20)
            .map(|number| {
                let (server, shop) = (Arc::clone(&server), Arc::clone(&shop));
                let request_id = format!("req_{}", number / 2);
                tokio::spawn(async move { ask(&server, question(&shop, Channel::Api, &request_id)).await })
            })
            .collect();
        queued.until(before + 20).await;
        tx.commit().await.unwrap();
        let mut accepted = 0;
        for call in calls {
            match call.await.unwrap() {
                Ok(_) => accepted += 1,
                Err(error) => assert_eq!(error.into_problem().code, ProblemCode::Conflict),
            }
        }
        assert_eq!(accepted, 9, "the tenth was there before");
        assert_eq!(posted(&server, &shop.olga.account_id).await, 90 * PRICE);
        assert_sound(&server).await;
    }
}

/// Fails once, at one step.
#[derive(Default)]
struct FailsOnce(Mutex<Option<(Step, Error)>>);

impl FailsOnce {
    fn arm(&self, step: Step, error: Error) {
        *self.0.lock().expect("not poisoned") = Some((step, error));
    }

    fn has_failed(&self) -> bool {
        self.0.lock().expect("not poisoned").is_none()
    }
}

impl Steps for FailsOnce {
    fn reached(&self, step: Step) -> Result<()> {
        let mut armed = self.0.lock().expect("not poisoned");
        match armed.take() {
            Some((at, error)) if at == step => Err(error),
            other => {
                *armed = other;
                Ok(())
            }
        }
    }
}

const STEPS: [Step; 14] = [
    Step::Queued,
    Step::Taken,
    Step::Begun,
    Step::Locked,
    Step::Loaded,
    Step::Decided,
    Step::Written("conversations"),
    Step::Written("messages"),
    Step::Written("entries"),
    Step::Written("spendings"),
    Step::Written("balances"),
    Step::Committing,
    Step::Committed,
    Step::Replied,
];

fn unreachable() -> Error {
    sqlx::Error::Io(std::io::Error::from(std::io::ErrorKind::ConnectionReset)).into()
}

#[tokio::test]
async fn a_failure_at_any_step_charges_once_for_what_was_answered_and_nothing_for_what_was_not() {
    let steps = Arc::new(FailsOnce::default());
    let shared = || -> Arc<dyn Steps> { Arc::<FailsOnce>::clone(&steps) };
    for server in databases_with_steps(&[], shared).await {
        let shop = shop(&server).await;
        give_credit(&server, &shop.olga, 1_000 * PRICE).await;
        let mut left = 1_000;
        for (number, step) in STEPS.into_iter().enumerate() {
            for (kind, error) in [("reach", unreachable()), ("row", Error::internal("a row that is not taken"))] {
                steps.arm(step, error);
                let request_id = format!("req_{number}_{kind}");
                let asked = ask(&server, question(&shop, Channel::Api, &request_id)).await;
                let again = ask(&server, question(&shop, Channel::Api, &format!("{request_id}_again"))).await;
                assert!(again.is_ok(), "{step:?}: the next request is served");
                assert!(steps.has_failed(), "{step:?} was not reached");
                // Whoever fails after he queued a request is a caller that went away: it is carried out.
                let is_charged = asked.is_ok() || step == Step::Queued;
                left -= 1 + i64::from(is_charged);
                let found = posted(&server, &shop.olga.account_id).await;
                assert_eq!(found, left * PRICE, "{step:?} {kind}: {asked:?}");
                let survives = matches!(step, Step::Committed | Step::Replied) || kind == "row";
                assert_eq!(asked.is_ok(), survives && step != Step::Queued, "{step:?} {kind}");
            }
        }
        assert_sound(&server).await;
    }
}

/// Ends the connections of everybody else, when the writer is about to commit.
struct CutsConnections {
    url: Mutex<Option<String>>,
}

impl Steps for CutsConnections {
    fn reached(&self, step: Step) -> Result<()> {
        if step != Step::Committing {
            return Ok(());
        }
        let Some(url) = self.url.lock().expect("not poisoned").take() else { return Ok(()) };
        let cut = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let mut connection = PgConnection::connect(&url).await.expect("connects");
                let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                           WHERE datname = current_database() AND pid <> pg_backend_pid()";
                sqlx::query(cut).execute(&mut connection).await.expect("cuts");
            });
        };
        std::thread::spawn(cut).join().expect("cuts");
        Ok(())
    }
}

#[tokio::test]
async fn a_connection_that_breaks_at_the_commit_neither_loses_nor_doubles_a_charge() {
    let steps = Arc::new(CutsConnections { url: Mutex::new(None) });
    let shared = || -> Arc<dyn Steps> { Arc::<CutsConnections>::clone(&steps) };
    for server in databases_with_steps(&[], shared).await {
        if server.db.name() != "PostgreSQL" {
            continue;
        }
        let shop = shop(&server).await;
        give_credit(&server, &shop.olga, 10 * PRICE).await;
        for number in 0..3 {
            *steps.url.lock().unwrap() = Some(server.config.database_url());
            ask(&server, question(&shop, Channel::Api, &format!("req_{number}"))).await.expect("answered all the same");
            assert_eq!(posted(&server, &shop.olga.account_id).await, (9 - number) * PRICE);
        }
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn an_answer_from_documents_that_another_process_changed_is_not_delivered() {
    for server in databases().await {
        let shop = shop(&server).await;
        let other = server.second_process().await;
        let asked = async |request_id: &str| {
            let asked = Question { message: "Do you sell umbrellas?", ..question(&shop, Channel::Console, request_id) };
            ask(&server, asked).await.unwrap().answer
        };
        assert!(asked("req_1").await.citations.is_empty());
        let text = "Umbrellas are sold at the counter.";
        let document =
            server::documents::add(&other, &shop.olga.account_id, &shop.chatbot.id, "goods.md", text).await.unwrap();
        assert_eq!(asked("req_2").await.citations[0].text, text);
        server::documents::delete(&other, &shop.olga.account_id, &document.id).await.unwrap();
        assert!(asked("req_3").await.citations.is_empty());
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn what_anybody_changed_between_two_messages_counts_for_the_next_one() {
    for server in databases().await {
        let shop = shop(&server).await;
        let other = server.second_process().await;
        let account_id = &shop.olga.account_id;
        let asked = async |process: &Server, number: i64| {
            let asked = ask(process, question(&shop, Channel::Api, &format!("req_{number}"))).await;
            asked.map(|_| ()).map_err(|error| error.into_problem().code)
        };
        give_credit(&server, &shop.olga, 4 * PRICE).await;
        assert_eq!(asked(&server, 1).await, Ok(()));
        assert_eq!(asked(&server, 2).await, Ok(()));
        assert_eq!(asked(&other, 3).await, Ok(()), "the other process charges the same account");
        assert_eq!(asked(&server, 4).await, Ok(()));
        assert_eq!(posted(&server, account_id).await, 0);
        assert_eq!(asked(&server, 5).await, Err(ProblemCode::InsufficientCredit));
        give_credit(&server, &shop.olga, 3 * PRICE).await;
        assert_eq!(asked(&server, 6).await, Ok(()), "this process gave credit beside the writer");
        let amount = Credit::from_millionths(-2 * PRICE);
        ledger::operate(&other, account_id, Operation::Adjust { amount }, "for a test").await.unwrap();
        assert_eq!(asked(&server, 7).await, Err(ProblemCode::InsufficientCredit), "the other process took credit");
        give_credit(&other, &shop.olga, PRICE).await;
        assert_eq!(asked(&server, 8).await, Ok(()), "the other process gave credit");
        assert_eq!(posted(&server, account_id).await, 0);
        assert_sound(&server).await;
    }
}
