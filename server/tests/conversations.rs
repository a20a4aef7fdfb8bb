//! Conversations: finding them, deleting them, and the files that they are exported as.

use crate::support::{START, TestServer, assert_sound, databases, databases_with, give_credit, owner};
use domain::account::Viewer;
use domain::chatbot::Chatbot;
use domain::clock::{DAY_US, MINUTE_US};
use domain::conversation::Reply;
use domain::id::ConversationId;
use domain::ledger::Channel;
use domain::problem::ProblemCode;
use futures_util::TryStreamExt;
use server::conversations::{self, ConversationFilter, ExportFormat, Question};
use server::{Server, chatbots, documents, random};
use std::sync::Arc;

struct House {
    olga: Viewer,
    lamps: Chatbot,
    chairs: Chatbot,
}

/// An account with two chatbots that know something.
async fn house(server: &Server) -> House {
    let olga = owner(server, "olga").await;
    give_credit(server, &olga, 1_000_000).await;
    let lamps = chatbots::create(server, &olga, "Lamps").await.expect("a chatbot");
    let chairs = chatbots::create(server, &olga, "Chairs, \"and\" tables").await.expect("a chatbot");
    for chatbot in [&lamps, &chairs] {
        let text = "# Returns\nYou can send a lamp or a chair back within thirty days.";
        documents::add(server, &olga.account_id, &chatbot.id, "returns.md", text).await.expect("a document");
    }
    House { olga, lamps, chairs }
}

async fn ask(
    server: &Server,
    viewer: &Viewer,
    chatbot: &Chatbot,
    channel: Channel,
    conversation_id: Option<&ConversationId>,
    message: &str,
) -> server::Result<Reply> {
    let question = Question {
        account_id: viewer.account_id.clone(),
        key_id: None,
        caller: None,
        chatbot_id: chatbot.id.as_str(),
        conversation_id: conversation_id.map(ConversationId::as_str),
        message,
        channel,
        request_id: domain::id::RequestId::new(server.now(), random::bytes(server.random.as_ref())).to_string(),
        caller_request_id: None,
    };
    conversations::ask(server, question).await
}

/// What the conversations of a filter began with, newest first.
async fn openings(server: &Server, house: &House, filter: ConversationFilter) -> Vec<String> {
    let page = conversations::conversations(server, &house.olga.account_id, &filter, 50).await.expect("a page");
    page.items.into_iter().map(|listed| listed.opening).collect()
}

fn text(text: &str) -> ConversationFilter {
    ConversationFilter { text: text.to_owned(), ..ConversationFilter::default() }
}

#[tokio::test]
async fn conversations_are_found_by_what_was_said_in_them() {
    for server in databases().await {
        let house = house(&server).await;
        let (olga, lamps) = (&house.olga, &house.lamps);
        let first =
            ask(&server, olga, lamps, Channel::Console, None, "May I send a LAMP back?").await.expect("answered");
        let later = Some(&first.conversation_id);
        ask(&server, olga, lamps, Channel::Console, later, "And 100% of the price_list?").await.expect("answered");
        server.clock.advance_us(MINUTE_US);
        ask(&server, olga, lamps, Channel::Console, None, "Größe of the box? Wow!").await.expect("answered");
        for (searched, found) in [
            ("lamp BACK", vec!["May I send a LAMP back?"]),
            ("100%", vec!["May I send a LAMP back?"]),
            ("price_l", vec!["May I send a LAMP back?"]),
            ("price-l", vec![]),
            ("1%0", vec![]),
            ("Größe", vec!["Größe of the box? Wow!"]),
            ("wow!", vec!["Größe of the box? Wow!"]),
            // Said in an answer.
            ("within thirty days", vec!["May I send a LAMP back?"]),
            ("", vec!["Größe of the box? Wow!", "May I send a LAMP back?"]),
        ] {
            assert_eq!(openings(&server, &house, text(searched)).await, found, "{searched}");
        }
        let too_long = text(&"a".repeat(201));
        let refused = conversations::conversations(&server, &olga.account_id, &too_long, 50).await;
        assert_eq!(refused.expect_err("too long").into_problem().field.as_deref(), Some("text"));
    }
}

