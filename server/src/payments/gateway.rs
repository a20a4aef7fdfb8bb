//! What a payment gateway must be able to do, and the ones there are.
//!
//! To add one: a variant of [`Gateway`] and a folder beside `local` with the same four functions. Nothing else of the
//! product knows which gateway is in use.

use crate::Server;
use crate::config::GatewayKind;
use crate::error::Result;
use crate::payments::local;
use crate::payments::signature::{self, SignatureError};
use domain::id::{AccountId, PaymentId};
use domain::money::Money;
use domain::payment::{Dispute, Payment, PaymentState};
use domain::problem::{Problem, ProblemCode};

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

    /// Opens a checkout and returns the address of the page where the customer pays. Asked again for the same payment, it
    /// is the same checkout: two submissions of one form come here, perhaps at once.
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
}
