//! Mails that a server takes.

use crate::error::StartError;
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use reqwest::Url;
use std::time::Duration;

/// Longest that the server may take for one mail, from the connection to its last word. It ends well before somebody
/// else takes the mail for abandoned.
const TIME_MAX: Duration = Duration::from_secs(60);

pub struct SmtpServer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

impl SmtpServer {
    /// # Errors
    /// When the address is of no use; what it holds is not repeated.
    pub fn open(url: &Url, own_name: &str) -> Result<Self, StartError> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.as_str())
            .map_err(|_| StartError::option("--smtp-url", "the server cannot be used as it is named"))?;
        let transport = builder.hello_name(ClientId::Domain(own_name.to_owned())).timeout(Some(TIME_MAX)).build();
        Ok(Self { transport })
    }

    /// # Errors
    /// When the server refused the mail, could not be reached, or said nothing: then it may have taken it.
    pub async fn send(&self, message: Message) -> Result<(), String> {
        match tokio::time::timeout(TIME_MAX, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(reason(&error)),
            Err(_elapsed) => Err("the server did not answer in time".to_owned()),
        }
    }
}

/// The error with what caused it, in one line.
fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
