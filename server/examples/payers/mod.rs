//! Accounts that pay during a measurement, and what each of them asks of the ledger.

use domain::credit::Credit;
use domain::id::{AccountId, ChatbotId, ConversationId, KeyId, RequestId};
use domain::ledger::{Channel, Operation};
use server::ledger::{Command, Message, Work};
use server::{Server, accounts, chatbots, keys, ledger, random};
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

pub type Failure = Box<dyn Error + Send + Sync>;

pub const PRICE: Credit = Credit::from_millionths(2_000);

/// An account with a chatbot, a key, and credit for more than any measurement asks.
pub struct Payer {
    pub account_id: AccountId,
    pub key_id: KeyId,
    pub chatbot_id: ChatbotId,
    #[allow(dead_code, reason = "not every measurement sends a credential")]
    pub authorization: String,
}

impl Payer {
    /// A charge; with its conversation and message where `has_message` says so.
    pub fn charge(&self, server: &Server, has_message: bool) -> Command {
        let now = server.now();
        let message = has_message.then(|| Message {
            conversation_id: ConversationId::new(now, random::bytes(server.random.as_ref())),
            begins: true,
            question: "When is the shop open?".into(),
            answer: "The shop is open from nine to five on weekdays. (Opening hours)".into(),
            citations: "[]".into(),
            documents_version: None,
        });
        Command {
            account_id: self.account_id.clone(),
            request_id: RequestId::new(now, random::bytes(server.random.as_ref())).to_string(),
            caller_request_id: None,
            channel: Channel::Api,
            key_id: Some(self.key_id.clone()),
            key_version: None,
            chatbot_id: self.chatbot_id.clone(),
            work: Work::Charge { price: PRICE },
            message,
            once: None,
        }
    }
}

pub async fn payers(server: &Arc<Server>, count: usize) -> Result<Vec<Payer>, Failure> {
    let mut payers = Vec::with_capacity(count);
    for number in 0..count {
        let email = format!("payer{number}@{}.example", server.now().us());
        let viewer =
            accounts::sign_up(server, "Payer", &email, "a long password", IpAddr::V4(Ipv4Addr::LOCALHOST)).await?;
        let chatbot = chatbots::create(server, &viewer, "Help centre").await?;
        let shown = keys::create(server, &viewer, "Production").await?;
        let authorization = format!("{}:{}", shown.key.consumer_key, shown.secret.expose());
        let amount = Credit::from_millionths(1_000_000_000_000);
        ledger::operate(server, &viewer.account_id, Operation::Grant { amount }, "for the measurement").await?;
        let (key_id, chatbot_id) = (shown.key.id, chatbot.id);
        payers.push(Payer { account_id: viewer.account_id, key_id, chatbot_id, authorization });
    }
    Ok(payers)
}
