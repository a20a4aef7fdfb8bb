//! What the owner of a key decides about it, through the published call: each rule on both databases.

use crate::key_holder::{KeyHolder, PRICE, asks_with, key_holder};
use crate::requests::send;
use crate::support::{databases, owner};
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use domain::api_key::{KeySettings, Overlap, Permission, ShownOnce};
use domain::clock::{DAY_US, SECOND_US};
use domain::credit::Credit;
use domain::problem::ProblemCode;
use serde_json::json;
use server::keys::{self, OverlapStep};
use server::{Server, chatbots};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const HOUR_US: i64 = 3_600 * SECOND_US;

async fn holder(server: &Arc<Server>) -> KeyHolder {
    let viewer = owner(server, "kim").await;
    key_holder(server, viewer, 10_000).await
}

fn call(holder: &KeyHolder, shown: &ShownOnce) -> Request<Body> {
    let authorization = format!("{}:{}", shown.key.consumer_key, shown.secret.expose());
    asks_with(Some(&authorization), holder.question().to_string())
}

/// The code of the refusal; empty when it was answered.
async fn code(server: &Arc<Server>, request: Request<Body>) -> String {
    let answer = send(server, request).await;
    if answer.status == 200 {
        return String::new();
    }
    let code = answer.text("code");
    answer.refuses(answer.status, &code);
    code
}

async fn set(
    server: &Server,
    holder: &KeyHolder,
    change: impl FnOnce(&mut KeySettings),
) -> server::Result<KeySettings> {
    let key = keys::get(server, &holder.viewer.account_id, &holder.key.key.id).await?;
    let mut settings = key.settings;
    change(&mut settings);
    Ok(keys::change(server, &holder.viewer, &holder.key.key.id, settings).await?.settings)
}

#[tokio::test]
async fn both_secrets_work_while_they_overlap_and_draw_on_one_credit_and_one_cap() {
    for server in databases().await {
        let holder = holder(&server).await;
        let id = &holder.key.key.id;
        set(&server, &holder, |settings| settings.monthly_cap = Some(Credit::from_millionths(3 * PRICE.millionths())))
            .await
            .unwrap();
        let before = keys::get(&server, &holder.viewer.account_id, id).await.unwrap();
        let new = keys::rotate(&server, &holder.viewer, id, Overlap::Hour).await.unwrap();
        assert_eq!((&new.key.settings, &new.key.consumer_key), (&before.settings, &before.consumer_key));
        assert_eq!(code(&server, call(&holder, &holder.key)).await, "");
        assert_eq!(code(&server, call(&holder, &holder.key)).await, "");
        assert_eq!(code(&server, call(&holder, &new)).await, "");
        assert_eq!(code(&server, call(&holder, &new)).await, "key_cap_reached");
        assert_eq!(code(&server, call(&holder, &holder.key)).await, "key_cap_reached");
        let key = keys::get(&server, &holder.viewer.account_id, id).await.unwrap();
        let old = key.old_secret.expect("both work");
        assert_eq!((old.secret.uses, key.secret.uses), (3, 2));
        assert_eq!((old.secret.last_used_at, key.secret.last_used_at), (Some(server.now()), Some(server.now())));
        assert_eq!(key.spent_this_month.millionths(), 3 * PRICE.millionths());
        let again = keys::rotate(&server, &holder.viewer, id, Overlap::None).await.err().unwrap().into_problem();
        assert_eq!(again.code.as_str(), "conflict");
        server.clock.advance_us(HOUR_US - 1);
        assert_eq!(code(&server, call(&holder, &holder.key)).await, "key_cap_reached", "to the last microsecond");
        server.clock.advance_us(1);
        assert_eq!(code(&server, call(&holder, &holder.key)).await, "secret_rotated");
        assert_eq!(code(&server, call(&holder, &new)).await, "key_cap_reached");
        let newest = keys::rotate(&server, &holder.viewer, id, Overlap::None).await.unwrap();
        assert_eq!(code(&server, call(&holder, &new)).await, "secret_rotated");
        assert_eq!(code(&server, call(&holder, &holder.key)).await, "invalid_credential");
        assert_eq!(code(&server, call(&holder, &newest)).await, "key_cap_reached");
    }
}

