//! Credit that goes back with its payment: refunds and disputes in every order, what is already spent as a debt, and what
//! operators see and do, on both databases.

use crate::gateway::{event, gateway_has, look, paid, start, take_card, tell};
use crate::key_holder::key_holder;
use crate::requests::send;
use crate::shop::{question, refused, shop};
use crate::support::{TestServer, assert_sound, databases, give_credit, owner};
use domain::account::Viewer;
use domain::credit::Credit;
use domain::id::{AccountId, PaymentId};
use domain::ledger::{Channel, Entry, EntryFilter, EntryKind};
use domain::payment::{DisputeState, Payment, PaymentState};
use domain::problem::ProblemCode;
use server::conversations::{self, Start, ask, begin};
use server::payments::{self, reconcile};
use server::{Server, audit, ledger};
use std::sync::Arc;

const DOLLAR: i64 = 1_000_000;
const PRICE: i64 = 2_000;

/// What is left, set aside and owed, in millionths.
async fn credit(server: &Server, account_id: &AccountId) -> (i64, i64, i64) {
    let summary = ledger::summary(server, account_id).await.expect("a summary");
    assert!(summary.debt == Credit::ZERO || summary.available() == Credit::ZERO, "{summary:?}");
    (summary.posted.millionths(), summary.held.millionths(), summary.debt.millionths())
}

/// Kinds and amounts of all entries, oldest first.
async fn entries(server: &Server, viewer: &Viewer) -> Vec<(EntryKind, i64)> {
    let page = ledger::entries(server, &viewer.account_id, &EntryFilter::default(), 100).await.expect("entries");
    let of = |entry: &Entry| (entry.kind, entry.amount.millionths());
    page.entries.iter().rev().map(of).collect()
}

/// Takes credit away by a correction.
async fn spend(server: &Server, viewer: &Viewer, amount: i64) {
    let operation = domain::ledger::Operation::Adjust { amount: Credit::from_millionths(-amount) };
    ledger::operate(server, &viewer.account_id, operation, "spent").await.expect("a correction");
}

async fn refund(server: &Server, payment_id: &PaymentId, amount: Option<&str>) -> Payment {
    payments::refund(server, payment_id.as_str(), amount, "as agreed").await.expect("given back")
}

#[tokio::test]
async fn what_is_given_back_is_taken_from_what_is_left_and_the_rest_is_owed() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let payment_id = paid(&server, &olga).await;
        assert_eq!(refund(&server, &payment_id, Some("5")).await.refunded_minor_units, 500);
        assert_eq!(credit(&server, &olga.account_id).await, (20 * DOLLAR, 0, 0));
        spend(&server, &olga, 15 * DOLLAR).await;
        assert_eq!(refund(&server, &payment_id, Some("$8.00")).await.standing().millionths(), 12 * DOLLAR);
        assert_eq!(credit(&server, &olga.account_id).await, (0, 0, 3 * DOLLAR));
        assert_eq!(refund(&server, &payment_id, None).await.standing(), Credit::ZERO);
        assert_eq!(credit(&server, &olga.account_id).await, (0, 0, 15 * DOLLAR));
        let expected = [
            (EntryKind::Payment, 25 * DOLLAR),
            (EntryKind::Refund, -5 * DOLLAR),
            (EntryKind::Adjustment, -15 * DOLLAR),
            (EntryKind::Refund, -8 * DOLLAR),
            (EntryKind::Refund, -12 * DOLLAR),
        ];
        assert_eq!(entries(&server, &olga).await, expected);
        assert_sound(&server).await;
        let refused = payments::refund(&server, payment_id.as_str(), None, "again").await.expect_err("nothing is left");
        assert_eq!(refused.into_problem().code, ProblemCode::Conflict);
    }
}

