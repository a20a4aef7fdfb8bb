//! Installations to test with: one on SQLite and one on PostgreSQL, each in a database of its own, with a clock that can
//! be moved.

use clap::Parser;
use domain::account::Viewer;
use domain::clock::Timestamp;
use domain::credit::Credit;
use domain::ledger::Operation;
use server::clock::{Clock, ManualClock};
use server::ledger::steps::{NoSteps, Step, Steps};
use server::random::SystemRandom;
use server::{Config, Server, accounts, ledger};
use sqlx::{Connection, PgConnection};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;

/// The address that tests come from.
pub const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// The time at which tests begin.
pub const START: Timestamp = Timestamp::from_us(1_795_000_000_000_000);

/// One installation; its folder goes when it does.
pub struct TestServer {
    server: Arc<Server>,
    pub clock: Arc<ManualClock>,
    folder: TempDir,
}

impl Deref for TestServer {
    type Target = Arc<Server>;

    fn deref(&self) -> &Self::Target {
        &self.server
    }
}

impl TestServer {
    /// The folder with the secrets, and with the database where it is SQLite.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// A second process on the same database and secrets, as far as one process can play two.
    pub async fn second_process(&self) -> Arc<Server> {
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as Arc<dyn Clock>;
        Server::open_with(self.config.clone(), clock, Arc::new(SystemRandom)).await.expect("opens again")
    }
}

#[derive(Parser)]
#[command(args_override_self = true)]
struct Command {
    #[command(flatten)]
    config: Config,
}

/// A configuration as the command line gives it.
pub fn config(options: &[&str]) -> Config {
    Command::parse_from(std::iter::once("artiko").chain(options.iter().copied())).config
}

/// Both installations, empty.
pub async fn databases() -> Vec<TestServer> {
    databases_with(&[]).await
}

/// Both installations, empty, started with additional options.
pub async fn databases_with(options: &[&str]) -> Vec<TestServer> {
    databases_with_steps(options, || Arc::new(NoSteps)).await
}

/// Both installations, empty, each with somebody at the steps of its ledger.
pub async fn databases_with_steps(options: &[&str], steps: impl Fn() -> Arc<dyn Steps>) -> Vec<TestServer> {
    let mut servers = Vec::new();
    for url in [None, Some(new_postgres_database().await)] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data_dir = folder.path().to_str().expect("a path in UTF-8").to_owned();
        let mut arguments = vec!["artiko", "--data-dir", &data_dir, "--sign-in-attempts-per-minute", "100000"];
        arguments.extend(
            option_env!("CARGO_BIN_EXE_document_reader").into_iter().flat_map(|reader| ["--document-reader", reader]),
        );
        arguments.extend(options);
        let mut config = Command::parse_from(arguments).config;
        if let Some(url) = url {
            config = config.with_database_url(url);
        }
        let clock = Arc::new(ManualClock::new(START));
        let shared: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
        let server = Server::open_with_steps(config, shared, Arc::new(SystemRandom), steps())
            .await
            .expect("the installation opens");
        servers.push(TestServer { server, clock, folder });
    }
    servers
}

/// Counts the requests that wait for a ledger, or have waited, so that a test need not guess when they do.
#[derive(Default)]
pub struct Queued(watch::Sender<usize>);

impl Queued {
    pub fn count(&self) -> usize {
        *self.0.borrow()
    }

    /// Returns when there were so many.
    pub async fn until(&self, count: usize) {
        let mut counted = self.0.subscribe();
        let reached = counted.wait_for(|counted| *counted >= count);
        tokio::time::timeout(Duration::from_secs(20), reached).await.expect("they come").expect("counted");
    }
}

impl Steps for Queued {
    fn reached(&self, step: Step) -> server::Result<()> {
        if step == Step::Queued {
            self.0.send_modify(|counted| *counted += 1);
        }
        Ok(())
    }
}

/// Makes a database in the cluster that `script/test` started.
#[expect(clippy::disallowed_methods, reason = "how script/test says where its PostgreSQL is")]
async fn new_postgres_database() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let cluster = std::env::var("ARTIKO_TEST_POSTGRES")
        .expect("ARTIKO_TEST_POSTGRES names a PostgreSQL for the tests; script/test starts one");
    let (server, _) = cluster.rsplit_once('/').expect("the address of a database");
    let name = format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let mut connection = PgConnection::connect(&cluster).await.expect("PostgreSQL answers");
    let statement = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::raw_sql(statement).execute(&mut connection).await.expect("a new database");
    connection.close().await.expect("closes");
    format!("{server}/{name}")
}

/// Signs up a person with an account of his own.
pub async fn owner(server: &Server, name: &str) -> Viewer {
    let email = format!("{name}@bergfeld.example");
    accounts::sign_up(server, name, &email, "a long password", ADDRESS).await.expect("signs up")
}

/// Gives an account credit, in millionths.
pub async fn give_credit(server: &Server, viewer: &Viewer, millionths: i64) {
    let amount = Credit::from_millionths(millionths);
    ledger::operate(server, &viewer.account_id, Operation::Grant { amount }, "for a test").await.expect("a grant");
}

/// Fails with what breaks a rule of the ledger, if anything does.
pub async fn assert_sound(server: &Server) {
    let violations = ledger::verify::verify(&server.db).await.expect("reads");
    assert!(violations.is_empty(), "{violations:?}");
}
