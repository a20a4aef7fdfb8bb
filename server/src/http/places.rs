//! Places for connections: so many all together, and so many from one address, so that one caller cannot take them all.
//!
//! Whoever has an IPv6 address commonly has the whole /64 around it; that is counted as one.

use crate::rates::without_host;
use ipnet::IpNet;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Why there is no place for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// As many connections are open as may be.
    Process,
    /// As many of this address are.
    Address,
}

pub(super) struct Places {
    all_max: usize,
    per_address_max: usize,
    /// Their connections are those of many callers and count among all only.
    trusted_proxies: Vec<IpNet>,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// The place of one connection; free again when it is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    counted_as: Option<IpAddr>,
}

impl Places {
    pub fn new(all_max: usize, per_address_max: usize, trusted_proxies: Vec<IpNet>) -> Self {
        Self { all_max, per_address_max, trusted_proxies, taken: Mutex::default() }
    }

    pub fn take(self: &Arc<Self>, peer: IpAddr) -> Result<Place, Full> {
        let peer = peer.to_canonical();
        let is_proxy = self.trusted_proxies.iter().any(|network| network.contains(&peer));
        let counted_as = (!is_proxy).then(|| without_host(peer));
        let mut taken = self.taken();
        if taken.all >= self.all_max {
            return Err(Full::Process);
        }
        if let Some(address) = counted_as {
            let of_address = taken.by_address.entry(address).or_default();
            if *of_address >= self.per_address_max {
                return Err(Full::Address);
            }
            *of_address += 1;
        }
        taken.all += 1;
        Ok(Place { places: Arc::clone(self), counted_as })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all -= 1;
        if let Some(address) = self.counted_as
            && let Some(of_address) = taken.by_address.get_mut(&address)
        {
            *of_address -= 1;
            // An address that has gone must not be remembered for ever.
            if *of_address == 0 {
                taken.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn places(all_max: usize, per_address_max: usize) -> Arc<Places> {
        let proxies = vec!["10.0.0.0/8".parse().expect("a network")];
        Arc::new(Places::new(all_max, per_address_max, proxies))
    }

    #[test]
    fn an_address_has_so_many_places_and_gets_them_back() {
        let places = places(10, 2);
        let first = places.take(ip("192.0.2.1")).expect("free");
        let _second = places.take(ip("::ffff:192.0.2.1")).expect("free");
        assert_eq!(places.take(ip("192.0.2.1")).err(), Some(Full::Address), "IPv4 in IPv6 is IPv4");
        let other = places.take(ip("192.0.2.2")).expect("another address");
        drop(first);
        let _again = places.take(ip("192.0.2.1")).expect("free again");
        drop(other);
        assert_eq!(places.taken().by_address.len(), 1, "who has gone is forgotten");
        assert_eq!(places.taken().all, 2);
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let places = places(10, 1);
        let _place = places.take(ip("2001:db8:0:1::1")).expect("free");
        assert_eq!(places.take(ip("2001:db8:0:1:ffff::2")).err(), Some(Full::Address));
        assert!(places.take(ip("2001:db8:0:2::1")).is_ok());
    }

    #[test]
    fn a_trusted_proxy_counts_among_all_only() {
        let places = places(3, 1);
        let taken = [0; 3].map(|_| places.take(ip("10.1.2.3")).expect("free"));
        assert_eq!(places.take(ip("10.1.2.3")).err(), Some(Full::Process));
        assert_eq!(places.take(ip("192.0.2.1")).err(), Some(Full::Process));
        drop(taken);
        assert!(places.take(ip("192.0.2.1")).is_ok());
    }
}
