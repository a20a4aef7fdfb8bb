//! What Stripe's API answers, as far as it is read here, and what it says about a payment.
//!
//! It is read leniently: fields that are unknown are ignored, and of those that are known nearly all may be missing.
//! Stripe adds some with every version, and what speaks like it leaves some out.

use crate::payments::cards::{SavedCard, SetupReport};
use domain::money::{Currency, Money};
use domain::payment::{Dispute, DisputeState, PaymentState};
use domain::top_up::CardSetupState;
use serde::Deserialize;

/// A thing that is named, or told whole where the request asked for that.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Expandable<T> {
    Id(String),
    Whole(T),
}

impl<T> Expandable<T> {
    const fn whole(&self) -> Option<&T> {
        match self {
            Self::Id(_) => None,
            Self::Whole(whole) => Some(whole),
        }
    }
}

/// Whatever was made: a product, a price, a refund.
#[derive(Debug, Deserialize)]
pub(super) struct Made {
    pub id: String,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct List<T> {
    pub data: Vec<T>,
}

/// A checkout session.
#[derive(Debug, Deserialize)]
pub(super) struct Session {
    pub id: String,
    /// Where the customer pays; only as long as it is open.
    pub url: Option<String>,
    status: Option<String>,
    payment_status: Option<String>,
    amount_total: Option<i64>,
    currency: Option<String>,
    payment_intent: Option<Expandable<PaymentIntent>>,
}

/// A payment: of a session, or charged to a saved card.
#[derive(Debug, Deserialize)]
pub(super) struct PaymentIntent {
    pub id: String,
    status: Option<String>,
    amount: Option<i64>,
    currency: Option<String>,
    latest_charge: Option<Expandable<Charge>>,
}

#[derive(Debug, Deserialize)]
struct Charge {
    amount: Option<i64>,
    amount_refunded: Option<i64>,
    disputed: Option<bool>,
}

/// A bank's demand to have the money back.
#[derive(Debug, Deserialize)]
pub(super) struct WireDispute {
    amount: Option<i64>,
    currency: Option<String>,
    status: Option<String>,
}

/// The session names a currency that no payment here can have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ForeignCurrency;

impl Session {
    /// Where the payment stands. Paid is only what Stripe calls paid; the session's being complete is not enough, because
    /// some ways to pay take days.
    pub fn state(&self) -> PaymentState {
        match (self.payment_status.as_deref(), self.status.as_deref()) {
            (Some("paid"), _) => PaymentState::Paid,
            (_, Some("expired")) => PaymentState::Expired,
            (_, Some("complete")) => match self.intent().and_then(|intent| intent.status.as_deref()) {
                Some("requires_payment_method" | "canceled") => PaymentState::Failed,
                _ => PaymentState::Processing,
            },
            _ => PaymentState::Open,
        }
    }

    /// What is charged, where the session says so; what it leaves out is taken from the order.
    pub fn amount(&self, ordered: Money) -> Result<Option<Money>, ForeignCurrency> {
        money(self.amount_total, self.currency.as_deref(), ordered)
    }

    /// How much was given back, in the currency of the order.
    pub fn refunded_minor_units(&self, ordered: Money) -> i64 {
        self.intent().map_or(0, |intent| intent.refunded_minor_units(ordered))
    }

    pub fn is_disputed(&self) -> bool {
        self.intent().is_some_and(PaymentIntent::is_disputed)
    }

    /// The id under which refunds and disputes name the payment; there is none before the customer pays.
    pub fn payment_id(&self) -> Option<&str> {
        match self.payment_intent.as_ref()? {
            Expandable::Id(id) => Some(id),
            Expandable::Whole(intent) => Some(&intent.id),
        }
    }

