//! The gateway `stripe`: the customer pays on a page of Stripe's, and Stripe says what became of it.
//!
//! A checkout is a Checkout Session, made with the key of the operator's own account. Its id stands in the payment's row,
//! and where a payment stands is always read from that session: whatever names another one, in an event or in an address,
//! changes nothing.

pub(super) mod cards;
mod client;
mod options;
mod webhook;
mod wire;

pub use options::StripeOptions;
pub use webhook::Subject;

use crate::error::{Error, Result, StartError};
use crate::payments::gateway::Report;
use crate::payments::{self, read_money, return_url, signature};
use crate::{Server, args, db};
use client::{Client, Trouble};
use domain::clock::{HOUR_US, SECOND_US};
use domain::id::{AccountId, PaymentId};
use domain::money::Money;
use domain::payment::Payment;
use domain::problem::{Problem, ProblemCode};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::Instant;
use wire::{ForeignCurrency, List, Made, PaymentIntent, Session, WireDispute};
use zeroize::Zeroizing;

/// The one product of which each payment has a price. Its name is what the customer reads.
const PRODUCT_ID: &str = "artiko_api_credit";
const PRODUCT_NAME: &str = "API credit";
/// How long a session can be paid. Stripe takes a day at most, by its own clock.
const SESSION_US: i64 = 23 * HOUR_US;
/// How long opening a checkout, asking for one, or giving money back may take. A request has half a minute.
const OPEN_TIME_MAX: Duration = Duration::from_secs(25);
const ASK_TIME_MAX: Duration = Duration::from_secs(15);

/// The operator's account at Stripe.
pub struct Stripe {
    client: Client,
    webhook_secrets: Vec<Zeroizing<Vec<u8>>>,
    product_id: OnceCell<String>,
}

impl Stripe {
    /// # Errors
    /// When the options do not fit together, or `local_secret`, which signs the built-in gateway's webhooks, is among the
    /// secrets: it lies in the data folder, and whoever knows it could sign that everything is paid.
    pub(crate) fn open(options: &StripeOptions, local_secret: &[u8]) -> std::result::Result<Self, StartError> {
        let webhook_secrets = options.webhook_secrets()?;
        let local_hex = crate::secrets::hex(local_secret);
        let is_local = |text: &str| text.as_bytes() == local_secret || text.eq_ignore_ascii_case(&local_hex);
        if webhook_secrets.iter().any(|secret| is_local(secret.expose())) {
            let reason = "one of them is the secret of the built-in gateway; Stripe shows its own beside the endpoint";
            return Err(StartError::option("--stripe-webhook-secrets", reason));
        }
        let bytes = |text: &str| Zeroizing::new(text.as_bytes().to_vec());
        Ok(Self {
            client: Client::open(options)?,
            webhook_secrets: webhook_secrets.iter().map(|secret| bytes(secret.expose())).collect(),
            product_id: OnceCell::new(),
        })
    }

    /// Checks the signature of a webhook, and only then reads what it is about.
    pub(super) fn verify_webhook(
        &self,
        server: &Server,
        header: Option<&str>,
        body: &[u8],
    ) -> Result<(String, Option<Subject>)> {
        let secrets = self.webhook_secrets.iter().map(|secret| secret.as_slice());
        signature::verify(secrets, header, body, server.now())?;
        Ok(webhook::read_event(body)?)
    }

    /// The product that a payment buys, which is made when there is none yet. What speaks like Stripe may give it a name
    /// of its own.
    async fn product_id(
        &self,
        server: &Server,
        payment: &Payment,
        deadline: Instant,
    ) -> std::result::Result<String, Trouble> {
        if let Some(plan) = &payment.plan {
            let id = format!("artiko_plan_{}", plan.plan_id);
            return self.make_product(&id, &payments::description(server, payment), payment, deadline).await;
        }
        let made = self.product_id.get_or_try_init(|| self.make_product(PRODUCT_ID, PRODUCT_NAME, payment, deadline));
        made.await.cloned()
    }

