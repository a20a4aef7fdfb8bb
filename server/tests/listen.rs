//! The accept loop on real sockets: who is slow is cut off, who opens too much is refused, and nobody else notices.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::routing::{get, post};
use clap::Parser;
use futures_util::stream::{self, StreamExt};
use server::http::{self, Limits};
use server::{Config, Server};
use std::convert::Infallible;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

/// What has to happen at all is waited for this long.
const PATIENCE: Duration = Duration::from_secs(20);
const LONG: Duration = Duration::from_mins(10);
const SHORT: Duration = Duration::from_millis(300);

/// Limits that no test reaches by accident.
fn limits() -> Limits {
    Limits {
        head_time: LONG,
        idle_time: LONG,
        write_time: LONG,
        connections_max: 100,
        connections_per_address_max: 100,
        trusted_proxies: Vec::new(),
    }
}

struct Listening {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

fn listen(router: Router, limits: Limits) -> Listening {
    let listener = http::bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(http::serve(listener, router, limits, async move {
        // Without anybody who could say so, it never stops.
        if stopped.await.is_err() {
            pending::<()>().await;
        }
    }));
    Listening { address, stop, ended }
}

fn routes() -> Router {
    let from = |ConnectInfo(address): ConnectInfo<SocketAddr>| async move { address.ip().to_string() };
    let slow = || async {
        tokio::time::sleep(4 * SHORT).await;
        "slow"
    };
    Router::new().route("/", get(from)).route("/slow", get(slow)).route("/echo", post(|body: Bytes| async { body }))
}

/// A client that sees the bytes.
struct Client(TcpStream);

impl Client {
    async fn new(listening: &Listening) -> Self {
        Self::from(Ipv4Addr::LOCALHOST, listening).await
    }

    async fn from(address: Ipv4Addr, listening: &Listening) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((address, 0).into()).expect("an address of this machine");
        Self(socket.connect(listening.address).await.expect("connects"))
    }

    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("sends");
    }

    /// The head and the body of one answer, which says its length.
    async fn answer(&mut self) -> (String, String) {
        let read = async {
            let mut text = String::new();
            while !text.contains("\r\n\r\n") {
                text.push(char::from(self.0.read_u8().await.expect("an answer")));
            }
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            let mut body = vec![0; length.parse().expect("a number")];
            self.0.read_exact(&mut body).await.expect("a body");
            (text, String::from_utf8(body).expect("text"))
        };
        tokio::time::timeout(PATIENCE, read).await.expect("an answer in time")
    }

    async fn get(&mut self, path: &str) -> (String, String) {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n")).await;
        self.answer().await
    }

    /// Waits until the server closes the connection; returns what it sent before.
    async fn until_closed(&mut self) -> String {
        let mut bytes = Vec::new();
        // A reset ends it as well as an end does.
        let _end = tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut bytes)).await.expect("closed in time");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Whether the server serves this connection, or has closed it without a word.
    async fn is_served(&mut self) -> bool {
        // The connection may be closed before the request is sent, or after.
        let request = self.0.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
        let mut byte = [0];
        let read = tokio::time::timeout(PATIENCE, self.0.read(&mut byte)).await.expect("served or closed in time");
        request.is_ok() && matches!(read, Ok(1))
    }
}

#[tokio::test]
async fn headers_that_drip_are_cut_off_when_their_time_is_over() {
    let listening = listen(routes(), Limits { head_time: SHORT, ..limits() });
    let mut client = Client::new(&listening).await;
    // The time of the headers begins with their first byte, not with the connection.
    tokio::time::sleep(2 * SHORT).await;
    let began = Instant::now();
    client.send("GET / HTTP/1.1\r\nx-slow: ").await;
    let dripped = async {
        while client.0.write_all(b"a").await.is_ok() {
            tokio::time::sleep(SHORT / 10).await;
        }
    };
    tokio::time::timeout(PATIENCE, dripped).await.expect("cut off");
    assert!(began.elapsed() >= SHORT, "not before its time");
    let mut honest = Client::new(&listening).await;
    honest.send("GET / HTTP/1.1\r\n").await;
    tokio::time::sleep(SHORT / 10).await;
    honest.send("host: test\r\n\r\n").await;
    assert_eq!(honest.answer().await.1, "127.0.0.1", "two pieces in time are a request");
}

