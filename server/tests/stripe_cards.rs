//! Saved cards, auto top-up and plans with the gateway `stripe`, beside a server that speaks as Stripe's API does.

use crate::stripe_api::{KEY, SECRETS, StripeApi, fields};
use crate::support::{TestServer, assert_sound, databases_with, owner};
use domain::account::Viewer;
use domain::clock::SECOND_US;
use domain::id::CardSetupId;
use domain::payment::{Payment, PaymentState};
use domain::top_up::{CardSetupState, StopReason, TopUpRules, TopUpState};
use server::payments::{self, cards, top_up};
use server::plans::changes::{self, Changed};
use server::{Server, ledger, plans};
use std::sync::Arc;

/// Both installations, each with an API of its own.
async fn shops() -> Vec<(TestServer, Arc<StripeApi>)> {
    let mut shops = Vec::new();
    for number in 0..2 {
        let (api, url) = StripeApi::start().await;
        let options = ["--gateway", "stripe", "--stripe-url", &url, "--stripe-secret-key", KEY];
        let options = [&options[..], &["--stripe-webhook-secrets", SECRETS[0]]].concat();
        shops.push((databases_with(&options).await.swap_remove(number), api));
    }
    shops
}

/// Begins to save a card; returns our id and Stripe's.
async fn begin(server: &Server, api: &StripeApi, viewer: &Viewer) -> (CardSetupId, String) {
    api.take_asked();
    let url = cards::begin(server, viewer).await.expect("a page");
    let asked = api.take_asked();
    let form = fields(&asked[0].body);
    assert_eq!((form["mode"].as_str(), form["customer_creation"].as_str()), ("setup", "always"));
    let setup_id = CardSetupId::parse(&form["client_reference_id"]).expect("an id");
    assert_eq!(form["success_url"], cards::return_url(server, &setup_id));
    assert_eq!(asked[0].headers["idempotency-key"], format!("{setup_id}-setup"));
    (setup_id, url.rsplit('/').next().expect("a path").to_owned())
}

async fn save_card(server: &Server, api: &StripeApi, viewer: &Viewer) {
    let (setup_id, session_id) = begin(server, api, viewer).await;
    api.end_setup(&session_id, "complete", Some("4242"));
    assert_eq!(cards::verify_return(server, viewer, &setup_id).await.expect("ended"), CardSetupState::Saved);
}

async fn switch_on(server: &Server, viewer: &Viewer) {
    let rules = TopUpRules::read("10", "25", "60", &server.config.add_balance_rules()).expect("rules");
    top_up::change(server, viewer, &rules, true).await.expect("switches on");
}

async fn all(server: &Server, viewer: &Viewer) -> Vec<Payment> {
    payments::list(server, &viewer.account_id).await.expect("reads")
}

async fn state(server: &Server, viewer: &Viewer) -> TopUpState {
    top_up::get(server, &viewer.account_id).await.expect("reads").state
}

#[tokio::test]
async fn a_card_is_saved_when_stripe_says_so_and_each_other_ending_is_told() {
    for (server, api) in shops().await {
        let olga = owner(&server, "olga").await;
        for (status, expected) in [
            ("open", CardSetupState::Open),
            ("complete", CardSetupState::Refused),
            ("expired", CardSetupState::Expired),
        ] {
            let (setup_id, session_id) = begin(&server, &api, &olga).await;
            api.end_setup(&session_id, status, None);
            assert_eq!(cards::verify_return(&server, &olga, &setup_id).await.expect("asked"), expected);
        }
        assert_eq!(cards::saved(&server, &olga.account_id).await.expect("reads"), None);
        save_card(&server, &api, &olga).await;
        let card = cards::saved(&server, &olga.account_id).await.expect("reads").expect("a card");
        assert_eq!((card.customer.as_str(), card.method.as_str()), ("cus_1", "pm_4242"));
        assert_eq!(card.label, "Visa ending in 4242");
    }
}

