//! What surrounds a charge: answers that are replayed, keys that are recognised from memory, holds, caps and alerts.

use crate::key_holder::{KeyHolder, PRICE, key_holder};
use crate::requests::send;
use crate::shop::{Shop, question, refused, shop};
use crate::support::{Queued, TestServer, assert_sound, databases, databases_with_steps, give_credit, owner};
use axum::body::Body;
use axum::http::{HeaderValue, Request};
use domain::api_key::{ApiKey, KeySettings};
use domain::chatbot::Answer;
use domain::clock::{DAY_US, HOUR_US, MINUTE_US};
use domain::credit::Credit;
use domain::ledger::Channel;
use domain::problem::ProblemCode;
use serde_json::json;
use server::conversations::{self, Begun, Start, ask, begin, finish};
use server::idempotency::{self, OnceKey};
use server::{Server, chatbots, keys, ledger};
use std::sync::Arc;
use std::time::Duration;

const PRICE_MILLIONTHS: i64 = PRICE.millionths();

fn with_key(holder: &KeyHolder, key: &str) -> Request<Body> {
    let mut request = holder.asks(&holder.question());
    request.headers_mut().insert("idempotency-key", HeaderValue::from_str(key).expect("a value"));
    request
}

async fn count(server: &Server, sql: &'static str) -> i64 {
    let (count,): (i64,) = server.db.one(sql, vec![]).await.expect("reads");
    count
}

#[tokio::test]
async fn a_request_that_is_sent_again_gets_the_same_bytes_and_is_charged_once() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 5).await;
        let first = send(&server, with_key(&holder, "order-1")).await;
        assert_eq!((first.status, first.header("idempotency-replayed")), (200, ""));
        let other = server.second_process().await;
        for server in [&*server, &other] {
            let again = send(server, with_key(&holder, "order-1")).await;
            assert_eq!((again.status, &again.body), (200, &first.body));
            assert_eq!(again.header("idempotency-replayed"), "true");
            assert_eq!(again.header("x-credit-remaining"), first.header("x-credit-remaining"));
            assert_eq!(again.header("content-type"), first.header("content-type"));
        }
        let next = send(&server, with_key(&holder, "order-2")).await;
        assert_ne!(next.body, first.body);
        assert_eq!(holder.books(&server).await.spent, 2 * PRICE_MILLIONTHS);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_replay_needs_neither_credit_nor_chatbot_and_another_account_has_its_own_keys() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 1).await;
        let other = key_holder(&server, owner(&server, "otto").await, 1).await;
        let first = send(&server, with_key(&holder, "order-1")).await;
        chatbots::delete(&server, &holder.viewer, &holder.chatbot.id).await.unwrap();
        let again = send(&server, with_key(&holder, "order-1")).await;
        assert_eq!((again.status, again.body), (200, first.body.clone()));
        let theirs = send(&server, with_key(&other, "order-1")).await;
        assert_eq!((theirs.status, theirs.header("idempotency-replayed")), (200, ""));
        assert_ne!(theirs.body, first.body);
    }
}

#[tokio::test]
async fn a_key_belongs_to_one_body_and_has_a_form() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 5).await;
        assert_eq!(send(&server, with_key(&holder, "order-1")).await.status, 200);
        let mut body = holder.question();
        body["user_message"] = json!("Can I return a parcel?");
        let mut other = holder.asks(&body);
        other.headers_mut().insert("idempotency-key", HeaderValue::from_static("order-1"));
        send(&server, other).await.refuses(422, "idempotency_key_reused");
        for key in ["", "two words", &"x".repeat(256), "tab\tkey"] {
            let answer = send(&server, with_key(&holder, key)).await;
            answer.refuses(422, "invalid_field");
            assert_eq!(answer.json()["field"], json!("Idempotency-Key"), "{key:?}");
        }
        let mut twice = with_key(&holder, "order-3");
        twice.headers_mut().append("idempotency-key", HeaderValue::from_static("order-4"));
        send(&server, twice).await.refuses(422, "invalid_field");
        assert_eq!(send(&server, with_key(&holder, &"x".repeat(255))).await.status, 200);
        assert_eq!(holder.books(&server).await.spent, 2 * PRICE_MILLIONTHS);
    }
}

#[tokio::test]
async fn a_refusal_is_not_kept_under_its_key() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 0).await;
        send(&server, with_key(&holder, "order-1")).await.refuses(402, "insufficient_credit");
        give_credit(&server, &holder.viewer, PRICE_MILLIONTHS).await;
        assert_eq!(send(&server, with_key(&holder, "order-1")).await.status, 200);
        assert_eq!(holder.books(&server).await.available, 0);
    }
}

