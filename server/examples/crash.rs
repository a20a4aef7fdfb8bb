//! Kills the server again and again under load, and then asks the database and the clients whether a single charge was
//! lost, doubled or answered without being stored.
//!
//! `crash run --kills N [--processes N] [--accounts N] [--database-url postgres://…]` starts itself as `crash serve` on
//! ports of its own. Half of the load meets one account. Every request carries an `Idempotency-Key` and is sent again under
//! it until its answer is final; a tenth is sent once more after that and must get the same bytes.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::post;
use clap::{Args, Parser, Subcommand};
use domain::chatbot::Answer;
use domain::clock::{HOUR_US, Timestamp};
use domain::credit::Credit;
use domain::id::{AccountId, ConversationId, KeyId, RequestId};
use domain::ledger::{Channel, Operation};
use server::clock::{Clock, ManualClock, SystemClock};
use server::conversations::{Question, Start, begin, finish};
use server::ledger::verify::verify;
use server::random::{Random, SystemRandom};
use server::{Config, Server, accounts, chatbots, documents, http, keys, ledger, random};
use sqlx::{Connection, PgConnection};
use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
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

#[derive(Args, Clone)]
struct Run {
    #[arg(long, default_value_t = 25)]
    kills: u32,
    #[arg(long, default_value_t = 1)]
    processes: usize,
    #[arg(long, default_value_t = 1_000)]
    accounts: usize,
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Make a new database in the PostgreSQL that is named, and use that
    #[arg(long)]
    own_database: bool,
    #[command(flatten)]
    config: Config,
}

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    match Cli::parse().mode {
        Mode::Serve(config) => serve(*config).await,
        Mode::Run(run) => drive(*run).await,
    }
}

async fn serve(config: Config) -> Result<(), Failure> {
    let listener = tokio::net::TcpListener::bind(config.address).await?;
    let server = Server::open(config).await?;
    let held = Router::new().route("/held/{account}/{key}/{chatbot}", post(held)).with_state(Arc::clone(&server));
    axum::serve(listener, http::router(server).merge(held)).await?;
    Ok(())
}

/// Sets credit aside, takes its time, and then settles it, gives it back, or forgets it.
async fn held(
    State(server): State<Arc<Server>>,
    Path((account, key, chatbot)): Path<(String, String, String)>,
) -> String {
    let request_id = RequestId::new(server.now(), random::bytes(server.random.as_ref())).to_string();
    let question = Question {
        account_id: AccountId::from_row(account),
        key_id: Some(KeyId::from_row(key)),
        chatbot_id: &chatbot,
        conversation_id: None,
        message: QUESTION,
        channel: Channel::Api,
        request_id,
    };
    let Ok(Start::Begun(begun)) = begin(&server, question, Credit::from_millionths(9_000), None).await else {
        return String::new();
    };
    let [chance] = random::bytes(server.random.as_ref());
    tokio::time::sleep(Duration::from_millis(u64::from(chance))).await;
    if chance.is_multiple_of(3) {
        return String::new();
    }
    let answer = Answer { text: "Yes.".to_owned(), citations: Vec::new() };
    let cost = Credit::from_millionths(i64::from(chance) * 10);
    let name = |conversation_id: &ConversationId, _: &Answer| conversation_id.to_string();
    finish(&server, begun, &answer, cost, name).await.map(|delivery| delivery.body).unwrap_or_default()
}

const QUESTION: &str = "When is the shop open?";

struct Payer {
    account_id: AccountId,
    key_id: KeyId,
    authorization: String,
    chatbot_id: String,
}

/// What the clients know.
#[derive(Default)]
struct Log {
    /// Idempotency-Key → body of the answer.
    accepted: HashMap<String, String>,
    /// Conversations of holds whose settlement was answered.
    settled: HashSet<String>,
    refused: u64,
    repeated: u64,
    resent: u64,
}

struct Load {
    payers: Vec<Payer>,
    urls: Vec<String>,
    client: reqwest::Client,
    log: Mutex<Log>,
    is_over: AtomicBool,
}

