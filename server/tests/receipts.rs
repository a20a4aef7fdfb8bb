//! Receipts on both databases: one for each paid payment, numbered without gaps, and never another than it was.

use crate::support::{TestServer, assert_sound, databases, databases_with, owner};
use clap::Parser;
use domain::account::Viewer;
use domain::chatbot::DocumentKind;
use domain::clock::DAY_US;
use domain::id::PaymentId;
use domain::ledger::EntryFilter;
use domain::money::{Currency, Money};
use domain::payment::PaymentState;
use domain::receipt::{Party, number_text};
use server::documents::extract;
use server::payments::gateway::Report;
use server::payments::{self, Started, local};
use server::random::SystemRandom;
use server::{Config, Server, args, ledger, receipts};
use std::sync::Arc;

const PAID: &str = "4242424242424242";
const DECLINED: &str = "4000000000000002";
const SELLER: [&str; 5] = [
    "--seller-name=Lichtwerk AG",
    "--seller-address=Seeweg 1|8000 Zürich",
    "--seller-tax-id=CHE-100.200.300",
    "--tax-name=MWST",
    "--tax-percent=8.1",
];
const FEES: [&str; 2] = ["--payment-fee-percent=2.9", "--payment-fee-fixed=0.30"];

fn usd(minor_units: i64) -> Money {
    Money { minor_units, currency: Currency::Usd }
}

/// Begins a payment and gives a card for it.
async fn give(server: &Server, viewer: &Viewer, amount: &str, card: &str) -> PaymentId {
    let Started { payment_id, .. } = payments::start(server, viewer, amount).await.expect("a payment");
    local::submit_card_untold(server, &payment_id, card).await.expect("a test card");
    payment_id
}

async fn pay(server: &Server, viewer: &Viewer, amount: &str) -> PaymentId {
    let payment_id = give(server, viewer, amount, PAID).await;
    let payment = payments::verify_return(server, viewer, &payment_id).await.expect("a payment");
    assert_eq!(payment.state, PaymentState::Paid);
    payment_id
}

/// The numbers of an account's receipts by the payments that have one, oldest first.
async fn numbers(server: &Server, viewer: &Viewer) -> Vec<Option<i64>> {
    let payments = payments::list(server, &viewer.account_id).await.expect("payments");
    payments.iter().rev().map(|payment| payment.receipt).collect()
}

#[derive(Parser)]
#[command(args_override_self = true)]
struct Options {
    #[command(flatten)]
    config: Config,
}

/// The same installation, started again with other options.
async fn reopened(server: &TestServer, options: &[&str]) -> Arc<Server> {
    let data_dir = server.folder().to_str().expect("a path").to_owned();
    let mut arguments = vec!["artiko", "--data-dir", &data_dir, "--sign-in-attempts-per-minute", "100000"];
    arguments.extend(options);
    let config = Options::parse_from(arguments).config.with_database_url(server.config.database_url());
    Server::open_with(config, Arc::clone(&server.clock) as _, Arc::new(SystemRandom)).await.expect("opens again")
}

