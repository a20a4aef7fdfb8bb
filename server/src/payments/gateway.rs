//! What a payment gateway must be able to do, and the ones there are.
//!
//! To add one: a variant of [`Gateway`] and a folder beside `local` with the same four functions. Nothing else of the
//! product knows which gateway is in use.

use crate::Server;
use crate::error::Result;
use crate::payments::cards::{CardSetup, SavedCard, SetupPage, SetupReport};
use crate::payments::local;
use crate::payments::signature::{self, SignatureError};
use crate::payments::stripe::{self, Stripe};
use domain::account::Viewer;
use domain::id::{AccountId, CardSetupId, PaymentId};
use domain::money::Money;
use domain::payment::{Dispute, Payment, PaymentState};
use domain::problem::{Problem, ProblemCode};
use std::sync::Arc;

/// The gateway of this installation.
#[derive(Clone, Copy)]
pub enum Gateway<'a> {
    Local,
    Stripe(&'a Stripe),
}

/// How an event names a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    Own(PaymentId),
    Stripe(stripe::Subject),
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
    subject: Option<Subject>,
}

impl VerifiedEvent {
    #[must_use]
    pub fn event_id(&self) -> &str {
        &self.event_id
    }

    #[must_use]
    pub const fn concerns_us(&self) -> bool {
        self.subject.is_some()
    }
}

impl From<SignatureError> for crate::Error {
    fn from(error: SignatureError) -> Self {
        Problem::with_detail(ProblemCode::MalformedRequest, error.to_string()).into()
    }
}

impl<'a> Gateway<'a> {
    /// The gateway that the configuration chose.
    #[must_use]
    pub const fn of(server: &'a Server) -> Self {
        match &server.stripe {
            None => Self::Local,
            Some(stripe) => Self::Stripe(stripe),
        }
    }

    /// The word in the payment's row and in the address of the webhook.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Stripe(_) => "stripe",
        }
    }

    /// Opens a checkout and returns the address of the page where the customer pays. Asked again for the same payment, it
    /// is the same checkout: two submissions of one form come here, perhaps at once.
    pub async fn create_checkout(self, server: &Server, account_id: &AccountId, payment: &Payment) -> Result<String> {
        match self {
            Self::Local => local::create_checkout(server, account_id, payment).await,
            Self::Stripe(stripe) => stripe::create_checkout(server, stripe, account_id, payment).await,
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
            Self::Stripe(stripe) => stripe::fetch_checkout(server, stripe, account_id, payment_id).await,
        }
    }

    /// Closes the page of a checkout that is not paid, so that nobody pays there any more. One that has ended stays as it
    /// is; one that the gateway does not know is no error.
    pub async fn cancel_checkout(self, server: &Server, account_id: &AccountId, payment_id: &PaymentId) -> Result<()> {
        match self {
            Self::Local => local::close_checkout(server, account_id, payment_id).await,
            Self::Stripe(stripe) => stripe::close_checkout(server, stripe, account_id, payment_id).await,
        }
    }

    /// Checks the signature of a webhook over the bytes as they came, and only then reads them.
    ///
    /// # Errors
    /// 400 for a signature that is missing, malformed, out of time or wrong, and for a body that is not an event.
    pub fn verify_webhook(self, server: &Server, signature: Option<&str>, body: &[u8]) -> Result<VerifiedEvent> {
        let (event_id, subject) = match self {
            Self::Local => {
                signature::verify([server.webhook_secret()], signature, body, server.now())?;
                let (event_id, payment_id) = local::read_event(body)?;
                (event_id, payment_id.map(Subject::Own))
            }
            Self::Stripe(stripe) => {
                let (event_id, subject) = stripe.verify_webhook(server, signature, body)?;
                (event_id, subject.map(Subject::Stripe))
            }
        };
        Ok(VerifiedEvent { event_id, subject })
    }

    /// The payment that an event is about; `None` when it is none of ours.
    ///
    /// # Errors
    /// 503 when the gateway has to be asked and does not answer.
    pub async fn payment_of(self, server: &Server, event: &VerifiedEvent) -> Result<Option<PaymentId>> {
        match (self, &event.subject) {
            (_, Some(Subject::Own(payment_id))) => Ok(Some(payment_id.clone())),
            (Self::Stripe(stripe), Some(Subject::Stripe(subject))) => stripe::find(server, stripe, subject).await,
            (_, Some(Subject::Stripe(_)) | None) => Ok(None),
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
            Self::Stripe(stripe) => stripe::refund(server, stripe, account_id, payment, minor_units).await,
        }
    }

    /// Does what the gateway itself has to do every now and then; a foreign one has nothing to do here.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn sweep(self, server: &Server) -> Result<()> {
        match self {
            Self::Local => local::sweep(server).await,
            Self::Stripe(_) => Ok(()),
        }
    }

    /// After which share of its age a payment is asked about again. A foreign gateway counts its requests: a day's open
    /// checkout costs it some seventy of them.
    pub(super) const fn share_of_age(self) -> i64 {
        match self {
            // Even after a century that is less than a round of the sweeper.
            Self::Local => 1_000_000_000,
            Self::Stripe(_) => 8,
        }
    }

    /// Opens a page on which a card is saved for payments that nobody is present for.
    pub async fn create_card_setup(self, server: &Server, viewer: &Viewer, id: &CardSetupId) -> Result<SetupPage> {
        match self {
            Self::Local => local::cards::create_setup(server, &viewer.account_id, id).await,
            Self::Stripe(stripe) => stripe::cards::create_setup(server, stripe, viewer, id).await,
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
            Self::Stripe(stripe) => stripe::cards::fetch_setup(stripe, setup).await,
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
            Self::Stripe(stripe) => stripe::cards::charge(server, stripe, account_id, payment, card).await,
        }
    }
}
