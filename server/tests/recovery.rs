//! Links in mails, sign-ins from new places, and who runs the installation, on both databases.

use crate::post::{only, sent, token};
use crate::support::{ADDRESS, databases, databases_with, owner};
use domain::clock::{DAY_US, HOUR_US, MINUTE_US, SECOND_US};
use domain::mail::MailKind;
use domain::problem::ProblemCode;
use server::{Server, accounts, args, mail, places, recovery, sessions};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

const FIREFOX: &str = "Mozilla/5.0 (X11; rv:132.0) Gecko/20100101 Firefox/132.0";

async fn ask(server: &Server, email: &str) {
    recovery::send_password_link(server, email).await.expect("it works");
}

async fn choose(server: &Server, token: &str, password: &str) -> Result<(), ProblemCode> {
    let chosen = recovery::choose_password(server, token, password, ADDRESS).await;
    chosen.map_err(|error| error.into_problem().code)
}

async fn can_sign_in(server: &Server, email: &str, password: &str) -> bool {
    accounts::sign_in(server, email, password, ADDRESS).await.is_ok()
}

#[tokio::test]
async fn a_link_sets_a_new_password_once_and_ends_all_sessions() {
    for server in databases().await {
        let (olga, eve) = (owner(&server, "olga").await, owner(&server, "eve").await);
        let own = [sessions::start(&server, &olga).await.unwrap(), sessions::start(&server, &olga).await.unwrap()];
        let others = sessions::start(&server, &eve).await.unwrap();
        ask(&server, &olga.email).await;
        let (_, said) = only(&server, "password_reset").await;
        assert!(said.to.contains(&olga.email), "{}", said.to);
        let token = token(&said);
        assert_eq!(choose(&server, &token, "short").await, Err(ProblemCode::InvalidField));
        assert_eq!(choose(&server, &token, "another password").await, Ok(()));
        assert!(can_sign_in(&server, &olga.email, "another password").await);
        assert!(!can_sign_in(&server, &olga.email, "a long password").await);
        assert!(can_sign_in(&server, &eve.email, "a long password").await);
        for session in own {
            assert_eq!(sessions::viewer(&server, &session).await.unwrap(), None);
        }
        assert!(sessions::viewer(&server, &others).await.unwrap().is_some());
        assert_eq!(choose(&server, &token, "a third password").await, Err(ProblemCode::NotFound));
    }
}

#[tokio::test]
async fn of_two_that_follow_a_link_at_once_one_sets_the_password() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        ask(&server, &olga.email).await;
        let token = token(&only(&server, "password_reset").await.1);
        let (one, other) =
            tokio::join!(choose(&server, &token, "one password"), choose(&server, &token, "other password"));
        assert_eq!([one, other].iter().filter(|chosen| chosen.is_ok()).count(), 1, "{one:?} {other:?}");
        assert_eq!(can_sign_in(&server, &olga.email, "one password").await, one.is_ok());
    }
}

#[tokio::test]
async fn a_link_lasts_an_hour_and_opens_nothing_else() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let confirming = token(&only(&server, "email_confirmation").await.1);
        assert_eq!(choose(&server, &confirming, "another password").await, Err(ProblemCode::NotFound));
        ask(&server, &olga.email).await;
        let resetting = token(&only(&server, "password_reset").await.1);
        let confirmed = recovery::confirm_email(&server, &resetting, ADDRESS).await;
        assert_eq!(confirmed.unwrap_err().into_problem().code, ProblemCode::NotFound);
        server.clock.advance_us(HOUR_US - 1);
        assert_eq!(mail::purpose_of(&server, &resetting).await.unwrap(), Some(MailKind::PasswordReset));
        server.clock.advance_us(1);
        assert_eq!(choose(&server, &resetting, "another password").await, Err(ProblemCode::NotFound));
        assert!(can_sign_in(&server, &olga.email, "a long password").await);
    }
}

#[tokio::test]
async fn nobody_is_told_whether_an_email_is_known_and_nobody_unknown_gets_a_mail() {
    for server in databases().await {
        owner(&server, "olga").await;
        let server: &Arc<Server> = &server;
        for email in ["olga@bergfeld.example", "nobody@bergfeld.example"] {
            assert!(recovery::ask_for_password(server, email, ADDRESS).is_ok());
        }
        let refused = recovery::ask_for_password(server, "olga", ADDRESS).unwrap_err().into_problem();
        assert_eq!(refused.field.as_deref(), Some("email"));
        // The answer did not wait for it.
        for _ in 0..500 {
            if !sent(server, "password_reset").await.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let (_, said) = only(server, "password_reset").await;
        assert!(said.to.contains("olga@bergfeld.example"), "{}", said.to);
        assert_eq!(mail::list(server, None).await.unwrap().len(), 2, "and the one to confirm the e-mail");
    }
}

#[tokio::test]
async fn a_person_gets_one_link_in_five_minutes_however_often_it_is_asked_for() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        // The five minutes are those of the clock.
        server.clock.advance_us(5 * MINUTE_US - server.now().us() % (5 * MINUTE_US));
        for _ in 0..5 {
            ask(&server, &olga.email).await;
            server.clock.advance_us(MINUTE_US - SECOND_US);
        }
        assert_eq!(sent(&server, "password_reset").await.len(), 1);
        server.clock.advance_us(5 * SECOND_US);
        ask(&server, &olga.email).await;
        let links: Vec<String> = sent(&server, "password_reset").await.iter().map(|(_, said)| token(said)).collect();
        assert_eq!(links.len(), 2);
        // Either may be the one that arrived; following one ends the other.
        assert_eq!(choose(&server, &links[1], "another password").await, Ok(()));
        assert_eq!(choose(&server, &links[0], "a third password").await, Err(ProblemCode::NotFound));
    }
}

