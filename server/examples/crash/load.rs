//! The clients: what they ask, what they are told, and what they must never be told.
//!
//! Half of the load meets one account. Requests carry an `Idempotency-Key` and are sent again under it until their answer
//! is final; a tenth is sent once more after that and must get the same bytes. Where no process is killed there must always
//! be an answer, and a fifth of the requests has no key and is not sent again: what such a one is told has to be the truth. A
//! refusal must be a problem document.

use crate::QUESTION;
use crate::payers::Payer;
use domain::id::ConversationId;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What the clients know.
#[derive(Default)]
pub struct Log {
    /// Idempotency-Key → body of the answer.
    pub accepted: HashMap<String, String>,
    /// Conversations of holds whose settlement was answered.
    pub settled: HashSet<String>,
    pub refused: u64,
    pub repeated: u64,
    /// Parts of payments that were given back.
    pub refunds: u64,
    pub resent: u64,
    /// How often 503 was answered, and the longest that anybody waited for it.
    pub unavailable: u64,
    pub slowest_unavailable: Duration,
    /// What must not happen, as far as a client can see it.
    pub wrong: Vec<String>,
    /// What every streamed answer says; `None` where none are asked for.
    pub streamed_answer: Option<String>,
    /// Streamed answers whose credit is still held.
    pub held: i64,
}

pub struct Load {
    pub payers: Vec<Payer>,
    /// Where the processes listen.
    pub urls: Vec<String>,
    pub client: reqwest::Client,
    /// Whether a request may remain without any answer.
    may_be_silent: bool,
    log: Mutex<Log>,
    is_over: AtomicBool,
}

/// Longer than the server lets any request take.
const PATIENCE: Duration = Duration::from_secs(40);
/// Where processes are killed, whoever waits longer than this waits for nobody.
const PATIENCE_WITH_KILLED: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

impl Load {
    pub fn new(payers: Vec<Payer>, urls: Vec<String>, may_be_silent: bool) -> Result<Self, reqwest::Error> {
        let patience = if may_be_silent { PATIENCE_WITH_KILLED } else { PATIENCE };
        let client = server::outgoing::local().timeout(patience).build()?;
        Ok(Self { payers, urls, client, may_be_silent, log: Mutex::default(), is_over: AtomicBool::new(false) })
    }

