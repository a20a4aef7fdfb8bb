//! Who calls: the program that sends an API credential, and the address a request comes from.

use crate::keys;
use crate::{Config, Server};
use axum::extract::ConnectInfo;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::api_key::{Credential, CredentialError, read_authorization};
use domain::problem::ProblemCode;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{Extensions, HeaderMap};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Recognises the program that sends a request by its credential.
///
/// # Errors
/// 401 for a credential that is missing, in the address, cannot be read, or as [`keys::authenticate`]; 403 for the network.
pub(super) async fn recognise(server: &Server, parts: &Parts) -> Result<keys::Caller, keys::Unauthenticated> {
    if parts.uri.query().is_some_and(holds_credential) {
        return Err(crate::Error::from(ProblemCode::CredentialInAddress).into());
    }
    let credential = read_credential(&parts.headers).map_err(crate::Error::from)?;
    let from = client_address(&server.config, &parts.headers, &parts.extensions);
    keys::authenticate(server, &credential, from).await
}

fn read_credential(headers: &HeaderMap) -> Result<Credential, CredentialError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().map(|value| value.to_str().map_err(|_| CredentialError::Malformed)).transpose()?;
    // Of two credentials it would be a guess which one is meant.
    if values.next().is_some() {
        return Err(CredentialError::Malformed);
    }
    read_authorization(value, |text| STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok()))
}

/// Whether a query holds a credential, under the names that other WordPress-like APIs use or under any name at all.
fn holds_credential(query: &str) -> bool {
    let query = query.to_ascii_lowercase().replace("%5f", "_");
    ["consumer_key", "consumer_secret", "ck_", "sk_"].iter().any(|part| query.contains(part))
}

/// The address that a request came from: the connection's, or what proxies of ours say of it. Without a connection, as in
/// tests, it is this machine's own.
#[must_use]
pub fn client_address(config: &Config, headers: &HeaderMap, extensions: &Extensions) -> IpAddr {
    let peer = extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(address)| address.ip().to_canonical());
    address_behind(&config.trusted_proxies, headers, peer)
}

/// The address that a request came from, where it passed through proxies of ours: the last one that none of them has.
/// What others put into `X-Forwarded-For` stands before that and is not believed.
fn address_behind(trusted_proxies: &[IpNet], headers: &HeaderMap, peer: IpAddr) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted_proxies.iter().any(|network| network.contains(address));
    if !is_trusted(&peer) {
        return peer;
    }
    let lines: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok()).collect();
    let mut address = peer;
    for hop in lines.iter().flat_map(|line| line.split(',')).rev() {
        let Ok(hop) = hop.trim().parse::<IpAddr>() else { return address };
        address = hop.to_canonical();
        if !is_trusted(&address) {
            return address;
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_in_the_query_is_noticed_however_it_is_written() {
        for query in ["consumer_key=x", "a=1&Consumer_Secret=y", "token=sk_abc", "auth=CK%5Fabc%3Ask%5Fabc"] {
            assert!(holds_credential(query), "{query}");
        }
        for query in ["", "page=2", "q=risk"] {
            assert!(!holds_credential(query), "{query}");
        }
    }

    #[test]
    fn only_proxies_of_ours_are_believed_about_where_a_request_came_from() {
        let ip = |text: &str| -> IpAddr { text.parse().expect("an address") };
        let trusted = ["10.0.0.0/8".parse().expect("a network")];
        let behind = |peer: &str, lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", line.parse().expect("a value"));
            }
            address_behind(&trusted, &headers, ip(peer))
        };
        assert_eq!(behind("203.0.113.9", &["192.0.2.1"]), ip("203.0.113.9"), "anybody can send the header");
        assert_eq!(behind("10.0.0.1", &["192.0.2.1"]), ip("192.0.2.1"));
        assert_eq!(
            behind("10.0.0.1", &["198.51.100.7, 192.0.2.1, 10.2.3.4"]),
            ip("192.0.2.1"),
            "the last that is not ours"
        );
        assert_eq!(behind("10.0.0.1", &["198.51.100.7", "192.0.2.1"]), ip("192.0.2.1"), "several lines are one list");
        assert_eq!(behind("10.0.0.1", &["192.0.2.1, nonsense"]), ip("10.0.0.1"), "nothing behind nonsense is believed");
        assert_eq!(behind("10.0.0.1", &[]), ip("10.0.0.1"));
        assert_eq!(behind("10.0.0.1", &["::ffff:192.0.2.1"]), ip("192.0.2.1"), "IPv4 in IPv6 is IPv4");
    }

    #[test]
    fn two_authorization_headers_are_malformed() {
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, "Bearer a".parse().expect("a value"));
        headers.append(AUTHORIZATION, "Bearer b".parse().expect("a value"));
        assert!(matches!(read_credential(&headers), Err(CredentialError::Malformed)));
        assert!(matches!(read_credential(&HeaderMap::new()), Err(CredentialError::Missing)));
    }
}