#[tokio::test]
async fn a_link_that_could_not_be_sent_within_an_hour_is_not_sent_at_all() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        ask(&server, &olga.email).await;
        server.clock.advance_us(HOUR_US);
        assert!(sent(&server, "password_reset").await.is_empty());
    }
}

#[tokio::test]
async fn the_database_holds_no_link() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        ask(&server, &olga.email).await;
        let tokens =
            [token(&only(&server, "password_reset").await.1), token(&only(&server, "email_confirmation").await.1)];
        let mut stored = String::new();
        for sql in [
            "SELECT token_hash || ' ' || user_id || ' ' || purpose FROM mail_links LIMIT 100",
            "SELECT id || ' ' || detail || ' ' || error FROM outbox LIMIT 100",
        ] {
            let rows: Vec<(String,)> = server.db.all(sql, args![]).await.unwrap();
            assert_eq!(rows.len(), 2);
            stored.extend(rows.into_iter().map(|(row,)| row));
        }
        for token in tokens {
            assert!(!stored.contains(&token));
        }
    }
}

#[tokio::test]
async fn an_email_is_confirmed_by_the_link_that_signing_up_sends() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let session = sessions::start(&server, &olga).await.unwrap();
        let viewer = async || sessions::viewer(&server, &session).await.unwrap().expect("signed in");
        assert!(!viewer().await.is_confirmed);
        recovery::ask_to_confirm_again(&server, &viewer().await).await.unwrap();
        let (_, said) = only(&server, "email_confirmation").await;
        server.clock.advance_us(5 * MINUTE_US);
        recovery::ask_to_confirm_again(&server, &viewer().await).await.unwrap();
        assert_eq!(sent(&server, "email_confirmation").await.len(), 2);
        server.clock.advance_us(6 * DAY_US);
        recovery::confirm_email(&server, &token(&said), ADDRESS).await.unwrap();
        assert!(viewer().await.is_confirmed);
        let again = recovery::confirm_email(&server, &token(&said), ADDRESS).await.unwrap_err().into_problem();
        assert_eq!(again.code, ProblemCode::NotFound);
        recovery::ask_to_confirm_again(&server, &viewer().await).await.unwrap();
        assert_eq!(sent(&server, "email_confirmation").await.len(), 2, "there is nothing left to confirm");
    }
}

#[tokio::test]
async fn whoever_could_choose_a_password_by_mail_has_confirmed_the_email() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        ask(&server, &olga.email).await;
        choose(&server, &token(&only(&server, "password_reset").await.1), "another password").await.unwrap();
        assert!(accounts::sign_in(&server, &olga.email, "another password", ADDRESS).await.unwrap().is_confirmed);
    }
}

#[tokio::test]
async fn an_operator_is_known_by_a_confirmed_email_alone() {
    for server in databases_with(&["--operator-emails", "Olga@bergfeld.example,ops@bergfeld.example"]).await {
        let (olga, eve) = (owner(&server, "olga").await, owner(&server, "eve").await);
        let [own, others] =
            [sessions::start(&server, &olga).await.unwrap(), sessions::start(&server, &eve).await.unwrap()];
        let is_operator =
            async |session: &str| sessions::viewer(&server, session).await.unwrap().is_some_and(|v| v.is_operator);
        assert!(!is_operator(&own).await, "anybody can sign up with this address");
        for (_, said) in sent(&server, "email_confirmation").await {
            recovery::confirm_email(&server, &token(&said), ADDRESS).await.unwrap();
        }
        assert_eq!([is_operator(&own).await, is_operator(&others).await], [true, false]);
        assert!(accounts::sign_in(&server, &olga.email, "a long password", ADDRESS).await.unwrap().is_operator);
    }
}

#[tokio::test]
async fn a_sign_in_from_a_new_place_is_told_once() {
    for server in databases().await {
        let (olga, eve) = (owner(&server, "olga").await, owner(&server, "eve").await);
        let arrive = async |viewer, address: &str, user_agent| {
            let address: IpAddr = address.parse().unwrap();
            places::arrive(&server, viewer, address, user_agent).await.unwrap();
            sent(&server, "new_sign_in").await.len()
        };
        assert_eq!(arrive(&olga, "203.0.113.7", FIREFOX).await, 0, "where she signed up");
        assert_eq!(arrive(&olga, "203.0.113.200", FIREFOX).await, 0, "the same network");
        assert_eq!(arrive(&olga, "198.51.100.1", FIREFOX).await, 1, "another network");
        assert_eq!(arrive(&olga, "198.51.100.2", FIREFOX).await, 1, "it is known now");
        assert_eq!(arrive(&olga, "203.0.113.7", "curl/8").await, 2, "another browser");
        assert_eq!(arrive(&eve, "198.51.100.1", FIREFOX).await, 2, "each has places of his own");
        let found = sent(&server, "new_sign_in").await;
        let first = found.iter().find(|(_, said)| said.text.contains("Firefox, from the network 198.51.100.0/24"));
        let (_, said) = first.expect("the place is named");
        assert!(said.to.contains(&olga.email) && said.text.contains("/forgot-password"), "{said:?}");
        let places: Vec<(String,)> = server.db.all("SELECT place FROM user_places LIMIT 10", args![]).await.unwrap();
        assert_eq!(places.len(), 4);
        assert!(places.iter().all(|(place,)| place.len() == 32), "{places:?}");
    }
}
