//! How many webhooks of the gateway `stripe` are taken, and how long it takes from the payment's being paid until the
//! account's open pages can show the credit.
//!
//! Each webhook is checked, the gateway is asked about the payment, and what it answers is stored before the webhook is
//! answered. The gateway's API is a stand-in in this same process, so what a real one takes is not in the figures. One line
//! of JSON says how it went.

#[path = "../tests/stripe_api/mod.rs"]
mod stripe_api;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use clap::Parser;
use domain::account::Viewer;
use domain::credit::Credit;
use serde_json::json;
use server::payments::{self, signature};
use server::{Config, Server, accounts, http, ledger};
use std::error::Error;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use stripe_api::{Checkout, KEY, SECRETS, StripeApi};
use tower::ServiceExt;

/// As the product has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Options {
    #[arg(long, default_value_t = 64)]
    accounts: usize,
    /// Payments that are paid, each told by one webhook and then by another one
    #[arg(long, default_value_t = 4_000)]
    payments: usize,
    /// Webhooks at once
    #[arg(long, default_value_t = 64)]
    at_once: usize,
    /// Payments that are paid one after the other, until they can be seen
    #[arg(long, default_value_t = 300)]
    seen: usize,
    #[command(flatten)]
    config: Config,
}

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Clone)]
struct Shop {
    server: Arc<Server>,
    router: Router,
    api: Arc<StripeApi>,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let (api, url) = StripeApi::start().await;
    let own = [
        "--gateway",
        "stripe",
        "--stripe-url",
        &url,
        "--stripe-secret-key",
        KEY,
        "--stripe-webhook-secrets",
        SECRETS[0],
    ];
    let options = Options::parse_from(std::env::args().chain(own.map(str::to_owned)));
    let folder = tempfile::tempdir_in(std::env::current_dir()?)?;
    let mut config = options.config.clone();
    config.data_dir = folder.path().to_path_buf();
    config.sign_in_attempts_per_minute = NonZeroU32::MAX;
    let server = Server::open(config).await?;
    let shop = Shop { router: http::router(Arc::clone(&server)), server, api };
    let mut viewers = Vec::new();
    for number in 0..options.accounts {
        let (email, address) = (format!("{number}@bench.example"), IpAddr::V4(Ipv4Addr::LOCALHOST));
        viewers.push(accounts::sign_up(&shop.server, "Olga", &email, "a long password", address).await?);
    }
    let mut events = Vec::new();
    for number in 0..options.payments {
        events.push(shop.pay(&viewers[number % viewers.len()]).await?);
    }
    let events = Arc::new(events);
    let new = shop.deliver_all(&events, options.at_once).await?;
    let repeated = shop.deliver_all(&events, options.at_once).await?;
    let mut seen = Vec::new();
    for number in 0..options.seen {
        seen.push(shop.pay_and_see(&viewers[number % viewers.len()]).await?);
    }
    seen.sort_unstable();
    let broken = ledger::verify::verify(&shop.server.db).await?;
    shop.server.close().await;
    if !broken.is_empty() {
        return Err(format!("the books are not sound: {broken:?}").into());
    }
    let line = json!({
        "database": shop.server.db.name(),
        "payments": options.payments,
        "at_once": options.at_once,
        "new_per_second": new.round(),
        "repeated_per_second": repeated.round(),
        "seen_median_ms": share_ms(&seen, 50),
        "seen_99_ms": share_ms(&seen, 99),
    });
    std::io::stdout().write_all(format!("{line}\n").as_bytes())?;
    Ok(())
}

fn share_ms(sorted: &[Duration], percent: usize) -> Option<f64> {
    let time = sorted.get(sorted.len().saturating_sub(1) * percent / 100)?;
    Some((time.as_secs_f64() * 1e5).round() / 100.0)
}

impl Shop {
    /// Begins a payment, lets it be paid at the gateway, and returns the event that tells so.
    async fn pay(&self, viewer: &Viewer) -> Result<String, Failure> {
        let started = payments::start(&self.server, viewer, "25").await?;
        let session = started.checkout_url.rsplit('/').next().unwrap_or_default();
        let checkout = self.api.change_session(session, Checkout::pay);
        Ok(checkout.event(&format!("evt_{session}"), "checkout.session.completed").to_string())
    }

    async fn deliver(&self, event: &str) -> Result<(), Failure> {
        let signature = signature::sign(SECRETS[0].as_bytes(), self.server.now(), event.as_bytes());
        let request = Request::post("/webhooks/stripe")
            .header(header::CONTENT_TYPE, "application/json")
            .header(signature::HEADER, signature)
            .body(Body::from(event.to_owned()))?;
        let status = self.router.clone().oneshot(request).await?.status();
        if status.is_success() { Ok(()) } else { Err(format!("a webhook was answered with {status}").into()) }
    }

    /// How many a second are taken.
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    async fn deliver_all(&self, events: &Arc<Vec<String>>, at_once: usize) -> Result<f64, Failure> {
        let (next, began) = (Arc::new(AtomicUsize::new(0)), Instant::now());
        let senders: Vec<_> = (0..at_once)
            .map(|_| {
                let (shop, events, next) = (self.clone(), Arc::clone(events), Arc::clone(&next));
                tokio::spawn(async move {
                    while let Some(event) = events.get(next.fetch_add(1, Ordering::Relaxed)) {
                        shop.deliver(event).await?;
                    }
                    Ok::<(), Failure>(())
                })
            })
            .collect();
        for sender in senders {
            sender.await??;
        }
        Ok(events.len() as f64 / began.elapsed().as_secs_f64())
    }

    /// From the webhook's being sent until a page that was told of a change reads the new credit.
    async fn pay_and_see(&self, viewer: &Viewer) -> Result<Duration, Failure> {
        let event = self.pay(viewer).await?;
        let before = self.available(viewer).await?;
        let mut changes = self.server.live.subscribe(&viewer.account_id);
        let (shop, began) = (self.clone(), Instant::now());
        let told = tokio::spawn(async move { shop.deliver(&event).await });
        while self.available(viewer).await? == before {
            changes.changed().await?;
        }
        let after = began.elapsed();
        told.await??;
        Ok(after)
    }

    async fn available(&self, viewer: &Viewer) -> Result<Credit, Failure> {
        Ok(ledger::summary(&self.server, &viewer.account_id).await?.available())
    }
}