#[tokio::test]
async fn a_filter_chooses_by_chatbot_channel_and_time_and_a_list_says_what_they_cost() {
    for server in databases().await {
        let house = house(&server).await;
        let House { olga, lamps, chairs } = &house;
        let one = ask(&server, olga, lamps, Channel::Api, None, "one").await.expect("answered");
        server.clock.advance_us(MINUTE_US);
        ask(&server, olga, lamps, Channel::Api, Some(&one.conversation_id), "and more").await.expect("answered");
        server.clock.advance_us(DAY_US);
        ask(&server, olga, chairs, Channel::Console, None, "two").await.expect("answered");
        let all = ConversationFilter::default();
        let of_chairs = ConversationFilter { chatbot_id: Some(chairs.id.clone()), ..all.clone() };
        let by_api = ConversationFilter { channel: Some(Channel::Api), ..all.clone() };
        let early = ConversationFilter { until: Some(START.plus_us(MINUTE_US)), ..all.clone() };
        let late = ConversationFilter { from: Some(START.plus_us(MINUTE_US)), ..all.clone() };
        let none = ConversationFilter { from: Some(START.plus_us(2 * DAY_US)), ..all.clone() };
        for (filter, found) in [
            (all, vec!["two", "one"]),
            (of_chairs, vec!["two"]),
            (by_api.clone(), vec!["one"]),
            (early, vec!["one"]),
            (late, vec!["two"]),
            (none, vec![]),
        ] {
            assert_eq!(openings(&server, &house, filter.clone()).await, found, "{filter:?}");
        }
        let page = conversations::conversations(&server, &olga.account_id, &by_api, 50).await.expect("a page");
        let listed = &page.items[0];
        assert_eq!((listed.conversation.messages, listed.chatbot_name.as_str()), (2, "Lamps"));
        assert_eq!(listed.charged.millionths(), 2 * server.catalogue.price(Channel::Api).millionths());
        assert_eq!(listed.last_at.us_since(START), MINUTE_US);
        let same = conversations::conversation(&server, &olga.account_id, &one.conversation_id).await.expect("there");
        assert_eq!(&same, listed);
    }
}

