//! Payments: one attempt to buy credit, the states it passes through, and what is taken back of it afterwards.

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

/// How far a dispute has come, in which a customer wants his money back from his bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisputeState {
    /// The bank has taken the money back and looks into the matter.
    Open,
    /// The money came back to us. Final.
    Won,
    /// The money stays with the customer. Final.
    Lost,
}

impl DisputeState {
    pub const ALL: [Self; 3] = [Self::Open, Self::Won, Self::Lost];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A dispute about a payment, or about a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Dispute {
    pub state: DisputeState,
    /// How much the bank took, of what was paid.
    pub minor_units: i64,
}

impl Dispute {
    /// How much of the payment is with the bank now.
    const fn taken(self) -> i64 {
        match self.state {
            DisputeState::Open | DisputeState::Lost => self.minor_units,
            DisputeState::Won => 0,
        }
    }
}

/// How a payment began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentOrigin {
    /// Somebody paid at a checkout.
    Checkout,
    /// Auto top-up, with a saved card and nobody present.
    TopUp,
    /// Somebody chose a plan and paid at a checkout.
    Plan,
    /// The next month of a plan, with a saved card and nobody present.
    Renewal,
}

impl PaymentOrigin {
    pub const ALL: [Self; 4] = [Self::Checkout, Self::TopUp, Self::Plan, Self::Renewal];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Checkout => "checkout",
            Self::TopUp => "top_up",
            Self::Plan => "plan",
            Self::Renewal => "renewal",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|origin| origin.as_str() == text)
    }

    /// Whether nobody is present: the saved card is charged.
    #[must_use]
    pub const fn is_unattended(self) -> bool {
        matches!(self, Self::TopUp | Self::Renewal)
    }
}

/// A month of a plan that a payment buys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanBought {
    pub plan_id: String,
    /// What the month costs as a whole; the payment may be less, by what was unused of the month before.
    pub price_minor_units: i64,
}

/// A payment as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    pub id: PaymentId,
    /// What the card is charged.
    pub amount: Money,
    /// How much of that is no credit, but the fee for paying.
    pub fee_minor_units: i64,
    /// How much of that is no credit, but the tax.
    pub tax_minor_units: i64,
    /// The credit it buys.
    pub credit: Credit,
    pub state: PaymentState,
    /// How much was given back so far, of what was paid.
    pub refunded_minor_units: i64,
    pub dispute: Option<Dispute>,
    pub origin: PaymentOrigin,
    /// What it buys where it buys no credit.
    pub plan: Option<PlanBought>,
    /// The number of its receipt, when it was paid.
    pub receipt: Option<i64>,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
}

impl Payment {
    /// The payment after the gateway reported where it stands. Reports come late and out of order, so nothing that was
    /// reported is taken back: what was refunded stays refunded, and a dispute that is decided stays decided.
    #[must_use]
    pub fn reported(&self, state: PaymentState, refunded_minor_units: i64, dispute: Option<Dispute>) -> Self {
        let is_decided = |dispute: &Dispute| dispute.state != DisputeState::Open;
        Self {
            state: self.state.followed_by(state).unwrap_or(self.state),
            refunded_minor_units: self.refunded_minor_units.max(refunded_minor_units),
            dispute: self.dispute.filter(is_decided).or(dispute.filter(is_decided)).or(self.dispute).or(dispute),
            ..self.clone()
        }
    }

    /// What credit was bought for: what the card is charged without fee and tax.
    #[must_use]
    pub const fn net(&self) -> Money {
        let added = self.fee_minor_units.saturating_add(self.tax_minor_units);
        Money { minor_units: self.amount.minor_units.saturating_sub(added), currency: self.amount.currency }
    }

    /// How much of what was paid is with the customer again, or with his bank.
    #[must_use]
    pub fn taken_back(&self) -> Money {
        let disputed = self.dispute.map_or(0, Dispute::taken);
        let minor_units = self.refunded_minor_units.saturating_add(disputed).clamp(0, self.amount.minor_units);
        Money { minor_units, ..self.amount }
    }

    /// Whether all of what was paid is taken back.
    #[must_use]
    pub fn is_taken_back(&self) -> bool {
        self.state == PaymentState::Paid && self.taken_back() == self.amount
    }

    /// The credit that the payment stands for now: what it bought, less the share that was taken back. The share is
    /// rounded down to whole millionths, in the customer's favour; of the whole amount it is the whole credit.
    #[must_use]
    pub fn standing(&self) -> Credit {
        if self.state != PaymentState::Paid {
            return Credit::ZERO;
        }
        let (credit, amount) = (i128::from(self.credit.millionths()), i128::from(self.amount.minor_units.max(1)));
        let share = credit * i128::from(self.taken_back().minor_units) / amount;
        // The share is at most the credit, so it fits wherever that does.
        Credit::from_millionths(i64::try_from(credit - share).unwrap_or_default())
    }

