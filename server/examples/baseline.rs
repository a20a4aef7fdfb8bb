//! What `ask` is measured against: an axum route that answers every request with one JSON text from memory.
//!
//! It has the same HTTP server, listener and response size as the real call and does nothing else, so the ratio of the
//! two says what keys, search, ledger and disk cost. `script/bench` starts it; it prints its address and runs until it
//! is stopped.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;
use std::error::Error;
use tokio::net::TcpListener;

/// What is answered when no file is given.
const ANSWER: &str = r#"{"success":true,"conversation_id":"conv_0000000000000000000000","chatbot_message":"Hello."}"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The whole answer lives as long as the program, so that a request copies a pointer.
    let answer: &'static str = match std::env::args().nth(1) {
        Some(path) => std::fs::read_to_string(path)?.leak(),
        None => ANSWER,
    };
    let ask = move |_body: axum::body::Bytes| async move { ([(CONTENT_TYPE, "application/json")], answer) };
    let router = Router::new().route("/wp-json/send-message/v1/ask", post(ask));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    print_address(&listener)?;
    axum::serve(listener, router).await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the address on standard output is how script/bench finds the route")]
fn print_address(listener: &TcpListener) -> std::io::Result<()> {
    println!("http://{}", listener.local_addr()?);
    Ok(())
}
