//! Plans that are paid for, on both databases: changes in both directions, renewals by themselves and by hand, days of
//! grace, and a year with a moved clock.

use crate::support::{TestServer, assert_sound, databases, owner};
use domain::account::Viewer;
use domain::clock::{DAY_US, HOUR_US, MINUTE_US, SECOND_US, Timestamp};
use domain::id::{CardSetupId, PaymentId};
use domain::money::Money;
use domain::payment::{Payment, PaymentOrigin, PaymentState};
use domain::subscription::{GRACE_US, PlanChange, Subscription};
use server::payments::local::cards as local_cards;
use server::payments::{self, cards, local};
use server::plans::changes::{self, Changed};
use server::plans::{self, renewals};
use server::{Server, args, chatbots};
use std::sync::Arc;

const PAYING: &str = "4242 4242 4242 4242";
const DECLINED: &str = "4000 0000 0000 0002";
const DECLINED_LATER: &str = "4000 0000 0000 0341";

async fn plan(server: &Server, viewer: &Viewer) -> String {
    plans::usage(server, &viewer.account_id).await.expect("a plan").plan.id
}

async fn subscription(server: &Server, viewer: &Viewer) -> Option<Subscription> {
    changes::subscription(server, &viewer.account_id).await.expect("reads")
}

async fn choose(server: &Server, viewer: &Viewer, plan_id: &str) -> Changed {
    changes::change(server, viewer, plan_id, server.now()).await.expect("changes")
}

async fn begin(server: &Server, viewer: &Viewer, plan_id: &str) -> PaymentId {
    let Changed::Pay { payment_id, .. } = choose(server, viewer, plan_id).await else { panic!("is not paid") };
    payment_id
}

async fn pay(server: &Server, viewer: &Viewer, payment_id: &PaymentId, card: &str) -> Payment {
    local::submit_card_untold(server, payment_id, card).await.expect("takes the card");
    payments::verify_return(server, viewer, payment_id).await.expect("asks the gateway")
}

async fn buy(server: &Server, viewer: &Viewer, plan_id: &str) -> Payment {
    let payment_id = begin(server, viewer, plan_id).await;
    pay(server, viewer, &payment_id, PAYING).await
}

async fn save_card(server: &Server, viewer: &Viewer, number: &str) {
    let url = cards::begin(server, viewer).await.expect("a page");
    let setup_id = CardSetupId::parse(url.rsplit('/').next().expect("a path")).expect("an id");
    local_cards::end_setup(server, &setup_id, Some(number)).await.expect("takes the card");
    cards::verify_return(server, viewer, &setup_id).await.expect("is saved");
}

async fn all_payments(server: &Server, viewer: &Viewer) -> Vec<(PaymentOrigin, PaymentState, i64)> {
    let payments = payments::list(server, &viewer.account_id).await.expect("reads");
    payments.iter().rev().map(|payment| (payment.origin, payment.state, payment.amount.minor_units)).collect()
}

/// What the account was told, and the subjects of the mails.
async fn told(server: &TestServer, viewer: &Viewer) -> Vec<String> {
    let sql = "SELECT kind FROM outbox WHERE account_id = $1 AND kind LIKE 'plan_%' ORDER BY at, id";
    let kinds: Vec<(String,)> = server.db.all(sql, server::args![viewer.account_id.as_str()]).await.expect("reads");
    kinds.into_iter().map(|(kind,)| kind).collect()
}

/// Whether a mail was sent that holds this.
async fn is_mailed(server: &TestServer, part: &str) -> bool {
    server::mail::send_waiting(server).await.expect("sends");
    let folder = std::fs::read_dir(server.folder().join("outbox")).expect("a folder");
    folder
        .map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("text"))
        .any(|mail| mail.contains(part))
}

async fn round(server: &Arc<Server>) {
    renewals::round(Arc::clone(server)).await.expect("a round");
}