#[tokio::test]
async fn the_next_payment_settles_the_debt_first() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let payment_id = paid(&server, &olga).await;
        spend(&server, &olga, 24 * DOLLAR).await;
        refund(&server, &payment_id, None).await;
        assert_eq!(credit(&server, &olga.account_id).await, (0, 0, 24 * DOLLAR));
        give_credit(&server, &olga, 3 * DOLLAR).await;
        assert_eq!(credit(&server, &olga.account_id).await, (0, 0, 21 * DOLLAR));
        paid(&server, &olga).await;
        assert_eq!(credit(&server, &olga.account_id).await, (4 * DOLLAR, 0, 0));
        let last = ledger::entry(&server, &olga.account_id, 5).await.expect("the payment's entry");
        assert_eq!((last.amount.millionths(), last.posted_after.millionths()), (25 * DOLLAR, 4 * DOLLAR));
        let before = ledger::entry(&server, &olga.account_id, 4).await.expect("the grant's entry");
        assert_eq!(before.posted_after.millionths(), -21 * DOLLAR, "a debt is a negative credit");
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn whoever_is_in_debt_is_told_what_is_missing() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 0).await;
        let payment_id = paid(&server, &holder.viewer).await;
        assert_eq!(send(&server, holder.asks(&holder.question())).await.status, 200);
        refund(&server, &payment_id, None).await;
        let answer = send(&server, holder.asks(&holder.question())).await;
        answer.refuses(402, "insufficient_credit");
        assert_eq!((answer.text("required"), answer.text("available")), ("0.002000".into(), "0.000000".into()));
        let detail = "this needs 0.002000 of credit and 0.000000 is left; \
                      a debt of 0.002000 is settled first, so 0.004000 is missing";
        assert_eq!(answer.text("detail"), detail);
        give_credit(&server, &holder.viewer, 2 * PRICE).await;
        assert_eq!(send(&server, holder.asks(&holder.question())).await.status, 200);
        assert_eq!(credit(&server, &holder.viewer.account_id).await, (0, 0, 0));
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn what_is_held_stays_held_and_settles_the_debt_when_it_is_free() {
    for server in databases().await {
        let shop = shop(&server).await;
        let account_id = &shop.olga.account_id;
        let held = async |request_id: &str, dollars: i64| {
            let maximum = Credit::from_millionths(dollars * DOLLAR);
            match begin(&server, question(&shop, Channel::Api, request_id), maximum, None).await.expect("begins") {
                Start::Begun(begun) => begun,
                Start::Replayed(_) => panic!("nothing was sent before"),
            }
        };
        let payment_id = paid(&server, &shop.olga).await;
        let (answered, given_up) = (held("req_1", 6).await, held("req_2", 4).await);
        refund(&server, &payment_id, None).await;
        assert_eq!(credit(&server, account_id).await, (10 * DOLLAR, 10 * DOLLAR, 10 * DOLLAR));
        let short = refused(&server, question(&shop, Channel::Api, "req_3")).await;
        assert_eq!((short.code, short.available), (ProblemCode::InsufficientCredit, Some(Credit::ZERO)));
        assert_sound(&server).await;
        let answer = domain::chatbot::Answer { text: "Of course.".to_owned(), citations: Vec::new() };
        let cost = Credit::from_millionths(5 * DOLLAR);
        let delivered = conversations::finish(&server, answered, &answer, cost, |_| String::new()).await;
        assert_eq!(delivered.expect("it was paid for with what was set aside").credit_remaining, Credit::ZERO);
        assert_eq!(credit(&server, account_id).await, (4 * DOLLAR, 4 * DOLLAR, 9 * DOLLAR));
        conversations::give_up(&server, given_up).await.expect("given up");
        assert_eq!(credit(&server, account_id).await, (0, 0, 5 * DOLLAR));
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_dispute_takes_the_credit_and_a_won_one_gives_it_back() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let payment_id = paid(&server, &olga).await;
        spend(&server, &olga, 10 * DOLLAR).await;
        gateway_has(&server, &payment_id, "dispute_state = 'open'").await;
        for _ in 0..3 {
            let disputed = look(&server, &payment_id).await;
            assert_eq!((disputed.label(), disputed.standing()), ("Disputed", Credit::ZERO));
        }
        assert_eq!(credit(&server, &olga.account_id).await, (0, 0, 10 * DOLLAR));
        let refused = payments::refund(&server, payment_id.as_str(), None, "too late").await.expect_err("disputed");
        assert_eq!(refused.into_problem().code, ProblemCode::Conflict);
        gateway_has(&server, &payment_id, "dispute_state = 'won'").await;
        assert_eq!(look(&server, &payment_id).await.label(), "Dispute won");
        assert_eq!(credit(&server, &olga.account_id).await, (15 * DOLLAR, 0, 0));
        // A report from before it was decided comes late.
        gateway_has(&server, &payment_id, "dispute_state = 'open'").await;
        assert_eq!(look(&server, &payment_id).await.label(), "Dispute won");
        assert_eq!(credit(&server, &olga.account_id).await, (15 * DOLLAR, 0, 0));
        let last = ledger::entry(&server, &olga.account_id, 4).await.expect("an entry");
        assert_eq!((last.kind, last.amount.millionths()), (EntryKind::Refund, 25 * DOLLAR));
        assert_eq!(last.reason.as_deref(), Some("dispute won"));
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_lost_dispute_takes_what_was_not_refunded_before() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let payment_id = paid(&server, &olga).await;
        refund(&server, &payment_id, Some("5")).await;
        gateway_has(&server, &payment_id, "dispute_state = 'open'").await;
        look(&server, &payment_id).await;
        gateway_has(&server, &payment_id, "dispute_state = 'lost'").await;
        for _ in 0..3 {
            assert_eq!(look(&server, &payment_id).await.label(), "Dispute lost");
        }
        let expected =
            [(EntryKind::Payment, 25 * DOLLAR), (EntryKind::Refund, -5 * DOLLAR), (EntryKind::Refund, -20 * DOLLAR)];
        assert_eq!(entries(&server, &olga).await, expected);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn what_was_given_back_before_it_was_heard_of_leaves_the_whole_story() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        take_card(&server, &payment_id).await;
        gateway_has(&server, &payment_id, "refunded_minor_units = 1000, dispute_state = 'won'").await;
        assert_eq!(look(&server, &payment_id).await.label(), "Refunded in part");
        let expected = [(EntryKind::Payment, 25 * DOLLAR), (EntryKind::Refund, -10 * DOLLAR)];
        assert_eq!(entries(&server, &olga).await, expected);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn fifty_webhooks_about_one_refund_take_it_back_once() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let payment_id = paid(&server, &olga).await;
        gateway_has(&server, &payment_id, "refunded_minor_units = 700").await;
        let other = server.second_process().await;
        let mut told = tokio::task::JoinSet::new();
        for number in 0..50 {
            let server = if number % 2 == 0 { Arc::<Server>::clone(&server) } else { Arc::clone(&other) };
            let event = event("charge.refunded", &payment_id);
            told.spawn(async move { tell(&server, &event).await.status });
        }
        assert_eq!(told.join_all().await, [200; 50]);
        assert_eq!(
            entries(&server, &olga).await,
            [(EntryKind::Payment, 25 * DOLLAR), (EntryKind::Refund, -7 * DOLLAR)]
        );
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn refunds_among_two_hundred_parallel_charges_leave_sound_books() {
    for server in databases().await {
        let shop = Arc::new(shop(&server).await);
        // Enough for 150 of them, until half of it goes back.
        give_credit(&server, &shop.olga, 150 * PRICE).await;
        let payment_id = paid(&server, &shop.olga).await;
        spend(&server, &shop.olga, 25 * DOLLAR).await;
        let calls: Vec<_> = (0..200)
            .map(|number| {
                let (server, shop) = (Arc::<Server>::clone(&server), Arc::clone(&shop));
                tokio::spawn(async move { ask(&server, question(&shop, Channel::Api, &format!("req_{number}"))).await })
            })
            .collect();
        for _ in 0..5 {
            refund(&server, &payment_id, Some("0.03")).await;
        }
        let mut answered = 0;
        for call in calls {
            match call.await.expect("it does not panic") {
                Ok(_) => answered += 1,
                Err(error) => assert_eq!(error.into_problem().code, ProblemCode::InsufficientCredit),
            }
        }
        let (posted, held, debt) = credit(&server, &shop.olga.account_id).await;
        assert_eq!(posted - debt, (150 - answered) * PRICE - 150_000, "{answered} were answered");
        assert_eq!(held, 0);
        assert!((75..=150).contains(&answered), "{answered}");
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_refund_that_is_not_possible_changes_nothing() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let (open, payment_id) = (start(&server, &olga).await, paid(&server, &olga).await);
        let code = async |id: &str, amount, reason: &str| {
            let refused = payments::refund(&server, id, amount, reason).await.expect_err("refused").into_problem();
            (refused.code, refused.field)
        };
        let field = |name: &str| (ProblemCode::InvalidField, Some(name.to_owned()));
        assert_eq!(code(open.as_str(), None, "why").await, (ProblemCode::Conflict, None));
        assert_eq!(code("pay_unknown", None, "why").await, (ProblemCode::NotFound, None));
        assert_eq!(code(payment_id.as_str(), None, " ").await, field("reason"));
        for amount in ["0", "25.01", "-1", "much", "0.001"] {
            assert_eq!(code(payment_id.as_str(), Some(amount), "why").await, field("amount"), "{amount}");
        }
        assert_eq!(entries(&server, &olga).await, [(EntryKind::Payment, 25 * DOLLAR)]);
        assert_eq!(audit::list(&server, &olga.account_id).await.unwrap(), []);
    }
}

#[tokio::test]
async fn what_operators_do_leaves_a_line_each() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let payment_id = paid(&server, &olga).await;
        give_credit(&server, &olga, DOLLAR).await;
        server.clock.advance_us(1);
        spend(&server, &olga, DOLLAR).await;
        server.clock.advance_us(1);
        refund(&server, &payment_id, Some("5")).await;
        server.clock.advance_us(1);
        gateway_has(&server, &payment_id, "refunded_minor_units = 600").await;
        reconcile(&server, 1, audit::ITSELF).await.unwrap();
        let lines = audit::list(&server, &olga.account_id).await.unwrap();
        let lines: Vec<_> = lines
            .iter()
            .map(|line| (line.actor.as_str(), line.action.as_str(), line.subject.as_str(), line.detail.as_str()))
            .collect();
        let payment = payment_id.as_str();
        let expected = [
            ("artiko", "repair", payment, "$5.00 was given back here and $6.00 there"),
            ("operator", "refund", payment, "$5.00: as agreed"),
            ("operator", "adjust", "entry 3", "−$1.000000: spent"),
            ("operator", "grant", "entry 2", "+$1.000000: for a test"),
        ];
        assert_eq!(lines, expected);
        let shown = payments::show(&server, payment).await.unwrap();
        assert_eq!((shown.account_id, shown.payment.refunded_minor_units), (olga.account_id, 600));
        assert_eq!(shown.report.map(|report| report.refunded_minor_units), Some(600));
        let reasons: Vec<_> = shown.entries.iter().map(|entry| (entry.amount.millionths(), &entry.reason)).collect();
        let (none, agreed) = (None, Some("as agreed".to_owned()));
        assert_eq!(reasons, [(25 * DOLLAR, &none), (-5 * DOLLAR, &agreed), (-DOLLAR, &none)]);
    }
}

