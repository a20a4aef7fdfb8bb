//! Makes trouble for the server under load, and then asks the database and the clients whether a single charge was lost,
//! doubled or answered without being stored.
//!
//! `crash run` starts itself as `crash serve` on ports of its own. The trouble is one of four: `--kills N` kills the server
//! again and again, `--streams N` kills it while it streams N answers of a model server, `--outages N` stops PostgreSQL and
//! cuts connections at a COMMIT, `--shortages N` takes the room to write away. `script/crash` prepares what each of them needs.

mod check;
mod load;
mod outages;
mod payers;
mod processes;
mod proxy;
mod serve;
mod shortages;
mod streams;

use clap::{Args, Parser, Subcommand};
use load::Load;
use processes::{Processes, free_ports};
use proxy::Proxy;
use server::random::{self, SystemRandom};
use server::{Config, Server};
use shortages::Shortage;
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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
    #[command(flatten)]
    trouble: Trouble,
    /// Processes that serve; an outage needs two, of which the second is behind the proxy
    #[arg(long, default_value_t = 1)]
    processes: usize,
    #[arg(long, default_value_t = 1_000)]
    accounts: usize,
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Make a new database in the PostgreSQL that is named, and use that
    #[arg(long)]
    own_database: bool,
    /// Program that passes its arguments on to `pg_ctl` of the PostgreSQL that is named; outages need it
    #[arg(long)]
    control: Option<PathBuf>,
    /// Small file system for the database, which shortages fill; without one the size of files is limited
    #[arg(long)]
    small_disk: Option<PathBuf>,
    /// OpenAI-compatible server that answers slowly and always the same; streams need it
    #[arg(long)]
    upstream: Option<String>,
    #[command(flatten)]
    config: Config,
}

#[derive(Args, Clone, Copy)]
#[group(multiple = false)]
struct Trouble {
    #[arg(long, default_value_t = 25)]
    kills: u32,
    #[arg(long)]
    outages: Option<u32>,
    #[arg(long)]
    shortages: Option<u32>,
    #[arg(long)]
    streams: Option<u32>,
}

pub type Failure = Box<dyn Error + Send + Sync>;

pub const QUESTION: &str = "When is the shop open?";

#[tokio::main]
async fn main() -> Result<(), Failure> {
    match Cli::parse().mode {
        Mode::Serve(config) => serve::serve(*config).await,
        Mode::Run(run) => drive(*run).await,
    }
}

async fn drive(run: Run) -> Result<(), Failure> {
    let current = std::env::current_dir()?;
    let is_sqlite = !run.own_database;
    let folder = tempfile::tempdir_in(run.small_disk.as_ref().filter(|_| is_sqlite).unwrap_or(&current))?;
    let mut config = run.config.clone();
    config.data_dir = folder.path().to_path_buf();
    config.sign_in_attempts_per_minute = std::num::NonZeroU32::MAX;
    if run.own_database {
        let tables = run.small_disk.as_ref().map(|disk| disk.join("tables"));
        let url = payers::new_database(&config.database_url(), tables.as_deref()).await?;
        config = config.with_database_url(url);
    }
    let server = Server::open(config.clone()).await?;
    say(&format!("{}: {} accounts", server.db.name(), run.accounts + 1))?;
    let payers = payers::payers(&server, run.accounts + 1).await?;
    server.close().await;
    let proxy = if run.trouble.outages.is_some() { Some(Proxy::start(&config.database_url()).await?) } else { None };
    let count = if proxy.is_some() { 2 } else { run.processes };
    let ports = free_ports(count)?;
    let urls = ports.iter().map(|port| format!("http://127.0.0.1:{port}")).collect();
    let mut processes = Processes::new(folder.path().to_path_buf(), config.plans.clone(), run.engine());
    for (place, port) in ports.iter().enumerate() {
        let by_proxy = proxy.as_ref().filter(|_| place > 0).map(|proxy| proxy.database_url.clone());
        processes.start(*port, &by_proxy.unwrap_or_else(|| config.database_url()))?;
    }
    let is_killing = run.trouble.outages.is_none() && run.trouble.shortages.is_none();
    let load = Arc::new(Load::new(payers, urls, is_killing)?);
    load.wait_until_ready().await?;
    let client_count = if run.trouble.streams.is_some() { 0 } else { run.clients };
    let clients: Vec<_> = (0..client_count).map(|number| tokio::spawn(Arc::clone(&load).work(number))).collect();
    let caused = run.cause(&load, &mut processes, proxy.as_ref()).await;
    if let Err(error) = &caused {
        say(&format!("{error}\n{}", processes.messages().join("\n")))?;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    load.end();
    for client in clients {
        client.await?;
    }
    load.log().wrong.extend(processes.complaints());
    processes.stop();
    check::check(config, &load, &run.trouble.name()).await?;
    caused
}

impl Run {
    /// The options of the engine that answers.
    fn engine(&self) -> Vec<String> {
        let Some(upstream) = &self.upstream else { return Vec::new() };
        let options = ["--answer-engine", "openai", "--openai-base-url", upstream, "--openai-model", "slow"];
        let prices = ["--openai-input-price", "0.15", "--openai-output-price", "0.6"];
        options.iter().chain(&prices).map(|option| (*option).to_owned()).collect()
    }

    async fn cause(&self, load: &Load, processes: &mut Processes, proxy: Option<&Proxy>) -> Result<(), Failure> {
        if let (Some(outages), Some(proxy)) = (self.trouble.outages, proxy) {
            let control = self.control.as_ref().ok_or("--outages needs --control")?;
            return outages::cause(load, proxy, control, outages).await;
        }
        if let Some(streams) = self.trouble.streams {
            return streams::cause(load, processes, streams).await;
        }
        if let Some(shortages) = self.trouble.shortages {
            let shortage = match &self.small_disk {
                Some(disk) => Shortage::Disk(disk.clone()),
                None => Shortage::FileSize(processes.folder().to_path_buf()),
            };
            return shortages::cause(load, processes, &shortage, shortages).await;
        }
        for kill in 1..=self.trouble.kills {
            tokio::time::sleep(Duration::from_millis(60 + u64::from(random::bytes::<1>(&SystemRandom)[0]) * 2)).await;
            processes.kill_one(kill)?;
        }
        Ok(())
    }
}

impl Trouble {
    fn name(&self) -> String {
        match (self.outages, self.shortages, self.streams) {
            (Some(outages), ..) => format!("{outages} outages"),
            (_, Some(shortages), _) => format!("{shortages} shortages"),
            (.., Some(streams)) => format!("{streams} streams"),
            _ => format!("{} kills", self.kills),
        }
    }
}

pub fn say(line: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}