#[tokio::test]
async fn every_request_of_a_connection_has_the_time_anew() {
    let listening = listen(routes(), Limits { head_time: SHORT, ..limits() });
    let mut client = Client::new(&listening).await;
    for _ in 0..2 {
        // Longer idle than headers may take, and an answer that takes longer.
        tokio::time::sleep(2 * SHORT).await;
        assert_eq!(client.get("/slow").await.1, "slow");
    }
    let began = Instant::now();
    client.send("GET /").await;
    assert_eq!(client.until_closed().await, "");
    assert!(began.elapsed() >= SHORT, "not before its time");
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_one_whose_answer_takes_longer_is_not() {
    let listening = listen(routes(), Limits { idle_time: 2 * SHORT, ..limits() });
    let mut silent = Client::new(&listening).await;
    let mut client = Client::new(&listening).await;
    assert_eq!(client.get("/slow").await.1, "slow", "nobody is idle while he waits for his answer");
    let answered = Instant::now();
    assert_eq!(client.until_closed().await, "");
    assert!(answered.elapsed() >= SHORT, "not before its time");
    assert_eq!(silent.until_closed().await, "", "who never sends anything is idle too");
}

/// Time runs by itself here whenever everybody waits, so the thirty seconds of a request are over at once.
#[tokio::test]
async fn a_body_that_stops_ends_in_503_and_a_closed_connection() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = installation(&folder).await;
    let router = http::wrap(Arc::clone(&server), routes());
    let limits = Limits::of(&server.config);
    tokio::time::pause();
    let listening = listen(router, limits);
    let mut client = Client::new(&listening).await;
    let began = tokio::time::Instant::now();
    client.send("POST /echo HTTP/1.1\r\nhost: test\r\ncontent-length: 1000\r\n\r\n").await;
    let (mut reading, mut writing) = client.0.into_split();
    // A byte every ten seconds, for as long as the server takes them.
    tokio::spawn(async move {
        while writing.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
    });
    let mut answer = Vec::new();
    let _end = reading.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
}

/// An installation on SQLite.
async fn installation(folder: &tempfile::TempDir) -> Arc<Server> {
    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        config: Config,
    }
    let data_dir = folder.path().to_str().expect("a path in UTF-8");
    let config = Command::parse_from(["artiko", "--data-dir", data_dir]).config;
    Server::open(config).await.expect("the installation opens")
}

