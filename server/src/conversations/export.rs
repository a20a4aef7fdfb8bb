//! Conversations as a file, with all that was said in them: JSON for programs, comma-separated values for spreadsheets.
//! It is written while it is sent, one conversation at a time, so that a large file takes no more memory than a small one.

use super::reading::{ConversationFilter, conversations, messages};
use crate::Server;
use crate::csv::cell;
use crate::error::{Error, Result};
use domain::conversation::{ConversationMessage, ListedConversation};
use domain::id::{AccountId, ConversationId};
use futures_util::stream::{self, Stream};
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::Arc;

/// How many conversations, and how many messages of one, are read at a time.
const STEP_SIZE: i64 = 200;

const HEADER: &str =
    "conversation_id,chatbot_id,chatbot_name,channel,number,at,question,answer,sources,price,request_id\r\n";

/// What a file is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    Csv,
    Json,
}

#[derive(Serialize)]
struct ConversationOut<'a> {
    id: &'a str,
    chatbot_id: &'a str,
    chatbot_name: &'a str,
    channel: &'a str,
    created_at: String,
    messages: Vec<MessageOut<'a>>,
}

#[derive(Serialize)]
struct MessageOut<'a> {
    number: i64,
    at: String,
    question: &'a str,
    answer: &'a str,
    sources: &'a [domain::conversation::KeptSource],
    /// In currency units, with all decimals.
    price: String,
    request_id: &'a str,
}

/// Where the writing of a file is.
struct Progress {
    server: Arc<Server>,
    account_id: AccountId,
    filter: ConversationFilter,
    format: ExportFormat,
    read: VecDeque<ListedConversation>,
    has_more: bool,
    has_begun: bool,
    has_ended: bool,
}

/// The conversations of a filter, newest first, in pieces of a file.
///
/// # Errors
/// When the database fails before the first piece; later the stream ends with the error.
pub async fn export(
    server: Arc<Server>,
    account_id: AccountId,
    filter: ConversationFilter,
    format: ExportFormat,
) -> Result<impl Stream<Item = Result<String>> + Send + 'static> {
    let (read, has_begun) = (VecDeque::new(), false);
    let mut progress =
        Progress { server, account_id, filter, format, read, has_more: true, has_begun, has_ended: false };
    progress.read_on().await?;
    Ok(stream::try_unfold(progress, async |mut progress| {
        if progress.has_ended {
            return Ok(None);
        }
        let piece = progress.piece().await?;
        Ok(Some((piece, progress)))
    }))
}

impl Progress {
    /// Reads conversations until there is one to write or none is left.
    async fn read_on(&mut self) -> Result<()> {
        while self.read.is_empty() && self.has_more {
            let page = conversations(&self.server, &self.account_id, &self.filter, STEP_SIZE).await?;
            self.filter.before = page.next.map(ConversationId::from_row);
            self.has_more = self.filter.before.is_some();
            self.read.extend(page.items);
        }
        Ok(())
    }

    async fn piece(&mut self) -> Result<String> {
        self.read_on().await?;
        let next = self.read.pop_front();
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        self.has_ended = next.is_none();
        let written = match &next {
            Some(conversation) => Some(self.conversation(conversation).await?),
            None => None,
        };
        Ok(match (self.format, written) {
            (ExportFormat::Csv, written) => {
                let head = if is_first { HEADER } else { "" };
                head.to_owned() + &written.unwrap_or_default()
            }
            (ExportFormat::Json, Some(written)) => (if is_first { "[\n" } else { ",\n" }).to_owned() + &written,
            (ExportFormat::Json, None) => (if is_first { "[]\n" } else { "\n]\n" }).to_owned(),
        })
    }

    async fn conversation(&self, listed: &ListedConversation) -> Result<String> {
        let conversation = &listed.conversation;
        let (mut said, mut after) = (Vec::new(), 0);
        loop {
            let page = messages(&self.server, &self.account_id, &conversation.id, after, STEP_SIZE).await?;
            said.extend(page.items);
            match page.next.and_then(|next| next.parse().ok()) {
                Some(next) => after = next,
                None => break,
            }
        }
        match self.format {
            ExportFormat::Csv => Ok(said.iter().map(|message| line(listed, message)).collect()),
            ExportFormat::Json => {
                let out = ConversationOut {
                    id: conversation.id.as_str(),
                    chatbot_id: conversation.chatbot_id.as_str(),
                    chatbot_name: &listed.chatbot_name,
                    channel: conversation.channel.as_str(),
                    created_at: conversation.created_at.to_string(),
                    messages: said.iter().map(message_out).collect(),
                };
                serde_json::to_string(&out).map_err(Error::internal)
            }
        }
    }
}

fn message_out(message: &ConversationMessage) -> MessageOut<'_> {
    MessageOut {
        number: message.number,
        at: message.at.to_string(),
        question: &message.question,
        answer: &message.answer,
        sources: &message.sources,
        price: message.price.decimal(),
        request_id: &message.request_id,
    }
}

fn line(listed: &ListedConversation, message: &ConversationMessage) -> String {
    let sources: Vec<&str> = message.sources.iter().map(|source| source.document_name.as_str()).collect();
    let conversation = &listed.conversation;
    let cells = [
        conversation.id.as_str(),
        conversation.chatbot_id.as_str(),
        &listed.chatbot_name,
        conversation.channel.as_str(),
        &message.number.to_string(),
        &message.at.to_string(),
        &message.question,
        &message.answer,
        &sources.join("; "),
        &message.price.decimal(),
        &message.request_id,
    ];
    cells.map(cell).join(",") + "\r\n"
}