#[tokio::test]
async fn what_is_paid_is_the_amount_with_fee_and_tax_and_the_credit_is_the_amount_alone() {
    for server in databases_with(&[SELLER.as_slice(), &FEES].concat()).await {
        let olga = owner(&server, "olga").await;
        let payment_id = pay(&server, &olga, "25").await;
        let payment = payments::get(&server, &olga.account_id, &payment_id).await.unwrap();
        assert_eq!((payment.amount, payment.net()), (usd(2_814), usd(2_500)));
        assert_eq!((payment.fee_minor_units, payment.tax_minor_units), (103, 211));
        assert_eq!(payment.credit.millionths(), 25_000_000);
        let credit = ledger::summary(&server, &olga.account_id).await.unwrap();
        assert_eq!(credit.available().millionths(), 25_000_000);
        let receipt = receipts::get(&server, &olga.account_id, &payment_id).await.unwrap();
        let quote = receipt.particulars.quote;
        assert_eq!((quote.amount, quote.fee, quote.tax, quote.total()), (usd(2_500), usd(103), usd(211), usd(2_814)));
        assert_eq!(receipt.particulars.seller.address, ["Seeweg 1", "8000 Zürich"]);
        let customer = Party { name: "olga".into(), email: "olga@bergfeld.example".into(), ..Party::default() };
        assert_eq!(receipt.particulars.customer, customer);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn receipts_are_numbered_without_gaps_whatever_becomes_of_other_payments() {
    for server in databases().await {
        let (olga, otto) = (owner(&server, "olga").await, owner(&server, "otto").await);
        let mut expected = Vec::new();
        for number in 1..=3 {
            pay(&server, &olga, "10").await;
            server.clock.advance_us(1);
            let declined = give(&server, &olga, "10", DECLINED).await;
            payments::look(&server, &declined).await.unwrap();
            server.clock.advance_us(1);
            let forged = give(&server, &olga, "10", PAID).await;
            let report = Report { amount: Some(usd(1)), ..Report::of(forged, PaymentState::Paid) };
            payments::fulfil(&server, &report).await.expect_err("another amount");
            server.clock.advance_us(1);
            expected.extend([Some(number), None, None]);
        }
        assert_eq!(numbers(&server, &olga).await, expected);
        pay(&server, &otto, "10").await;
        assert_eq!(numbers(&server, &otto).await, [Some(1)], "each account counts for itself");
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn payments_that_become_paid_at_once_and_are_told_several_times_get_one_number_each() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let mut told = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let payment_id = give(&server, &olga, "10", PAID).await;
            for _ in 0..3 {
                let (server, payment_id) = (Arc::<Server>::clone(&server), payment_id.clone());
                told.spawn(async move { payments::look(&server, &payment_id).await.expect("told") });
            }
        }
        told.join_all().await;
        let mut given = numbers(&server, &olga).await;
        given.sort_unstable();
        assert_eq!(given, (1..=20).map(Some).collect::<Vec<_>>());
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_receipt_says_what_was_true_when_it_was_issued() {
    for server in databases_with(&SELLER).await {
        let olga = owner(&server, "olga").await;
        let first = pay(&server, &olga, "25").await;
        let before = receipts::get(&server, &olga.account_id, &first).await.unwrap();
        receipts::save_billing_details(&server, &olga, "Bergfeld AG", "Hauptstrasse 5\n3000 Bern", "CHE-1")
            .await
            .unwrap();
        let later =
            reopened(&server, &["--seller-name=Lichtwerk II", "--tax-percent=20", "--seller-tax-id=CHE-2"]).await;
        server.clock.advance_us(DAY_US);
        let second = pay(&later, &olga, "25").await;
        assert_eq!(receipts::get(&later, &olga.account_id, &first).await.unwrap(), before);
        let receipt = receipts::get(&later, &olga.account_id, &second).await.unwrap();
        let said = &receipt.particulars;
        assert_eq!((receipt.number, said.seller.name.as_str()), (2, "Lichtwerk II"));
        assert_eq!(receipt.issued_at.us_since(before.issued_at), DAY_US);
        assert_eq!((said.customer.name.as_str(), said.customer.tax_id.as_str()), ("Bergfeld AG", "CHE-1"));
        assert_eq!(said.customer.address, ["Hauptstrasse 5", "3000 Bern"]);
        assert_eq!((said.quote.tax, said.tax_percent.to_string()), (usd(500), "20%".to_owned()));
    }
}

#[tokio::test]
async fn the_tax_is_the_one_of_when_the_payment_began() {
    for server in databases_with(&SELLER).await {
        let olga = owner(&server, "olga").await;
        let payment_id = give(&server, &olga, "25", PAID).await;
        let later = reopened(&server, &["--tax-name=VAT", "--tax-percent=20", "--seller-tax-id=CHE-2"]).await;
        payments::look(&later, &payment_id).await.unwrap();
        let said = receipts::get(&later, &olga.account_id, &payment_id).await.unwrap().particulars;
        assert_eq!(said.lines()[1].label, "MWST 8.1%");
        assert_eq!(said.lines()[1].amount, usd(203));
    }
}

#[tokio::test]
async fn the_database_itself_refuses_another_receipt_than_there_was() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        pay(&server, &olga, "10").await;
        for statement in [
            "UPDATE receipts SET particulars = ''",
            "UPDATE receipts SET number = 2",
            "DELETE FROM receipts",
            "INSERT INTO receipts SELECT account_id, 2, payment_id, issued_at, particulars FROM receipts",
        ] {
            server.db.execute(statement, args![]).await.expect_err(statement);
        }
        assert_eq!(numbers(&server, &olga).await, [Some(1)]);
    }
}

#[tokio::test]
async fn what_was_paid_before_there_were_receipts_gets_one_when_the_installation_opens() {
    const PAY: &str = "UPDATE payments SET state = 'paid', changed_at = changed_at + $2 WHERE id = $1";
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            server.clock.advance_us(1);
            ids.push(payments::start(&server, &olga, "10").await.unwrap().payment_id);
        }
        for (payment_id, later_us) in [(&ids[2], 10), (&ids[0], 20)] {
            server.db.execute(PAY, args![payment_id.as_str(), later_us]).await.unwrap();
        }
        assert_eq!(numbers(&server, &olga).await, [None, None, None]);
        let opened = server.second_process().await;
        assert_eq!(numbers(&opened, &olga).await, [Some(2), None, Some(1)], "in the order in which they were paid");
        server.second_process().await;
        assert_eq!(numbers(&opened, &olga).await, [Some(2), None, Some(1)]);
    }
}

