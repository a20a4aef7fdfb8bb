//! Everything of the product with I/O: the database, the ledger, payments, answers and the HTTP API.
//!
//! **Architecture invariants:** it does not know that a console exists, let alone Leptos; only `db/` names a database
//! driver; only `http/` names axum; SQL stands beside the use case that runs it. Each use case is a free function that
//! takes the [`Server`] first, and every query has the account in its WHERE.

pub mod accounts;
pub mod answers;
pub mod audit;
pub mod chatbots;
pub mod clock;
pub mod config;
pub mod contacts;
pub mod conversations;
mod csv;
pub mod db;
pub mod demo;
pub mod documents;
pub mod error;
pub mod http;
pub mod idempotency;
pub mod keys;
pub mod ledger;
pub mod live;
pub mod mail;
pub mod outgoing;
pub mod passwords;
pub mod payments;
pub mod places;
pub mod plans;
pub mod random;
pub mod rates;
pub mod receipts;
pub mod recovery;
mod rounds;
pub mod secrets;
pub mod sessions;
pub mod telemetry;
pub mod widgets;

pub use config::Config;
pub use error::{Error, Result, StartError};

use crate::clock::{Clock, SystemClock};
use crate::ledger::steps::{NoSteps, Steps};
use crate::ledger::writer::{Ledger, Writer};
use crate::random::{Random, SystemRandom};
use domain::clock::Timestamp;
use domain::id::RANDOM_BYTES;
use domain::plan::Catalogue;
use std::sync::Arc;
use std::time::Duration;

/// One running installation: its configuration, its database, and what is passed in rather than ambient.
pub struct Server {
    pub config: Config,
    pub catalogue: Catalogue,
    pub db: db::Db,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub live: Arc<live::Live>,
    pub(crate) secrets: secrets::Secrets,
    /// `None` where the built-in gateway takes the payments.
    pub(crate) stripe: Option<payments::stripe::Stripe>,
    pub(crate) passwords: passwords::Passwords,
    pub(crate) attempts: accounts::Attempts,
    pub(crate) search: answers::Indexes,
    pub(crate) engines: answers::Engines,
    pub(crate) writer: Arc<Writer>,
    pub(crate) keys: Arc<keys::cache::KeyCache>,
    pub(crate) key_uses: keys::uses::Uses,
    pub(crate) running: idempotency::Running,
    pub(crate) rates: rates::RateLimits,
    pub(crate) visitors: rates::VisitorLimits,
    pub(crate) readings: documents::Readings,
    pub(crate) mailer: mail::Mailer,
    stopping: tokio::sync::watch::Sender<bool>,
    /// Dropped with the server; what runs beside it ends then.
    alive: tokio::sync::watch::Sender<()>,
}

impl Server {
    /// Opens the installation with the machine's clock and random source.
    ///
    /// # Errors
    /// When the configuration does not fit together, the plans cannot be read, or the database cannot be opened.
    pub async fn open(config: Config) -> std::result::Result<Arc<Self>, StartError> {
        Self::open_with(config, Arc::new(SystemClock), Arc::new(SystemRandom)).await
    }

