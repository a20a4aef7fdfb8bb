//! Mails on both databases: one for each event, sent once, tried again, given up, and what they say.

use crate::post::{only, sent};
use crate::shop::{question, shop};
use crate::support::{TestServer, databases, give_credit, owner};
use base64::Engine;
use domain::account::{Role, Viewer};
use domain::api_key::{KeySettings, Permission};
use domain::chatbot::DocumentKind;
use domain::clock::{DAY_US, HOUR_US, MINUTE_US};
use domain::credit::Credit;
use domain::id::UserId;
use domain::ledger::Channel;
use domain::mail::{MailKind, MailState};
use server::db::Db;
use server::documents::extract;
use server::mail::{self, Event, OutboxMail};
use server::{Server, args, conversations, keys, ledger, payments, random};
use std::fs;

/// Writes down a mail about nothing in particular.
async fn tell(server: &Server, viewer: &Viewer, id: &str) -> bool {
    let mut tx = server.db.begin().await.expect("it works");
    let event = Event {
        account_id: &viewer.account_id,
        id: id.to_owned(),
        kind: MailKind::NewSignIn,
        subject_id: None,
        user_id: Some(&viewer.user_id),
        detail: "Firefox",
    };
    let is_new = mail::enqueue(&mut tx, event, server.now()).await.expect("it works");
    tx.commit().await.expect("it works");
    is_new
}

/// Somebody else in an account.
async fn join(server: &Server, viewer: &Viewer, name: &str, role: Role) {
    const INSERT_USER: &str =
        "INSERT INTO users (id, email, name, password_hash, created_at) VALUES ($1, $2, $2, '', $3)";
    const INSERT_MEMBER: &str = "INSERT INTO members (account_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)";
    let (id, now) = (UserId::new(server.now(), random::bytes(server.random.as_ref())), server.now().us());
    let user = args![id.as_str(), format!("{name}@bergfeld.example"), now];
    server.db.execute(INSERT_USER, user).await.expect("it works");
    let member = args![viewer.account_id.as_str(), id.as_str(), role.as_str(), now];
    server.db.execute(INSERT_MEMBER, member).await.expect("it works");
}

/// The only mail of this kind.
async fn row(server: &Server, kind: MailKind) -> OutboxMail {
    let mails = mail::list(server, None).await.expect("it works");
    let mut of_kind: Vec<OutboxMail> = mails.into_iter().filter(|mail| mail.kind == kind.as_str()).collect();
    assert_eq!(of_kind.len(), 1, "{of_kind:?}");
    of_kind.remove(0)
}

fn files(server: &TestServer) -> Vec<String> {
    let Ok(folder) = fs::read_dir(server.folder().join("outbox")) else { return Vec::new() };
    folder.map(|entry| fs::read_to_string(entry.expect("it works").path()).expect("it works")).collect()
}

fn message_id(file: &str) -> &str {
    file.lines().find_map(|line| line.strip_prefix("Message-ID: ")).expect("a Message-ID")
}

#[tokio::test]
async fn one_event_makes_one_mail() {
    for server in databases().await {
        let (olga, eve) = (owner(&server, "olga").await, owner(&server, "eve").await);
        assert!(tell(&server, &olga, "the event").await);
        assert!(!tell(&server, &olga, "the event").await);
        assert!(tell(&server, &eve, "the event").await, "another account has events of its own");
        for _ in 0..2 {
            assert_eq!(sent(&server, "new_sign_in").await.len(), 2);
        }
        assert!(!tell(&server, &olga, "the event").await, "it was sent already");
        assert_eq!(row_attempts(&server.db).await, [1, 1, 1, 1]);
        let [one, other] = [0, 1].map(|place| message_id(&files(&server)[place]).to_owned());
        assert_ne!(one, other);
    }
}

async fn row_attempts(db: &Db) -> Vec<i64> {
    let rows: Vec<(i64,)> = db.all("SELECT attempts FROM outbox LIMIT 1000", args![]).await.expect("it works");
    rows.into_iter().map(|(attempts,)| attempts).collect()
}

