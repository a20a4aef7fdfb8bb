//! What is logged, and what never is. It stands alone in its program: whether a line is logged is remembered for all threads
//! at once, so tests beside it would decide what it sees.

mod key_holder;
mod requests;
mod support;

use key_holder::{ASK, key_holder};
use requests::send;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use support::{databases, owner};

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_names_the_request_and_holds_neither_queries_nor_credentials_nor_messages() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 3).await;
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let guard = tracing::subscriber::set_default(subscriber);
        let mut request = holder.asks(&holder.question());
        request.headers_mut().insert("x-request-id", "the-name".parse().unwrap());
        assert_eq!(send(&server, request).await.status, 200);
        let mut in_address = holder.asks(&holder.question());
        *in_address.uri_mut() = format!("{ASK}?consumer_secret={}", holder.key.secret.expose()).parse().unwrap();
        assert_eq!(send(&server, in_address).await.status, 401);
        drop(guard);
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(
            text.contains("request_id=\"the-name\"") && text.contains("status=200") && text.contains(ASK),
            "{text}"
        );
        for secret in [holder.key.secret.expose(), "consumer_secret", "authorization", "When is the shop open"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}