    /// What became of it, in a word or two, for a list.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self.dispute {
            Some(Dispute { state: DisputeState::Open, .. }) => "Disputed",
            Some(Dispute { state: DisputeState::Lost, .. }) => "Dispute lost",
            _ if self.refunded_minor_units >= self.amount.minor_units => "Refunded",
            _ if self.refunded_minor_units > 0 => "Refunded in part",
            Some(Dispute { state: DisputeState::Won, .. }) => "Dispute won",
            None => self.state.label(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;
    use PaymentState::{Cancelled, Expired, Failed, Open, Paid, Processing};
    use proptest::prelude::*;

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
        for state in DisputeState::ALL {
            assert_eq!(DisputeState::parse(state.as_str()), Some(state));
        }
    }

    /// $3.00 for seven millionths of credit, so that shares have to be rounded.
    fn paid() -> Payment {
        Payment {
            id: PaymentId::from_row("pay_1".into()),
            amount: Money { minor_units: 300, currency: Currency::Usd },
            fee_minor_units: 0,
            tax_minor_units: 0,
            credit: Credit::from_millionths(7),
            state: Paid,
            refunded_minor_units: 0,
            dispute: None,
            origin: PaymentOrigin::Checkout,
            plan: None,
            receipt: None,
            created_at: Timestamp::from_us(0),
            changed_at: Timestamp::from_us(0),
        }
    }

    const fn dispute(state: DisputeState, minor_units: i64) -> Dispute {
        Dispute { state, minor_units }
    }

    #[test]
    fn what_a_payment_stands_for_follows_its_table() {
        use DisputeState::{Lost, Open, Won};
        for (refunded, dispute, standing) in [
            (0, None, 7),
            (1, None, 7),
            (42, None, 7),
            (43, None, 6),
            (150, None, 4),
            (299, None, 1),
            (300, None, 0),
            (301, None, 0),
            (i64::MAX, Some(dispute(Lost, i64::MAX)), 0),
            (0, Some(dispute(Open, 300)), 0),
            (0, Some(dispute(Lost, 300)), 0),
            (0, Some(dispute(Won, 300)), 7),
            (0, Some(dispute(Open, 100)), 5),
            (100, Some(dispute(Open, 200)), 0),
            (150, Some(dispute(Won, 150)), 4),
        ] {
            let payment = Payment { refunded_minor_units: refunded, dispute, ..paid() };
            assert_eq!(payment.standing().millionths(), standing, "{refunded} {dispute:?}");
            let unpaid = Payment { state: Cancelled, ..payment };
            assert_eq!(unpaid.standing(), Credit::ZERO, "what nobody paid stands for nothing");
        }
    }

    #[test]
    fn the_largest_payment_is_shared_without_loss() {
        let amount = Money { minor_units: i64::MAX, currency: Currency::Usd };
        let payment = Payment { amount, credit: Credit::from_millionths(i64::MAX), ..paid() };
        assert_eq!(Payment { refunded_minor_units: 5, ..payment }.standing().millionths(), i64::MAX - 5);
    }

    #[test]
    fn a_dispute_that_is_decided_stays_decided() {
        use DisputeState::{Lost, Won};
        for (decided, other) in [(Won, Lost), (Lost, Won)] {
            let payment = Payment { dispute: Some(dispute(decided, 300)), ..paid() };
            assert_eq!(payment.reported(Paid, 0, Some(dispute(other, 200))), payment);
        }
    }

    proptest! {
        /// However often, late and out of order the gateway's reports come.
        #[test]
        fn reports_in_any_order_come_to_the_same(
            mut places in prop::collection::vec(0_usize..6, 0..30),
            last in Just((0..6).collect::<Vec<usize>>()).prop_shuffle(),
            is_won in any::<bool>(),
        ) {
            let decided = if is_won { DisputeState::Won } else { DisputeState::Lost };
            let reports = [
                (Open, 0, None),
                (Processing, 0, None),
                (Paid, 0, None),
                (Paid, 100, None),
                (Paid, 100, Some(dispute(DisputeState::Open, 200))),
                (Paid, 150, Some(dispute(decided, 200))),
            ];
            places.extend(last);
            let open = Payment { state: Open, ..paid() };
            let payment = places.iter().fold(open, |payment, place| {
                let (state, refunded, dispute) = reports[*place];
                payment.reported(state, refunded, dispute)
            });
            let expected = Payment { refunded_minor_units: 150, dispute: Some(dispute(decided, 200)), ..paid() };
            prop_assert_eq!(payment, expected);
        }
    }
}