/// Moves the clock and lets a round come every hour.
async fn pass(server: &TestServer, until: Timestamp) {
    while server.now() < until {
        server.clock.advance_us(HOUR_US.min(until.us_since(server.now())));
        round(server).await;
    }
}

fn unused(change: &PlanChange) -> (i64, i64) {
    let PlanChange::Paid { pay, unused, .. } = change else { panic!("{change:?}") };
    (pay.minor_units, unused.minor_units)
}

#[tokio::test]
async fn a_plan_that_costs_more_holds_as_soon_as_it_is_paid_and_brings_no_credit() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let payment_id = begin(&server, &olga, "business").await;
        assert_eq!(plan(&server, &olga).await, "plus", "nothing is given before it is paid");
        let declined = pay(&server, &olga, &payment_id, DECLINED).await;
        assert_eq!((declined.state, plan(&server, &olga).await), (PaymentState::Failed, "plus".to_owned()));
        let paid = buy(&server, &olga, "business").await;
        assert_eq!((paid.state, paid.amount.minor_units), (PaymentState::Paid, 9_900));
        assert_eq!(plan(&server, &olga).await, "business");
        let subscription = subscription(&server, &olga).await.expect("it is paid for");
        assert_eq!(subscription.period_end, server.now().month_later(server.now().civil().day));
        assert_eq!(server::ledger::summary(&server, &olga.account_id).await.unwrap().posted.millionths(), 0);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn an_upgrade_is_paid_less_what_is_unused_and_as_it_was_offered() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        choose(&server, &olga, "free").await;
        buy(&server, &olga, "plus").await;
        server.clock.advance_us(10 * DAY_US);
        let offer = changes::offer(&server, &olga.account_id, "business").await.expect("an offer");
        let period = subscription(&server, &olga).await.expect("a period");
        let days = period.period_end.us_since(period.period_start) / DAY_US;
        let expected = (1_900 * (days - 10) + days - 1) / days;
        assert_eq!(unused(&offer.change), (9_900 - expected, expected));
        server.clock.advance_us(14 * MINUTE_US);
        let Changed::Pay { payment_id, .. } =
            changes::change(&server, &olga, "business", offer.at).await.expect("stands")
        else {
            panic!("is not paid")
        };
        let paid = pay(&server, &olga, &payment_id, PAYING).await;
        assert_eq!(paid.amount.minor_units, 9_900 - expected);
        let after = subscription(&server, &olga).await.expect("a period");
        assert_eq!((after.plan_id.as_str(), after.period_start), ("business", server.now()));
        assert_eq!(after.price.minor_units, 9_900);
        let boris = owner(&server, "boris").await;
        for at in [server.now().plus_us(-16 * MINUTE_US), server.now().plus_us(SECOND_US)] {
            let refused = changes::change(&server, &boris, "business", at).await.expect_err("too old, or of tomorrow");
            assert_eq!(refused.into_problem().code.as_str(), "conflict");
        }
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_smaller_plan_follows_at_the_end_and_the_mind_can_be_changed_until_then() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        buy(&server, &olga, "business").await;
        let end = subscription(&server, &olga).await.expect("a period").period_end;
        assert_eq!(choose(&server, &olga, "plus").await, Changed::Done);
        assert_eq!(plan(&server, &olga).await, "business");
        assert_eq!(choose(&server, &olga, "business").await, Changed::Done);
        assert_eq!(subscription(&server, &olga).await.expect("a period").next_plan_id, None);
        choose(&server, &olga, "free").await;
        pass(&server, end.plus_us(-1)).await;
        assert_eq!(plan(&server, &olga).await, "business");
        pass(&server, end).await;
        assert_eq!((plan(&server, &olga).await, subscription(&server, &olga).await), ("free".to_owned(), None));
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_plan_that_is_too_small_is_refused_with_everything_that_is_too_much() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        for name in ["One", "Two", "Three"] {
            chatbots::create(&server, &olga, name).await.expect("a chatbot");
        }
        let refused = changes::change(&server, &olga, "free", server.now()).await.expect_err("refused").into_problem();
        assert_eq!(refused.code.as_str(), "conflict");
        assert!(refused.detail.contains("3 chatbots, where it allows 1"), "{}", refused.detail);
        assert_eq!(plan(&server, &olga).await, "plus");
        let unknown = changes::change(&server, &olga, "gold", server.now()).await.expect_err("refused").into_problem();
        assert_eq!(unknown.code.as_str(), "not_found");
    }
}