#[tokio::test]
async fn an_overlap_is_made_longer_and_ended_in_favour_of_either_secret() {
    for server in databases().await {
        let holder = holder(&server).await;
        let id = &holder.key.key.id;
        let viewer = &holder.viewer;
        let alone = keys::end_overlap(&server, viewer, id, OverlapStep::Retire).await.err().unwrap().into_problem();
        assert_eq!(alone.code.as_str(), "conflict");

        let second = keys::rotate(&server, viewer, id, Overlap::Hour).await.unwrap();
        keys::end_overlap(&server, viewer, id, OverlapStep::Extend(Overlap::Week)).await.unwrap();
        server.clock.advance_us(6 * DAY_US);
        assert_eq!(code(&server, call(&holder, &holder.key)).await, "");
        keys::end_overlap(&server, viewer, id, OverlapStep::Retire).await.unwrap();
        assert_eq!(code(&server, call(&holder, &holder.key)).await, "secret_rotated");
        assert_eq!(code(&server, call(&holder, &second)).await, "");

        let third = keys::rotate(&server, viewer, id, Overlap::Day).await.unwrap();
        assert_eq!(code(&server, call(&holder, &third)).await, "");
        keys::end_overlap(&server, viewer, id, OverlapStep::Cancel).await.unwrap();
        assert_eq!(code(&server, call(&holder, &third)).await, "invalid_credential");
        assert_eq!(code(&server, call(&holder, &second)).await, "");
        let key = keys::get(&server, &viewer.account_id, id).await.unwrap();
        assert_eq!((key.old_secret, key.secret.uses), (None, 2), "the counts of the secret that stays");
    }
}

#[tokio::test]
async fn a_key_is_off_at_once_and_on_again_in_every_process() {
    for server in databases().await {
        let holder = holder(&server).await;
        let other = server.second_process().await;
        for process in [&*server, &other] {
            assert_eq!(code(process, call(&holder, &holder.key)).await, "");
        }
        let id = &holder.key.key.id;
        keys::disable(&server, &holder.viewer, id).await.unwrap();
        for process in [&*server, &other] {
            assert_eq!(code(process, call(&holder, &holder.key)).await, "key_disabled");
        }
        keys::enable(&server, &holder.viewer, id).await.unwrap();
        for process in [&*server, &other] {
            assert_eq!(code(process, call(&holder, &holder.key)).await, "");
        }
        let spent = holder.books(&server).await;
        keys::delete(&server, &holder.viewer, id, "Production").await.unwrap();
        for number in 0..1_000 {
            let process = if number % 2 == 0 { &*server } else { &other };
            assert_eq!(code(process, call(&holder, &holder.key)).await, "invalid_credential");
        }
        assert_eq!(holder.books(&server).await, spent, "nothing was charged");
    }
}

#[tokio::test]
async fn what_another_process_changed_holds_for_the_next_charge() {
    for server in databases().await {
        let holder = holder(&server).await;
        let other = server.second_process().await;
        assert_eq!(code(&other, call(&holder, &holder.key)).await, "");
        set(&server, &holder, |settings| settings.name = "Renamed".to_owned()).await.unwrap();
        assert_eq!(
            code(&other, call(&holder, &holder.key)).await,
            "",
            "a change that takes nothing away refuses nobody"
        );
        set(&server, &holder, |settings| settings.permissions = vec![Permission::UsageRead]).await.unwrap();
        assert_eq!(code(&other, call(&holder, &holder.key)).await, "permission_missing");
        set(&server, &holder, |settings| settings.permissions = Permission::ALL.to_vec()).await.unwrap();
        assert_eq!(code(&other, call(&holder, &holder.key)).await, "");
        let used = keys::get(&other, &holder.viewer.account_id, &holder.key.key.id).await.unwrap().secret.uses;
        assert_eq!(used, 4, "a call is counted once, however often it is checked");
        assert_eq!(code(&other, call(&holder, &holder.key)).await, "");
        let new = keys::rotate(&server, &holder.viewer, &holder.key.key.id, Overlap::Hour).await.unwrap();
        assert_eq!(code(&other, call(&holder, &new)).await, "");
        let key = keys::get(&other, &holder.viewer.account_id, &holder.key.key.id).await.unwrap();
        assert_eq!((key.secret.uses, key.old_secret.map(|old| old.secret.uses)), (1, Some(5)));
        keys::end_overlap(&server, &holder.viewer, &holder.key.key.id, OverlapStep::Retire).await.unwrap();
        assert_eq!(code(&other, call(&holder, &holder.key)).await, "secret_rotated");
        assert_eq!(code(&other, call(&holder, &new)).await, "");
    }
}

