//! Mails: written down with what they tell of, in the same transaction, and sent beside the requests.
//!
//! An event that people are told of is a row of the outbox, named after the event, so that one event makes one mail
//! ([`enqueue`]; the ledger's writer adds its alerts by itself). `outbox` sends what waits: whoever claims a row sends
//! it, and tries again later what could not be sent. What a mail says is put together when it is sent
//! (`render`), so that no link that opens something is ever stored.
//!
//! **What is promised:** a mail is sent once. Only where the outcome is not known, because the process or the connection
//! ended between sending and hearing of it, it is sent again; then it has the same Message-ID, by which mail programs
//! know that they have it already, and kept as a file it takes the place of the first.

mod file;
mod letter;
mod links;
mod options;
mod outbox;
mod readable;
mod render;
mod smtp;

pub use letter::{Letter, Link};
pub use links::{follow, purpose_of};
pub use options::MailOptions;
pub use outbox::{OutboxCount, OutboxMail, counts, forget_old, get, list, remind_of_keys, send_waiting};
pub use readable::ReadableMail;

use crate::db::Tx;
use crate::error::{Error, Result, StartError};
use crate::{Config, Server, args, rounds};
use domain::clock::Timestamp;
use domain::id::{AccountId, UserId};
use domain::mail::MailKind;
use domain::payment::{Payment, PaymentState};
use domain::subscription::Subscription;
use letter::Attached;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::message::{Attachment, Message, MultiPart, SinglePart};
use sha2::{Digest, Sha256};
use std::sync::{Arc, Weak};
use std::time::{Duration, UNIX_EPOCH};

/// How often it is looked for mails that wait.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often it is looked for keys that are about to end.
const REMIND_EVERY: Duration = Duration::from_mins(10);

/// Something that people are told of by mail.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    pub account_id: &'a AccountId,
    /// The event's own name in its account: a second mail of the same name is not made.
    pub id: String,
    pub kind: MailKind,
    /// The key, chatbot or payment that it is about.
    pub subject_id: Option<&'a str>,
    /// Whom it is for; the owners and admins of the account where nobody is named.
    pub user_id: Option<&'a UserId>,
    /// What the mail says beside what stands in the database.
    pub detail: &'a str,
}