async fn drive(run: Run) -> Result<(), Failure> {
    let folder = tempfile::tempdir_in(std::env::current_dir()?)?;
    let mut config = run.config.clone();
    config.data_dir = folder.path().to_path_buf();
    config.sign_in_attempts_per_minute = std::num::NonZeroU32::MAX;
    if run.own_database {
        let url = new_database(&config.database_url()).await?;
        config = config.with_database_url(url);
    }
    let server = Server::open(config.clone()).await?;
    say(&format!("{}: {} accounts", server.db.name(), run.accounts + 1))?;
    let payers = payers(&server, run.accounts + 1).await?;
    server.close().await;
    let ports = free_ports(run.processes)?;
    let urls = ports.iter().map(|port| format!("http://127.0.0.1:{port}")).collect();
    let mut children = Children { config: config.clone(), folder: folder.path().to_path_buf(), running: Vec::new() };
    for port in &ports {
        children.start(*port)?;
    }
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
    let load = Arc::new(Load { payers, urls, client, log: Mutex::default(), is_over: AtomicBool::new(false) });
    let clients: Vec<_> = (0..run.clients).map(|number| tokio::spawn(Arc::clone(&load).work(number))).collect();
    for kill in 1..=run.kills {
        tokio::time::sleep(Duration::from_millis(60 + u64::from(random::bytes::<1>(&SystemRandom)[0]) * 2)).await;
        children.kill_one(kill)?;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    load.is_over.store(true, Ordering::SeqCst);
    for client in clients {
        client.await?;
    }
    children.stop();
    check(config, &load, run.kills).await
}

impl Load {
    async fn work(self: Arc<Self>, number: usize) {
        let mut turn = number;
        while !self.is_over.load(Ordering::SeqCst) {
            turn += 1;
            let place = if turn.is_multiple_of(2) { 0 } else { (turn * 7_919 + number) % self.payers.len() };
            if turn.is_multiple_of(16) { self.hold(place).await } else { self.ask(place, turn, number).await }
        }
    }

    fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends one request until its answer is final.
    async fn ask(&self, place: usize, turn: usize, number: usize) {
        let key = format!("order-{number}-{turn}");
        let mut attempt = turn;
        loop {
            match self.send(place, &key, attempt).await {
                Some((200, body)) => {
                    if turn.is_multiple_of(10) {
                        let again = self.send(place, &key, attempt + 1).await;
                        // A process that was killed just now says nothing, and one that still looks says 409.
                        assert!(
                            again.is_none_or(|(status, again)| status != 200 || again == body),
                            "{key}: another body"
                        );
                        self.log().repeated += 1;
                    }
                    let before = self.log().accepted.insert(key.clone(), body);
                    assert!(before.is_none(), "{key} was used twice by the client");
                    return;
                }
                Some((402, _)) => {
                    self.log().refused += 1;
                    return;
                }
                Some((409 | 503, _)) | None => {
                    self.log().resent += 1;
                    attempt += 1;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Some((status, body)) => panic!("{key}: {status} {body}"),
            }
        }
    }

    async fn send(&self, place: usize, key: &str, attempt: usize) -> Option<(u16, String)> {
        let payer = &self.payers[place];
        let body = format!("{{\"chatbot_id\":\"{}\",\"user_message\":\"{QUESTION}\"}}", payer.chatbot_id);
        let url = format!("{}/wp-json/send-message/v1/ask", self.urls[attempt % self.urls.len()]);
        let request =
            self.client.post(url).header("authorization", &payer.authorization).header("idempotency-key", key);
        let response = request.header("content-type", "application/json").body(body).send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.text().await.ok()?))
    }

    async fn hold(&self, place: usize) {
        let payer = &self.payers[place];
        let url = &self.urls[place % self.urls.len()];
        let url = format!("{url}/held/{}/{}/{}", payer.account_id, payer.key_id, payer.chatbot_id);
        let Ok(response) = self.client.post(url).send().await else { return };
        let conversation_id = response.text().await.unwrap_or_default();
        if conversation_id.starts_with(ConversationId::PREFIX) {
            self.log().settled.insert(conversation_id);
        }
    }
}

/// The processes that are killed.
struct Children {
    config: Config,
    folder: PathBuf,
    running: Vec<(u16, Child)>,
}

impl Children {
    fn start(&mut self, port: u16) -> Result<(), Failure> {
        let child = Command::new(std::env::current_exe()?)
            .args(["serve", "--address", &format!("127.0.0.1:{port}"), "--log", "error"])
            .arg("--data-dir")
            .arg(&self.folder)
            .args(["--database-url", &self.config.database_url()])
            .stdin(Stdio::null())
            .spawn()?;
        self.running.push((port, child));
        Ok(())
    }

    fn kill_one(&mut self, kill: u32) -> Result<(), Failure> {
        let place = usize::from(random::bytes::<1>(&SystemRandom)[0]) % self.running.len();
        let (port, mut child) = self.running.swap_remove(place);
        child.kill()?;
        child.wait()?;
        if kill.is_multiple_of(25) {
            say(&format!("killed {kill} times"))?;
        }
        self.start(port)
    }

