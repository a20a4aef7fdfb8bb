//! The ledger, the plan's limits and the message window on both databases, with real concurrency; and a verifier that
//! must notice when somebody tampers with a row.

use crate::shop::{question, refused, shop};
use crate::support::{START, TestServer, assert_sound, databases, give_credit, owner};
use domain::clock::HOUR_US;
use domain::credit::Credit;
use domain::id::KeyId;
use domain::ledger::{Channel, EntryFilter, Operation};
use domain::problem::ProblemCode;
use server::conversations::{Question, ask};
use server::{chatbots, documents, keys, ledger, plans};
use std::sync::Arc;

#[tokio::test]
async fn parallel_calls_on_credit_for_k_messages_are_accepted_exactly_k_times() {
    for server in databases().await {
        let shop = Arc::new(shop(&server).await);
        give_credit(&server, &shop.olga, 7 * 2_000 + 1_999).await;
        let calls = (0..60).map(|number| {
            let (server, shop) = (Arc::clone(&server), Arc::clone(&shop));
            tokio::spawn(async move { ask(&server, question(&shop, Channel::Api, &format!("req_{number}"))).await })
        });
        let (mut accepted, mut short_of_credit) = (0, 0);
        for call in calls.collect::<Vec<_>>() {
            match call.await.unwrap() {
                Ok(_) => accepted += 1,
                Err(error) => {
                    let problem = error.into_problem();
                    assert_eq!(problem.code, ProblemCode::InsufficientCredit, "{problem:?}");
                    short_of_credit += 1;
                }
            }
        }
        assert_eq!((accepted, short_of_credit), (7, 53));
        let summary = ledger::summary(&server, &shop.olga.account_id).await.unwrap();
        assert_eq!((summary.posted.millionths(), summary.spent().millionths()), (1_999, 14_000));
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn fifty_parallel_calls_with_three_places_left_make_three_chatbots() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        for number in 0..7 {
            chatbots::create(&server, &olga, &format!("Chatbot {number}")).await.unwrap();
        }
        let calls = (0..50).map(|number| {
            let (server, olga) = (Arc::clone(&server), olga.clone());
            tokio::spawn(async move { chatbots::create(&server, &olga, &format!("Late {number}")).await })
        });
        let mut made = 0;
        for call in calls.collect::<Vec<_>>() {
            match call.await.unwrap() {
                Ok(_) => made += 1,
                Err(error) => assert_eq!(error.into_problem().code, ProblemCode::LimitReached),
            }
        }
        assert_eq!(made, 3);
        assert_eq!(chatbots::list(&server, &olga.account_id).await.unwrap().len(), 10);
    }
}