#[tokio::test]
async fn while_the_first_request_runs_a_second_one_is_told_so() {
    let queued = Arc::new(Queued::default());
    for server in databases_with_steps(&[], || Arc::<Queued>::clone(&queued)).await {
        let holder = key_holder(&server, owner(&server, "olga").await, 5).await;
        let mut tx = server.db.begin().await.unwrap();
        tx.execute("UPDATE balances SET posted = posted", vec![]).await.unwrap();
        let before = queued.count();
        let first = {
            let (server, request) = (Arc::<Server>::clone(&server), with_key(&holder, "order-1"));
            tokio::spawn(async move { send(&server, request).await })
        };
        queued.until(before + 1).await;
        send(&server, with_key(&holder, "order-1")).await.refuses(409, "request_in_progress");
        tx.commit().await.unwrap();
        let first = first.await.unwrap();
        assert_eq!(first.status, 200);
        assert_eq!(send(&server, with_key(&holder, "order-1")).await.body, first.body);
    }
}

#[tokio::test]
async fn many_repetitions_at_once_in_three_processes_are_one_charge_and_one_body() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 9).await;
        let servers = [Arc::<Server>::clone(&server), server.second_process().await, server.second_process().await];
        let calls: Vec<_> = (0..60)
            .map(|number| {
                let (server, request) = (Arc::clone(&servers[number % 3]), with_key(&holder, "order-1"));
                tokio::spawn(async move { send(&server, request).await })
            })
            .collect();
        let mut bodies = Vec::new();
        for call in calls {
            let answer = call.await.unwrap();
            match answer.status {
                200 => bodies.push(answer.body),
                _ => answer.refuses(409, "request_in_progress"),
            }
        }
        bodies.dedup();
        assert_eq!(bodies.len(), 1);
        assert_eq!(holder.books(&server).await.spent, PRICE_MILLIONTHS);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn an_answer_is_kept_for_a_day_and_then_swept() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 9).await;
        let first = send(&server, with_key(&holder, "order-1")).await;
        server.clock.advance_us(24 * HOUR_US);
        idempotency::sweep(&server).await.unwrap();
        assert_eq!(send(&server, with_key(&holder, "order-1")).await.body, first.body);
        server.clock.advance_us(HOUR_US + 1);
        idempotency::sweep(&server).await.unwrap();
        assert_ne!(send(&server, with_key(&holder, "order-1")).await.body, first.body);
        assert_sound(&server).await;
    }
}

fn body_of(told: &conversations::Told<'_>) -> String {
    format!("{}: {}", told.conversation_id, told.answer.text)
}

fn an_answer() -> Answer {
    Answer { text: "Of course.".to_owned(), citations: Vec::new() }
}

const fn credit(millionths: i64) -> Credit {
    Credit::from_millionths(millionths)
}

async fn begun(server: &Server, shop: &crate::shop::Shop, request_id: &str, maximum: i64) -> Box<Begun> {
    match begin(server, question(shop, Channel::Api, request_id), credit(maximum), None).await.expect("begins") {
        Start::Begun(begun) => begun,
        Start::Replayed(_) => panic!("nothing was sent before"),
    }
}

async fn held_and_available(server: &Server, shop: &crate::shop::Shop) -> (i64, i64) {
    let summary = ledger::summary(server, &shop.olga.account_id).await.expect("a summary");
    (summary.held.millionths(), summary.available().millionths())
}