#[tokio::test]
async fn a_mail_to_an_account_goes_to_each_owner_and_admin() {
    for server in databases().await {
        let shop = shop(&server).await;
        server.clock.advance_us(1);
        join(&server, &shop.olga, "adam", Role::Admin).await;
        join(&server, &shop.olga, "mia", Role::Member).await;
        spend_below(&server, &shop).await;
        let mut readers: Vec<String> = sent(&server, "credit_low").await.into_iter().map(|(_, said)| said.to).collect();
        readers.sort();
        assert_eq!(readers.len(), 2, "{readers:?}");
        assert!(readers[0].contains("<olga@") || readers[1].contains("<olga@"), "{readers:?}");
        assert!(readers.iter().any(|reader| reader.contains("<adam@")), "{readers:?}");
        assert!(sent(&server, "credit_low").await.len() == 2, "nobody gets it again");
    }
}

/// Spends until less than the account wanted is left.
async fn spend_below(server: &Server, shop: &crate::shop::Shop) {
    give_credit(server, &shop.olga, 6_000_000).await;
    let below = Some(Credit::from_millionths(6_000_000));
    ledger::set_alert_below(server, &shop.olga.account_id, below).await.expect("it works");
    conversations::ask(server, question(shop, Channel::Api, "req_1")).await.expect("it works");
}

#[tokio::test]
async fn low_credit_is_told_with_what_is_left_and_where_to_add_some() {
    for server in databases().await {
        let shop = shop(&server).await;
        spend_below(&server, &shop).await;
        let (row, said) = only(&server, "credit_low").await;
        assert_eq!(
            (row.state, row.attempts, row.email.as_deref()),
            (MailState::Sent, 1, Some("olga@bergfeld.example"))
        );
        assert_eq!(said.subject, "Your API credit is low: $5.99 is left");
        assert!(said.text.contains("has fallen below $6.00"), "{}", said.text);
        assert!(said.text.contains("http://127.0.0.1:3000/settings?add-balance"), "{}", said.text);
        assert!(said.text.contains(shop.olga.account_id.as_str()), "{}", said.text);
    }
}

#[tokio::test]
async fn two_processes_send_each_mail_once() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        for number in 0..30 {
            tell(&server, &olga, &format!("event {number}")).await;
        }
        let other = server.second_process().await;
        let sending = [
            mail::send_waiting(&server),
            mail::send_waiting(&other),
            mail::send_waiting(&server),
            mail::send_waiting(&other),
        ];
        for done in futures_util::future::join_all(sending).await {
            done.unwrap();
        }
        assert_eq!(row_attempts(&server.db).await, vec![1; 31]);
        assert_eq!(files(&server).len(), 31);
        assert_eq!(mail::list(&server, Some(MailState::Sent)).await.unwrap().len(), 31);
    }
}

/// What a process leaves that ends between sending a mail and hearing of it.
async fn end_while_sending(server: &TestServer) {
    const LEFT: &str = "UPDATE outbox SET state = 'sending', sent_at = NULL, next_try_at = $1";
    let until = server.now().plus_us(5 * MINUTE_US).us();
    server.db.execute(LEFT, args![until]).await.expect("it works");
}