#[tokio::test]
async fn the_same_request_is_charged_once() {
    for server in databases().await {
        let shop = shop(&server).await;
        give_credit(&server, &shop.olga, 10_000).await;
        ask(&server, question(&shop, Channel::Api, "req_same")).await.unwrap();
        assert!(ask(&server, question(&shop, Channel::Api, "req_same")).await.is_err());
        let summary = ledger::summary(&server, &shop.olga.account_id).await.unwrap();
        assert_eq!(summary.posted.millionths(), 8_000);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_key_that_was_deleted_meanwhile_pays_for_nothing() {
    for server in databases().await {
        let shop = shop(&server).await;
        give_credit(&server, &shop.olga, 10_000).await;
        keys::delete(&server, &shop.olga, &shop.key.key.id, "Production").await.unwrap();
        let problem = refused(&server, question(&shop, Channel::Api, "req_1")).await;
        assert_eq!(problem.code, ProblemCode::InvalidCredential);
        assert_eq!(ledger::summary(&server, &shop.olga.account_id).await.unwrap().posted.millionths(), 10_000);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn the_console_costs_no_credit_and_counts_in_the_window() {
    for server in databases().await {
        let shop = shop(&server).await;
        let reply = ask(&server, question(&shop, Channel::Console, "req_1")).await.unwrap();
        assert_eq!(reply.answer.text, "We are open from nine to five. (hours.md)");
        assert_eq!((reply.price, reply.credit_remaining), (Credit::ZERO, Credit::ZERO));
        let messages = plans::usage(&server, &shop.olga.account_id).await.unwrap().messages;
        assert_eq!((messages.used, messages.next_free_at), (1, Some(START.plus_us(3 * HOUR_US))));
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_full_window_opens_at_the_stated_time_and_not_a_microsecond_earlier() {
    for server in databases().await {
        let shop = shop(&server).await;
        for number in 0..200 {
            ask(&server, question(&shop, Channel::Console, &format!("req_{number}"))).await.unwrap();
            server.clock.advance_us(1_000);
        }
        let problem = refused(&server, question(&shop, Channel::Console, "req_late")).await;
        let retry_at = START.plus_us(3 * HOUR_US);
        assert_eq!((problem.code, problem.retry_at), (ProblemCode::MessageWindowFull, Some(retry_at)));
        let shown = plans::usage(&server, &shop.olga.account_id).await.unwrap().messages;
        assert_eq!((shown.left(), shown.next_free_at), (0, Some(retry_at)));
        server.clock.advance_us(retry_at.us_since(server.now()) - 1);
        refused(&server, question(&shop, Channel::Console, "req_early")).await;
        server.clock.advance_us(1);
        assert!(ask(&server, question(&shop, Channel::Console, "req_in_time")).await.is_ok());
        refused(&server, question(&shop, Channel::Console, "req_one_more")).await;
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_conversation_belongs_to_its_account_its_chatbot_and_its_channel() {
    for server in databases().await {
        let shop = shop(&server).await;
        give_credit(&server, &shop.olga, 20_000).await;
        let begun = ask(&server, question(&shop, Channel::Api, "req_1")).await.unwrap().conversation_id;
        let continued = |channel, request_id| Question {
            conversation_id: Some(begun.as_str()),
            ..question(&shop, channel, request_id)
        };
        assert_eq!(ask(&server, continued(Channel::Api, "req_2")).await.unwrap().conversation_id, begun);
        let other = chatbots::create(&server, &shop.olga, "Other").await.unwrap();
        let elsewhere = Question { chatbot_id: other.id.as_str(), ..continued(Channel::Api, "req_3") };
        for question in [elsewhere, continued(Channel::Console, "req_4")] {
            assert_eq!(refused(&server, question).await.code, ProblemCode::NotFound);
        }
        assert_eq!(ledger::summary(&server, &shop.olga.account_id).await.unwrap().posted.millionths(), 16_000);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn what_belongs_to_another_account_is_not_found() {
    for server in databases().await {
        let (shop, eve) = (shop(&server).await, owner(&server, "eve").await);
        give_credit(&server, &eve, 20_000).await;
        let document = documents::list(&server, &shop.olga.account_id, None).await.unwrap().remove(0);
        let stolen =
            Question { account_id: eve.account_id.clone(), key_id: None, ..question(&shop, Channel::Api, "req_1") };
        assert_eq!(refused(&server, stolen).await.code, ProblemCode::NotFound);
        for result in [
            chatbots::get(&server, &eve.account_id, &shop.chatbot.id).await.map(|_| ()),
            chatbots::rename(&server, &eve, &shop.chatbot.id, "Mine").await.map(|_| ()),
            chatbots::set_daily_cap(&server, &eve, &shop.chatbot.id, Some(Credit::ZERO)).await,
            chatbots::pause(&server, &eve, &shop.chatbot.id).await,
            chatbots::resume(&server, &eve, &shop.chatbot.id).await,
            chatbots::delete(&server, &eve, &shop.chatbot.id).await,
            documents::add(&server, &eve.account_id, &shop.chatbot.id, "mine.md", "Mine.").await.map(|_| ()),
            documents::delete(&server, &eve.account_id, &document.id).await,
        ] {
            assert_eq!(result.unwrap_err().into_problem().code, ProblemCode::NotFound);
        }
        let kept = chatbots::get(&server, &shop.olga.account_id, &shop.chatbot.id).await.unwrap();
        assert_eq!((kept.name.as_str(), kept.daily_cap, kept.paused_at), ("Help centre", None, None));
        assert!(documents::list(&server, &eve.account_id, Some(&shop.chatbot.id)).await.unwrap().is_empty());
        assert!(
            ledger::entries(&server, &eve.account_id, &EntryFilter::default(), 50).await.unwrap().entries.len() == 1
        );
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_document_is_answered_from_as_soon_as_it_is_there_and_never_after_it_is_gone() {
    for server in databases().await {
        let shop = shop(&server).await;
        let asked = async |request_id: &str| {
            let asked = Question { message: "Do you sell umbrellas?", ..question(&shop, Channel::Console, request_id) };
            ask(&server, asked).await.unwrap().answer
        };
        assert!(asked("req_1").await.citations.is_empty());
        let text = "Umbrellas are sold at the counter.";
        let document =
            documents::add(&server, &shop.olga.account_id, &shop.chatbot.id, "goods.md", text).await.unwrap();
        assert_eq!(asked("req_2").await.citations[0].text, text);
        documents::delete(&server, &shop.olga.account_id, &document.id).await.unwrap();
        assert!(asked("req_3").await.citations.is_empty());
    }
}

#[tokio::test]
async fn entries_are_paged_filtered_and_summed_as_the_ledger_says() {
    for server in databases().await {
        let shop = shop(&server).await;
        give_credit(&server, &shop.olga, 1_000_000).await;
        for number in 0..7 {
            server.clock.advance_us(HOUR_US);
            ask(&server, question(&shop, Channel::Api, &format!("req_{number}"))).await.unwrap();
        }
        let read =
            async |filter: &EntryFilter| ledger::entries(&server, &shop.olga.account_id, filter, 3).await.unwrap();
        let mut filter = EntryFilter::default();
        let mut seen = Vec::new();
        loop {
            let page = read(&filter).await;
            assert_eq!(
                (page.totals.count, page.totals.spent.millionths(), page.totals.added.millionths()),
                (8, 14_000, 1_000_000)
            );
            seen.extend(page.entries.iter().map(|entry| entry.seq));
            filter.before_seq = page.next_before_seq;
            if filter.before_seq.is_none() {
                break;
            }
        }
        assert_eq!(seen, [8, 7, 6, 5, 4, 3, 2, 1]);
        let by_key = EntryFilter { key_id: Some(shop.key.key.id.clone()), ..EntryFilter::default() };
        assert_eq!(read(&by_key).await.totals.count, 7);
        let by_other_key = EntryFilter { key_id: Some(KeyId::from_row("key_other".into())), ..EntryFilter::default() };
        assert_eq!(read(&by_other_key).await.totals.count, 0);
        let (from, until) = (Some(START.plus_us(2 * HOUR_US)), Some(START.plus_us(4 * HOUR_US)));
        let two = read(&EntryFilter { from, until, ..EntryFilter::default() }).await;
        assert_eq!((two.totals.count, two.totals.spent.millionths()), (2, 4_000));
        let newest = &two.entries[0];
        assert_eq!(newest.key.as_ref().map(|key| key.name.as_str()), Some("Production"));
        assert_eq!(newest.chatbot.as_ref().map(|chatbot| chatbot.name.as_str()), Some("Help centre"));
    }
}

#[tokio::test]
async fn a_correction_cannot_take_more_than_there_is() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        give_credit(&server, &olga, 5).await;
        let adjust = async |amount, reason: &str| {
            let operation = Operation::Adjust { amount: Credit::from_millionths(amount) };
            ledger::operate(&server, &olga.account_id, operation, reason)
                .await
                .map_err(|error| error.into_problem().code)
        };
        assert_eq!(adjust(-6, "a mistake").await.unwrap_err(), ProblemCode::InsufficientCredit);
        assert_eq!(adjust(-5, " ").await.unwrap_err(), ProblemCode::InvalidField);
        assert_eq!(adjust(-5, "a mistake").await.unwrap().after.posted, Credit::ZERO);
        assert_sound(&server).await;
    }
}

async fn tampered(server: &TestServer, statements: &[&'static str]) -> Vec<&'static str> {
    let mut tx = server.db.begin().await.expect("begins");
    for statement in statements {
        tx.execute(statement, vec![]).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    tx.commit().await.expect("commits");
    let violations = ledger::verify::verify(&server.db).await.expect("reads");
    violations.into_iter().map(|violation| violation.rule).collect()
}

#[tokio::test]
async fn entries_cannot_be_changed_or_deleted() {
    for server in databases().await {
        give_credit(&server, &owner(&server, "olga").await, 5).await;
        for statement in ["UPDATE entries SET amount = 6", "DELETE FROM entries"] {
            let error = server.db.execute(statement, vec![]).await.expect_err(statement).to_string();
            assert!(error.contains("append-only"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_request_has_one_entry_of_a_kind_whatever_is_written() {
    const COPY: &str = "INSERT INTO entries (account_id, seq, kind, amount, posted_after, at, request_id)
        SELECT account_id, seq + 1, kind, amount, posted_after, at, request_id FROM entries";
    const OF_ANOTHER: &str = "INSERT INTO entries (account_id, seq, kind, amount, posted_after, at, request_id)
        SELECT account_id, seq + 1, kind, amount, posted_after, at, 'req_other' FROM entries";
    for server in databases().await {
        give_credit(&server, &owner(&server, "olga").await, 5).await;
        let error = server.db.execute(COPY, vec![]).await.expect_err("it is there").to_string();
        assert!(error.to_lowercase().contains("unique"), "{error}");
        assert_eq!(server.db.execute(OF_ANOTHER, vec![]).await.expect("a request of its own"), 1);
    }
}

#[tokio::test]
async fn a_balance_cannot_become_negative_by_any_statement() {
    for server in databases().await {
        give_credit(&server, &owner(&server, "olga").await, 5).await;
        for statement in
            ["UPDATE balances SET posted = -1", "UPDATE balances SET held = 6", "UPDATE balances SET held = -1"]
        {
            assert!(server.db.execute(statement, vec![]).await.is_err(), "{statement}");
        }
    }
}

#[tokio::test]
async fn the_verifier_notices_every_row_that_was_tampered_with() {
    let cases: [(&str, &[&str]); 10] = [
        ("sum to its posted credit", &["UPDATE balances SET posted = posted + 1"]),
        ("numbered without gaps", &["UPDATE balances SET next_entry = next_entry + 1"]),
        (
            "continues from the one before",
            &["INSERT INTO entries (account_id, seq, kind, amount, posted_after, at, request_id)
               SELECT account_id, 3, 'grant', 7, 7, 0, 'x' FROM balances"],
        ),
        (
            "have a channel",
            &["INSERT INTO entries (account_id, seq, kind, amount, posted_after, at, request_id, channel)
               SELECT account_id, 3, 'grant', 2000, 10000, 0, 'x', 'api' FROM balances"],
        ),
        ("exactly one delivered answer", &["DELETE FROM messages"]),
        ("exactly one delivered answer", &["UPDATE messages SET price = price + 1"]),
        ("charged exactly once", &["UPDATE messages SET request_id = 'another'"]),
        ("counted messages", &["UPDATE balances SET next_message = next_message + 1"]),
        ("every message to a conversation", &["DELETE FROM conversations"]),
        ("every conversation belongs to a chatbot", &["UPDATE conversations SET chatbot_id = 'another'"]),
    ];
    for (rule, statements) in cases {
        for server in databases().await {
            let shop = shop(&server).await;
            give_credit(&server, &shop.olga, 10_000).await;
            ask(&server, question(&shop, Channel::Api, "req_1")).await.unwrap();
            assert_sound(&server).await;
            let broken = tampered(&server, statements).await;
            assert!(broken.iter().any(|broken| broken.contains(rule)), "{rule}: {broken:?}");
        }
    }
}

#[tokio::test]
async fn the_verifier_notices_a_payment_that_was_not_credited() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        server::payments::start(&server, &olga, "25").await.unwrap();
        assert_sound(&server).await;
        let broken = tampered(&server, &["UPDATE payments SET state = 'paid'"]).await;
        assert!(broken.iter().any(|rule| rule.contains("credited exactly once")), "{broken:?}");
    }
}