/// Waits until what was dropped is given back.
async fn nothing_is_held(server: &Server, shop: &crate::shop::Shop) {
    for _ in 0..200 {
        if held_and_available(server, shop).await.0 == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("still held");
}

#[tokio::test]
async fn a_hold_sets_credit_aside_and_takes_what_the_answer_cost() {
    for server in databases().await {
        let shop = shop(&server).await;
        give_credit(&server, &shop.olga, 10_000).await;
        let begun = begun(&server, &shop, "req_1", 7_000).await;
        assert_eq!(held_and_available(&server, &shop).await, (7_000, 3_000));
        assert_sound(&server).await;
        let short = begin(&server, question(&shop, Channel::Api, "req_2"), credit(3_001), None).await;
        assert_eq!(short.err().unwrap().into_problem().code, ProblemCode::InsufficientCredit);
        let delivery = finish(&server, begun, &an_answer(), credit(4_500), body_of).await.unwrap();
        assert!(delivery.body.ends_with(": Of course."));
        assert_eq!(delivery.credit_remaining, credit(5_500));
        assert_eq!(held_and_available(&server, &shop).await, (0, 5_500));
        let key = keys::list(&server, &shop.olga.account_id).await.unwrap().remove(0);
        assert_eq!(key.spent_this_month, credit(4_500));
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn an_answer_that_fails_is_cancelled_or_costs_too_much_gives_everything_back() {
    for server in databases().await {
        let shop = shop(&server).await;
        give_credit(&server, &shop.olga, 10_000).await;
        let failed = begun(&server, &shop, "req_1", 7_000).await;
        conversations::give_up(&server, failed).await.unwrap();
        assert_eq!(held_and_available(&server, &shop).await, (0, 10_000));
        drop(begun(&server, &shop, "req_2", 7_000).await);
        nothing_is_held(&server, &shop).await;
        let too_dear = begun(&server, &shop, "req_3", 7_000).await;
        let refused = finish(&server, too_dear, &an_answer(), credit(7_001), body_of).await;
        assert_eq!(refused.unwrap_err().into_problem().code, ProblemCode::InvalidField);
        nothing_is_held(&server, &shop).await;
        assert_eq!(held_and_available(&server, &shop).await, (0, 10_000));
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_hold_that_nobody_came_back_for_expires_and_cannot_be_settled_any_more() {
    for server in databases().await {
        let shop = shop(&server).await;
        give_credit(&server, &shop.olga, 10_000).await;
        let begun = begun(&server, &shop, "req_1", 7_000).await;
        server.clock.advance_us(10 * MINUTE_US - 1);
        ledger::sweep_holds(&server).await.unwrap();
        assert_eq!(held_and_available(&server, &shop).await, (7_000, 3_000));
        server.clock.advance_us(1);
        ledger::sweep_holds(&server).await.unwrap();
        assert_eq!(held_and_available(&server, &shop).await, (0, 10_000));
        let late = finish(&server, begun, &an_answer(), credit(1), body_of).await;
        assert_eq!(late.unwrap_err().into_problem().code, ProblemCode::Conflict);
        assert_eq!(held_and_available(&server, &shop).await, (0, 10_000));
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn parallel_holds_never_set_aside_more_than_there_is() {
    for server in databases().await {
        let shop = Arc::new(shop(&server).await);
        give_credit(&server, &shop.olga, 7 * 1_000 + 999).await;
        let calls: Vec<_> = (0..50)
            .map(|number| {
                let (server, shop) = (Arc::<Server>::clone(&server), Arc::clone(&shop));
                tokio::spawn(async move {
                    let request_id = format!("req_{number}");
                    begin(&server, question(&shop, Channel::Api, &request_id), credit(1_000), None).await.ok()
                })
            })
            .collect();
        let mut begun = Vec::new();
        for call in calls {
            begun.extend(call.await.unwrap());
        }
        assert_eq!((begun.len(), held_and_available(&server, &shop).await), (7, (7_000, 999)));
        assert_sound(&server).await;
        drop(begun);
        nothing_is_held(&server, &shop).await;
    }
}

#[tokio::test]
async fn a_key_of_an_answer_that_is_being_written_is_taken_until_the_answer_is_there_or_given_up() {
    for server in databases().await {
        let shop = shop(&server).await;
        give_credit(&server, &shop.olga, 10_000).await;
        let other = server.second_process().await;
        let once = || Some(OnceKey::read(b"order-1", "ask", b"{}").unwrap());
        let start = async |server: &Server, request_id: &str| {
            begin(server, question(&shop, Channel::Api, request_id), credit(3_000), once()).await
        };
        let Ok(Start::Begun(first)) = start(&server, "req_1").await else { panic!("nothing was sent before") };
        for server in [&*server, &other] {
            let code = start(server, "req_2").await.err().unwrap().into_problem().code;
            assert_eq!(code, ProblemCode::RequestInProgress);
        }
        conversations::give_up(&server, first).await.unwrap();
        let Ok(Start::Begun(second)) = start(&other, "req_3").await else { panic!("it was given up") };
        let delivery = finish(&other, second, &an_answer(), credit(1_000), body_of).await.unwrap();
        let Ok(Start::Replayed(again)) = start(&server, "req_4").await else { panic!("it was answered") };
        assert_eq!((again.body, again.is_replayed), (delivery.body, true));
        assert_eq!(held_and_available(&server, &shop).await, (0, 9_000));
        assert_sound(&server).await;
    }
}

async fn capped(server: &TestServer, shop: &crate::shop::Shop, number: &mut u32) -> Option<ProblemCode> {
    *number += 1;
    let asked = ask(server, question(shop, Channel::Api, &format!("req_{number}"))).await;
    asked.err().map(|error| error.into_problem().code)
}

async fn cap_key(server: &Server, shop: &Shop, monthly_cap: Option<Credit>) -> server::Result<ApiKey> {
    let settings = KeySettings { monthly_cap, ..shop.key.key.settings.clone() };
    keys::change(server, &shop.olga, &shop.key.key.id, settings).await
}

#[tokio::test]
async fn a_keys_monthly_cap_is_kept_and_told_once_and_opens_with_the_month() {
    for server in databases().await {
        let (shop, mut number) = (shop(&server).await, 0);
        give_credit(&server, &shop.olga, 1_000_000).await;
        assert!(cap_key(&server, &shop, Some(credit(-1))).await.is_err());
        cap_key(&server, &shop, Some(credit(11_999))).await.unwrap();
        for _ in 0..5 {
            assert_eq!(capped(&server, &shop, &mut number).await, None);
        }
        let problem = refused(&server, question(&shop, Channel::Api, "req_capped")).await;
        assert_eq!(problem.code, ProblemCode::KeyCapReached);
        let alerts = "SELECT COUNT(*) FROM outbox WHERE kind = 'key_cap_near' AND subject_id IS NOT NULL";
        assert_eq!(count(&server, alerts).await, 1);
        assert_eq!(keys::list(&server, &shop.olga.account_id).await.unwrap()[0].spent_this_month, credit(10_000));
        server.clock.advance_us(problem.retry_at.unwrap().us_since(server.now()) - 1);
        assert_eq!(capped(&server, &shop, &mut number).await, Some(ProblemCode::KeyCapReached));
        server.clock.advance_us(1);
        assert_eq!(capped(&server, &shop, &mut number).await, None);
        assert_eq!(keys::list(&server, &shop.olga.account_id).await.unwrap()[0].spent_this_month, credit(2_000));
        assert_eq!(count(&server, alerts).await, 1);
        cap_key(&server, &shop, None).await.unwrap();
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_chatbots_daily_cap_counts_every_channel_that_pays_and_opens_with_the_day() {
    for server in databases().await {
        let (shop, mut number) = (shop(&server).await, 0);
        give_credit(&server, &shop.olga, 1_000_000).await;
        chatbots::set_daily_cap(&server, &shop.olga, &shop.chatbot.id, Some(credit(6_000))).await.unwrap();
        ask(&server, question(&shop, Channel::Widget, "req_widget")).await.unwrap();
        for _ in 0..2 {
            assert_eq!(capped(&server, &shop, &mut number).await, None);
        }
        assert_eq!(capped(&server, &shop, &mut number).await, Some(ProblemCode::ChatbotCapReached));
        assert!(ask(&server, question(&shop, Channel::Console, "req_console")).await.is_ok(), "it costs nothing");
        let held = begin(&server, question(&shop, Channel::Api, "req_held"), credit(1), None).await;
        assert_eq!(held.err().unwrap().into_problem().code, ProblemCode::ChatbotCapReached);
        server.clock.advance_us(DAY_US);
        assert_eq!(capped(&server, &shop, &mut number).await, None);
        assert_eq!(count(&server, "SELECT COUNT(*) FROM outbox WHERE kind = 'chatbot_cap_near'").await, 1);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_paused_chatbot_answers_its_owner_alone_in_every_process() {
    for server in databases().await {
        let (shop, second) = (shop(&server).await, server.second_process().await);
        give_credit(&server, &shop.olga, 1_000_000).await;
        let begun = begun(&second, &shop, "req_held", 2_000).await;
        chatbots::pause(&server, &shop.olga, &shop.chatbot.id).await.unwrap();
        let paused_at = server.now();
        for channel in [Channel::Api, Channel::Widget] {
            let problem = refused(&second, question(&shop, channel, "req_paused")).await;
            assert_eq!(problem.code, ProblemCode::ChatbotPaused);
        }
        let held = begin(&second, question(&shop, Channel::Api, "req_late"), credit(1), None).await;
        assert_eq!(held.err().unwrap().into_problem().code, ProblemCode::ChatbotPaused);
        ask(&second, question(&shop, Channel::Console, "req_console")).await.expect("its owner may try it");
        finish(&second, begun, &an_answer(), credit(2_000), body_of).await.expect("what was under way is finished");
        server.clock.advance_us(1);
        chatbots::pause(&server, &shop.olga, &shop.chatbot.id).await.unwrap();
        let found = chatbots::get(&server, &shop.olga.account_id, &shop.chatbot.id).await.unwrap();
        assert_eq!(found.paused_at, Some(paused_at), "pausing it again changes nothing");
        assert_eq!(found.spent_today, credit(2_000));
        chatbots::resume(&server, &shop.olga, &shop.chatbot.id).await.unwrap();
        ask(&second, question(&shop, Channel::Api, "req_resumed")).await.expect("it answers again");
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn parallel_calls_in_two_processes_keep_a_cap_exactly() {
    for server in databases().await {
        let shop = Arc::new(shop(&server).await);
        give_credit(&server, &shop.olga, 1_000_000).await;
        cap_key(&server, &shop, Some(credit(20_000))).await.unwrap();
        let servers = [Arc::<Server>::clone(&server), server.second_process().await];
        let calls: Vec<_> = (0..100)
            .map(|number| {
                let (server, shop) = (Arc::clone(&servers[number % 2]), Arc::clone(&shop));
                let request_id = format!("req_{number}");
                tokio::spawn(async move { ask(&server, question(&shop, Channel::Api, &request_id)).await.is_ok() })
            })
            .collect();
        let mut accepted = 0;
        for call in calls {
            accepted += usize::from(call.await.unwrap());
        }
        assert_eq!(accepted, 10);
        assert_eq!(count(&server, "SELECT COUNT(*) FROM outbox WHERE kind = 'key_cap_near'").await, 1);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn low_credit_is_told_at_each_crossing() {
    for server in databases().await {
        let (shop, mut number) = (shop(&server).await, 0);
        give_credit(&server, &shop.olga, 10_000).await;
        ledger::set_alert_below(&server, &shop.olga.account_id, Some(credit(5_000))).await.unwrap();
        for _ in 0..5 {
            assert_eq!(capped(&server, &shop, &mut number).await, None);
        }
        let alerts = "SELECT COUNT(*) FROM outbox WHERE kind = 'credit_low' AND threshold = 5000 AND sent_at IS NULL";
        assert_eq!(count(&server, alerts).await, 1);
        give_credit(&server, &shop.olga, 6_000).await;
        assert_eq!(capped(&server, &shop, &mut number).await, None);
        assert_eq!(count(&server, alerts).await, 2);
    }
}

#[tokio::test]
async fn the_verifier_notices_tampering_with_holds_answers_windows_and_caps() {
    let cases: [(&str, &[&str]); 9] = [
        ("sum to its held credit", &["UPDATE holds SET state = 'released' WHERE state = 'open'"]),
        ("sum to its held credit", &["UPDATE holds SET amount = amount + 1 WHERE state = 'open'"]),
        ("settled exactly when", &["UPDATE holds SET state = 'released' WHERE state = 'settled'"]),
        ("settled exactly when", &["UPDATE holds SET request_id = 'x' WHERE state = 'settled'"]),
        ("belongs to one delivered answer", &["UPDATE idempotency_keys SET request_id = 'x' WHERE body IS NOT NULL"]),
        ("has an open hold", &["UPDATE idempotency_keys SET body = NULL"]),
        ("free place in its window", &["UPDATE counted_messages SET place_limit = 1"]),
        ("what a key spent", &["UPDATE spendings SET spent = spent - 1 WHERE subject_id IN (SELECT id FROM api_keys)"]),
        ("what a chatbot spent", &["DELETE FROM spendings WHERE subject_id IN (SELECT id FROM chatbots)"]),
    ];
    for server in databases().await {
        let shop = shop(&server).await;
        give_credit(&server, &shop.olga, 100_000).await;
        let once = OnceKey::read(b"order-1", "ask", b"{}").unwrap();
        let asked = question(&shop, Channel::Api, "req_1");
        conversations::ask_once(&server, asked, Some(once), body_of).await.unwrap();
        for number in 0..2 {
            ask(&server, question(&shop, Channel::Console, &format!("req_console_{number}"))).await.unwrap();
        }
        let settled = begun(&server, &shop, "req_2", 7_000).await;
        finish(&server, settled, &an_answer(), credit(4_500), body_of).await.unwrap();
        let _open = begun(&server, &shop, "req_3", 7_000).await;
        assert_sound(&server).await;
        for (rule, statements) in cases {
            let mut tx = server.db.begin().await.unwrap();
            for statement in statements {
                tx.execute(statement, vec![]).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
            }
            let broken = ledger::verify::verify_within(&mut tx).await.unwrap();
            assert!(broken.iter().any(|broken| broken.rule.contains(rule)), "{rule}: {broken:?}");
        }
        assert_sound(&server).await;
    }
}
