//! What a payment gateway must be able to do, and the ones there are.
//!
//! To add one: a variant of [`Gateway`] and a folder beside `local` with the same four functions. Nothing else of the
//! product knows which gateway is in use.

use crate::Server;
use crate::config::GatewayKind;
use crate::error::Result;
use crate::payments::cards::{CardSetup, SavedCard, SetupPage, SetupReport};
use crate::payments::local;
use crate::payments::signature::{self, SignatureError};
use domain::account::Viewer;
use domain::id::{AccountId, CardSetupId, PaymentId};
use domain::money::Money;
use domain::payment::{Dispute, Payment, PaymentState};
use domain::problem::{Problem, ProblemCode};
use std::sync::Arc;

/// The gateway of this installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gateway {
    Local,
}

/// What a gateway says about a payment when it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub payment_id: PaymentId,
    pub state: PaymentState,
    /// What it charged, where it says so. Compared with our row, never credited.
    pub amount: Option<Money>,
    /// How much was given back so far, of what was paid.
    pub refunded_minor_units: i64,
    pub dispute: Option<Dispute>,
}

impl Report {
    /// That a payment has this state, and nothing else.
    #[must_use]
    pub const fn of(payment_id: PaymentId, state: PaymentState) -> Self {
        Self { payment_id, state, amount: None, refunded_minor_units: 0, dispute: None }
    }
}

/// An event whose signature was checked. Only [`Gateway::verify_webhook`] can make one, so whoever holds it need not
/// ask where it came from. It is a hint and no more: what has become of the payment, the gateway is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedEvent {
    event_id: String,
    /// `None` for a kind of event that does not concern us.
    payment_id: Option<PaymentId>,
}

impl VerifiedEvent {
    #[must_use]
    pub fn event_id(&self) -> &str {
        &self.event_id
    }

    #[must_use]
    pub const fn payment_id(&self) -> Option<&PaymentId> {
        self.payment_id.as_ref()
    }
}

impl From<SignatureError> for crate::Error {
    fn from(error: SignatureError) -> Self {
        Problem::with_detail(ProblemCode::MalformedRequest, error.to_string()).into()
    }
}

impl Gateway {
    /// The gateway that the configuration chose.
    #[must_use]
    pub const fn of(server: &Server) -> Self {
        match server.config.gateway {
            GatewayKind::Local => Self::Local,
        }
    }

    /// The word in the payment's row and in the address of the webhook.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
        }
    }

    /// Opens a checkout and returns the address of the page where the customer pays.
    pub async fn create_checkout(self, server: &Server, account_id: &AccountId, payment: &Payment) -> Result<String> {
        match self {
            Self::Local => local::create_checkout(server, account_id, payment).await,
        }
    }

    /// Asks the gateway where a payment stands; `None` when it has no checkout for it.
    pub async fn fetch_checkout(
        self,
        server: &Server,
        account_id: &AccountId,
        payment_id: &PaymentId,
    ) -> Result<Option<Report>> {
        match self {
            Self::Local => local::fetch_checkout(server, account_id, payment_id).await,
        }
    }

    /// Closes the page of a checkout that is not paid, so that nobody pays there any more. One that has ended stays as it
    /// is; one that the gateway does not know is no error.
    pub async fn cancel_checkout(self, server: &Server, account_id: &AccountId, payment_id: &PaymentId) -> Result<()> {
        match self {
            Self::Local => local::close_checkout(server, account_id, payment_id).await,
        }
    }

    /// Checks the signature of a webhook over the bytes as they came, and only then reads them.
    ///
    /// # Errors
    /// 400 for a signature that is missing, malformed, out of time or wrong, and for a body that is not an event.
    pub fn verify_webhook(self, server: &Server, signature: Option<&str>, body: &[u8]) -> Result<VerifiedEvent> {
        match self {
            Self::Local => {
                signature::verify(server.webhook_secret(), signature, body, server.now())?;
                let (event_id, payment_id) = local::read_event(body)?;
                Ok(VerifiedEvent { event_id, payment_id })
            }
        }
    }

    /// Gives money back to the customer, beside what `payment` says was given back already. Asked again with the same
    /// payment, it gives nothing more.
    ///
    /// # Errors
    /// 404 when the gateway has no checkout for it, 409 when it does not give this amount back.
    pub async fn refund(
        self,
        server: &Server,
        account_id: &AccountId,
        payment: &Payment,
        minor_units: i64,
    ) -> Result<()> {
        match self {
            Self::Local => local::refund(server, account_id, payment, minor_units).await,
        }
    }

    /// Opens a page on which a card is saved for payments that nobody is present for.
    pub async fn create_card_setup(self, server: &Server, viewer: &Viewer, id: &CardSetupId) -> Result<SetupPage> {
        match self {
            Self::Local => local::cards::create_setup(server, &viewer.account_id, id).await,
        }
    }

    /// Asks the gateway what became of an attempt to save a card; `None` when it does not know it.
    pub async fn fetch_card_setup(
        self,
        server: &Server,
        account_id: &AccountId,
        setup: &CardSetup,
    ) -> Result<Option<SetupReport>> {
        match self {
            Self::Local => local::cards::fetch_setup(server, account_id, &setup.id).await,
        }
    }

    /// Charges a saved card. Asked again with the same payment, it charges nothing more and tells what became of it.
    pub async fn charge_card(
        self,
        server: &Arc<Server>,
        account_id: &AccountId,
        payment: &Payment,
        card: &SavedCard,
    ) -> Result<Report> {
        match self {
            Self::Local => local::cards::charge(server, account_id, payment, card).await,
        }
    }
}