    fn intent(&self) -> Option<&PaymentIntent> {
        self.payment_intent.as_ref()?.whole()
    }
}

fn money(amount: Option<i64>, currency: Option<&str>, ordered: Money) -> Result<Option<Money>, ForeignCurrency> {
    if amount.is_none() && currency.is_none() {
        return Ok(None);
    }
    let currency = match currency {
        Some(code) => Currency::parse(code).ok_or(ForeignCurrency)?,
        None => ordered.currency,
    };
    Ok(Some(Money { minor_units: amount.unwrap_or(ordered.minor_units), currency }))
}

impl PaymentIntent {
    /// Where a charge of a saved card stands. One that wants its owner present will not be paid: nobody is.
    pub fn state(&self) -> PaymentState {
        match self.status.as_deref() {
            Some("succeeded") => PaymentState::Paid,
            Some("requires_payment_method" | "requires_action" | "canceled") => PaymentState::Failed,
            _ => PaymentState::Processing,
        }
    }

    /// What is charged, where it says so.
    pub fn money(&self, ordered: Money) -> Result<Option<Money>, ForeignCurrency> {
        money(self.amount, self.currency.as_deref(), ordered)
    }

    /// How much was given back, in the currency of the order. A charge in another currency says it as a share.
    pub fn refunded_minor_units(&self, ordered: Money) -> i64 {
        let Some(charge) = self.charge() else { return 0 };
        let refunded = charge.amount_refunded.unwrap_or(0).max(0);
        match charge.amount {
            Some(charged) if charged > 0 && charged != ordered.minor_units => {
                let share = i128::from(refunded) * i128::from(ordered.minor_units);
                let rounded_up = (share + i128::from(charged) - 1) / i128::from(charged);
                i64::try_from(rounded_up).map_or(ordered.minor_units, |refunded| refunded.min(ordered.minor_units))
            }
            _ => refunded.min(ordered.minor_units),
        }
    }

    pub fn is_disputed(&self) -> bool {
        self.charge().and_then(|charge| charge.disputed).unwrap_or(false)
    }

    fn charge(&self) -> Option<&Charge> {
        self.latest_charge.as_ref()?.whole()
    }
}

/// A session in which a card is saved.
#[derive(Debug, Deserialize)]
pub(super) struct SetupSession {
    pub id: String,
    pub url: Option<String>,
    status: Option<String>,
    customer: Option<Expandable<Made>>,
    setup_intent: Option<Expandable<SetupIntent>>,
}

#[derive(Debug, Deserialize)]
struct SetupIntent {
    status: Option<String>,
    payment_method: Option<Expandable<PaymentMethod>>,
}

#[derive(Debug, Deserialize)]
struct PaymentMethod {
    id: String,
    card: Option<CardDetails>,
}

#[derive(Debug, Deserialize)]
struct CardDetails {
    brand: Option<String>,
    last4: Option<String>,
}

impl SetupSession {
    /// What became of the attempt. A card is saved only when Stripe says so and names it and its customer.
    pub fn report(&self) -> SetupReport {
        let intent = self.setup_intent.as_ref().and_then(Expandable::whole);
        let status = intent.and_then(|intent| intent.status.as_deref());
        let state = match (self.status.as_deref(), status) {
            (Some("complete"), Some("succeeded")) => CardSetupState::Saved,
            (Some("complete"), Some("requires_payment_method" | "canceled")) => CardSetupState::Refused,
            (Some("expired"), _) => CardSetupState::Expired,
            _ => CardSetupState::Open,
        };
        let card = intent.filter(|_| state == CardSetupState::Saved).and_then(|intent| self.card(intent));
        match (state, card) {
            (CardSetupState::Saved, None) => SetupReport { state: CardSetupState::Refused, card: None },
            (state, card) => SetupReport { state, card },
        }
    }