#[tokio::test]
async fn a_comparison_repairs_what_is_certain_and_reports_the_rest() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let mut payments = Vec::new();
        for _ in 0..5 {
            payments.push(start(&server, &olga).await);
            server.clock.advance_us(1_000);
        }
        let [lost, wrong, disputed, vanished, fine] = payments.try_into().expect("five payments");
        for payment_id in [&disputed, &vanished, &fine] {
            take_card(&server, payment_id).await;
            look(&server, payment_id).await;
        }
        take_card(&server, &lost).await;
        take_card(&server, &wrong).await;
        gateway_has(&server, &wrong, "minor_units = 2600").await;
        gateway_has(&server, &disputed, "dispute_state = 'lost'").await;
        gateway_has(&server, &vanished, "state = 'expired'").await;
        let found = reconcile(&server, 1, "olaf").await.unwrap();
        assert_eq!(found.payments, 5);
        let found: Vec<_> =
            found.differences.iter().map(|found| (&found.payment_id, found.what.as_str(), found.is_repaired)).collect();
        let expected = [
            (&lost, "it is open here and paid there", true),
            (&wrong, "it is $25.00 here and $26.00 there", false),
            (&disputed, "it is not disputed here and disputed (lost) there", true),
            (&vanished, "it is paid here and expired there", false),
        ];
        assert_eq!(found, expected);
        assert_eq!(credit(&server, &olga.account_id).await, (75 * DOLLAR, 0, 0));
        let again = reconcile(&server, 1, "olaf").await.unwrap();
        assert!(again.differences.iter().all(|found| !found.is_repaired), "{again:?}");
        assert_eq!(again.differences.len(), 2);
        server.clock.advance_us(2 * domain::clock::DAY_US);
        assert_eq!(reconcile(&server, 1, "olaf").await.unwrap().payments, 0, "they are too old");
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn the_test_cards_are_disputed_and_decided_step_by_step() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        for (number, outcome) in [("4000000000000259", DisputeState::Lost), ("4000 0000 0000 2685", DisputeState::Won)]
        {
            let payment_id = start(&server, &olga).await;
            let card = payments::local::submit_card_untold(&server, &payment_id, number).await.expect("a test card");
            assert_eq!(card.and_then(|card| card.dispute), Some(outcome));
            let payment = look(&server, &payment_id).await;
            assert_eq!((payment.state, payment.dispute), (PaymentState::Paid, None));
            for state in [DisputeState::Open, outcome, outcome] {
                payments::local::sweep(&server).await.unwrap();
                server.clock.advance_us(4 * domain::clock::SECOND_US);
                payments::local::sweep(&server).await.unwrap();
                let dispute = look(&server, &payment_id).await.dispute.expect("it is disputed");
                assert_eq!((dispute.state, dispute.minor_units), (state, 2_500));
            }
        }
        assert_eq!(credit(&server, &olga.account_id).await, (25 * DOLLAR, 0, 0));
        assert_sound(&server).await;
    }
}

