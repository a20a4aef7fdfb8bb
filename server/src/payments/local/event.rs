//! The webhooks of the built-in gateway: their bodies, in the shape of Stripe's events.

use super::Checkout;
use crate::error::{Error, Result};
use domain::clock::{SECOND_US, Timestamp};
use domain::id::PaymentId;
use domain::payment::{DisputeState, PaymentState};
use domain::problem::{Problem, ProblemCode};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    /// Seconds since the epoch.
    created: i64,
    data: EventData,
}

#[derive(Serialize, Deserialize)]
struct EventData {
    object: EventObject,
}

#[derive(Serialize, Deserialize)]
struct EventObject {
    client_reference_id: String,
}

/// What the kinds of events that are about a payment begin with.
const OF_CONCERN: [&str; 2] = ["checkout.session.", "charge."];

fn kind(checkout: &Checkout) -> &'static str {
    match (checkout.dispute.map(|dispute| dispute.state), checkout.state) {
        (Some(DisputeState::Open), _) => "charge.dispute.created",
        (Some(_), _) => "charge.dispute.closed",
        _ if checkout.refunded_minor_units > 0 => "charge.refunded",
        (_, PaymentState::Open) => "checkout.session.open",
        (_, PaymentState::Processing) => "checkout.session.processing",
        (_, PaymentState::Paid) => "checkout.session.paid",
        (_, PaymentState::Failed) => "checkout.session.failed",
        (_, PaymentState::Cancelled) => "checkout.session.cancelled",
        (_, PaymentState::Expired) => "checkout.session.expired",
    }
}

/// The webhook that tells the newest change of a checkout; `None` before the first one. The same change gives the same
/// event id every time, as a repeated delivery should.
pub fn event_body(checkout: &Checkout, now: Timestamp) -> Result<Option<String>> {
    if checkout.changes == 0 {
        return Ok(None);
    }
    let event = Event {
        id: format!("evt_{}_{}", checkout.payment_id, checkout.changes),
        kind: kind(checkout).to_owned(),
        created: now.us().div_euclid(SECOND_US),
        data: EventData { object: EventObject { client_reference_id: checkout.payment_id.to_string() } },
    };
    serde_json::to_string(&event).map(Some).map_err(Error::internal)
}

/// Reads a body whose signature was checked: its id, and the payment that it is about. Only `verify_webhook` may call
/// this.
///
/// # Errors
/// 400 when it is not an event.
pub(in crate::payments) fn read_event(body: &[u8]) -> Result<(String, Option<PaymentId>)> {
    let malformed = |detail: &str| Problem::with_detail(ProblemCode::MalformedRequest, detail);
    let event: Event = serde_json::from_slice(body).map_err(|_| malformed("the body is not an event"))?;
    if !OF_CONCERN.iter().any(|beginning| event.kind.starts_with(beginning)) {
        return Ok((event.id, None));
    }
    let payment_id = PaymentId::parse(&event.data.object.client_reference_id);
    Ok((event.id, Some(payment_id.ok_or_else(|| malformed("the event names no payment"))?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::id::AccountId;
    use domain::money::{Currency, Money};

    #[test]
    fn every_change_is_told_and_names_its_payment() {
        let payment_id = PaymentId::new(Timestamp::from_us(1), [1; 8]);
        for state in PaymentState::ALL {
            for changes in [0, 1] {
                let checkout = Checkout {
                    account_id: AccountId::from_row("acct_1".into()),
                    payment_id: payment_id.clone(),
                    amount: Money { minor_units: 2_500, currency: Currency::Usd },
                    state,
                    refunded_minor_units: 0,
                    dispute: None,
                    changes,
                };
                let body = event_body(&checkout, Timestamp::from_us(0)).expect("serialisable");
                assert_eq!(body.is_some(), changes == 1);
                let Some(body) = body else { continue };
                let (event_id, about) = read_event(body.as_bytes()).expect("reads back");
                assert_eq!((event_id, about), (format!("evt_{payment_id}_1"), Some(payment_id.clone())));
            }
        }
    }
}
