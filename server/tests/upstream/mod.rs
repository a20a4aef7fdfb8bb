//! A model server that does what a test tells it to: shared by the tests of the engine `openai`.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use axum::routing::post;
use futures_util::stream;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

pub const SECRET: &str = "sk-of-the-upstream";

/// One thing of an answer.
#[derive(Clone)]
pub enum Step {
    /// A line of data.
    Data(String),
    Pause(Duration),
    /// Waits until it is told to go on.
    Gate(Arc<Notify>),
    /// Breaks the connection off.
    Cut,
}

#[derive(Clone)]
pub struct Reply {
    pub status: u16,
    pub content_type: &'static str,
    pub retry_after: Option<u32>,
    pub steps: Vec<Step>,
}

impl Reply {
    /// An answer in pieces, and the tokens that it took.
    pub fn answer(pieces: &[&str], usage: Option<(u64, u64)>) -> Self {
        let mut steps: Vec<Step> = pieces.iter().map(|piece| Step::Data(delta(piece))).collect();
        steps.push(Step::Data(json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] }).to_string()));
        if let Some((prompt_tokens, completion_tokens)) = usage {
            let usage = json!({ "prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens });
            steps.push(Step::Data(json!({ "choices": [], "usage": usage }).to_string()));
        }
        steps.push(Step::Data("[DONE]".to_owned()));
        Self::steps(steps)
    }

    pub fn steps(steps: Vec<Step>) -> Self {
        Self { status: 200, content_type: "text/event-stream", retry_after: None, steps }
    }

    /// A refusal, which repeats the secret as some do.
    pub fn refusal(status: u16, retry_after: Option<u32>) -> Self {
        let body = format!("{{\"error\":{{\"message\":\"wrong key {SECRET}\"}}}}");
        Self { status, content_type: "application/json", retry_after, steps: vec![Step::Data(body)] }
    }
}

pub fn delta(text: &str) -> String {
    json!({ "choices": [{ "delta": { "content": text } }], "usage": null }).to_string()
}

/// What was asked, and what is answered next; once that is used up, the same good answer.
#[derive(Default)]
pub struct Upstream {
    pub asked: Mutex<Vec<(HeaderMap, Value)>>,
    script: Mutex<VecDeque<Reply>>,
}

impl Upstream {
    /// Starts it; returns its address too.
    pub async fn start() -> (Arc<Self>, String) {
        let upstream = Arc::new(Self::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let router = Router::new().route("/v1/chat/completions", post(answer)).with_state(Arc::clone(&upstream));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (upstream, url)
    }

    pub fn next(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script.lock().expect("unbroken").extend(replies);
    }

    pub fn asked(&self) -> usize {
        self.asked.lock().expect("unbroken").len()
    }

    /// The last request's body.
    pub fn last(&self) -> Value {
        self.asked.lock().expect("unbroken").last().expect("a request").1.clone()
    }
}

async fn answer(State(upstream): State<Arc<Upstream>>, headers: HeaderMap, body: String) -> Response {
    upstream.asked.lock().expect("unbroken").push((headers, serde_json::from_str(&body).expect("JSON")));
    let scripted = upstream.script.lock().expect("unbroken").pop_front();
    let reply = scripted.unwrap_or_else(|| Reply::answer(&["It opens ", "at nine [1]."], Some((100, 10))));
    let is_stream = reply.content_type == "text/event-stream";
    let steps = stream::unfold(VecDeque::from(reply.steps), move |mut steps| async move {
        loop {
            match steps.pop_front()? {
                Step::Data(data) if is_stream => return Some((Ok(format!("data: {data}\n\n")), steps)),
                Step::Data(data) => return Some((Ok(data), steps)),
                Step::Pause(pause) => tokio::time::sleep(pause).await,
                Step::Gate(gate) => gate.notified().await,
                Step::Cut => return Some((Err(std::io::Error::other("cut")), VecDeque::new())),
            }
        }
    });
    let mut response = Response::builder().status(reply.status).header(header::CONTENT_TYPE, reply.content_type);
    if let Some(seconds) = reply.retry_after {
        response = response.header(header::RETRY_AFTER, seconds);
    }
    response.body(Body::from_stream(steps)).expect("a response")
}