#[tokio::test]
async fn of_two_pages_that_were_opened_only_the_last_can_be_paid() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let first = begin(&server, &olga, "business").await;
        let second = begin(&server, &olga, "business").await;
        assert_eq!(pay(&server, &olga, &first, PAYING).await.state, PaymentState::Cancelled);
        assert_eq!(pay(&server, &olga, &second, PAYING).await.state, PaymentState::Paid);
        assert_eq!(plan(&server, &olga).await, "business");
    }
}

#[tokio::test]
async fn who_has_paid_at_the_page_before_is_not_asked_to_pay_again() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let first = begin(&server, &olga, "business").await;
        local::submit_card_untold(&server, &first, PAYING).await.expect("takes the card");
        let refused = changes::change(&server, &olga, "business", server.now()).await.expect_err("is paid");
        assert_eq!(refused.into_problem().code.as_str(), "conflict");
        assert_eq!(plan(&server, &olga).await, "business");
        assert_eq!(all_payments(&server, &olga).await, [(PaymentOrigin::Plan, PaymentState::Paid, 9_900)]);
    }
}

#[tokio::test]
async fn with_a_saved_card_a_year_is_paid_month_by_month() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        save_card(&server, &olga, PAYING).await;
        buy(&server, &olga, "business").await;
        let start = server.now();
        pass(&server, start.plus_us(365 * DAY_US - 1)).await;
        let payments = all_payments(&server, &olga).await;
        assert_eq!(payments.len(), 12, "{payments:?}");
        assert!(payments.iter().all(|(_, state, amount)| (*state, *amount) == (PaymentState::Paid, 9_900)));
        assert_eq!(payments.iter().filter(|(origin, ..)| *origin == PaymentOrigin::Renewal).count(), 11);
        let subscription = subscription(&server, &olga).await.expect("still paid");
        assert_eq!(subscription.period_end.date(), start.plus_us(365 * DAY_US).date());
        assert_eq!(plan(&server, &olga).await, "business");
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_month_that_is_not_paid_is_tried_again_and_then_the_plan_is_free_and_nothing_is_lost() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        save_card(&server, &olga, DECLINED_LATER).await;
        buy(&server, &olga, "business").await;
        for name in ["One", "Two", "Three"] {
            chatbots::create(&server, &olga, name).await.expect("a chatbot");
        }
        let end = subscription(&server, &olga).await.expect("a period").period_end;
        pass(&server, end.plus_us(GRACE_US - 1)).await;
        assert_eq!(plan(&server, &olga).await, "business");
        let failed = |payments: &[(PaymentOrigin, PaymentState, i64)]| {
            payments.iter().filter(|(_, state, _)| *state == PaymentState::Failed).count()
        };
        assert_eq!(failed(&all_payments(&server, &olga).await), 4);
        assert!(is_mailed(&server, "The next month of your plan Business is not paid").await);
        pass(&server, end.plus_us(GRACE_US + 30 * DAY_US)).await;
        assert_eq!(failed(&all_payments(&server, &olga).await), 4, "nothing is tried after that");
        assert_eq!((plan(&server, &olga).await, subscription(&server, &olga).await), ("free".to_owned(), None));
        assert_eq!(chatbots::list(&server, &olga.account_id).await.expect("reads").len(), 3);
        let unpaid = ["plan_unpaid"; 4];
        assert_eq!(told(&server, &olga).await, [&["plan_ending"], &unpaid[..], &["plan_fell_back"]].concat());
        assert!(is_mailed(&server, "Your plan Business has ended").await);
        let refused = chatbots::create(&server, &olga, "Four").await.expect_err("the plan allows one").into_problem();
        assert_eq!(refused.code.as_str(), "limit_reached");
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn without_a_card_the_next_month_is_paid_by_hand_in_its_days_of_grace() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        choose(&server, &olga, "free").await;
        buy(&server, &olga, "plus").await;
        let first = subscription(&server, &olga).await.expect("a period");
        pass(&server, first.period_end.plus_us(2 * DAY_US)).await;
        assert_eq!(all_payments(&server, &olga).await.len(), 1, "nothing is charged without a card");
        assert_eq!(told(&server, &olga).await, ["plan_ending", "plan_unpaid", "plan_unpaid"]);
        assert_eq!(buy(&server, &olga, "plus").await.amount, Money { minor_units: 1_900, ..first.price });
        let second = subscription(&server, &olga).await.expect("a period");
        assert_eq!(second.period_start, first.period_end);
        pass(&server, second.period_end.plus_us(GRACE_US)).await;
        assert_eq!(plan(&server, &olga).await, "free");
        assert_sound(&server).await;
    }
}