/// Says when it is dropped.
struct Held(Arc<Notify>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// An answer without an end.
fn endless(dropped: &Arc<Notify>) -> Router {
    let dropped = Arc::clone(dropped);
    let endless = move || async move {
        let held = Held(dropped);
        let text = Bytes::from(vec![b'a'; 64 * 1024]);
        Body::from_stream(stream::repeat(text).map(move |text| {
            let _held = &held;
            Ok::<_, Infallible>(text)
        }))
    };
    Router::new().route("/endless", get(endless))
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_given_up() {
    let dropped = Arc::new(Notify::new());
    let router = endless(&dropped);
    let listening = listen(router, Limits { write_time: SHORT, ..limits() });
    let mut client = Client::new(&listening).await;
    client.send("GET /endless HTTP/1.1\r\nhost: test\r\n\r\n").await;
    tokio::time::timeout(PATIENCE, dropped.notified()).await.expect("given up");
}

#[tokio::test]
async fn an_answer_that_is_read_with_pauses_goes_on() {
    let write_time = 4 * SHORT;
    let listening = listen(endless(&Arc::default()), Limits { write_time, ..limits() });
    let mut client = Client::new(&listening).await;
    client.send("GET /endless HTTP/1.1\r\nhost: test\r\n\r\n").await;
    let began = Instant::now();
    // More than the system keeps, so that the server has to wait in every pause.
    let mut part = vec![0; 16 * 1024 * 1024];
    while began.elapsed() < 2 * write_time {
        tokio::time::sleep(SHORT).await;
        client.0.read_exact(&mut part).await.expect("the next part");
    }
}

#[tokio::test]
async fn an_answer_that_comes_in_small_pieces_lives_longer_than_every_limit() {
    let pieces = || async {
        let pieces = stream::unfold(0, |number| async move {
            tokio::time::sleep(SHORT / 3).await;
            (number < 12).then(|| (Ok::<_, Infallible>(format!("event {number}\n")), number + 1))
        });
        Body::from_stream(pieces)
    };
    let router = routes().route("/events", get(pieces));
    let limits = Limits { head_time: SHORT, idle_time: SHORT, write_time: SHORT, ..limits() };
    let listening = listen(router, limits);
    let mut client = Client::new(&listening).await;
    client.send("GET /events HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await;
    let answer = client.until_closed().await;
    assert!(answer.contains("event 11\n") && answer.ends_with("0\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn an_address_with_too_many_connections_gets_no_more_and_others_do() {
    let proxy = Ipv4Addr::new(127, 0, 0, 3);
    let limits = Limits {
        connections_per_address_max: 2,
        connections_max: 6,
        trusted_proxies: vec![format!("{proxy}/32").parse().expect("a network")],
        ..limits()
    };
    let listening = listen(routes(), limits);
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut client = Client::new(&listening).await;
        assert_eq!(client.get("/").await.1, "127.0.0.1");
        open.push(client);
    }
    assert!(!Client::new(&listening).await.is_served().await, "the third of one address");
    let mut other = Client::from(Ipv4Addr::new(127, 0, 0, 2), &listening).await;
    assert_eq!(other.get("/").await.1, "127.0.0.2");
    for _ in 0..3 {
        let mut client = Client::from(proxy, &listening).await;
        assert_eq!(client.get("/").await.1, "127.0.0.3", "a proxy has the connections of many");
        open.push(client);
    }
    assert!(!Client::from(proxy, &listening).await.is_served().await, "the seventh of all");
    drop(open);
    let served_again = async { while !Client::new(&listening).await.is_served().await {} };
    tokio::time::timeout(PATIENCE, served_again).await.expect("places become free");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_431() {
    let listening = listen(routes(), limits());
    let mut client = Client::new(&listening).await;
    let large = "a".repeat(60 * 1024);
    client.send(&format!("GET / HTTP/1.1\r\nhost: test\r\nx-large: {large}\r\n\r\n")).await;
    assert!(client.answer().await.0.starts_with("HTTP/1.1 200 "), "60 kB are not too many");
    // One byte more than is taken, and no end: nothing is left unread, which could cost the answer.
    let head = "GET / HTTP/1.1\r\nhost: test\r\nx-large: ";
    client.send(&format!("{head}{}", "a".repeat(64 * 1024 - head.len()))).await;
    assert!(client.answer().await.0.starts_with("HTTP/1.1 431 "));
    let mut client = Client::new(&listening).await;
    let fields = "x-field: a\r\n".repeat(101);
    client.send(&format!("GET / HTTP/1.1\r\n{fields}\r\n")).await;
    assert!(client.answer().await.0.starts_with("HTTP/1.1 431 "), "a hundred fields are enough");
}

#[tokio::test]
async fn stopping_finishes_what_has_begun_and_closes_what_is_idle() {
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begins, goes_on) = (Arc::clone(&begun), Arc::clone(&go_on));
    let finish = move || async move {
        begins.notify_one();
        goes_on.notified().await;
        "finished"
    };
    let listening = listen(routes().route("/finish", get(finish)), limits());
    let mut idle = Client::new(&listening).await;
    assert_eq!(idle.get("/").await.1, "127.0.0.1");
    let mut silent = Client::new(&listening).await;
    let mut busy = Client::new(&listening).await;
    busy.send("GET /finish HTTP/1.1\r\nhost: test\r\n\r\n").await;
    begun.notified().await;
    listening.stop.send(()).expect("it listens");
    assert_eq!(idle.until_closed().await, "");
    assert_eq!(silent.until_closed().await, "");
    assert!(TcpStream::connect(listening.address).await.is_err(), "nobody new is taken");
    assert!(!listening.ended.is_finished(), "it waits for the request in flight");
    go_on.notify_one();
    let (head, body) = busy.answer().await;
    assert_eq!(body, "finished");
    assert!(head.contains("connection: close"), "{head}");
    tokio::time::timeout(PATIENCE, listening.ended).await.expect("it ends").expect("in order");
}
