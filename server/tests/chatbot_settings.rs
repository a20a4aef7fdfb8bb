//! The settings of a chatbot, through the use cases and the real router, on both databases.

use crate::api_holder::{call, get, holder};
use crate::requests::{Answer, send};
use crate::support::{databases, owner};
use axum::http::Method;
use domain::chatbot_settings::{AnswerEngine, ChatbotSettings, Colour, SettingsChange};
use domain::problem::ProblemCode;
use serde_json::{Value, json};
use server::{Server, chatbots};
use std::sync::Arc;

async fn patch(server: &Arc<Server>, holder: &crate::key_holder::KeyHolder, path: &str, body: &Value) -> Answer {
    send(server, call(holder, Method::PATCH, path, Some(body))).await
}

#[tokio::test]
async fn settings_are_kept_and_what_a_change_does_not_name_stays() {
    for server in databases().await {
        let holder = holder(&server, 0).await;
        let (account_id, id) = (&holder.viewer.account_id, &holder.chatbot.id);
        assert_eq!(chatbots::settings(&server, account_id, id).await.unwrap(), ChatbotSettings::default());
        let change = SettingsChange {
            welcome_message: Some(" Hello!\nAsk me. ".to_owned()),
            instructions: Some("Be short.".to_owned()),
            suggested_questions: Some(vec!["When do you open?".to_owned(), "Where?".to_owned()]),
            colour: Some("#AA0011".to_owned()),
            answer_engine: Some("extractive".to_owned()),
        };
        let expected = ChatbotSettings {
            welcome_message: "Hello!\nAsk me.".to_owned(),
            instructions: "Be short.".to_owned(),
            suggested_questions: vec!["When do you open?".to_owned(), "Where?".to_owned()],
            colour: Colour::parse("#aa0011"),
            answer_engine: Some(AnswerEngine::Extractive),
        };
        assert_eq!(chatbots::change_settings(&server, account_id, id, &change).await.unwrap(), expected);
        assert_eq!(chatbots::settings(&server, account_id, id).await.unwrap(), expected);
        let empty = SettingsChange { suggested_questions: Some(Vec::new()), ..SettingsChange::default() };
        let changed = chatbots::change_settings(&server, account_id, id, &empty).await.unwrap();
        assert_eq!(changed, ChatbotSettings { suggested_questions: Vec::new(), ..expected });
        let other = chatbots::create(&server, &holder.viewer, "Other").await.unwrap();
        assert_eq!(chatbots::settings(&server, account_id, &other.id).await.unwrap(), ChatbotSettings::default());
    }
}

#[tokio::test]
async fn changes_of_different_fields_at_once_are_all_there() {
    for server in databases().await {
        let holder = holder(&server, 0).await;
        let (account_id, id) = (holder.viewer.account_id.clone(), holder.chatbot.id.clone());
        let text = || Some("new".to_owned());
        let changes = [
            SettingsChange { welcome_message: text(), ..SettingsChange::default() },
            SettingsChange { instructions: text(), ..SettingsChange::default() },
            SettingsChange { suggested_questions: Some(vec!["new".to_owned()]), ..SettingsChange::default() },
            SettingsChange { colour: Some("#123456".to_owned()), ..SettingsChange::default() },
        ];
        let running = changes.map(|change| {
            let (server, account_id, id) = (Arc::clone(&server), account_id.clone(), id.clone());
            tokio::spawn(async move { chatbots::change_settings(&server, &account_id, &id, &change).await })
        });
        for change in running {
            change.await.unwrap().unwrap();
        }
        let expected = ChatbotSettings {
            welcome_message: "new".to_owned(),
            instructions: "new".to_owned(),
            suggested_questions: vec!["new".to_owned()],
            colour: Colour::parse("#123456"),
            answer_engine: None,
        };
        assert_eq!(chatbots::settings(&server, &account_id, &id).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_stranger_finds_no_settings_and_a_deleted_chatbot_has_none() {
    for server in databases().await {
        let (holder, eve) = (holder(&server, 0).await, owner(&server, "eve").await);
        let (account_id, id) = (&holder.viewer.account_id, &holder.chatbot.id);
        let change = SettingsChange { instructions: Some("Mine.".to_owned()), ..SettingsChange::default() };
        let code = async |account_id| {
            let read = chatbots::settings(&server, account_id, id).await.unwrap_err().into_problem().code;
            let changed = chatbots::change_settings(&server, account_id, id, &change).await;
            (read, changed.unwrap_err().into_problem().code)
        };
        assert_eq!(code(&eve.account_id).await, (ProblemCode::NotFound, ProblemCode::NotFound));
        assert_eq!(chatbots::settings(&server, account_id, id).await.unwrap(), ChatbotSettings::default());
        chatbots::delete(&server, &holder.viewer, id).await.unwrap();
        assert_eq!(code(account_id).await, (ProblemCode::NotFound, ProblemCode::NotFound));
    }
}

#[tokio::test]
async fn a_program_reads_and_changes_settings() {
    for server in databases().await {
        let holder = holder(&server, 0).await;
        let path = format!("/api/v1/chatbots/{}/settings", holder.chatbot.id);
        let mut expected = json!({
            "welcome_message": "", "instructions": "", "suggested_questions": [], "colour": null, "answer_engine": null
        });
        assert_eq!(get(&server, &holder, &path).await.json(), expected);
        let change = json!({ "welcome_message": "Hello", "suggested_questions": ["One?", " "], "colour": "#FFFFFF" });
        expected["welcome_message"] = json!("Hello");
        expected["suggested_questions"] = json!(["One?"]);
        expected["colour"] = json!("#ffffff");
        assert_eq!(patch(&server, &holder, &path, &change).await.json(), expected);
        assert_eq!(get(&server, &holder, &path).await.json(), expected);
        let emptied = json!({ "colour": null, "suggested_questions": null, "something_else": 1 });
        expected["suggested_questions"] = json!([]);
        expected["colour"] = Value::Null;
        assert_eq!(patch(&server, &holder, &path, &emptied).await.json(), expected);
        for (field, value) in [
            ("welcome_message", json!("x".repeat(301))),
            ("instructions", json!(1)),
            ("suggested_questions", json!("One?")),
            ("suggested_questions", json!(["?", 1])),
            ("suggested_questions", json!(["?", "?", "?", "?", "?", "?"])),
            ("suggested_questions", json!(["", "", "", "", "", ""])),
            ("colour", json!("red")),
            ("answer_engine", json!("openai")),
        ] {
            let refused = patch(&server, &holder, &path, &json!({ field: value })).await;
            refused.refuses(422, "invalid_field");
            assert_eq!(refused.text("field"), field);
        }
        assert_eq!(get(&server, &holder, &path).await.json(), expected);
    }
}