async fn broken(server: &TestServer, statement: &'static str) -> Vec<&'static str> {
    server.db.execute(statement, vec![]).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    let violations = ledger::verify::verify(&server.db).await.expect("reads");
    violations.into_iter().map(|violation| violation.rule).collect()
}

#[tokio::test]
async fn the_verifier_notices_every_row_that_was_tampered_with() {
    const REFUND: &str = "
INSERT INTO entries (account_id, seq, kind, amount, posted_after, at, request_id, payment_id)
SELECT account_id, 4, 'refund', -1, -10000001, 0, 'x', NULL FROM balances";
    const GIVE_BACK: &str = "
INSERT INTO entries (account_id, seq, kind, amount, posted_after, at, request_id, payment_id)
SELECT account_id, 4, 'refund', 30000000, 20000000, 0, 'x', id FROM payments";
    for (rule, statement) in [
        ("less its debt", "UPDATE balances SET debt = debt + 1"),
        ("bought = left", "UPDATE balances SET debt = debt - 1"),
        ("and each refund, belongs to one", REFUND),
        ("gives back no more than it brought", GIVE_BACK),
        ("less the share", "UPDATE payments SET refunded_minor_units = 1500"),
        ("less the share", "UPDATE payments SET dispute_state = 'lost', disputed_minor_units = 1"),
        ("sum to what it stands for", "UPDATE payments SET credited = credited + 1"),
        ("sum to what it stands for", "UPDATE payments SET revision = revision + 1"),
    ] {
        for server in databases().await {
            let olga = owner(&server, "olga").await;
            let payment_id = paid(&server, &olga).await;
            spend(&server, &olga, 15 * DOLLAR).await;
            refund(&server, &payment_id, Some("20")).await;
            assert_sound(&server).await;
            let broken = broken(&server, statement).await;
            assert!(broken.iter().any(|broken| broken.contains(rule)), "{rule}: {broken:?}");
        }
    }
}

#[tokio::test]
async fn a_debt_beside_free_credit_and_a_negative_one_are_refused_by_the_database() {
    for server in databases().await {
        give_credit(&server, &owner(&server, "olga").await, 5).await;
        for statement in ["UPDATE balances SET debt = -1", "UPDATE balances SET debt = 1"] {
            assert!(server.db.execute(statement, vec![]).await.is_err(), "{statement}");
        }
    }
}