    /// Waits until every process listens.
    pub async fn wait_until_ready(&self) -> Result<(), String> {
        let began = Instant::now();
        for url in &self.urls {
            while self.client.get(format!("{url}/readyz")).send().await.is_err() {
                if began.elapsed() > PATIENCE {
                    return Err(format!("{url} does not listen"));
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    pub fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets every client finish what it has begun.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    pub async fn work(self: Arc<Self>, number: usize) {
        let mut turn = number;
        while !self.is_over.load(Ordering::SeqCst) {
            turn += 1;
            let place = if turn.is_multiple_of(2) { 0 } else { (turn * 7_919 + number) % self.payers.len() };
            match turn {
                _ if turn.is_multiple_of(16) => self.hold(place).await,
                _ if turn % 16 == 9 => self.refund(place).await,
                _ if turn % 5 == 3 && !self.may_be_silent => self.ask_once(place, turn, number).await,
                _ => self.ask(place, turn, number).await,
            }
        }
    }

    /// Sends one request until its answer is final.
    async fn ask(&self, place: usize, turn: usize, number: usize) {
        let key = format!("order-{number}-{turn}");
        let mut attempt = turn;
        loop {
            match self.send_keyed(place, &key, attempt).await {
                Some((200, body)) => {
                    if turn.is_multiple_of(10) {
                        self.repeat(place, &key, attempt + 1, &body).await;
                    }
                    self.accept(key, body);
                    return;
                }
                Some((402, _)) => {
                    self.log().refused += 1;
                    return;
                }
                Some((409 | 503, _)) | None => {
                    self.log().resent += 1;
                    attempt += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                Some((status, body)) => {
                    self.log().wrong.push(format!("{key}: {status} {body}"));
                    return;
                }
            }
        }
    }

    /// Sends a request that cannot be repeated. Whatever is not 200 says that nothing was charged.
    async fn ask_once(&self, place: usize, turn: usize, number: usize) {
        let name = format!("single-{number}-{turn}");
        match self.send(place, None, &name, turn).await {
            Some((200, body)) => self.accept(name, body),
            Some((402, _)) => self.log().refused += 1,
            Some((503, _)) | None => tokio::time::sleep(PAUSE).await,
            Some((status, body)) => self.log().wrong.push(format!("{name}: {status} {body}")),
        }
    }

    /// A process that was killed just now says nothing, one that still looks says 409, and one without a database 503.
    async fn repeat(&self, place: usize, key: &str, attempt: usize, body: &str) {
        let again = self.send_keyed(place, key, attempt).await;
        let mut log = self.log();
        log.repeated += 1;
        if let Some((200, again)) = again.filter(|(_, again)| again != body) {
            log.wrong.push(format!("{key}: {body} and then {again}"));
        }
    }

    fn accept(&self, key: String, body: String) {
        let mut log = self.log();
        if log.accepted.contains_key(&key) {
            log.wrong.push(format!("{key} was used twice by the client"));
        }
        log.accepted.insert(key, body);
    }

    /// Asks the process at `url` once, under a key of its own, and says how it answered. What is not final is sent again
    /// by [`Load::make_final`].
    pub async fn probe(&self, url: usize, key: &str) -> Option<u16> {
        let (status, body) = self.send_keyed(0, key, url).await?;
        if status == 200 {
            self.accept(key.to_owned(), body);
        }
        Some(status)
    }

    /// Sends probes that were not answered in the end until they are.
    pub async fn make_final(&self, url: usize, key: &str) -> Option<u16> {
        loop {
            match self.probe(url, key).await {
                Some(409 | 503) | None => tokio::time::sleep(PAUSE).await,
                status => return status,
            }
        }
    }

    async fn send_keyed(&self, place: usize, key: &str, attempt: usize) -> Option<(u16, String)> {
        self.send(place, Some(key), key, attempt).await
    }

    async fn send(&self, place: usize, key: Option<&str>, name: &str, attempt: usize) -> Option<(u16, String)> {
        let payer = &self.payers[place];
        let body = format!("{{\"chatbot_id\":\"{}\",\"user_message\":\"{QUESTION}\"}}", payer.chatbot_id);
        let url = format!("{}/wp-json/send-message/v1/ask", self.urls[attempt % self.urls.len()]);
        let mut request = self.client.post(url).header("authorization", &payer.authorization);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let began = Instant::now();
        let sent = async {
            let response = request.header("content-type", "application/json").body(body).send().await?;
            let status = response.status().as_u16();
            let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
            let is_problem = kind == Some("application/problem+json");
            Ok::<_, reqwest::Error>((status, is_problem, response.text().await?))
        };
        match sent.await {
            Ok((status, is_problem, body)) => {
                if status >= 400 {
                    self.look_at(name, status, is_problem, &body, began.elapsed());
                }
                Some((status, body))
            }
            Err(error) => {
                if !self.may_be_silent {
                    self.log().wrong.push(format!("{name}: no answer after {:?}: {error}", began.elapsed()));
                }
                None
            }
        }
    }

    fn look_at(&self, key: &str, status: u16, is_problem: bool, body: &str, after: Duration) {
        let problem: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        let says = (problem["status"].as_u64(), problem["success"].as_bool());
        let mut log = self.log();
        if !is_problem || says != (Some(u64::from(status)), Some(false)) || problem["code"].as_str().is_none() {
            log.wrong.push(format!("{key}: {status} without a problem document: {body}"));
        }
        if status == 503 {
            log.unavailable += 1;
            log.slowest_unavailable = log.slowest_unavailable.max(after);
        }
    }

    /// Whether it is given back or not: what is, has to be taken back as well.
    async fn refund(&self, place: usize) {
        let Some(payment_id) = &self.payers[place].payment_id else { return };
        let url = format!("{}/refunded/{payment_id}", self.urls[place % self.urls.len()]);
        if let Ok(response) = self.client.post(url).send().await {
            let refunded = response.text().await.unwrap_or_default();
            self.log().refunds += u64::from(refunded.parse::<i64>().is_ok());
        }
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
