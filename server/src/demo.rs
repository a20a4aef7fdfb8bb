//! `artiko serve --demo`: an installation with a month of life in it.
//!
//! The month is lived, not written: the same use cases run with a clock that is moved through thirty days, so the
//! demonstration's ledger is as sound as any other.

use crate::clock::{Clock, ManualClock, SystemClock};
use crate::error::{Error, StartError};
use crate::random::SeededRandom;
use crate::{
    Config, Result, Server, accounts, chatbots, conversations, documents, keys, ledger, mail, payments, recovery,
};
use conversations::Question;
use domain::account::Viewer;
use domain::api_key::{Credential, ShownOnce};
use domain::clock::{DAY_US, MINUTE_US};
use domain::credit::Credit;
use domain::id::{ChatbotId, RequestId};
use domain::ledger::Channel;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// With what one signs in.
pub const EMAIL: &str = "owner@bergfeld.example";
/// With what one signs in.
pub const PASSWORD: &str = "demonstration";

const DAYS: i64 = 30;
/// Messages by API on each of the days; a week has its rhythm.
const MESSAGES_A_DAY: [i64; 7] = [18, 31, 34, 29, 38, 12, 9];
const QUESTIONS: [&str; 5] = [
    "How long does delivery take?",
    "Can I send a lamp back?",
    "Which bulbs fit the reading lamp?",
    "Do you deliver abroad?",
    "How do I reach you?",
];

const SHIPPING: &str = "# Delivery\n\nParcels leave our warehouse on the next working day and arrive within three days.\n\n\
    We deliver abroad to all countries of the European Union and to Switzerland for 12 euros.\n";
const RETURNS: &str = "# Returns\n\nYou can send a lamp back within thirty days, in its box and with its bulb.\n\n\
    The money is on your account five days after the parcel is with us.\n";
const LAMPS: &str = "# Lamps\n\nThe reading lamp takes bulbs with an E14 base and at most 40 watts.\n\n\
    The floor lamp takes bulbs with an E27 base.\n";
const CONTACT: &str = "# Contact\n\nYou reach us by telephone on weekdays from nine to five.\n";

/// Where the programs of the demonstration call from: an address that is set aside for examples (RFC 5737).
const PROGRAM: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));

/// Makes the demonstration in a folder of its own, in place of the one that was there, and returns the configuration
/// that opens it.
///
/// # Errors
/// When the folder cannot be written.
pub async fn make(mut config: Config) -> std::result::Result<Config, StartError> {
    config.data_dir = config.data_dir.join("demo");
    let failed = |error: &dyn std::fmt::Display| StartError::message(format!("the demonstration: {error}"));
    match std::fs::remove_dir_all(&config.data_dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(&error)),
        _ => {}
    }
    config.mail.add_operator(EMAIL);
    let config = config.without_database_url();
    let today = SystemClock.now();
    let clock = Arc::new(ManualClock::new(today.plus_us(-DAYS * DAY_US)));
    let shared: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
    let server =
        Server::open_with(config.clone(), shared, Arc::new(SeededRandom::new(today.us().unsigned_abs()))).await?;
    live(&server, &clock).await.map_err(|error| failed(&error))?;
    server.close().await;
    Ok(config)
}

async fn live(server: &Arc<Server>, clock: &ManualClock) -> Result<()> {
    let olga = accounts::sign_up(server, "Olga Bergfeld", EMAIL, PASSWORD, IpAddr::V4(Ipv4Addr::LOCALHOST)).await?;
    mail::send_waiting(server).await?;
    recovery::confirm(server, &olga.user_id).await?;
    let help = chatbots::create(server, &olga, "Help centre").await?;
    let shop = chatbots::create(server, &olga, "Lamp shop").await?;
    for (chatbot, name, text) in [
        (&help, "delivery.md", SHIPPING),
        (&help, "returns.md", RETURNS),
        (&help, "contact.md", CONTACT),
        (&shop, "lamps.md", LAMPS),
        (&shop, "delivery.md", SHIPPING),
    ] {
        documents::add(server, &olga.account_id, &chatbot.id, name, text).await?;
    }
    pay(server, &olga, "25").await?;
    ledger::set_alert_below(server, &olga.account_id, Some(Credit::from_millionths(24_000_000))).await?;
    let production = keys::create(server, &olga, "Production").await?;
    clock.advance_us(7 * MINUTE_US);
    let mobile = keys::create(server, &olga, "Mobile app").await?;
    for day in 0..DAYS {
        let began = server.now();
        let weekday = usize::try_from(day % 7).unwrap_or(0);
        for number in 0..MESSAGES_A_DAY[weekday] + day / 2 {
            clock.advance_us(9 * MINUTE_US);
            let is_widget = number % 4 == 3;
            let (key, channel) = match (is_widget, number % 3) {
                (true, _) => (None, Channel::Widget),
                (_, 0) => (Some(&mobile), Channel::Api),
                _ => (Some(&production), Channel::Api),
            };
            ask(server, &olga, if number % 5 == 0 { &shop.id } else { &help.id }, key, channel, number).await?;
        }
        mail::send_waiting(server).await?;
        clock.advance_us(began.plus_us(DAY_US).us_since(server.now()));
    }
    keys::create(server, &olga, "CI checks").await?;
    clock.advance_us(-45 * MINUTE_US);
    for number in 0..38 {
        clock.advance_us(MINUTE_US);
        ask(server, &olga, &help.id, None, Channel::Console, number).await?;
    }
    Ok(())
}

async fn pay(server: &Arc<Server>, viewer: &Viewer, amount: &str) -> Result<()> {
    let started = payments::start(server, viewer, amount).await?;
    payments::local::submit_card_untold(server, &started.payment_id, "4242 4242 4242 4242").await?;
    payments::verify_return(server, viewer, &started.payment_id).await?;
    Ok(())
}

async fn ask(
    server: &Server,
    viewer: &Viewer,
    chatbot_id: &ChatbotId,
    key: Option<&ShownOnce>,
    channel: Channel,
    number: i64,
) -> Result<()> {
    let place = usize::try_from(number).map_err(Error::internal)? % QUESTIONS.len();
    let caller = match key {
        Some(ShownOnce { key, secret }) => {
            let credential = Credential { consumer_key: key.consumer_key.clone(), secret: secret.clone() };
            Some(keys::authenticate(server, &credential, PROGRAM).await?)
        }
        None => None,
    };
    let question = Question {
        account_id: viewer.account_id.clone(),
        key_id: caller.as_ref().map(|caller| caller.key_id.clone()),
        caller: caller.as_ref(),
        chatbot_id: chatbot_id.as_str(),
        conversation_id: None,
        message: QUESTIONS[place],
        channel,
        request_id: RequestId::new(server.now(), server.id_bytes()).to_string(),
        caller_request_id: None,
    };
    conversations::ask(server, question).await?;
    Ok(())
}
