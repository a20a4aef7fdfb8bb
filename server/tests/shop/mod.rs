//! A shop that asks its own chatbot: shared by the tests of the ledger.

use crate::support::owner;
use domain::account::Viewer;
use domain::api_key::ShownOnce;
use domain::chatbot::Chatbot;
use domain::ledger::Channel;
use domain::problem::Problem;
use server::conversations::{Question, ask};
use server::{Server, chatbots, documents, keys};

/// An account with a chatbot that knows one thing, and a key.
pub struct Shop {
    pub olga: Viewer,
    pub chatbot: Chatbot,
    pub key: ShownOnce,
}

pub async fn shop(server: &Server) -> Shop {
    let olga = owner(server, "olga").await;
    let chatbot = chatbots::create(server, &olga, "Help centre").await.expect("a chatbot");
    documents::add(server, &olga.account_id, &chatbot.id, "hours.md", "We are open from nine to five.")
        .await
        .expect("a document");
    let key = keys::create(server, &olga, "Production").await.expect("a key");
    Shop { olga, chatbot, key }
}

pub fn question<'a>(shop: &'a Shop, channel: Channel, request_id: &str) -> Question<'a> {
    Question {
        account_id: shop.olga.account_id.clone(),
        key_id: (channel == Channel::Api).then(|| shop.key.key.id.clone()),
        caller: None,
        chatbot_id: shop.chatbot.id.as_str(),
        conversation_id: None,
        message: "When are you open?",
        channel,
        request_id: request_id.to_owned(),
        caller_request_id: None,
    }
}

pub async fn refused(server: &Server, question: Question<'_>) -> Problem {
    ask(server, question).await.expect_err("refused").into_problem()
}
