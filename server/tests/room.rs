//! A database that cannot write what it is told to: it refuses for as long as that is so, and serves again after that.

use crate::shop::{question, shop};
use crate::support::{assert_sound, databases, give_credit};
use domain::ledger::Channel;
use domain::problem::ProblemCode;
use server::Error;
use server::conversations::ask;
use std::time::{Duration, Instant};

const PRICE: i64 = 2_000;

/// SQLite ends a transaction by itself when the disk is full, so that the driver's own ROLLBACK finds none.
#[tokio::test]
async fn after_a_transaction_that_the_database_ended_by_itself_the_next_one_begins() {
    for server in databases().await {
        let shop = shop(&server).await;
        give_credit(&server, &shop.olga, 3 * PRICE).await;
        for number in 0..3 {
            let mut tx = server.db.begin().await.expect("begins");
            tx.execute("UPDATE balances SET posted = posted + 1", vec![]).await.expect("changes");
            tx.execute("ROLLBACK", vec![]).await.expect("ends");
            let _ended = tx.commit().await;
            ask(&server, question(&shop, Channel::Api, &format!("req_{number}"))).await.expect("answered");
        }
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_database_without_room_refuses_with_503_and_serves_again_when_there_is_some() {
    for server in databases().await {
        if server.db.name() != "SQLite" {
            continue;
        }
        let shop = shop(&server).await;
        give_credit(&server, &shop.olga, 10_000 * PRICE).await;
        for round in 0..2 {
            server.db.execute("PRAGMA max_page_count = 1", vec![]).await.expect("no page more");
            let mut refused = None;
            for number in 0..1_000 {
                let asked = ask(&server, question(&shop, Channel::Api, &format!("req_{round}_{number}"))).await;
                refused = asked.map_err(Error::into_problem).err();
                if refused.is_some() {
                    break;
                }
            }
            assert_eq!(refused.expect("no room for a thousand answers").code, ProblemCode::Unavailable);
            server.db.execute("PRAGMA max_page_count = 1000000", vec![]).await.expect("room");
            ask(&server, question(&shop, Channel::Api, &format!("req_{round}_after"))).await.expect("answered");
            assert_sound(&server).await;
        }
    }
}

/// What the batch writes has a row beside it that the COMMIT, and nothing before it, refuses.
#[tokio::test]
async fn a_commit_that_sqlite_refuses_is_a_refusal_at_once() {
    for server in databases().await {
        if server.db.name() != "SQLite" {
            continue;
        }
        let shop = shop(&server).await;
        give_credit(&server, &shop.olga, 3 * PRICE).await;
        for statement in [
            "CREATE TABLE strays (account_id TEXT REFERENCES accounts (id) DEFERRABLE INITIALLY DEFERRED)",
            "CREATE TRIGGER stray AFTER INSERT ON entries BEGIN INSERT INTO strays VALUES ('nobody'); END",
        ] {
            server.db.execute(statement, vec![]).await.expect("a trap");
        }
        let began = Instant::now();
        let asked = ask(&server, question(&shop, Channel::Api, "req_1")).await;
        assert_eq!(asked.expect_err("refused").into_problem().code, ProblemCode::InternalError);
        assert!(began.elapsed() < Duration::from_secs(10), "refused after {:?}", began.elapsed());
        server.db.execute("DROP TRIGGER stray", vec![]).await.expect("no trap any more");
        ask(&server, question(&shop, Channel::Api, "req_2")).await.expect("answered");
        assert_sound(&server).await;
    }
}
