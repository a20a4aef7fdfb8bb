//! Payments: one attempt to buy credit, and the states it passes through.

use crate::clock::Timestamp;
use crate::credit::Credit;
use crate::id::PaymentId;
use crate::money::Money;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// The customer was sent to the payment page.
    Open,
    /// The gateway has the order and waits for the money.
    Processing,
    /// The money is there and the credit was added. Final.
    Paid,
    /// The bank said no. Final.
    Failed,
    /// The customer left the payment page. Final.
    Cancelled,
    /// Nothing happened for too long. Final.
    Expired,
}

impl PaymentState {
    pub const ALL: [Self; 6] = [Self::Open, Self::Processing, Self::Paid, Self::Failed, Self::Cancelled, Self::Expired];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Processing => "processing",
            Self::Paid => "paid",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// The word on the page.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Open => "Not finished",
            Self::Processing => "Processing",
            Self::Paid => "Paid",
            Self::Failed => "Declined",
            Self::Cancelled => "Cancelled",
            Self::Expired => "Expired",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether nothing can change it any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Open | Self::Processing)
    }

    /// The state after the gateway reports `next`.
    ///
    /// Money that arrived counts even after the customer gave up: paid follows cancelled and expired. Nothing follows
    /// paid, and what is final is not made open again by a late report.
    ///
    /// # Errors
    /// [`InvalidTransition`] when the report changes nothing.
    pub const fn followed_by(self, next: Self) -> Result<Self, InvalidTransition> {
        let is_allowed = matches!(
            (self, next),
            (Self::Open, Self::Processing | Self::Failed | Self::Cancelled | Self::Expired)
                | (Self::Processing, Self::Failed | Self::Expired)
                | (Self::Open | Self::Processing | Self::Failed | Self::Cancelled | Self::Expired, Self::Paid)
        );
        if is_allowed { Ok(next) } else { Err(InvalidTransition { from: self, to: next }) }
    }
}

/// A report that does not change the payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTransition {
    pub from: PaymentState,
    pub to: PaymentState,
}

impl fmt::Display for InvalidTransition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a payment that is {} does not become {}", self.from.as_str(), self.to.as_str())
    }
}

/// A payment as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    pub id: PaymentId,
    /// What the card is charged.
    pub amount: Money,
    /// The credit it buys.
    pub credit: Credit,
    pub state: PaymentState,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use PaymentState::{Cancelled, Expired, Failed, Open, Paid, Processing};

    #[test]
    fn a_payment_moves_only_along_its_table() {
        let allowed = [
            (Open, Processing),
            (Open, Paid),
            (Open, Failed),
            (Open, Cancelled),
            (Open, Expired),
            (Processing, Paid),
            (Processing, Failed),
            (Processing, Expired),
            (Failed, Paid),
            (Cancelled, Paid),
            (Expired, Paid),
        ];
        for from in PaymentState::ALL {
            for to in PaymentState::ALL {
                assert_eq!(from.followed_by(to).is_ok(), allowed.contains(&(from, to)), "{from:?} {to:?}");
            }
        }
    }

    #[test]
    fn every_state_reads_back_from_its_word() {
        for state in PaymentState::ALL {
            assert_eq!(PaymentState::parse(state.as_str()), Some(state));
        }
    }
}
