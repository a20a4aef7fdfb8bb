//! Accounts, sessions and keys on both databases.

use crate::support::{ADDRESS, databases, databases_with, owner};
use domain::api_key::{ApiKey, Overlap, SecretUse};
use domain::api_key::{Credential, PlainSecret};
use domain::clock::DAY_US;
use domain::problem::ProblemCode;
use server::{accounts, keys, plans, sessions};
use std::net::{IpAddr, Ipv4Addr};

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

#[tokio::test]
async fn a_new_account_is_on_the_plus_plan_and_empty() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let usage = plans::usage(&server, &olga.account_id).await.unwrap();
        assert_eq!(usage.plan.name, "Plus");
        assert_eq!((usage.chatbots.used, usage.documents.used, usage.users.used, usage.api_keys.used), (0, 0, 1, 0));
        assert_eq!((usage.messages.used, usage.messages.limit, usage.messages.next_free_at), (0, 200, None));
    }
}

#[tokio::test]
async fn an_email_can_be_signed_up_once_in_whatever_case() {
    for server in databases().await {
        owner(&server, "olga").await;
        let again = accounts::sign_up(&server, "Eve", "OLGA@bergfeld.example ", "another password", ADDRESS).await;
        let problem = again.unwrap_err().into_problem();
        assert_eq!((problem.code, problem.field.as_deref()), (ProblemCode::AlreadyExists, Some("email")));
    }
}

#[tokio::test]
async fn a_wrong_email_and_a_wrong_password_get_the_same_answer() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let signed_in = accounts::sign_in(&server, "Olga@bergfeld.example", "a long password", ADDRESS).await.unwrap();
        assert_eq!(signed_in, olga);
        let wrong_password = accounts::sign_in(&server, &olga.email, "a wrong password", ADDRESS).await;
        let wrong_email = accounts::sign_in(&server, "nobody@bergfeld.example", "a long password", ADDRESS).await;
        let problem = wrong_password.unwrap_err().into_problem();
        assert_eq!(problem.code, ProblemCode::WrongEmailOrPassword);
        assert_eq!(problem, wrong_email.unwrap_err().into_problem());
    }
}

/// Compares the shortest of five times each, with a wide margin: what is looked for is a hash that is left out, which
/// shows as a factor of a hundred, not a difference in speed.
#[tokio::test]
async fn a_wrong_email_costs_a_whole_hash() {
    for server in databases().await {
        owner(&server, "olga").await;
        let mut shortest = [std::time::Duration::MAX; 2];
        for _ in 0..5 {
            for (place, email) in ["olga@bergfeld.example", "nobody@bergfeld.example"].into_iter().enumerate() {
                let began = std::time::Instant::now();
                accounts::sign_in(&server, email, "a wrong password", ADDRESS).await.unwrap_err();
                shortest[place] = shortest[place].min(began.elapsed());
            }
        }
        // An e-mail that is looked up and not hashed answers a hundred times faster; a factor of four is no race.
        assert!(shortest[1] * 4 > shortest[0], "{shortest:?}");
    }
}

#[tokio::test]
async fn repeated_attempts_are_slowed_by_address_and_by_email() {
    for server in databases_with(&["--sign-in-attempts-per-minute", "3"]).await {
        let attempt = async |email: &str, host: u8| {
            let address = std::net::IpAddr::from([127, 0, 0, host]);
            accounts::sign_in(&server, email, "a wrong password", address).await.unwrap_err().into_problem()
        };
        for host in 1..=3 {
            assert_eq!(attempt("olga@bergfeld.example", host).await.code, ProblemCode::WrongEmailOrPassword);
        }
        let by_email = attempt("olga@bergfeld.example", 4).await;
        assert_eq!(by_email.code, ProblemCode::TooManyAttempts);
        assert!(by_email.retry_at.unwrap() > server.now());
        for name in ["a", "b", "c"] {
            let email = format!("{name}@bergfeld.example");
            assert_eq!(attempt(&email, 9).await.code, ProblemCode::WrongEmailOrPassword);
        }
        assert_eq!(attempt("d@bergfeld.example", 9).await.code, ProblemCode::TooManyAttempts);
    }
}

#[tokio::test]
async fn a_session_lasts_until_it_is_ended_or_thirty_days_old() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let (first, second) =
            (sessions::start(&server, &olga).await.unwrap(), sessions::start(&server, &olga).await.unwrap());
        assert_ne!(first, second);
        assert_eq!(sessions::viewer(&server, &first).await.unwrap(), Some(olga.clone()));
        sessions::end(&server, &first).await.unwrap();
        assert_eq!(sessions::viewer(&server, &first).await.unwrap(), None);
        server.clock.advance_us(30 * DAY_US - 1);
        assert!(sessions::viewer(&server, &second).await.unwrap().is_some());
        server.clock.advance_us(1);
        assert_eq!(sessions::viewer(&server, &second).await.unwrap(), None);
    }
}