#[tokio::test]
async fn a_mail_whose_sender_ended_is_sent_again_later_under_the_same_name() {
    for server in databases().await {
        owner(&server, "olga").await;
        mail::send_waiting(&server).await.unwrap();
        let before = files(&server);
        end_while_sending(&server).await;
        let other = server.second_process().await;
        server.clock.advance_us(5 * MINUTE_US - 1);
        mail::send_waiting(&other).await.unwrap();
        assert_eq!(row(&server, MailKind::EmailConfirmation).await.attempts, 1, "it is left to whoever claimed it");
        server.clock.advance_us(1);
        mail::send_waiting(&other).await.unwrap();
        let row = row(&server, MailKind::EmailConfirmation).await;
        assert_eq!((row.state, row.attempts), (MailState::Sent, 2));
        let after = files(&server);
        assert_eq!((before.len(), after.len()), (1, 1));
        assert_eq!(message_id(&before[0]), message_id(&after[0]));
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_tried_again_with_pauses_and_then_sent() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        mail::send_waiting(&server).await.unwrap();
        fs::rename(server.folder().join("outbox"), server.folder().join("away")).unwrap();
        fs::write(server.folder().join("outbox"), "in the way").unwrap();
        tell(&server, &olga, "the event").await;
        for (attempts, pause) in [(1, 1), (2, 2), (3, 4)] {
            mail::send_waiting(&server).await.unwrap();
            let row = row(&server, MailKind::NewSignIn).await;
            assert_eq!((row.state, row.attempts), (MailState::Waiting, attempts));
            assert_eq!(row.next_try_at, server.now().plus_us(pause * MINUTE_US));
            assert!(row.error.contains("outbox"), "{}", row.error);
            server.clock.advance_us(pause * MINUTE_US - 1);
            mail::send_waiting(&server).await.unwrap();
            assert_eq!(row_of(&server).await.attempts, attempts, "too early");
            server.clock.advance_us(1);
        }
        fs::remove_file(server.folder().join("outbox")).unwrap();
        mail::send_waiting(&server).await.unwrap();
        let row = row_of(&server).await;
        assert_eq!((row.state, row.attempts, row.error.as_str()), (MailState::Sent, 4, ""));
    }
}

async fn row_of(server: &Server) -> OutboxMail {
    row(server, MailKind::NewSignIn).await
}

#[tokio::test]
async fn a_mail_is_given_up_after_three_days_and_says_why() {
    for server in databases().await {
        fs::write(server.folder().join("outbox"), "in the way").unwrap();
        let olga = owner(&server, "olga").await;
        tell(&server, &olga, "the event").await;
        let began = server.now();
        while row_of(&server).await.state != MailState::Failed {
            server.clock.advance_us(HOUR_US);
            mail::send_waiting(&server).await.unwrap();
            assert!(server.now().us_since(began) < 4 * DAY_US, "it is never given up");
        }
        assert!(server.now().us_since(began) >= 3 * DAY_US);
        let row = row_of(&server).await;
        assert!((12..=25).contains(&row.attempts) && row.error.contains("outbox"), "{row:?}");
        fs::remove_file(server.folder().join("outbox")).unwrap();
        server.clock.advance_us(DAY_US);
        mail::send_waiting(&server).await.unwrap();
        assert_eq!(row_of(&server).await.state, MailState::Failed);
        assert_eq!(mail::counts(&server).await.unwrap()[3], (MailState::Failed, 2));
    }
}

async fn end_key(server: &Server, shop: &crate::shop::Shop, in_us: i64) {
    let settings = KeySettings {
        name: "Production".to_owned(),
        permissions: Permission::ALL.to_vec(),
        chatbots: None,
        expires_at: Some(server.now().plus_us(in_us)),
        monthly_cap: None,
        networks: Vec::new(),
    };
    keys::change(server, &shop.olga, &shop.key.key.id, settings).await.expect("it works");
}

#[tokio::test]
async fn a_key_that_ends_is_told_of_seven_days_and_one_day_before() {
    for server in databases().await {
        let shop = shop(&server).await;
        end_key(&server, &shop, 30 * DAY_US).await;
        let mut told = Vec::new();
        for day in 0..31 {
            for _ in 0..2 {
                mail::remind_of_keys(&server).await.unwrap();
            }
            if sent(&server, "key_expiring").await.len() > told.len() {
                told.push(30 - day);
            }
            server.clock.advance_us(DAY_US);
        }
        assert_eq!(told, [7, 1]);
        let (_, said) = &sent(&server, "key_expiring").await[0];
        assert_eq!(
            said.subject,
            format!("The API key \"Production\" ends on {}", server.now().plus_us(-DAY_US).date())
        );
        assert!(said.text.contains(&format!("/settings/keys/{}", shop.key.key.id)), "{}", said.text);
    }
}

