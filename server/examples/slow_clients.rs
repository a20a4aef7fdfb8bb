//! What honest callers notice of a few thousand clients that are slow on purpose.
//!
//! The callers call over connections that they keep, and are measured alone and beside the slow clients in turn, so that
//! whatever else the machine does meets both. Of the slow clients one half sends the head of a request and the other half
//! a body, with a valid key, both a byte every ten seconds; whoever is cut off comes back at once. They come from eight
//! addresses of this machine (Linux only). All of them run in this process, which therefore needs two files for each
//! connection. One line of JSON says how it went.

use clap::Parser;
use domain::credit::Credit;
use domain::ledger::Operation;
use serde_json::json;
use server::{Config, Server, accounts, chatbots, documents, http, keys, ledger};
use std::error::Error;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

/// As the product has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Options {
    #[arg(long, default_value_t = 2_000)]
    slow_clients: usize,
    #[arg(long, default_value_t = 16)]
    callers: usize,
    /// Length of each measurement; longer than a head may take, so that slow clients are cut off during it
    #[arg(long, default_value_t = 12)]
    seconds: u64,
    /// How often each is done; the medians count
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    #[command(flatten)]
    config: Config,
}

type Failure = Box<dyn Error + Send + Sync>;

/// Pause between two bytes of a slow client.
const DRIP: Duration = Duration::from_secs(10);
/// Addresses of the slow clients: `127.0.0.2` and on.
const ADDRESSES: usize = 8;
const ASK: &str = "/wp-json/send-message/v1/ask";

/// One call, and where it goes.
struct Call {
    address: SocketAddr,
    authorization: String,
    body: String,
}

#[derive(Default)]
struct Slow {
    open: AtomicUsize,
    cut_off: AtomicUsize,
}