#[tokio::test]
async fn a_key_ends_with_its_day_and_goes_on_with_a_later_one() {
    for server in databases().await {
        let holder = holder(&server).await;
        let end = server.now().plus_us(30 * DAY_US);
        set(&server, &holder, |settings| settings.expires_at = Some(end)).await.unwrap();
        server.clock.advance_us(30 * DAY_US - 1);
        assert_eq!(code(&server, call(&holder, &holder.key)).await, "");
        server.clock.advance_us(1);
        assert_eq!(code(&server, call(&holder, &holder.key)).await, "key_expired");
        set(&server, &holder, |settings| settings.name = "Old".to_owned()).await.unwrap();
        let past = set(&server, &holder, |settings| settings.expires_at = Some(end.plus_us(-1))).await;
        assert_eq!(past.err().unwrap().into_problem().field.as_deref(), Some("expires_at"));
        set(&server, &holder, |settings| settings.expires_at = None).await.unwrap();
        assert_eq!(code(&server, call(&holder, &holder.key)).await, "");
    }
}

#[tokio::test]
async fn a_key_is_limited_to_networks_and_chatbots() {
    for server in databases().await {
        let holder = holder(&server).await;
        let from = |address: &str| {
            let mut request = call(&holder, &holder.key);
            let address: SocketAddr = format!("{address}:4000").parse().expect("an address");
            request.extensions_mut().insert(ConnectInfo(address));
            request
        };
        let given = ["192.0.2.77/24", "2001:db8::1"].map(str::to_owned).to_vec();
        let stored = set(&server, &holder, |settings| settings.networks = given).await.unwrap();
        assert_eq!(stored.networks, ["192.0.2.0/24", "2001:db8::1/128"]);
        assert_eq!(code(&server, from("192.0.2.200")).await, "");
        assert_eq!(code(&server, from("[::ffff:192.0.2.1]")).await, "", "IPv4 in IPv6 is IPv4");
        assert_eq!(code(&server, from("[2001:db8::1]")).await, "");
        assert_eq!(code(&server, from("192.0.3.1")).await, "network_not_allowed");
        assert_eq!(code(&server, from("[2001:db8::2]")).await, "network_not_allowed");
        let key = keys::get(&server, &holder.viewer.account_id, &holder.key.key.id).await.unwrap();
        assert_eq!(key.last_used_from.as_deref(), Some("2001:db8::1"), "a call that was refused is no use");
        set(&server, &holder, |settings| settings.networks = Vec::new()).await.unwrap();

        let second = chatbots::create(&server, &holder.viewer, "Second").await.unwrap();
        set(&server, &holder, |settings| settings.chatbots = Some(vec![second.id.clone()])).await.unwrap();
        assert_eq!(code(&server, call(&holder, &holder.key)).await, "chatbot_not_allowed");
        set(&server, &holder, |settings| settings.chatbots = None).await.unwrap();
        assert_eq!(code(&server, call(&holder, &holder.key)).await, "");
    }
}

type Change = Box<dyn FnOnce(&mut KeySettings)>;