#[tokio::test]
async fn the_verifier_notices_receipts_that_are_missing_or_too_many() {
    const MORE: &str = "
INSERT INTO receipts (account_id, number, payment_id, issued_at, particulars)
SELECT account_id, number + 2, 'pay_of_nothing', issued_at, particulars FROM receipts";
    for (statement, rules) in [
        ("UPDATE payments SET state = 'paid', credited = credit, revision = 1", &["exactly one receipt"][..]),
        ("UPDATE payments SET tax_minor_units = 1", &["with fee and tax"]),
        (MORE, &["exactly one receipt", "receipts are numbered without gaps"]),
    ] {
        for server in databases().await {
            let olga = owner(&server, "olga").await;
            pay(&server, &olga, "10").await;
            payments::start(&server, &olga, "10").await.unwrap();
            assert_sound(&server).await;
            server.db.execute(statement, args![]).await.unwrap();
            let broken = ledger::verify::verify(&server.db).await.unwrap();
            for rule in rules {
                assert!(broken.iter().any(|broken| broken.rule.contains(rule)), "{rule}: {broken:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_form_that_is_sent_twice_at_once_is_one_payment() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        for form_id in ["req_form", "0.25"] {
            let mut sent = tokio::task::JoinSet::new();
            for _ in 0..8 {
                let (server, olga, form_id) = (Arc::<Server>::clone(&server), olga.clone(), form_id.to_owned());
                sent.spawn(async move { payments::start_once(&server, &olga, "25", &form_id).await.expect("begun") });
            }
            let started = sent.join_all().await;
            assert!(started.iter().all(|one| *one == started[0]), "{started:?}");
        }
        assert_eq!(payments::list(&server, &olga.account_id).await.unwrap().len(), 2);
        let otto = owner(&server, "otto").await;
        let theirs = payments::start_once(&server, &otto, "25", "req_form").await.unwrap();
        assert_eq!(payments::list(&server, &otto.account_id).await.unwrap()[0].id, theirs.payment_id);
    }
}

#[tokio::test]
async fn a_form_begins_anew_with_another_amount_and_after_its_payment_came_to_nothing() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let send = async |amount: &str| payments::start_once(&server, &olga, amount, "req_form").await.expect("begun");
        let first = send("25").await;
        let other = send("50").await;
        assert_ne!(first.payment_id, other.payment_id);
        assert_eq!(send("25").await, first, "it is still open");
        local::submit_card_untold(&server, &first.payment_id, DECLINED).await.unwrap();
        payments::look(&server, &first.payment_id).await.unwrap();
        let second = send("25").await;
        assert_ne!(second.payment_id, first.payment_id, "the first was declined");
        local::submit_card_untold(&server, &second.payment_id, PAID).await.unwrap();
        payments::look(&server, &second.payment_id).await.unwrap();
        let again = send("25").await;
        assert_eq!(again.payment_id, second.payment_id, "what is paid is not paid twice");
        assert!(again.checkout_url.ends_with(&format!("/settings?payment={}", second.payment_id)), "{again:?}");
        let entries = ledger::entries(&server, &olga.account_id, &EntryFilter::default(), 10).await.unwrap();
        assert_eq!(entries.entries.len(), 1);
    }
}