#[tokio::test]
async fn an_auto_top_up_charges_the_saved_card_once_even_when_the_answer_is_lost() {
    for (server, api) in shops().await {
        let olga = owner(&server, "olga").await;
        save_card(&server, &api, &olga).await;
        switch_on(&server, &olga).await;
        api.take_asked();
        // Three times, and the third is not tried again.
        api.refuse([500, 500, 500]);
        top_up::round(Arc::clone(&server)).await.expect("a round");
        assert_eq!(all(&server, &olga).await[0].state, PaymentState::Open);
        for _ in 0..2 {
            server.clock.advance_us(31 * SECOND_US);
            payments::sweep(&server).await.expect("sweeps");
            top_up::round(Arc::clone(&server)).await.expect("a round");
        }
        let payments = all(&server, &olga).await;
        assert_eq!((payments.len(), payments[0].state), (1, PaymentState::Paid));
        let charges: Vec<_> = api.take_asked().into_iter().filter(|asked| asked.path == "intents").collect();
        let key = format!("{}-charge", payments[0].id);
        assert!(charges.iter().all(|asked| asked.headers["idempotency-key"] == key));
        assert_eq!(fields(&charges[0].body)["amount"], "2500");
        let credit = ledger::summary(&server, &olga.account_id).await.expect("reads");
        assert_eq!(credit.posted.millionths(), 25_000_000);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_saved_card_that_is_declined_or_wants_its_owner_stops_the_auto_top_up() {
    for (server, api) in shops().await {
        let olga = owner(&server, "olga").await;
        save_card(&server, &api, &olga).await;
        for (number, outcome) in ["declined", "requires_action", "requires_payment_method"].into_iter().enumerate() {
            api.charge_as(outcome);
            switch_on(&server, &olga).await;
            top_up::round(Arc::clone(&server)).await.expect("a round");
            assert_eq!(state(&server, &olga).await, TopUpState::Stopped(StopReason::Declined), "{outcome}");
            assert_eq!(all(&server, &olga).await.len(), number + 1);
            server.clock.advance_us(SECOND_US);
        }
        api.charge_as("processing");
        switch_on(&server, &olga).await;
        top_up::round(Arc::clone(&server)).await.expect("a round");
        let pending = all(&server, &olga).await.swap_remove(0);
        assert_eq!(pending.state, PaymentState::Processing);
        api.change(&pending.id, |charge| charge.intent.as_mut().expect("an intent").1 = "succeeded");
        server.clock.advance_us(31 * SECOND_US);
        payments::sweep(&server).await.expect("sweeps");
        let paid = all(&server, &olga).await.swap_remove(0);
        assert_eq!(paid.state, PaymentState::Paid);
        api.change(&paid.id, |charge| charge.refunded = 1_000);
        payments::look(&server, &paid.id).await.expect("asks");
        let credit = ledger::summary(&server, &olga.account_id).await.expect("reads");
        assert_eq!(credit.posted.millionths(), 15_000_000);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_plan_is_a_product_of_its_own_and_a_page_that_was_left_is_closed() {
    for (server, api) in shops().await {
        let olga = owner(&server, "olga").await;
        let begin = async || match changes::change(&server, &olga, "business", server.now()).await.expect("changes") {
            Changed::Pay { payment_id, .. } => payment_id,
            Changed::Done => panic!("is not paid"),
        };
        let first = begin().await;
        let asked = api.take_asked();
        let product = fields(&asked[0].body);
        assert_eq!(
            (product["id"].as_str(), product["name"].as_str()),
            ("artiko_plan_business", "Business plan, one month")
        );
        server.clock.advance_us(SECOND_US);
        let second = begin().await;
        assert_eq!(api.change(&first, |_| ()).status, "expired");
        api.change(&second, crate::stripe_api::Checkout::pay);
        payments::look(&server, &second).await.expect("asks");
        assert_eq!(plans::usage(&server, &olga.account_id).await.expect("reads").plan.id, "business");
        let states: Vec<PaymentState> = all(&server, &olga).await.iter().map(|payment| payment.state).collect();
        assert_eq!(states, [PaymentState::Paid, PaymentState::Expired]);
        assert_sound(&server).await;
    }
}
