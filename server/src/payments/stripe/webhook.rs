//! What an event of Stripe is about. Nothing else of it is believed: where the payment stands is asked of the API.

use domain::id::PaymentId;
use domain::problem::{Problem, ProblemCode};
use serde::Deserialize;
use serde_json::Value;

/// The kinds of event after which a payment may stand elsewhere. Disputes have several, under one beginning.
const KINDS: [&str; 5] = [
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "charge.refunded",
];
const DISPUTES: &str = "charge.dispute.";

/// How an event names a payment: by one of these or by several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Stripe's checkout session.
    pub checkout_id: Option<String>,
    /// Our own id, which we gave the session and the payment to carry.
    pub payment_id: Option<PaymentId>,
    /// Stripe's payment intent.
    pub gateway_payment_id: Option<String>,
}

#[derive(Deserialize)]
struct Event {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    data: EventData,
}

#[derive(Deserialize)]
struct EventData {
    object: Value,
}

/// The id of an event, and what it is about; `None` for a kind that changes no payment. An event without an id has an
/// empty one.
///
/// # Errors
/// 400 when the body is not an event.
pub(super) fn read_event(body: &[u8]) -> Result<(String, Option<Subject>), Problem> {
    let malformed = |detail: &str| Problem::with_detail(ProblemCode::MalformedRequest, detail);
    let event: Event = serde_json::from_slice(body).map_err(|_| malformed("the body is not an event"))?;
    let id = event.id.unwrap_or_default();
    let object = &event.data.object;
    if !object.is_object() {
        return Err(malformed("the body is not an event"));
    }
    let concerns_us = KINDS.contains(&event.kind.as_str()) || event.kind.starts_with(DISPUTES);
    Ok((id, concerns_us.then(|| read_subject(&event.kind, object))))
}

fn read_subject(kind: &str, object: &Value) -> Subject {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let is_session = kind.starts_with("checkout.session.");
    let own_ids = [&object["metadata"]["payment_id"], &object["client_reference_id"]];
    Subject {
        checkout_id: is_session.then(|| text(&object["id"])).flatten(),
        payment_id: own_ids.into_iter().find_map(|id| PaymentId::parse(id.as_str()?)),
        // It is told by its id, or whole.
        gateway_payment_id: text(&object["payment_intent"]).or_else(|| text(&object["payment_intent"]["id"])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::clock::Timestamp;
    use serde_json::json;

    fn read(kind: &str, object: &Value) -> Option<Subject> {
        let event = json!({ "id": "evt_1", "object": "event", "type": kind, "data": { "object": object } });
        let (id, subject) = read_event(event.to_string().as_bytes()).expect("an event");
        assert_eq!(id, "evt_1");
        subject
    }

    #[test]
    fn a_session_is_named_by_its_id_and_by_ours() {
        let payment_id = PaymentId::new(Timestamp::from_us(1), [1; 8]);
        let (checkout_id, gateway_payment_id) = (Some("cs_1".to_owned()), Some("pi_1".to_owned()));
        for kind in &KINDS[..4] {
            let whole = json!({ "id": "cs_1", "client_reference_id": payment_id, "payment_intent": { "id": "pi_1" } });
            let (checkout_id, payment_id) = (checkout_id.clone(), Some(payment_id.clone()));
            let subject = Subject { checkout_id, payment_id, gateway_payment_id: gateway_payment_id.clone() };
            assert_eq!(read(kind, &whole), Some(subject), "{kind}");
        }
        let sparse = json!({ "id": "cs_1", "client_reference_id": "order 7", "metadata": {}, "payment_intent": null });
        assert_eq!(read(KINDS[0], &sparse), Some(Subject { checkout_id, ..Subject::default() }));
        let by_metadata = json!({ "metadata": { "payment_id": payment_id } });
        assert_eq!(read(KINDS[0], &by_metadata).expect("concerns us").payment_id, Some(payment_id));
    }

    #[test]
    fn a_charge_and_a_dispute_are_named_by_the_payment_at_stripe() {
        for kind in ["charge.refunded", "charge.dispute.created", "charge.dispute.closed", "charge.dispute.new"] {
            let subject = read(kind, &json!({ "id": "ch_1", "payment_intent": "pi_1" })).expect("concerns us");
            assert_eq!((subject.checkout_id, subject.gateway_payment_id.as_deref()), (None, Some("pi_1")), "{kind}");
        }
    }

    #[test]
    fn other_kinds_are_of_no_concern() {
        for kind in ["customer.created", "checkout.session.new", "charge.succeeded", "payment_intent.succeeded", ""] {
            assert_eq!(read(kind, &json!({ "id": "cs_1" })), None, "{kind}");
        }
    }

    #[test]
    fn what_is_no_event_is_refused_and_an_event_without_an_id_is_not() {
        for body in ["", "null", "[]", "{}", r#"{"type":"charge.refunded"}"#, r#"{"type":"x","data":{"object":1}}"#] {
            let problem = read_event(body.as_bytes()).expect_err("no event");
            assert_eq!(problem.code, ProblemCode::MalformedRequest, "{body}");
        }
        let (id, subject) = read_event(br#"{"type":"charge.refunded","data":{"object":{}}}"#).expect("an event");
        assert_eq!((id.as_str(), subject), ("", Some(Subject::default())));
    }
}