/// A month that was paid with a saved card ends now, and is not renewed yet.
async fn until_renewal(server: &TestServer, viewer: &Viewer) -> Timestamp {
    save_card(server, viewer, PAYING).await;
    buy(server, viewer, "business").await;
    let end = subscription(server, viewer).await.expect("a period").period_end;
    server.clock.advance_us(end.us_since(server.now()));
    end
}

#[tokio::test]
async fn a_renewal_that_was_not_seen_through_is_charged_once() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let end = until_renewal(&server, &olga).await;
        let processes = [Arc::clone(&server), server.second_process().await, server.second_process().await];
        let rounds = processes
            .iter()
            .flat_map(|process| [renewals::round(Arc::clone(process)), renewals::round(Arc::clone(process))]);
        for round in futures_util::future::join_all(rounds.collect::<Vec<_>>()).await {
            round.expect("a round");
        }
        round(&server).await;
        assert_eq!(all_payments(&server, &olga).await.len(), 2);
        let next = subscription(&server, &olga).await.expect("a period");
        assert_eq!(next.period_start, end);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn nobody_pays_for_a_plan_while_its_renewal_is_about_to_be_charged() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        until_renewal(&server, &olga).await;
        // As a process leaves it that stops between the two.
        server.db.execute(OPEN_RENEWAL, args![olga.account_id.as_str(), server.now().us()]).await.expect("writes");
        let refused = changes::change(&server, &olga, "business", server.now()).await.expect_err("is being charged");
        assert!(refused.to_string().contains("being processed"), "{refused}");
        assert_eq!(all_payments(&server, &olga).await.len(), 2);
    }
}

const OPEN_RENEWAL: &str = "
INSERT INTO payments
    (account_id, id, user_id, gateway, minor_units, currency, credit, state, created_at, changed_at, checked_at,
     fee_minor_units, tax_minor_units, tax_name, tax_percent, form_id, origin, plan_id, plan_price_minor_units)
SELECT account_id, 'pay_of_the_renewal', user_id, gateway, minor_units, currency, credit, 'open', $2, $2, $2,
       fee_minor_units, tax_minor_units, tax_name, tax_percent, NULL, 'renewal', plan_id, plan_price_minor_units
FROM payments WHERE account_id = $1";

#[tokio::test]
async fn a_plan_whose_money_is_given_back_ends() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let paid = buy(&server, &olga, "business").await;
        payments::gateway::Gateway::of(&server)
            .refund(&server, &olga.account_id, &paid, paid.amount.minor_units)
            .await
            .expect("gives it back");
        payments::look(&server, &paid.id).await.expect("asks the gateway");
        assert_eq!((plan(&server, &olga).await, subscription(&server, &olga).await), ("free".to_owned(), None));
        assert_sound(&server).await;
    }
}