    fn stop(&mut self) {
        for (_, child) in &mut self.running {
            let _killed = child.kill();
            let _ended = child.wait();
        }
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Compares what the clients know with the database, and gives back what the killed processes held.
async fn check(config: Config, load: &Load, kills: u32) -> Result<(), Failure> {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let chance: Arc<dyn Random> = Arc::new(SystemRandom);
    let server = Server::open_with(config, shared, chance).await?;
    let mut wrong: Vec<String> = verify(&server.db).await?.into_iter().map(|found| format!("{found:?}")).collect();
    let rows: Vec<(String, i64)> = server.db.all("SELECT conversation_id, price FROM messages", vec![]).await?;
    let stored: HashMap<String, usize> = rows.iter().fold(HashMap::new(), |mut counts, (conversation_id, _)| {
        *counts.entry(conversation_id.clone()).or_default() += 1;
        counts
    });
    let held: Vec<(String,)> = server
        .db
        .all("SELECT m.conversation_id FROM messages m JOIN holds h ON h.request_id = m.request_id", vec![])
        .await?;
    let held: HashSet<String> = held.into_iter().map(|(conversation_id,)| conversation_id).collect();
    let log = std::mem::take(&mut *load.log());
    let mut told = HashSet::new();
    for (key, body) in &log.accepted {
        let answer: serde_json::Value = serde_json::from_str(body)?;
        let conversation_id = answer["conversation_id"].as_str().unwrap_or_default().to_owned();
        if stored.get(&conversation_id) != Some(&1) {
            wrong.push(format!("{key} was answered and its answer is stored {:?} times", stored.get(&conversation_id)));
        }
        told.insert(conversation_id);
    }
    for conversation_id in stored.keys().filter(|id| !held.contains(*id) && !told.contains(*id)) {
        wrong.push(format!("{conversation_id} was charged and never answered"));
    }
    for conversation_id in log.settled.iter().filter(|id| !held.contains(*id)) {
        wrong.push(format!("{conversation_id} was settled and is not stored"));
    }
    let (open,): (i64,) = server.db.one("SELECT COUNT(*) FROM holds WHERE state = 'open'", vec![]).await?;
    clock.advance_us(HOUR_US);
    ledger::sweep_holds(&server).await?;
    let (left,): (i64,) = server.db.one("SELECT CAST(COALESCE(SUM(held), 0) AS BIGINT) FROM balances", vec![]).await?;
    if left != 0 {
        wrong.push(format!("{left} is held after the recovery time"));
    }
    wrong.extend(verify(&server.db).await?.into_iter().map(|found| format!("{found:?}")));
    say(&format!(
        "{kills} kills: {} answered, {} refused, {} sent again after no or no final answer, {} repeated after the answer, \
         {} holds settled, {open} holds given back after a crash",
        log.accepted.len(),
        log.refused,
        log.resent,
        log.repeated,
        log.settled.len(),
    ))?;
    server.close().await;
    if wrong.is_empty() {
        return say("every answer is charged once and every charge is answered once; the books are sound");
    }
    wrong.truncate(20);
    Err(wrong.join("\n").into())
}

async fn payers(server: &Arc<Server>, count: usize) -> Result<Vec<Payer>, Failure> {
    let mut payers = Vec::with_capacity(count);
    for number in 0..count {
        let at: Timestamp = server.now();
        let email = format!("payer{number}@{}.example", at.us());
        let viewer =
            accounts::sign_up(server, "Payer", &email, "a long password", IpAddr::V4(Ipv4Addr::LOCALHOST)).await?;
        let chatbot = chatbots::create(server, &viewer, "Help centre").await?;
        documents::add(server, &viewer, &chatbot.id, "hours.md", "The shop is open from nine to five.").await?;
        let shown = keys::create(server, &viewer, "Production").await?;
        // The first one pays for everything; the others run dry in different places.
        let messages = if number == 0 { 10_000_000 } else { i64::try_from(number % 60)? + 1 };
        let amount = Credit::from_millionths(messages * 2_000);
        ledger::operate(server, &viewer.account_id, Operation::Grant { amount }, "for the test").await?;
        payers.push(Payer {
            account_id: viewer.account_id,
            key_id: shown.key.id,
            authorization: format!("{}:{}", shown.key.consumer_key, shown.secret.expose()),
            chatbot_id: chatbot.id.to_string(),
        });
    }
    Ok(payers)
}

async fn new_database(cluster: &str) -> Result<String, Failure> {
    let (server, _) = cluster.rsplit_once('/').ok_or("the address of a database is needed")?;
    let name = format!("crash_{}", std::process::id());
    let mut connection = PgConnection::connect(cluster).await?;
    let statement = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::raw_sql(statement).execute(&mut connection).await?;
    Ok(format!("{server}/{name}"))
}

fn free_ports(count: usize) -> Result<Vec<u16>, Failure> {
    let listeners: Vec<_> = (0..count).map(|_| std::net::TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    Ok(listeners
        .iter()
        .map(|listener| listener.local_addr().map(|address| address.port()))
        .collect::<Result<_, _>>()?)
}

fn say(line: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}