    /// Opens the installation with a given clock and random source.
    ///
    /// # Errors
    /// As [`Server::open`].
    pub async fn open_with(
        config: Config,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> std::result::Result<Arc<Self>, StartError> {
        Self::open_with_steps(config, clock, random, Arc::new(NoSteps)).await
    }

    /// Opens the installation with somebody who stands at the steps of the ledger's writer.
    ///
    /// # Errors
    /// As [`Server::open`].
    pub async fn open_with_steps(
        config: Config,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        steps: Arc<dyn Steps>,
    ) -> std::result::Result<Arc<Self>, StartError> {
        config.check()?;
        let catalogue = plans::read_catalogue(config.plans.as_deref())?;
        let secrets = secrets::Secrets::open(&config.data_dir, random.as_ref())?;
        let stripe = match config.gateway {
            config::GatewayKind::Local => None,
            config::GatewayKind::Stripe => Some(payments::stripe::Stripe::open(&config.stripe, secrets.webhook())?),
        };
        let db = db::Db::open(&config.database_url()).await?;
        let live = Arc::new(live::Live::default());
        let ledger = Ledger {
            db: db.clone(),
            catalogue: catalogue.clone(),
            clock: Arc::clone(&clock),
            live: Arc::clone(&live),
            steps,
        };
        let queue_max = usize::try_from(config.ledger_queue.get()).unwrap_or(usize::MAX);
        let alive = tokio::sync::watch::Sender::new(());
        let known_keys = Arc::new(keys::cache::KeyCache::default());
        tokio::spawn(keys::cache::keep_looking(db.clone(), Arc::downgrade(&known_keys), alive.subscribe()));
        let writer = Writer::start(ledger, queue_max)
            .map_err(|error| StartError::message(format!("the ledger has no thread: {error}")))?;
        let engines = answers::Engines::open(&config, Arc::clone(&clock))?;
        let mailer = mail::Mailer::open(&config)?;
        let attempts = accounts::Attempts::new(config.sign_in_attempts_per_minute);
        let server = Arc::new(Self {
            passwords: passwords::Passwords::new(random.as_ref())?,
            readings: documents::Readings::new(&config),
            mailer,
            config,
            rates: rates::RateLimits::new(&catalogue),
            visitors: rates::VisitorLimits::new(),
            catalogue,
            db,
            clock,
            random,
            live,
            secrets,
            stripe,
            attempts,
            search: answers::Indexes::default(),
            engines,
            writer: Arc::new(writer),
            keys: known_keys,
            key_uses: keys::uses::Uses::default(),
            running: idempotency::Running::default(),
            stopping: tokio::sync::watch::Sender::new(false),
            alive,
        });
        receipts::issue_missing(&server)
            .await
            .map_err(|error| StartError::message(format!("receipts could not be issued: {error}")))?;
        let weak = || Arc::downgrade(&server);
        let beside = server.writer.runtime();
        beside.spawn(checkpoint(server.db.clone(), server.alive.subscribe()));
        beside.spawn(rounds::keep(weak(), SWEEP_INTERVAL, "the ledger could not be swept", sweep));
        beside.spawn(keys::uses::keep_writing(weak()));
        beside.spawn(ledger::usage::keep_summing_up(weak()));
        beside.spawn(conversations::keep_deleting(weak()));
        for _ in 0..documents::PARALLEL_READINGS {
            tokio::spawn(documents::keep_reading(weak(), server.readings.uploaded()));
        }
        Ok(server)
    }

    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The secret that signs the built-in gateway's webhooks.
    #[must_use]
    pub fn webhook_secret(&self) -> &[u8] {
        self.secrets.webhook()
    }

    /// Says that the process is about to end, to everything that would otherwise run on.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Returns when [`Server::stop`] was called.
    pub async fn stopped(&self) {
        let mut stopping = self.stopping.subscribe();
        let _closed = stopping.wait_for(|is_stopping| *is_stopping).await;
    }

    /// Ends in order: what was asked of the ledger is carried out, then the connections are closed.
    pub async fn close(&self) {
        self.stop();
        self.writer.close().await;
        if let Err(error) = self.key_uses.write(&self.db).await {
            tracing::warn!(%error, "the last uses of keys could not be written");
        }
        self.db.close().await;
    }

    pub(crate) fn id_bytes(&self) -> [u8; RANDOM_BYTES] {
        random::bytes(self.random.as_ref())
    }
}

/// How often what is left over is cleared away.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10);

/// Gives back holds and forgets old answers.
async fn sweep(server: Arc<Server>) -> Result<()> {
    server.rates.forget_idle();
    server.visitors.forget_idle();
    let (holds, answers) = (ledger::sweep_holds(&server).await, idempotency::sweep(&server).await);
    holds.and(answers)
}

async fn checkpoint(db: db::Db, mut alive: tokio::sync::watch::Receiver<()>) {
    let ended = async move { while alive.changed().await.is_ok() {} };
    db.keep_checkpointing(ended).await;
}