#[tokio::test]
async fn settings_that_cannot_be_are_refused_and_name_their_field() {
    for server in databases().await {
        let holder = holder(&server).await;
        let eve = owner(&server, "eve").await;
        let theirs = chatbots::create(&server, &eve, "Theirs").await.unwrap().id;
        let changes: [(&str, Change); 8] = [
            ("name", Box::new(|settings| settings.name = " ".to_owned())),
            ("permissions", Box::new(|settings| settings.permissions = Vec::new())),
            ("monthly_cap", Box::new(|settings| settings.monthly_cap = Some(Credit::from_millionths(-1)))),
            ("chatbots", Box::new(|settings| settings.chatbots = Some(Vec::new()))),
            ("chatbots", Box::new(move |settings| settings.chatbots = Some(vec![theirs]))),
            ("networks", Box::new(|settings| settings.networks = vec!["example.com".to_owned()])),
            ("networks", Box::new(|settings| settings.networks = vec!["192.0.2.0/33".to_owned()])),
            ("networks", Box::new(|settings| settings.networks = vec!["192.0.2.1".to_owned(); 21])),
        ];
        for (field, change) in changes {
            let problem = set(&server, &holder, change).await.err().unwrap().into_problem();
            assert_eq!((problem.code.as_str(), problem.field.as_deref()), ("invalid_field", Some(field)));
        }
        let id = &holder.key.key.id;
        let settings = holder.key.key.settings.clone();
        assert_eq!(keys::get(&server, &holder.viewer.account_id, id).await.unwrap().settings, settings);
        let theirs = [
            keys::change(&server, &eve, id, settings).await.map(|_| ()),
            keys::disable(&server, &eve, id).await,
            keys::enable(&server, &eve, id).await,
            keys::rotate(&server, &eve, id, Overlap::Week).await.map(|_| ()),
            keys::end_overlap(&server, &eve, id, OverlapStep::Cancel).await,
            keys::get(&server, &eve.account_id, id).await.map(|_| ()),
        ];
        for refused in theirs {
            assert_eq!(refused.err().unwrap().into_problem().code.as_str(), "not_found");
        }
        assert_eq!(code(&server, call(&holder, &holder.key)).await, "");
    }
}

/// Tries until the credential is refused, for a second at most.
async fn refused_within_a_second(server: &Arc<Server>, holder: &KeyHolder, code: &str) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(1);
    loop {
        let answer = send(server, holder.asks(&json!({}))).await;
        if answer.status == 401 {
            return answer.refuses(401, code);
        }
        assert!(tokio::time::Instant::now() < deadline, "still accepted: {}", answer.body);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_change_of_a_key_is_seen_at_once_here_and_within_a_second_elsewhere() {
    for server in databases().await {
        let mut holder = key_holder(&server, owner(&server, "olga").await, 9).await;
        let other = server.second_process().await;
        // Both processes have looked at the version of the keys, and have the key in memory.
        tokio::time::sleep(Duration::from_millis(300)).await;
        for server in [&*server, &other] {
            assert_eq!(send(server, holder.asks(&holder.question())).await.status, 200);
        }
        let new = keys::rotate(&server, &holder.viewer, &holder.key.key.id, Overlap::None).await.unwrap();
        send(&server, holder.asks(&holder.question())).await.refuses(401, "secret_rotated");
        refused_within_a_second(&other, &holder, "secret_rotated").await;
        holder.key = new;
        for server in [&*server, &other] {
            assert_eq!(send(server, holder.asks(&holder.question())).await.status, 200);
        }
        let spent = holder.books(&server).await.spent;
        keys::delete(&other, &holder.viewer, &holder.key.key.id, "Production").await.unwrap();
        // The cache may know the key for a moment longer; the ledger does not.
        send(&server, holder.asks(&holder.question())).await.refuses(401, "invalid_credential");
        send(&other, holder.asks(&holder.question())).await.refuses(401, "invalid_credential");
        refused_within_a_second(&server, &holder, "invalid_credential").await;
        assert_eq!(holder.books(&server).await.spent, spent);
    }
}

#[tokio::test]
async fn a_key_in_memory_takes_its_own_secret_only() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 9).await;
        let other = key_holder(&server, owner(&server, "otto").await, 9).await;
        for _ in 0..3 {
            assert_eq!(send(&server, holder.asks(&holder.question())).await.status, 200);
            let mixed = format!("{}:{}", holder.key.key.consumer_key, other.key.secret.expose());
            let request = crate::key_holder::asks_with(Some(&mixed), holder.question().to_string());
            send(&server, request).await.refuses(401, "invalid_credential");
        }
    }
}

#[tokio::test]
async fn what_a_deleted_key_spent_can_still_be_asked_for_by_its_own_account_only() {
    for server in databases().await {
        let holder = holder(&server).await;
        let id = &holder.key.key.id;
        keys::delete(&server, &holder.viewer, id, "Production").await.expect("deleted");
        keys::exists(&server, &holder.viewer.account_id, id).await.expect("it was its own");
        let other = owner(&server, "olga").await;
        let refused = keys::exists(&server, &other.account_id, id).await.expect_err("refused");
        assert_eq!(refused.into_problem().code, ProblemCode::NotFound);
    }
}