/// Calls a second, and the 99th percentile of their times.
struct Figures {
    per_second: f64,
    p99_ms: f64,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let options = Options::parse();
    let folder = tempfile::tempdir_in(std::env::current_dir()?)?;
    let mut config = options.config.clone();
    config.data_dir = folder.path().to_path_buf();
    config.sign_in_attempts_per_minute = NonZeroU32::MAX;
    let server = Server::open(config).await?;
    let listener = http::bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let call = Arc::new(prepare(&server, listener.local_addr()?).await?);
    let limits = http::Limits::of(&server.config);
    tokio::spawn(http::serve(listener, http::router(Arc::clone(&server)), limits, std::future::pending()));
    let length = Duration::from_secs(options.seconds);
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    let slow = Arc::new(Slow::default());
    for _ in 0..options.rounds {
        alone.push(measure(&call, options.callers, length).await?);
        let mut clients = JoinSet::new();
        for number in 0..options.slow_clients {
            clients.spawn(keep_dripping(Arc::clone(&call), Arc::clone(&slow), number));
        }
        while slow.open.load(Ordering::Relaxed) < options.slow_clients {
            // A client ends only when the machine does not let it connect.
            if let Some(ended) = clients.try_join_next() {
                return Err(ended?.into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        beside.push(measure(&call, options.callers, length).await?);
        clients.shutdown().await;
        slow.open.store(0, Ordering::Relaxed);
    }
    server.close().await;
    let of = |rounds: &[Figures], figure: fn(&Figures) -> f64| median(rounds.iter().map(figure).collect());
    let rates = [of(&alone, |figures| figures.per_second), of(&beside, |figures| figures.per_second)];
    let times = [of(&alone, |figures| figures.p99_ms), of(&beside, |figures| figures.p99_ms)];
    let line = json!({
        "slow_clients": options.slow_clients,
        "cut_off": slow.cut_off.load(Ordering::Relaxed),
        "callers": options.callers,
        "seconds": options.seconds,
        "alone_per_second": rates[0].round(),
        "beside_per_second": rates[1].round(),
        "alone_99_ms": hundredths(times[0]),
        "beside_99_ms": hundredths(times[1]),
        "times_fewer": hundredths(rates[0] / rates[1]),
        "times_longer": hundredths(times[1] / times[0]),
    });
    std::io::stdout().write_all(format!("{line}\n").as_bytes())?;
    Ok(())
}

fn hundredths(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

async fn prepare(server: &Arc<Server>, address: SocketAddr) -> Result<Call, Failure> {
    let email = format!("payer@{}.example", server.now().us());
    let viewer = accounts::sign_up(server, "Payer", &email, "a long password", IpAddr::V4(Ipv4Addr::LOCALHOST)).await?;
    let chatbot = chatbots::create(server, &viewer, "Help centre").await?;
    documents::add(server, &viewer.account_id, &chatbot.id, "hours.md", "The shop is open from nine to five.").await?;
    let amount = Credit::from_millionths(1_000_000_000_000);
    ledger::operate(server, &viewer.account_id, Operation::Grant { amount }, "for the measurement").await?;
    let shown = keys::create(server, &viewer, "Production").await?;
    let authorization = format!("{}:{}", shown.key.consumer_key, shown.secret.expose());
    let body = json!({ "chatbot_id": chatbot.id, "user_message": "When is the shop open?" }).to_string();
    Ok(Call { address, authorization, body })
}

/// The honest callers, each of whom calls again as soon as he is answered. None of them may be refused.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
async fn measure(call: &Arc<Call>, callers: usize, length: Duration) -> Result<Figures, Failure> {
    let client = server::outgoing::local().build()?;
    let began = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..callers {
        let (call, client) = (Arc::clone(call), client.clone());
        running.spawn(async move {
            let mut times = Vec::new();
            while began.elapsed() < length {
                let called = Instant::now();
                let request = client.post(format!("http://{}{ASK}", call.address)).body(call.body.clone());
                let request = request.header("authorization", &call.authorization);
                let answer = request.header("content-type", "application/json").send().await?;
                answer.error_for_status()?.bytes().await?;
                times.push(called.elapsed());
            }
            Ok::<_, reqwest::Error>(times)
        });
    }
    let mut times = Vec::new();
    while let Some(of_caller) = running.join_next().await {
        times.extend(of_caller??);
    }
    let per_second = times.len() as f64 / began.elapsed().as_secs_f64();
    times.sort_unstable();
    let p99 = times.get(times.len() * 99 / 100).ok_or("nobody was answered")?;
    Ok(Figures { per_second, p99_ms: p99.as_secs_f64() * 1_000.0 })
}

/// Comes back whenever it is cut off; returns why it could not.
async fn keep_dripping(call: Arc<Call>, slow: Arc<Slow>, number: usize) -> std::io::Error {
    let mut is_first = true;
    loop {
        match drip(&call, &slow, number, is_first).await {
            Ok(()) => slow.cut_off.fetch_add(1, Ordering::Relaxed),
            Err(error) => return error,
        };
        is_first = false;
    }
}

/// Sends a byte now and then until the server has enough of it.
async fn drip(call: &Call, slow: &Slow, number: usize, is_first: bool) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    let host = u8::try_from(2 + number % ADDRESSES).unwrap_or(u8::MAX);
    socket.bind((Ipv4Addr::new(127, 0, 0, host), 0).into())?;
    let (mut reading, mut writing) = socket.connect(call.address).await?.into_split();
    if is_first {
        slow.open.fetch_add(1, Ordering::Relaxed);
    }
    let head = format!(
        "POST {ASK} HTTP/1.1\r\nhost: test\r\nauthorization: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        call.authorization,
        call.body.len()
    );
    let (at_once, slowly) =
        if (number / ADDRESSES).is_multiple_of(2) { ("", head) } else { (&*head, call.body.clone()) };
    // What fails from here on fails because the server has closed the connection.
    let mut is_open = writing.write_all(at_once.as_bytes()).await.is_ok();
    let mut bytes = slowly.bytes();
    let mut answer = Vec::new();
    while is_open {
        let Some(byte) = bytes.next() else {
            return Err(std::io::Error::other("a slow client was waited for to its end"));
        };
        is_open = writing.write_all(&[byte]).await.is_ok()
            && tokio::time::timeout(DRIP, reading.read_to_end(&mut answer)).await.is_err();
    }
    Ok(())
}