#[tokio::test]
async fn the_pdf_reads_back_as_what_the_receipt_says() {
    for server in databases_with(&[SELLER.as_slice(), &FEES].concat()).await {
        let olga = owner(&server, "olga").await;
        receipts::save_billing_details(&server, &olga, "Bergfeld & Söhne AG", "Hauptstrasse 5\n3000 Bern", "CHE-1")
            .await
            .unwrap();
        let payment_id = pay(&server, &olga, "25").await;
        let text = pdf_text(&server, &olga, &payment_id).await;
        for part in [
            "Receipt",
            "R-000001",
            "2026-11-",
            "Lichtwerk AG",
            "Seeweg 1",
            "8000 Zürich",
            "CHE-100.200.300",
            "Bergfeld & Söhne AG",
            "Hauptstrasse 5",
            "3000 Bern",
            "CHE-1",
            "olga@bergfeld.example",
            payment_id.as_str(),
            "API credit",
            "$25.00",
            "Payment fee",
            "$1.03",
            "MWST 8.1%",
            "$2.11",
            "Total paid",
            "$28.14",
            "Paid",
            "$25.000000",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(!text.contains("cannot be shown") && !text.contains("Given back"), "{text}");
        let payment = payments::get(&server, &olga.account_id, &payment_id).await.unwrap();
        let report = Report { refunded_minor_units: 1_000, ..Report::of(payment.id, PaymentState::Paid) };
        payments::fulfil(&server, &report).await.unwrap();
        let text = pdf_text(&server, &olga, &payment_id).await;
        assert!(["Refunded in part", "Given back since", "$10.00"].iter().all(|part| text.contains(part)), "{text}");
    }
}

#[tokio::test]
async fn a_pdf_that_cannot_show_a_name_says_where_it_can_be_read() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        receipts::save_billing_details(&server, &olga, "株式会社 Łukasz", "", "").await.unwrap();
        let payment_id = pay(&server, &olga, "25").await;
        let text = pdf_text(&server, &olga, &payment_id).await;
        assert!(text.contains("???? Lukasz"), "{text}");
        assert!(
            text.contains("All of them can be read at") && text.contains("https://console.example/receipt"),
            "{text}"
        );
        let receipt = receipts::get(&server, &olga.account_id, &payment_id).await.unwrap();
        assert_eq!(receipt.particulars.customer.name, "株式会社 Łukasz");
    }
}

async fn pdf_text(server: &Server, viewer: &Viewer, payment_id: &PaymentId) -> String {
    let receipt = receipts::get(server, &viewer.account_id, payment_id).await.expect("a receipt");
    let payment = payments::get(server, &viewer.account_id, payment_id).await.expect("a payment");
    let file = receipts::pdf(&receipt, &payment, "https://console.example/receipt");
    assert!(file.len() < 8_000, "{} bytes", file.len());
    assert_eq!(file, receipts::pdf(&receipt, &payment, "https://console.example/receipt"), "always the same file");
    extract::read(DocumentKind::Pdf, "receipt.pdf", &file).expect("a PDF that can be read")
}

#[tokio::test]
async fn payments_are_written_as_a_file_with_their_receipts() {
    for server in databases_with(&[SELLER.as_slice(), &FEES].concat()).await {
        let (olga, otto) = (owner(&server, "olga").await, owner(&server, "otto").await);
        let paid = pay(&server, &olga, "25").await;
        server.clock.advance_us(1);
        let declined = give(&server, &olga, "10", DECLINED).await;
        payments::look(&server, &declined).await.unwrap();
        pay(&server, &otto, "50").await;
        let file = payments::csv(&server, &olga.account_id).await.unwrap();
        let lines: Vec<&str> = file.split_terminator("\r\n").collect();
        assert_eq!(lines[0], "created_at,payment_id,state,receipt,amount,fee,tax,total,given_back,currency,credit");
        let number = number_text(1);
        assert!(
            lines[1].ends_with(&format!("{paid},Paid,{number},25.00,1.03,2.11,28.14,0.00,USD,25.000000")),
            "{file}"
        );
        assert!(lines[2].ends_with(&format!("{declined},Declined,,10.00,0.59,0.86,11.45,0.00,USD,0.000000")), "{file}");
        assert_eq!(lines.len(), 3, "{file}");
    }
}

#[tokio::test]
async fn another_accounts_receipt_and_details_are_not_there() {
    for server in databases().await {
        let (olga, otto) = (owner(&server, "olga").await, owner(&server, "otto").await);
        let payment_id = pay(&server, &olga, "10").await;
        let open = payments::start(&server, &olga, "10").await.unwrap().payment_id;
        for (viewer, payment_id) in [(&otto, &payment_id), (&olga, &open)] {
            let problem =
                receipts::get(&server, &viewer.account_id, payment_id).await.expect_err("hidden").into_problem();
            assert_eq!(problem.code.status(), 404);
        }
        receipts::save_billing_details(&server, &olga, "Bergfeld AG", "", "").await.unwrap();
        assert_eq!(receipts::billing_details(&server, &otto.account_id).await.unwrap().name, "");
        let error =
            receipts::save_billing_details(&server, &olga, "", "1\n2\n3\n4\n5\n6\n7", "").await.expect_err("too long");
        assert_eq!(error.into_problem().field.as_deref(), Some("address"));
        assert_eq!(receipts::billing_details(&server, &olga.account_id).await.unwrap().name, "Bergfeld AG");
    }
}