#[tokio::test]
async fn the_database_holds_neither_token_nor_secret_nor_password() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let token = sessions::start(&server, &olga).await.unwrap();
        let shown = keys::create(&server, &olga, "Production").await.unwrap();
        let mut stored = String::new();
        for sql in
            ["SELECT token_hash FROM sessions", "SELECT secret_hash FROM api_keys", "SELECT password_hash FROM users"]
        {
            let rows: Vec<(String,)> = server.db.all(sql, vec![]).await.unwrap();
            assert_eq!(rows.len(), 1);
            stored.push_str(&rows[0].0);
        }
        for readable in [&token, shown.secret.expose(), &shown.secret.expose()[3..], "a long password"] {
            assert!(!stored.contains(readable));
        }
    }
}

fn credential(shown: &domain::api_key::ShownOnce) -> Credential {
    Credential { consumer_key: shown.key.consumer_key.clone(), secret: shown.secret.clone() }
}

#[tokio::test]
async fn a_key_is_recognised_until_it_is_deleted() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let shown = keys::create(&server, &olga, " Production ").await.unwrap();
        assert_eq!(shown.key.settings.name, "Production");
        let caller = keys::authenticate(&server, &credential(&shown), LOCAL).await.unwrap();
        assert_eq!((&caller.account_id, &caller.key_id), (&olga.account_id, &shown.key.id));
        let other_secret = Credential { secret: PlainSecret::new(&[1; 32]), ..credential(&shown) };
        let refused = keys::authenticate(&server, &other_secret, LOCAL).await.unwrap_err().error.into_problem();
        assert_eq!(refused.code, ProblemCode::InvalidCredential);
        let mistyped = keys::delete(&server, &olga, &shown.key.id, "production").await.unwrap_err().into_problem();
        assert_eq!((mistyped.code, mistyped.field.as_deref()), (ProblemCode::InvalidField, Some("name")));
        keys::delete(&server, &olga, &shown.key.id, "Production").await.unwrap();
        let elsewhere = server.second_process().await;
        for process in [&*server, &elsewhere] {
            let refused =
                keys::authenticate(process, &credential(&shown), LOCAL).await.unwrap_err().error.into_problem();
            assert_eq!(refused.code, ProblemCode::InvalidCredential);
        }
        assert!(keys::list(&server, &olga.account_id).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn regenerating_changes_only_the_secret() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let before = keys::create(&server, &olga, "Production").await.unwrap();
        server.clock.advance_us(DAY_US);
        let after = keys::rotate(&server, &olga, &before.key.id, Overlap::None).await.unwrap();
        assert!(before.secret != after.secret);
        let secret = SecretUse { created_at: server.now(), last_used_at: None, uses: 0 };
        assert_eq!(after.key, ApiKey { secret, ..before.key.clone() });
        assert!(keys::authenticate(&server, &credential(&before), LOCAL).await.is_err());
        assert!(keys::authenticate(&server, &credential(&after), LOCAL).await.is_ok());
    }
}

#[tokio::test]
async fn the_sixth_key_on_plus_is_refused_and_a_deleted_one_makes_room() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let mut made = Vec::new();
        for number in 1..=5 {
            made.push(keys::create(&server, &olga, &format!("Key {number}")).await.unwrap());
        }
        let refused = keys::create(&server, &olga, "Key 6").await.map(|_| ()).unwrap_err().into_problem();
        assert_eq!(refused.code, ProblemCode::LimitReached);
        keys::delete(&server, &olga, &made[0].key.id, "Key 1").await.unwrap();
        assert!(keys::create(&server, &olga, "Key 6").await.is_ok());
    }
}

#[tokio::test]
async fn the_key_of_another_account_is_not_found() {
    for server in databases().await {
        let (olga, eve) = (owner(&server, "olga").await, owner(&server, "eve").await);
        let shown = keys::create(&server, &olga, "Production").await.unwrap();
        let regenerated = keys::rotate(&server, &eve, &shown.key.id, Overlap::None).await.map(|_| ());
        let deleted = keys::delete(&server, &eve, &shown.key.id, "Production").await;
        for refused in [regenerated, deleted] {
            assert_eq!(refused.unwrap_err().into_problem().code, ProblemCode::NotFound);
        }
        assert!(keys::authenticate(&server, &credential(&shown), LOCAL).await.is_ok());
    }
}
