//! How much memory the server takes when many keys call it.
//!
//! It makes accounts with five keys each, starts itself as the server, lets every key ask once and then all of them for some
//! time, and writes one line of JSON with what the operating system says of the server's memory (Linux only).

use clap::{Args, Parser, Subcommand};
use domain::credit::Credit;
use domain::ledger::Operation;
use serde_json::json;
use server::{Config, Server, accounts, args, chatbots, documents, http, keys, ledger};
use std::error::Error;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// As the product has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    Run(Box<Run>),
    Serve(Box<Config>),
}

#[derive(Args)]
struct Run {
    #[arg(long, default_value_t = 10_000)]
    keys: usize,
    /// How many more keys the database has for each of those, which nobody uses
    #[arg(long, default_value_t = 0)]
    unused_for_each: usize,
    #[arg(long, default_value_t = 64)]
    clients: usize,
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    #[command(flatten)]
    config: Config,
}

type Failure = Box<dyn Error + Send + Sync>;

const KEYS_AN_ACCOUNT: usize = 5;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    match Cli::parse().mode {
        Mode::Serve(config) => {
            let listener = http::bind(config.address)?;
            let limits = http::Limits::of(&config);
            http::serve(listener, http::router(Server::open(*config).await?), limits, std::future::pending()).await;
            Ok(())
        }
        Mode::Run(run) => measure(*run).await,
    }
}

const COPY_KEYS: &str = "
INSERT INTO api_keys (account_id, id, name, consumer_key, secret_hash, created_at, created_by, secret_created_at)
SELECT account_id, id || $1, name, consumer_key || $1, secret_hash, created_at, created_by, secret_created_at
FROM api_keys WHERE consumer_key NOT LIKE '%-%'";

async fn measure(run: Run) -> Result<(), Failure> {
    let folder = tempfile::tempdir_in(std::env::current_dir()?)?;
    let mut config = run.config.clone();
    config.data_dir = folder.path().to_path_buf();
    config.sign_in_attempts_per_minute = std::num::NonZeroU32::MAX;
    let server = Server::open(config.clone()).await?;
    let mut calls = Vec::with_capacity(run.keys);
    while calls.len() < run.keys {
        calls.extend(calls_of_one_account(&server, calls.len()).await?);
    }
    for copy in 0..run.unused_for_each {
        server.db.execute(COPY_KEYS, args![format!("-{copy}")]).await?;
    }
    let (stored,): (i64,) = server.db.one("SELECT COUNT(*) FROM api_keys", args![]).await?;
    server.close().await;
    drop(server);
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let serving = Serving::start(&config, port)?;
    let asking = Arc::new(Asking { url: format!("http://127.0.0.1:{port}"), calls, next: AtomicUsize::new(0) });
    let client = server::outgoing::local().build()?;
    while client.get(format!("{}/readyz", asking.url)).send().await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let at_start = serving.memory_mb("VmRSS")?;
    let began = Instant::now();
    let clients: Vec<_> = (0..run.clients)
        .map(|_| {
            let (asking, client) = (Arc::clone(&asking), client.clone());
            let length = Duration::from_secs(run.seconds);
            tokio::spawn(async move {
                // Every key at least once, however long that takes.
                while began.elapsed() < length || asking.next.load(Ordering::Relaxed) < asking.calls.len() {
                    asking.ask(&client).await?;
                }
                Ok::<_, Failure>(())
            })
        })
        .collect();
    for client in clients {
        client.await??;
    }
    let line = json!({
        "keys": asking.calls.len(),
        "stored_keys": stored,
        "clients": run.clients,
        "answers": asking.next.load(Ordering::Relaxed),
        "seconds": began.elapsed().as_secs(),
        "memory_at_start_mb": at_start,
        "memory_mb": serving.memory_mb("VmRSS")?,
        "memory_most_mb": serving.memory_mb("VmHWM")?,
    });
    std::io::stdout().write_all(format!("{line}\n").as_bytes())?;
    Ok(())
}

struct Asking {
    url: String,
    /// Header and body of a call with each key.
    calls: Vec<(String, String)>,
    next: AtomicUsize,
}

impl Asking {
    async fn ask(&self, client: &reqwest::Client) -> Result<(), Failure> {
        let (authorization, body) = &self.calls[self.next.fetch_add(1, Ordering::Relaxed) % self.calls.len()];
        let request = client.post(format!("{}/wp-json/send-message/v1/ask", self.url));
        let request = request.header("authorization", authorization).header("content-type", "application/json");
        request.body(body.clone()).send().await?.error_for_status()?;
        Ok(())
    }
}

async fn calls_of_one_account(server: &Arc<Server>, number: usize) -> Result<Vec<(String, String)>, Failure> {
    let email = format!("payer{number}@{}.example", server.now().us());
    let viewer = accounts::sign_up(server, "Payer", &email, "a long password", IpAddr::V4(Ipv4Addr::LOCALHOST)).await?;
    let chatbot = chatbots::create(server, &viewer, "Help centre").await?;
    documents::add(server, &viewer.account_id, &chatbot.id, "hours.md", "The shop is open from nine to five.").await?;
    let amount = Credit::from_millionths(1_000_000_000);
    ledger::operate(server, &viewer.account_id, Operation::Grant { amount }, "for the measurement").await?;
    let body = json!({ "chatbot_id": chatbot.id, "user_message": "When is the shop open?" }).to_string();
    let mut calls = Vec::new();
    for key in 0..KEYS_AN_ACCOUNT {
        let shown = keys::create(server, &viewer, &format!("Key {key}")).await?;
        calls.push((format!("{}:{}", shown.key.consumer_key, shown.secret.expose()), body.clone()));
    }
    Ok(calls)
}

/// The server as a process of its own.
struct Serving(Child);

impl Serving {
    fn start(config: &Config, port: u16) -> Result<Self, Failure> {
        let child = Command::new(std::env::current_exe()?)
            .args(["serve", "--address", &format!("127.0.0.1:{port}"), "--database-url", &config.database_url()])
            .arg("--data-dir")
            .arg(&config.data_dir)
            .stdin(Stdio::null())
            .spawn()?;
        Ok(Self(child))
    }

    /// What the operating system counts under this name, in megabytes.
    fn memory_mb(&self, name: &str) -> Result<u64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kilobytes: u64 = line.ok_or("no such count")?.trim().trim_end_matches(" kB").parse()?;
        Ok(kilobytes / 1_024)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _killed = self.0.kill();
        let _ended = self.0.wait();
    }
}
