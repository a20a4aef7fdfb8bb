//! HTTP that this server asks of others: clients with the one TLS there is here.

use reqwest::ClientBuilder;
use std::sync::Once;

/// A client for servers on the internet, which the certificates of the machine vouch for. The machine's proxy is not used.
pub fn public() -> ClientBuilder {
    with_tls().no_proxy()
}

/// A client for this machine and its network, without TLS: it works where no certificates are installed.
pub fn local() -> ClientBuilder {
    with_tls().no_proxy().tls_certs_only([])
}

/// The library has no TLS of its own choosing and panics without one.
fn with_tls() -> ClientBuilder {
    static CHOSEN: Once = Once::new();
    CHOSEN.call_once(|| {
        // It fails when somebody chose before, and that is as good.
        let _chosen_before = rustls::crypto::ring::default_provider().install_default();
    });
    reqwest::Client::builder()
}