    async fn make_product(
        &self,
        id: &str,
        name: &str,
        payment: &Payment,
        deadline: Instant,
    ) -> std::result::Result<String, Trouble> {
        let key = format!("{}-product", payment.id);
        match self.client.post::<Made>("/v1/products", &key, &[("id", id), ("name", name)], deadline).await {
            Ok(made) => Ok(made.id),
            Err(trouble) if trouble.code.as_deref() == Some("resource_already_exists") => Ok(id.to_owned()),
            Err(trouble) => Err(trouble),
        }
    }

    async fn open_session(
        &self,
        server: &Server,
        payment: &Payment,
        deadline: Instant,
    ) -> std::result::Result<Session, Trouble> {
        let product_id = self.product_id(server, payment, deadline).await?;
        let (payment_id, amount) = (payment.id.as_str(), payment.amount.minor_units.to_string());
        let currency = payment.amount.currency.code().to_lowercase();
        let price = [
            ("product", product_id.as_str()),
            ("currency", &currency),
            ("unit_amount", &amount),
            ("metadata[payment_id]", payment_id),
        ];
        let price: Made = self.client.post("/v1/prices", &format!("{payment_id}-price"), &price, deadline).await?;
        let url = return_url(server, &payment.id);
        let expires_at = payment.created_at.plus_us(SESSION_US).us().div_euclid(SECOND_US).to_string();
        let session = [
            ("mode", "payment"),
            ("line_items[0][price]", &price.id),
            ("line_items[0][quantity]", "1"),
            ("client_reference_id", payment_id),
            ("metadata[payment_id]", payment_id),
            ("payment_intent_data[metadata][payment_id]", payment_id),
            // Refunds and disputes are then told in the currency of the order.
            ("adaptive_pricing[enabled]", "false"),
            ("success_url", &url),
            ("cancel_url", &url),
            ("expires_at", &expires_at),
        ];
        self.client.post("/v1/checkout/sessions", &format!("{payment_id}-checkout"), &session, deadline).await
    }

    /// The session with the payment and its charge; `None` when Stripe has none of this id.
    async fn session(&self, checkout_id: &str, deadline: Instant) -> Result<Option<Session>> {
        let path = format!("/v1/checkout/sessions/{checkout_id}");
        match self.client.get(&path, &[("expand[]", "payment_intent.latest_charge")], deadline).await {
            Ok(session) => Ok(Some(session)),
            Err(trouble) if trouble.is_missing() => Ok(None),
            Err(trouble) => Err(trouble.into()),
        }
    }
}

impl Stripe {
    /// The disputes about a payment that has some.
    async fn disputes(&self, gateway_payment_id: Option<&str>, deadline: Instant) -> Result<Vec<WireDispute>> {
        let Some(id) = gateway_payment_id else { return Ok(Vec::new()) };
        let query = [("payment_intent", id), ("limit", "100")];
        Ok(self.client.get::<List<WireDispute>>("/v1/disputes", &query, deadline).await?.data)
    }
}

/// How a payment is known at Stripe, as far as it is known there.
#[derive(db::FromRow, serde::Deserialize)]
struct LinkRow {
    minor_units: i64,
    currency: String,
    gateway_checkout_id: Option<String>,
    gateway_payment_id: Option<String>,
}

const SELECT_LINK: &str = "
SELECT minor_units, currency, gateway_checkout_id, gateway_payment_id
FROM payments
WHERE account_id = $1 AND id = $2 AND gateway = 'stripe'";

const UPDATE_CHECKOUT_ID: &str = "
UPDATE payments SET gateway_checkout_id = $3 WHERE account_id = $1 AND id = $2";

const UPDATE_PAYMENT_ID: &str = "
UPDATE payments SET gateway_payment_id = $3 WHERE account_id = $1 AND id = $2";

/// Opens a session and returns the address of Stripe's page. Its id is durable before the customer can pay.
pub(super) async fn create_checkout(
    server: &Server,
    stripe: &Stripe,
    account_id: &AccountId,
    payment: &Payment,
) -> Result<String> {
    let session = stripe.open_session(server, payment, Instant::now() + OPEN_TIME_MAX).await?;
    let row = args![account_id.as_str(), payment.id.as_str(), session.id.as_str()];
    server.db.execute(UPDATE_CHECKOUT_ID, row).await?;
    session.url.ok_or_else(|| Trouble::new("opened a session that has no page", false).into())
}