const INSERT_MAIL: &str = "
INSERT INTO outbox (account_id, id, kind, subject_id, user_id, detail, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (account_id, id) DO NOTHING";

/// Writes a mail down, in the transaction of what it tells of; returns whether it is a new one.
pub async fn enqueue(tx: &mut Tx, event: Event<'_>, now: Timestamp) -> Result<bool> {
    let row = args![
        event.account_id.as_str(),
        event.id,
        event.kind.as_str(),
        event.subject_id,
        event.user_id.map(UserId::as_str),
        event.detail,
        now.us()
    ];
    Ok(tx.execute(INSERT_MAIL, row).await? == 1)
}

/// Writes down the receipt of a payment that has just been paid, or that it has just been declined.
pub(crate) async fn tell_of_payment(
    tx: &mut Tx,
    account_id: &AccountId,
    before: PaymentState,
    payment: &Payment,
    now: Timestamp,
) -> Result<()> {
    let kind = match payment.state {
        state if state == before => return Ok(()),
        PaymentState::Paid => MailKind::Receipt,
        // Where nobody was present, what that means is told by whoever began it.
        PaymentState::Failed if !payment.origin.is_unattended() => MailKind::PaymentFailed,
        _ => return Ok(()),
    };
    let id = format!("{}_{}", payment.id, kind.as_str());
    let event = Event { account_id, id, kind, subject_id: Some(payment.id.as_str()), user_id: None, detail: "" };
    enqueue(tx, event, now).await?;
    Ok(())
}

/// Tells the account that auto top-up has stopped; `cause` names the stop.
pub(crate) async fn tell_of_stop(tx: &mut Tx, account_id: &AccountId, cause: &str, now: Timestamp) -> Result<()> {
    let kind = MailKind::TopUpStopped;
    let id = format!("{}_{cause}", kind.as_str());
    enqueue(tx, Event { account_id, id, kind, subject_id: None, user_id: None, detail: "" }, now).await?;
    Ok(())
}

/// Tells the account what becomes of a plan.
pub(crate) async fn tell_of_plan(
    tx: &mut Tx,
    account_id: &AccountId,
    kind: MailKind,
    subscription: &Subscription,
    now: Timestamp,
) -> Result<()> {
    let (end, number) = (subscription.period_end.us().to_string(), subscription.failed_renewals);
    let id = format!("{}_{end}_{number}", kind.as_str());
    let subject_id = Some(subscription.plan_id.as_str());
    enqueue(tx, Event { account_id, id, kind, subject_id, user_id: None, detail: &end }, now).await?;
    Ok(())
}

/// Sends what waits, again and again, for as long as the server runs.
pub async fn keep_sending(server: Weak<Server>) {
    let round = async |server: Arc<Server>| outbox::send_waiting(&server).await;
    rounds::keep(server, LOOK_EVERY, "no mail could be sent", round).await;
}

/// Reminds of keys that are about to end and forgets old mails, again and again, for as long as the server runs.
pub async fn keep_reminding(server: Weak<Server>) {
    rounds::keep(server, REMIND_EVERY, "nobody could be reminded of keys", async |server| {
        outbox::remind_of_keys(&server).await?;
        outbox::forget_old(&server).await
    })
    .await;
}

/// Takes mails on their way.
pub(crate) struct Mailer {
    sender: Mailbox,
    way: Way,
}

enum Way {
    File(file::FileOutbox),
    Smtp(smtp::SmtpServer),
}

impl Mailer {
    /// # Errors
    /// With the name of the option that is wrong.
    pub fn open(config: &Config) -> std::result::Result<Self, StartError> {
        let sender = config.mail.sender(config)?;
        let way = match config.mail.server()? {
            Some(url) => Way::Smtp(smtp::SmtpServer::open(&url, sender.email.domain())?),
            None => Way::File(file::FileOutbox::new(&config.data_dir)),
        };
        Ok(Self { sender, way })
    }

    /// # Errors
    /// With the reason why it may not have been taken, for the operator.
    async fn send(&self, to: &Mailbox, letter: &Letter, name: &str, at: Timestamp) -> std::result::Result<(), String> {
        let message = self.message(to, letter, name, at).map_err(|error| format!("it cannot be written: {error}"))?;
        match &self.way {
            Way::File(outbox) => outbox.put(name, message.formatted()).await,
            Way::Smtp(server) => server.send(message).await,
        }
    }

    fn message(
        &self,
        to: &Mailbox,
        letter: &Letter,
        name: &str,
        at: Timestamp,
    ) -> std::result::Result<Message, lettre::error::Error> {
        let part = |kind, text| SinglePart::builder().header(kind).body(text);
        let text = part(ContentType::TEXT_PLAIN, letter.text());
        let html = part(ContentType::TEXT_HTML, letter.html());
        let mut body = MultiPart::alternative().singlepart(text).singlepart(html);
        if let Some(Attached { name, media_type, bytes }) = letter.attachment.clone() {
            let media_type = ContentType::parse(media_type).unwrap_or(ContentType::TEXT_PLAIN);
            body = MultiPart::mixed().multipart(body).singlepart(Attachment::new(name).body(bytes, media_type));
        }
        let sent_at = UNIX_EPOCH + Duration::from_micros(u64::try_from(at.us()).unwrap_or(0));
        Message::builder()
            .from(self.sender.clone())
            .to(to.clone())
            .subject(letter.subject_line())
            .date(sent_at)
            .message_id(Some(format!("<{name}@{}>", self.sender.email.domain())))
            .multipart(body)
    }

    /// A mail that is kept as a file; nothing where mails go to a server.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn read(&self, name: &str) -> Result<Option<ReadableMail>> {
        let Way::File(outbox) = &self.way else { return Ok(None) };
        let bytes = outbox.get(name).await.map_err(Error::internal)?;
        Ok(bytes.map(|bytes| readable::read(&bytes)))
    }

    async fn forget(&self, name: &str) {
        if let Way::File(outbox) = &self.way {
            outbox.forget(name).await;
        }
    }
}

/// What a mail is called, in its Message-ID and as a file: the same for every attempt, and telling nothing of the event.
fn name_of(account_id: &str, id: &str) -> String {
    let digest = Sha256::digest(format!("{account_id}/{id}").as_bytes());
    crate::secrets::hex(&digest[..16]).to_string()
}