    fn card(&self, intent: &SetupIntent) -> Option<SavedCard> {
        let customer = match self.customer.as_ref()? {
            Expandable::Id(id) => id.clone(),
            Expandable::Whole(customer) => customer.id.clone(),
        };
        let (method, details) = match intent.payment_method.as_ref()? {
            Expandable::Id(id) => (id.clone(), None),
            Expandable::Whole(method) => (method.id.clone(), method.card.as_ref()),
        };
        Some(SavedCard { customer, method, label: details.map_or_else(|| "Saved card".to_owned(), label) })
    }
}

/// `Visa ending in 4242`.
fn label(card: &CardDetails) -> String {
    let brand = card.brand.as_deref().unwrap_or("card");
    let mut letters = brand.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let brand = first + letters.as_str();
    match &card.last4 {
        Some(last4) => format!("{brand} ending in {last4}"),
        None => brand,
    }
}

/// What all disputes of a payment come to; `None` while none of them took money. Inquiries take none.
pub(super) fn sum_of_disputes(disputes: &[WireDispute], ordered: Money) -> Option<Dispute> {
    let mut sum: Option<Dispute> = None;
    for dispute in disputes {
        let state = match dispute.status.as_deref() {
            Some("needs_response" | "under_review" | "appeal_needs_response" | "appeal_under_review") => {
                DisputeState::Open
            }
            Some("won") => DisputeState::Won,
            Some("lost") => DisputeState::Lost,
            _ => continue,
        };
        let is_ours = dispute.currency.as_deref().is_none_or(|code| Currency::parse(code) == Some(ordered.currency));
        let amount = dispute.amount.filter(|_| is_ours).unwrap_or(ordered.minor_units).clamp(0, ordered.minor_units);
        sum = Some(match sum {
            Some(before) => both(before, Dispute { state, minor_units: amount }, ordered),
            None => Dispute { state, minor_units: amount },
        });
    }
    sum
}

/// Two disputes as one: what was won counts only where all were.
fn both(first: Dispute, second: Dispute, ordered: Money) -> Dispute {
    let added = first.minor_units.saturating_add(second.minor_units).min(ordered.minor_units);
    match (first.state, second.state) {
        (DisputeState::Won, DisputeState::Won) => Dispute { state: DisputeState::Won, minor_units: added },
        (DisputeState::Won, _) => second,
        (_, DisputeState::Won) => first,
        (DisputeState::Lost, DisputeState::Lost) => Dispute { state: DisputeState::Lost, minor_units: added },
        _ => Dispute { state: DisputeState::Open, minor_units: added },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const ORDERED: Money = Money { minor_units: 2_500, currency: Currency::Usd };

    fn session(fields: &Value) -> Session {
        let mut whole = json!({ "id": "cs_1", "object": "checkout.session", "new_field": { "of": ["next", "year"] } });
        for (name, value) in fields.as_object().expect("fields") {
            whole[name] = value.clone();
        }
        serde_json::from_value(whole).expect("a session")
    }

    fn charged(charge: &Value) -> Session {
        session(&json!({ "payment_intent": { "id": "pi_1", "latest_charge": charge } }))
    }

    #[test]
    fn paid_is_only_what_is_called_paid() {
        use PaymentState::{Expired, Failed, Open, Paid, Processing};
        let intent = |status: &str| json!({ "id": "pi_1", "status": status });
        for (fields, state) in [
            (json!({}), Open),
            (json!({ "status": "open", "payment_status": "unpaid" }), Open),
            (json!({ "status": "complete", "payment_status": "paid" }), Paid),
            (json!({ "payment_status": "paid" }), Paid),
            (json!({ "status": "complete", "payment_status": "unpaid" }), Processing),
            (
                json!({ "status": "complete", "payment_status": "unpaid", "payment_intent": intent("processing") }),
                Processing,
            ),
            (json!({ "status": "complete", "payment_status": "unpaid", "payment_intent": "pi_1" }), Processing),
            (json!({ "status": "complete", "payment_intent": intent("requires_payment_method") }), Failed),
            (json!({ "status": "complete", "payment_intent": intent("canceled") }), Failed),
            (json!({ "status": "complete", "payment_status": "no_payment_required" }), Processing),
            (json!({ "status": "expired", "payment_status": "unpaid" }), Expired),
            (json!({ "status": "of next year", "payment_status": "of next year" }), Open),
        ] {
            assert_eq!(session(&fields).state(), state, "{fields}");
        }
    }

    #[test]
    fn the_amount_is_what_the_session_says_and_the_order_where_it_says_nothing() {
        let amount = |fields: Value| session(&fields).amount(ORDERED);
        let money = |minor_units, currency| Ok(Some(Money { minor_units, currency }));
        assert_eq!(amount(json!({})), Ok(None));
        assert_eq!(amount(json!({ "amount_total": null, "currency": null })), Ok(None));
        assert_eq!(amount(json!({ "amount_total": 2_600, "currency": "usd" })), money(2_600, Currency::Usd));
        assert_eq!(amount(json!({ "amount_total": 1 })), money(1, Currency::Usd));
        assert_eq!(amount(json!({ "currency": "eur" })), money(2_500, Currency::Eur));
        assert_eq!(amount(json!({ "amount_total": 2_500, "currency": "jpy" })), Err(ForeignCurrency));
    }

    #[test]
    fn what_was_given_back_is_at_most_what_was_paid() {
        for (charge, refunded) in [
            (json!("ch_1"), 0),
            (json!({}), 0),
            (json!({ "amount": 2_500, "amount_refunded": 0 }), 0),
            (json!({ "amount": 2_500, "amount_refunded": 700 }), 700),
            (json!({ "amount_refunded": 2_500 }), 2_500),
            (json!({ "amount_refunded": -1 }), 0),
            (json!({ "amount_refunded": 9_999 }), 2_500),
            // 1,000 of 3,000 in another currency are a third of the 2,500.
            (json!({ "amount": 3_000, "amount_refunded": 1_000 }), 834),
            (json!({ "amount": 3_000, "amount_refunded": 3_000 }), 2_500),
        ] {
            assert_eq!(charged(&charge).refunded_minor_units(ORDERED), refunded, "{charge}");
        }
        assert_eq!(session(&json!({})).refunded_minor_units(ORDERED), 0);
    }

    #[test]
    fn the_payment_is_named_whether_it_is_told_whole_or_not() {
        assert_eq!(session(&json!({})).payment_id(), None);
        assert_eq!(session(&json!({ "payment_intent": null })).payment_id(), None);
        assert_eq!(session(&json!({ "payment_intent": "pi_1" })).payment_id(), Some("pi_1"));
        assert_eq!(charged(&json!({ "disputed": true })).payment_id(), Some("pi_1"));
        assert!(charged(&json!({ "disputed": true })).is_disputed() && !charged(&json!({})).is_disputed());
    }

    #[test]
    fn disputes_come_to_one() {
        use DisputeState::{Lost, Open, Won};
        let sum = |disputes: Value| {
            let disputes: Vec<WireDispute> = serde_json::from_value(disputes).expect("disputes");
            sum_of_disputes(&disputes, ORDERED).map(|dispute| (dispute.state, dispute.minor_units))
        };
        let of =
            |status: &str, amount: i64| json!({ "id": "du_1", "status": status, "amount": amount, "currency": "usd" });
        assert_eq!(sum(json!([])), None);
        for (status, state) in [
            ("needs_response", Open),
            ("under_review", Open),
            ("appeal_under_review", Open),
            ("won", Won),
            ("lost", Lost),
        ] {
            assert_eq!(sum(json!([of(status, 2_500)])), Some((state, 2_500)), "{status}");
        }
        for status in ["warning_needs_response", "warning_under_review", "warning_closed", "prevented", "new"] {
            assert_eq!(sum(json!([of(status, 2_500)])), None, "{status}");
        }
        assert_eq!(sum(json!([of("lost", 9_999)])), Some((Lost, 2_500)));
        assert_eq!(sum(json!([{ "status": "lost" }])), Some((Lost, 2_500)));
        assert_eq!(sum(json!([{ "status": "lost", "amount": 7, "currency": "jpy" }])), Some((Lost, 2_500)));
        assert_eq!(sum(json!([of("lost", 500), of("won", 2_000)])), Some((Lost, 500)));
        assert_eq!(sum(json!([of("lost", 500), of("under_review", 600)])), Some((Open, 1_100)));
        assert_eq!(sum(json!([of("lost", 500), of("lost", 600)])), Some((Lost, 1_100)));
        assert_eq!(sum(json!([of("won", 500), of("won", 600)])), Some((Won, 1_100)));
    }
}
