//! From where a person signs in: a network and a browser. Somebody who signs in from a place that he has not signed in
//! from before is told by mail, because it may not be him.
//!
//! A place is stored as an HMAC under the pepper, so that the table says nothing of where people are.

use crate::error::{Error, Result};
use crate::mail::{self, Event};
use crate::secrets::hex;
use crate::{Server, args};
use domain::account::Viewer;
use domain::mail::MailKind;
use hmac::{Hmac, KeyInit, Mac};
use ipnet::IpNet;
use sha2::Sha256;
use std::net::IpAddr;

const INSERT_PLACE: &str = "
INSERT INTO user_places (account_id, user_id, place, first_seen_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (account_id, user_id, place) DO NOTHING";

const COUNT_PLACES: &str = "SELECT COUNT(*) FROM user_places WHERE account_id = $1 AND user_id = $2";

/// Notes from where a person has signed in or up, and writes down a mail about a place that is new. The first place of
/// all is none to be told of.
///
/// # Errors
/// When the database fails.
pub async fn arrive(server: &Server, viewer: &Viewer, address: IpAddr, user_agent: &str) -> Result<()> {
    let (network, browser) = (network(address), browser(user_agent));
    let place = digest(server.secrets.pepper(), viewer, network, browser)?;
    let (account_id, user_id, now) = (viewer.account_id.as_str(), viewer.user_id.as_str(), server.now());
    let mut tx = server.db.begin().await?;
    let (known,): (i64,) = tx.one(COUNT_PLACES, args![account_id, user_id]).await?;
    if tx.execute(INSERT_PLACE, args![account_id, user_id, &place, now.us()]).await? == 0 {
        return Ok(());
    }
    if known > 0 {
        let event = Event {
            account_id: &viewer.account_id,
            id: format!("{user_id}_{}_{place}", MailKind::NewSignIn.as_str()),
            kind: MailKind::NewSignIn,
            subject_id: None,
            user_id: Some(&viewer.user_id),
            detail: &format!("{browser}, from the network {network}"),
        };
        mail::enqueue(&mut tx, event, now).await?;
    }
    tx.commit().await
}

/// The /24 of an IPv4 address and the /48 of IPv6: within them, addresses change by themselves.
fn network(address: IpAddr) -> IpNet {
    let address = address.to_canonical();
    let bits = if address.is_ipv4() { 24 } else { 48 };
    IpNet::new(address, bits).unwrap_or_else(|_| IpNet::from(address)).trunc()
}

/// The family of a browser; its versions come and go. The order matters, because each names those before it as well.
fn browser(user_agent: &str) -> &'static str {
    let families =
        [("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrom", "Chrome"), ("Safari/", "Safari")];
    families.into_iter().find(|(sign, _)| user_agent.contains(sign)).map_or("another browser", |(_, name)| name)
}

fn digest(pepper: &[u8], viewer: &Viewer, network: IpNet, browser: &str) -> Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(pepper).map_err(Error::internal)?;
    mac.update(format!("place\n{}\n{network}\n{browser}", viewer.user_id).as_bytes());
    Ok(hex(&mac.finalize().into_bytes()[..16]).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_are_one_place() {
        let of = |address: &str| network(address.parse().expect("an address")).to_string();
        assert_eq!(of("203.0.113.7"), "203.0.113.0/24");
        assert_eq!(of("::ffff:203.0.113.9"), "203.0.113.0/24");
        assert_eq!(of("2001:db8:1:2::3"), "2001:db8:1::/48");
    }

    #[test]
    fn a_browser_is_its_family() {
        let chrome =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36";
        for (user_agent, family) in [
            ("Mozilla/5.0 (Windows NT 10.0; rv:132.0) Gecko/20100101 Firefox/132.0", "Firefox"),
            (chrome, "Chrome"),
            (&format!("{chrome} Edg/130.0"), "Edge"),
            (&format!("{chrome} OPR/114.0"), "Opera"),
            ("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15", "Safari"),
            ("curl/8", "another browser"),
            ("", "another browser"),
        ] {
            assert_eq!(browser(user_agent), family, "{user_agent}");
        }
    }
}
