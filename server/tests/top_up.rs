//! Auto top-up on both databases: off until it is switched on, one payment at a time, none above the ceiling, none after a
//! card was declined.

use crate::requests::send;
use crate::shop::{question, shop};
use crate::support::{TestServer, assert_sound, databases, databases_with, give_credit, owner};
use axum::body::Body;
use axum::http::{Request, header};
use domain::account::Viewer;
use domain::clock::{DAY_US, SECOND_US};
use domain::id::CardSetupId;
use domain::ledger::{Channel, Operation};
use domain::payment::{Payment, PaymentState};
use domain::top_up::{CardSetupState, StopReason, TopUpRules, TopUpState};
use server::conversations::ask;
use server::payments::{self, cards, top_up};
use server::{Server, ledger};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const UNIT: i64 = 1_000_000;
const PAYING: &str = "4242424242424242";
const DECLINED_LATER: &str = "4000000000000341";
const PENDING: &str = "4000000000003220";

async fn submit(server: &Arc<Server>, setup_id: &CardSetupId, form: &str) -> u16 {
    let request = Request::post(format!("/pay/cards/{setup_id}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form.to_owned()))
        .expect("a request");
    send(server, request).await.status
}

async fn begin(server: &Server, viewer: &Viewer) -> CardSetupId {
    let url = cards::begin(server, viewer).await.expect("a page");
    CardSetupId::parse(url.rsplit('/').next().expect("a path")).expect("an id")
}

async fn save_card(server: &Arc<Server>, viewer: &Viewer, number: &str) -> CardSetupState {
    let setup_id = begin(server, viewer).await;
    assert_eq!(submit(server, &setup_id, &format!("card_number={number}&action=save")).await, 303);
    cards::verify_return(server, viewer, &setup_id).await.expect("an outcome")
}

/// Below 10 it buys 25, at most 60 a month.
fn rules(server: &Server) -> TopUpRules {
    TopUpRules::read("10", "25", "60", &server.config.add_balance_rules()).expect("rules")
}

async fn switch_on(server: &Server, viewer: &Viewer) {
    top_up::change(server, viewer, &rules(server), true).await.expect("switches on");
}

async fn round(server: &Arc<Server>) {
    top_up::round(Arc::clone(server)).await.expect("a round");
}

async fn payments_of(server: &Server, viewer: &Viewer) -> Vec<Payment> {
    payments::list(server, &viewer.account_id).await.expect("reads")
}

async fn states(server: &Server, viewer: &Viewer) -> Vec<PaymentState> {
    payments_of(server, viewer).await.into_iter().map(|payment| payment.state).collect()
}

async fn state(server: &Server, viewer: &Viewer) -> TopUpState {
    top_up::get(server, &viewer.account_id).await.expect("reads").state
}

async fn available(server: &Server, viewer: &Viewer) -> i64 {
    ledger::summary(server, &viewer.account_id).await.expect("a summary").available().millionths()
}

async fn spend(server: &Server, viewer: &Viewer, millionths: i64) {
    let amount = domain::credit::Credit::from_millionths(-millionths);
    ledger::operate(server, &viewer.account_id, Operation::Adjust { amount }, "spent").await.expect("is there");
}

/// An owner with 9 of credit, below the threshold, and a saved card.
async fn low(server: &TestServer, card: &str) -> Viewer {
    let olga = owner(server, "olga").await;
    give_credit(server, &olga, 9 * UNIT).await;
    assert_eq!(save_card(server, &olga, card).await, CardSetupState::Saved);
    olga
}

#[tokio::test]
async fn nothing_is_bought_until_it_is_switched_on_and_a_purchase_does_not_switch_it_on() {
    for server in databases().await {
        let olga = low(&server, PAYING).await;
        let started = payments::start(&server, &olga, "5").await.expect("a payment");
        payments::local::submit_card_untold(&server, &started.payment_id, PAYING).await.expect("pays");
        payments::verify_return(&server, &olga, &started.payment_id).await.expect("is credited");
        spend(&server, &olga, 14 * UNIT).await;
        round(&server).await;
        top_up::change(&server, &olga, &rules(&server), false).await.expect("rules alone");
        round(&server).await;
        assert_eq!(states(&server, &olga).await, [PaymentState::Paid]);
        assert_eq!(state(&server, &olga).await, TopUpState::Off);
        switch_on(&server, &olga).await;
        round(&server).await;
        assert_eq!(states(&server, &olga).await, [PaymentState::Paid; 2]);
        assert_eq!(available(&server, &olga).await, 25 * UNIT);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn it_pays_below_the_threshold_and_not_at_it() {
    for server in databases().await {
        let olga = low(&server, PAYING).await;
        give_credit(&server, &olga, UNIT).await;
        switch_on(&server, &olga).await;
        round(&server).await;
        assert!(states(&server, &olga).await.is_empty());
        spend(&server, &olga, 1).await;
        round(&server).await;
        round(&server).await;
        assert_eq!(states(&server, &olga).await, [PaymentState::Paid]);
        assert_eq!(available(&server, &olga).await, 35 * UNIT - 1);
    }
}

#[tokio::test]
async fn one_payment_closes_the_gap() {
    for server in databases().await {
        let olga = low(&server, PAYING).await;
        let rules = TopUpRules::read("100", "25", "200", &server.config.add_balance_rules()).expect("rules");
        top_up::change(&server, &olga, &rules, true).await.expect("switches on");
        round(&server).await;
        let bought: Vec<i64> =
            payments_of(&server, &olga).await.iter().map(|payment| payment.amount.minor_units).collect();
        assert_eq!(bought, [9_100]);
        assert_eq!(available(&server, &olga).await, 100 * UNIT);
    }
}

/// A thousand messages a second around the threshold, a card whose payment takes its time, and three rounds at once, two
/// of them in other processes: there is one payment.
#[tokio::test]
async fn under_a_thousand_messages_a_second_around_the_threshold_there_is_exactly_one_payment() {
    for server in databases_with(&["--local-gateway-delay-ms", "300"]).await {
        let shop = shop(&server).await;
        let olga = shop.olga.clone();
        give_credit(&server, &olga, 10 * UNIT + 500_000).await;
        assert_eq!(save_card(&server, &olga, PENDING).await, CardSetupState::Saved);
        switch_on(&server, &olga).await;
        let processes = [Arc::clone(&server), server.second_process().await, server.second_process().await];
        let is_over = Arc::new(AtomicBool::new(false));
        let rounds: Vec<_> = processes
            .iter()
            .map(|process| {
                let (process, is_over) = (Arc::clone(process), Arc::clone(&is_over));
                tokio::spawn(async move {
                    while !is_over.load(Ordering::Relaxed) {
                        round(&process).await;
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                })
            })
            .collect();
        for burst in 0..20 {
            let calls =
                (0..50).map(|number| ask(&server, question(&shop, Channel::Api, &format!("req_{burst}_{number}"))));
            let answers = futures_util::future::join_all(calls.collect::<Vec<_>>()).await;
            assert!(answers.iter().all(Result::is_ok), "the credit covers them");
            server.clock.advance_us(50_000);
        }
        for _ in 0..250 {
            if states(&server, &olga).await == [PaymentState::Processing] {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(states(&server, &olga).await, [PaymentState::Processing]);
        server.clock.advance_us(31 * SECOND_US);
        payments::sweep(&server).await.expect("sweeps");
        assert_eq!(states(&server, &olga).await, [PaymentState::Paid]);
        tokio::time::sleep(Duration::from_millis(50)).await;
        is_over.store(true, Ordering::Relaxed);
        for round in rounds {
            round.await.expect("ends");
        }
        assert_eq!(states(&server, &olga).await, [PaymentState::Paid]);
        assert_eq!(available(&server, &olga).await, 10 * UNIT + 500_000 - 1_000 * 2_000 + 25 * UNIT);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_declined_card_stops_it_until_somebody_switches_it_on_again() {
    for server in databases().await {
        let olga = low(&server, DECLINED_LATER).await;
        switch_on(&server, &olga).await;
        for _ in 0..3 {
            round(&server).await;
            server.clock.advance_us(DAY_US);
        }
        assert_eq!(states(&server, &olga).await, [PaymentState::Failed]);
        assert_eq!(state(&server, &olga).await, TopUpState::Stopped(StopReason::Declined));
        let sql = "SELECT kind FROM outbox WHERE account_id = $1 AND kind IN ('top_up_stopped', 'payment_failed')";
        let told: Vec<(String,)> = server.db.all(sql, server::args![olga.account_id.as_str()]).await.expect("reads");
        assert_eq!(told, [("top_up_stopped".to_owned(),)], "one mail, and none beside it");
        assert_eq!(save_card(&server, &olga, PAYING).await, CardSetupState::Saved);
        round(&server).await;
        assert_eq!(states(&server, &olga).await.len(), 1, "another card alone does not switch it on");
        switch_on(&server, &olga).await;
        round(&server).await;
        assert_eq!(states(&server, &olga).await, [PaymentState::Paid, PaymentState::Failed]);
        assert_eq!(state(&server, &olga).await, TopUpState::On);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn the_ceiling_of_a_month_holds_and_the_next_month_begins_anew() {
    for server in databases().await {
        let olga = low(&server, PAYING).await;
        switch_on(&server, &olga).await;
        for paid in [1, 2, 2, 2] {
            round(&server).await;
            assert_eq!(states(&server, &olga).await, vec![PaymentState::Paid; paid]);
            let left = available(&server, &olga).await;
            if left > UNIT {
                spend(&server, &olga, left - UNIT).await;
            }
        }
        let waiting = top_up::get(&server, &olga.account_id).await.expect("reads");
        let until = server.now().start_of_next_month();
        assert_eq!((waiting.bought_this_month.minor_units, waiting.at_ceiling_until), (5_000, Some(until)));
        server.clock.advance_us(until.us_since(server.now()));
        round(&server).await;
        assert_eq!(states(&server, &olga).await.len(), 3);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_charge_that_did_not_reach_the_gateway_is_made_once_and_later() {
    for server in databases().await {
        let olga = low(&server, PAYING).await;
        switch_on(&server, &olga).await;
        let set_method = |method: &'static str| {
            let (db, id) = (server.db.clone(), olga.account_id.to_string());
            async move {
                let sql = "UPDATE saved_cards SET method = $2 WHERE account_id = $1";
                db.execute(sql, server::args![id, method]).await.expect("writes")
            }
        };
        set_method("0000").await;
        round(&server).await;
        round(&server).await;
        assert_eq!(states(&server, &olga).await, [PaymentState::Open]);
        assert!(top_up::get(&server, &olga.account_id).await.expect("reads").is_paying);
        set_method("4242").await;
        for _ in 0..2 {
            server.clock.advance_us(31 * SECOND_US);
            payments::sweep(&server).await.expect("sweeps");
            round(&server).await;
        }
        assert_eq!(states(&server, &olga).await, [PaymentState::Paid]);
        assert_eq!(available(&server, &olga).await, 34 * UNIT);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn without_a_card_it_cannot_be_switched_on_and_without_its_card_it_is_off() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let refused = top_up::change(&server, &olga, &rules(&server), true).await.expect_err("refused").into_problem();
        assert_eq!(refused.field.as_deref(), Some("is_on"));
        assert_eq!(save_card(&server, &olga, PAYING).await, CardSetupState::Saved);
        switch_on(&server, &olga).await;
        cards::remove(&server, &olga).await.expect("removes");
        assert_eq!(state(&server, &olga).await, TopUpState::Off);
        round(&server).await;
        assert!(states(&server, &olga).await.is_empty());
    }
}

#[tokio::test]
async fn a_card_is_saved_by_its_own_owner_alone_and_each_outcome_is_told() {
    for server in databases().await {
        let (olga, boris) = (owner(&server, "olga").await, owner(&server, "boris").await);
        let setup_id = begin(&server, &olga).await;
        assert_eq!(cards::verify_return(&server, &olga, &setup_id).await.expect("open"), CardSetupState::Open);
        assert_eq!(submit(&server, &setup_id, "card_number=1234&action=save").await, 422);
        assert_eq!(submit(&server, &setup_id, "action=cancel").await, 303);
        assert_eq!(submit(&server, &setup_id, &format!("card_number={PAYING}&action=save")).await, 303);
        assert_eq!(cards::verify_return(&server, &olga, &setup_id).await.expect("ended"), CardSetupState::Cancelled);
        let theirs = cards::verify_return(&server, &boris, &setup_id).await.expect_err("not his").into_problem();
        assert_eq!(theirs.code.as_str(), "not_found");
        assert_eq!(save_card(&server, &olga, "4000000000000002").await, CardSetupState::Refused);
        let forgotten = begin(&server, &olga).await;
        server.clock.advance_us(DAY_US + 31 * SECOND_US);
        payments::sweep(&server).await.expect("sweeps");
        assert_eq!(cards::verify_return(&server, &olga, &forgotten).await.expect("ended"), CardSetupState::Expired);
        let returned_late = begin(&server, &olga).await;
        assert_eq!(submit(&server, &returned_late, &format!("card_number={PAYING}&action=save")).await, 303);
        server.clock.advance_us(31 * SECOND_US);
        payments::sweep(&server).await.expect("sweeps");
        let card = top_up::get(&server, &olga.account_id).await.expect("reads").card;
        assert_eq!(card.as_deref(), Some("Test card ending in 4242"), "saved though nobody came back");
        assert_eq!(top_up::get(&server, &boris.account_id).await.expect("reads").card, None);
        assert_eq!(payments_of(&server, &olga).await.len(), 0);
    }
}