/// Where a payment stands; `None` when there is no session for it.
///
/// # Errors
/// 503 when Stripe does not answer, 409 when it charged in a currency that no order has.
pub(super) async fn fetch_checkout(
    server: &Server,
    stripe: &Stripe,
    account_id: &AccountId,
    payment_id: &PaymentId,
) -> Result<Option<Report>> {
    let key = args![account_id.as_str(), payment_id.as_str()];
    let Some(link) = server.db.optional::<LinkRow>(SELECT_LINK, key).await? else { return Ok(None) };
    let deadline = Instant::now() + ASK_TIME_MAX;
    let Some(checkout_id) = link.gateway_checkout_id.as_deref() else {
        return fetch_intent(stripe, payment_id, &link, deadline).await;
    };
    let Some(session) = stripe.session(checkout_id, deadline).await? else { return Ok(None) };
    if let Some(id) = session.payment_id().filter(|id| link.gateway_payment_id.as_deref() != Some(*id)) {
        server.db.execute(UPDATE_PAYMENT_ID, args![account_id.as_str(), payment_id.as_str(), id]).await?;
    }
    let ordered = read_money(link.minor_units, &link.currency)?;
    let disputes = stripe.disputes(session.payment_id().filter(|_| session.is_disputed()), deadline).await?;
    report(payment_id, &session, &disputes, ordered).map(Some)
}

/// Where a payment stands that was charged to a saved card; `None` when nothing is known of a charge.
async fn fetch_intent(
    stripe: &Stripe,
    payment_id: &PaymentId,
    link: &LinkRow,
    deadline: Instant,
) -> Result<Option<Report>> {
    let Some(id) = link.gateway_payment_id.as_deref() else { return Ok(None) };
    let path = format!("/v1/payment_intents/{id}");
    let intent: PaymentIntent = match stripe.client.get(&path, &[("expand[]", "latest_charge")], deadline).await {
        Ok(intent) => intent,
        Err(trouble) if trouble.is_missing() => return Ok(None),
        Err(trouble) => return Err(trouble.into()),
    };
    let disputes = stripe.disputes(Some(id).filter(|_| intent.is_disputed()), deadline).await?;
    report_of_intent(payment_id, &intent, &disputes, read_money(link.minor_units, &link.currency)?).map(Some)
}

fn report_of_intent(
    payment_id: &PaymentId,
    intent: &PaymentIntent,
    disputes: &[WireDispute],
    ordered: Money,
) -> Result<Report> {
    let amount = intent.money(ordered).map_err(|ForeignCurrency| foreign_currency(payment_id))?;
    Ok(Report {
        payment_id: payment_id.clone(),
        state: intent.state(),
        amount,
        refunded_minor_units: intent.refunded_minor_units(ordered),
        dispute: wire::sum_of_disputes(disputes, ordered),
    })
}

fn foreign_currency(payment_id: &PaymentId) -> Error {
    tracing::error!(%payment_id, "the gateway reports another currency than was ordered");
    let detail = "the reported currency is not the one that was ordered; nothing was credited";
    Problem::with_detail(ProblemCode::Conflict, detail).into()
}

fn report(payment_id: &PaymentId, session: &Session, disputes: &[WireDispute], ordered: Money) -> Result<Report> {
    let amount = session.amount(ordered).map_err(|ForeignCurrency| foreign_currency(payment_id))?;
    Ok(Report {
        payment_id: payment_id.clone(),
        state: session.state(),
        amount,
        refunded_minor_units: session.refunded_minor_units(ordered),
        dispute: wire::sum_of_disputes(disputes, ordered),
    })
}

/// Closes the page of a checkout that is not paid.
///
/// # Errors
/// 503 when Stripe does not answer.
pub(super) async fn close_checkout(
    server: &Server,
    stripe: &Stripe,
    account_id: &AccountId,
    payment_id: &PaymentId,
) -> Result<()> {
    let key = args![account_id.as_str(), payment_id.as_str()];
    let link: Option<LinkRow> = server.db.optional(SELECT_LINK, key).await?;
    let Some(checkout_id) = link.and_then(|link| link.gateway_checkout_id) else { return Ok(()) };
    let path = format!("/v1/checkout/sessions/{checkout_id}/expire");
    let deadline = Instant::now() + ASK_TIME_MAX;
    match stripe.client.post::<Made>(&path, &format!("{payment_id}-close"), &[], deadline).await {
        // One that has ended cannot be closed; what became of it is asked next.
        Ok(_) => Ok(()),
        Err(trouble) if matches!(trouble.status, Some(400 | 404)) => Ok(()),
        Err(trouble) => Err(trouble.into()),
    }
}

