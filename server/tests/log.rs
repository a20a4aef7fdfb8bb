//! What is logged, and what never is.

use crate::key_holder::{ASK, key_holder};
use crate::listener::Log;
use crate::requests::send;
use crate::support::{databases, owner};

#[tokio::test]
async fn the_log_names_the_request_and_holds_neither_queries_nor_credentials_nor_messages() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 3).await;
        let (log, guard) = Log::listen(tracing::Level::DEBUG);
        let mut request = holder.asks(&holder.question());
        request.headers_mut().insert("x-request-id", "the-name".parse().unwrap());
        assert_eq!(send(&server, request).await.status, 200);
        let mut in_address = holder.asks(&holder.question());
        *in_address.uri_mut() = format!("{ASK}?consumer_secret={}", holder.key.secret.expose()).parse().unwrap();
        assert_eq!(send(&server, in_address).await.status, 401);
        drop(guard);
        let text = log.text();
        assert!(
            text.contains("request_id=\"the-name\"") && text.contains("status=200") && text.contains(ASK),
            "{text}"
        );
        for secret in [holder.key.secret.expose(), "consumer_secret", "authorization", "When is the shop open"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}