#[tokio::test]
async fn a_deleted_conversation_is_erased_cannot_go_on_and_leaves_the_ledger_sound() {
    for server in databases().await {
        let house = house(&server).await;
        let House { olga, lamps, .. } = &house;
        let reply = ask(&server, olga, lamps, Channel::Api, None, "my secret name").await.expect("answered");
        let kept = ask(&server, olga, lamps, Channel::Api, None, "kept").await.expect("answered");
        let id = &reply.conversation_id;
        let stranger = owner(&server, "stranger").await;
        let refused = conversations::delete(&server, &stranger.account_id, id).await.expect_err("not his");
        assert_eq!(refused.into_problem().code, ProblemCode::NotFound);
        assert_eq!(openings(&server, &house, text("secret name")).await.len(), 1);
        conversations::delete(&server, &olga.account_id, id).await.expect("deletes");
        assert_eq!(openings(&server, &house, ConversationFilter::default()).await, ["kept"]);
        let gone = conversations::conversation(&server, &olga.account_id, id).await.expect_err("gone");
        assert_eq!(gone.into_problem().code, ProblemCode::NotFound);
        let rows = conversations::messages(&server, &olga.account_id, id, 0, 10).await.expect("reads").items;
        assert_eq!(rows.len(), 1);
        assert!(rows[0].question.is_empty() && rows[0].answer.is_empty() && rows[0].sources.is_empty());
        let before = server::ledger::summary(&server, &olga.account_id).await.expect("credit");
        let again = ask(&server, olga, lamps, Channel::Api, Some(id), "and now?").await.expect_err("gone");
        assert_eq!(again.into_problem().code, ProblemCode::NotFound);
        let twice = conversations::delete(&server, &olga.account_id, id).await.expect_err("gone");
        assert_eq!(twice.into_problem().code, ProblemCode::NotFound);
        let after = server::ledger::summary(&server, &olga.account_id).await.expect("credit");
        assert_eq!(before, after);
        ask(&server, olga, lamps, Channel::Api, Some(&kept.conversation_id), "this one goes on")
            .await
            .expect("answered");
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn conversations_in_which_nothing_is_said_any_more_are_deleted_after_their_time() {
    for server in databases_with(&["--keep-conversations-days", "30"]).await {
        let house = house(&server).await;
        let House { olga, lamps, .. } = &house;
        ask(&server, olga, lamps, Channel::Api, None, "old").await.expect("answered");
        server.clock.advance_us(1);
        let alive = ask(&server, olga, lamps, Channel::Api, None, "alive").await.expect("answered");
        server.clock.advance_us(10 * DAY_US);
        ask(&server, olga, lamps, Channel::Api, Some(&alive.conversation_id), "still here").await.expect("answered");
        let days = i64::from(server.config.keep_conversations_days.expect("given").get());
        let sweep = async |server: &TestServer| {
            let before = server.now().plus_us(-days * DAY_US);
            conversations::delete_before(server, before).await.expect("sweeps");
        };
        server.clock.advance_us(20 * DAY_US - 1);
        sweep(&server).await;
        assert_eq!(openings(&server, &house, ConversationFilter::default()).await, ["alive", "old"]);
        server.clock.advance_us(1);
        sweep(&server).await;
        assert_eq!(openings(&server, &house, ConversationFilter::default()).await, ["alive"]);
        server.clock.advance_us(10 * DAY_US + 1);
        sweep(&server).await;
        assert!(openings(&server, &house, ConversationFilter::default()).await.is_empty());
        assert_sound(&server).await;
    }
}

async fn file(server: &TestServer, house: &House, filter: ConversationFilter, format: ExportFormat) -> String {
    let account_id = house.olga.account_id.clone();
    let pieces = conversations::export(Arc::clone(server), account_id, filter, format).await.expect("a file");
    let pieces: Vec<String> = pieces.try_collect().await.expect("all of it");
    pieces.concat()
}

#[tokio::test]
async fn an_export_holds_every_message_of_what_is_listed_and_nothing_that_was_deleted() {
    for server in databases().await {
        let house = house(&server).await;
        let House { olga, lamps, chairs } = &house;
        assert_eq!(file(&server, &house, ConversationFilter::default(), ExportFormat::Json).await, "[]\n");
        let header = file(&server, &house, ConversationFilter::default(), ExportFormat::Csv).await;
        assert_eq!(header.lines().count(), 1);
        let one = ask(&server, olga, chairs, Channel::Api, None, "=1+1, \"quoted\"").await.expect("answered");
        server.clock.advance_us(MINUTE_US);
        ask(&server, olga, chairs, Channel::Api, Some(&one.conversation_id), "send a chair back")
            .await
            .expect("answered");
        let gone = ask(&server, olga, lamps, Channel::Console, None, "gone").await.expect("answered");
        conversations::delete(&server, &olga.account_id, &gone.conversation_id).await.expect("deletes");
        ask(&server, olga, lamps, Channel::Console, None, "newest").await.expect("answered");

        let json = file(&server, &house, ConversationFilter::default(), ExportFormat::Json).await;
        let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(read.as_array().map(Vec::len), Some(2));
        assert_eq!(read[0]["messages"][0]["question"], "newest");
        assert_eq!(read[0]["messages"][0]["price"], "0.000000");
        assert_eq!(read[1]["chatbot_name"], "Chairs, \"and\" tables");
        assert_eq!(read[1]["messages"][1]["sources"][0]["document_name"], "returns.md");
        assert_eq!(read[1]["messages"][1]["number"], 2);

        let csv = file(&server, &house, ConversationFilter::default(), ExportFormat::Csv).await;
        assert_eq!(csv.matches("\r\n").count(), 4);
        assert!(csv.contains(",\"'=1+1, \"\"quoted\"\"\","), "{csv}");
        assert!(csv.contains(",\"Chairs, \"\"and\"\" tables\","), "{csv}");
        let of_lamps = ConversationFilter { chatbot_id: Some(lamps.id.clone()), ..ConversationFilter::default() };
        assert_eq!(file(&server, &house, of_lamps, ExportFormat::Csv).await.matches("\r\n").count(), 2);
    }
}