const SELECT_BY_CHECKOUT: &str = "SELECT id FROM payments WHERE gateway = 'stripe' AND gateway_checkout_id = $1";
const SELECT_BY_ID: &str = "SELECT id FROM payments WHERE gateway = 'stripe' AND id = $1";
const SELECT_BY_PAYMENT: &str = "SELECT id FROM payments WHERE gateway = 'stripe' AND gateway_payment_id = $1";

/// The payment that an event is about; `None` when it is none of ours. Which one it is decides only whose session is
/// asked for.
pub(super) async fn find(server: &Server, stripe: &Stripe, subject: &Subject) -> Result<Option<PaymentId>> {
    let Subject { checkout_id, payment_id, gateway_payment_id } = subject;
    let names = [
        (SELECT_BY_CHECKOUT, checkout_id.as_deref()),
        (SELECT_BY_ID, payment_id.as_ref().map(PaymentId::as_str)),
        (SELECT_BY_PAYMENT, gateway_payment_id.as_deref()),
    ];
    for (select, name) in names {
        let Some(name) = name else { continue };
        let row: Option<(String,)> = server.db.optional(select, args![name]).await?;
        if let Some((id,)) = row {
            return Ok(Some(PaymentId::from_row(id)));
        }
    }
    // A refund or a dispute may be heard of before anything else was.
    let Some(id) = gateway_payment_id.as_deref().filter(|_| checkout_id.is_none()) else { return Ok(None) };
    let (query, deadline) = ([("payment_intent", id), ("limit", "1")], Instant::now() + ASK_TIME_MAX);
    let sessions: List<Session> = stripe.client.get("/v1/checkout/sessions", &query, deadline).await?;
    let Some(session) = sessions.data.first() else { return Ok(None) };
    let row: Option<(String,)> = server.db.optional(SELECT_BY_CHECKOUT, args![session.id.as_str()]).await?;
    Ok(row.map(|(id,)| PaymentId::from_row(id)))
}

/// Gives money back, once for what `payment` says was given back before.
///
/// # Errors
/// 404 when there is no session, 409 when the payment is not paid or Stripe does not give this amount back.
pub(super) async fn refund(
    server: &Server,
    stripe: &Stripe,
    account_id: &AccountId,
    payment: &Payment,
    minor_units: i64,
) -> Result<()> {
    let key = args![account_id.as_str(), payment.id.as_str()];
    let link: Option<LinkRow> = server.db.optional(SELECT_LINK, key).await?;
    let is_known = |link: &LinkRow| link.gateway_checkout_id.is_some() || link.gateway_payment_id.is_some();
    let link = link.filter(is_known).ok_or_else(|| Problem::not_found("payment"))?;
    let refused = |detail: &str| Problem::with_detail(ProblemCode::Conflict, detail);
    let gateway_payment_id = link.gateway_payment_id.ok_or_else(|| refused("the payment is not paid"))?;
    let idempotency_key = format!("{}-refund-{}", payment.id, payment.refunded_minor_units);
    let amount = minor_units.to_string();
    let fields = [
        ("payment_intent", gateway_payment_id.as_str()),
        ("amount", &amount),
        ("metadata[payment_id]", payment.id.as_str()),
    ];
    let deadline = Instant::now() + OPEN_TIME_MAX;
    match stripe.client.post::<Made>("/v1/refunds", &idempotency_key, &fields, deadline).await {
        Ok(_) => Ok(()),
        Err(trouble) if trouble.status == Some(400) => {
            tracing::warn!(%trouble, payment_id = %payment.id, "stripe does not give money back");
            Err(refused("the gateway does not give this amount back").into())
        }
        Err(trouble) => Err(trouble.into()),
    }
}