#[tokio::test]
async fn a_key_with_another_end_is_told_of_anew_and_one_that_is_off_not_at_all() {
    for server in databases().await {
        let shop = shop(&server).await;
        end_key(&server, &shop, 6 * DAY_US).await;
        mail::remind_of_keys(&server).await.unwrap();
        end_key(&server, &shop, 5 * DAY_US).await;
        mail::send_waiting(&server).await.unwrap();
        let outdated = row(&server, MailKind::KeyExpiring).await;
        assert_eq!((outdated.state, outdated.attempts), (MailState::Failed, 1));
        assert!(outdated.error.contains("not so any more"), "{}", outdated.error);
        mail::remind_of_keys(&server).await.unwrap();
        only(&server, "key_expiring").await;
        keys::disable(&server, &shop.olga, &shop.key.key.id).await.unwrap();
        server.clock.advance_us(4 * DAY_US + 1);
        mail::remind_of_keys(&server).await.unwrap();
        only(&server, "key_expiring").await;
    }
}

/// Begins a payment and pays it with a card; hears of it twice.
async fn pay(server: &TestServer, viewer: &Viewer, card: &str) {
    let payment = payments::start(server, viewer, "25").await.expect("it works").payment_id;
    payments::local::submit_card_untold(server, &payment, card).await.expect("it works");
    for _ in 0..2 {
        payments::verify_return(server, viewer, &payment).await.expect("it works");
        payments::sweep(server).await.expect("it works");
        server.clock.advance_us(MINUTE_US);
    }
}

/// The text of the PDF that goes with one of these mails.
fn attached_pdf(mails: &str) -> String {
    let (_, after) = mails.split_once("filename=\"artiko-receipt-R-000001.pdf\"").expect("an attachment");
    let (_, body) = after.split_once("\r\n\r\n").expect("its body");
    let (digits, _) = body.split_once("--").expect("its end");
    let digits: String = digits.split_whitespace().collect();
    let file = base64::engine::general_purpose::STANDARD.decode(digits).expect("base64");
    extract::read(DocumentKind::Pdf, "receipt.pdf", &file).expect("a PDF")
}

#[tokio::test]
async fn a_payment_has_one_receipt_and_a_declined_one_is_told_of() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        pay(&server, &olga, "4242 4242 4242 4242").await;
        let (_, said) = only(&server, "receipt").await;
        assert_eq!(said.subject, "Receipt R-000001 for your payment of $25.00");
        for part in ["Receipt: R-000001", "Credit:  $25.00", "/settings/payments/pay_"] {
            assert!(said.text.contains(part), "{}", said.text);
        }
        let receipt = attached_pdf(&files(&server).concat());
        assert!(receipt.contains("R-000001") && receipt.contains("$25.00"), "{receipt}");
        assert!(sent(&server, "payment_failed").await.is_empty());
        pay(&server, &olga, "4000 0000 0000 0002").await;
        let (_, said) = only(&server, "payment_failed").await;
        assert_eq!(said.subject, "Your payment of $25.00 was declined");
        assert!(said.text.contains("/settings?add-balance=25"), "{}", said.text);
        only(&server, "receipt").await;
    }
}

#[tokio::test]
async fn mails_of_long_ago_are_forgotten_with_their_files() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        mail::send_waiting(&server).await.unwrap();
        server.clock.advance_us(90 * DAY_US);
        tell(&server, &olga, "the event").await;
        mail::send_waiting(&server).await.unwrap();
        mail::forget_old(&server).await.unwrap();
        assert_eq!((row_attempts(&server.db).await.len(), files(&server).len()), (2, 2), "not a moment too early");
        server.clock.advance_us(1);
        mail::forget_old(&server).await.unwrap();
        assert_eq!((row_attempts(&server.db).await.len(), files(&server).len()), (1, 1));
    }
}
