//! How the built-in gateway delivers its webhooks: over HTTP to this server's own address, signed, and again until they
//! are taken. An outcome counts as told only after a 2xx; what is still untold after a restart, the sweeper sends.

use crate::Server;
use crate::error::{Error, Result};
use crate::payments::{local, signature};
use domain::id::PaymentId;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// How long a delivery may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The pauses between the first deliveries; after the last one the sweeper takes over.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(8),
    Duration::from_secs(20),
];

/// Tells the state of a checkout, once now and, if it is not taken, later again in the background. The first attempt is
/// awaited, so that the customer usually comes back to a page that shows his new credit.
pub(super) async fn tell_soon(server: &Arc<Server>, payment_id: &PaymentId) {
    let Err(error) = tell(server, payment_id).await else { return };
    tracing::warn!(%error, %payment_id, "a webhook was not taken; it will be sent again");
    let (server, payment_id) = (Arc::clone(server), payment_id.clone());
    tokio::spawn(async move {
        for pause in PAUSES {
            tokio::time::sleep(pause).await;
            match tell(&server, &payment_id).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(%error, %payment_id, "a webhook was not taken"),
            }
        }
    });
}

/// Posts the webhook for the newest change of a checkout.
///
/// # Errors
/// When the webhook was not taken.
pub(super) async fn tell(server: &Server, payment_id: &PaymentId) -> Result<()> {
    let checkout = local::checkout(server, payment_id).await?;
    let now = server.now();
    let Some(body) = local::event_body(&checkout, now)? else { return Ok(()) };
    let signature = signature::sign(server.webhook_secret(), now, body.as_bytes());
    let client = crate::outgoing::local().timeout(TIMEOUT).build().map_err(Error::internal)?;
    let request = client
        .post(format!("http://{}/webhooks/local", own_address(server.config.address)))
        .header(http::header::CONTENT_TYPE, "application/json")
        .header(signature::HEADER, signature)
        .body(body);
    let response = request.send().await.map_err(Error::internal)?;
    if !response.status().is_success() {
        return Err(Error::internal(format!("the webhook was answered with {}", response.status())));
    }
    local::mark_told(server, payment_id, checkout.changes).await
}

/// An address that listens on all interfaces is reached on this machine's own.
fn own_address(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_reached_on_its_own_machine() {
        for (listens, reached) in
            [("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80"), ("10.0.0.1:80", "10.0.0.1:80")]
        {
            let listens: SocketAddr = listens.parse().expect("an address");
            assert_eq!(own_address(listens).to_string(), reached);
        }
    }
}
