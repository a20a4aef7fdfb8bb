//! How many requests a minute a plan allows: of each key and of the whole account.
//!
//! Counted in memory by this process, with a burst of a whole minute: what was not used comes back evenly. A refusal costs
//! nothing, neither credit nor a place.

use domain::id::{AccountId, KeyId};
use domain::plan::{Catalogue, Plan};
use foldhash::HashMap;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

/// The stretch of time that limits are given for.
pub const WINDOW: Duration = Duration::from_mins(1);

/// How much of a limit is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests a minute.
    pub limit: u32,
    /// Requests that may be sent at once.
    pub remaining: u32,
}

impl Rate {
    /// Seconds until the whole limit is there again, if nothing is sent, rounded up.
    #[must_use]
    pub fn restored_after_s(self) -> u64 {
        let used = u64::from(self.limit.saturating_sub(self.remaining));
        (used * WINDOW.as_secs()).div_ceil(u64::from(self.limit).max(1))
    }
}

/// What the limits of a key and of its account say to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    pub key: Rate,
    pub account: Rate,
    /// How long to wait, when one of them is used up.
    pub wait: Option<Duration>,
}

type Limiter<K> = RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, StateInformationMiddleware>;

struct Limit<K: Hash + Eq + Clone> {
    per_minute: NonZeroU32,
    limiter: Limiter<K>,
}

impl<K: Hash + Eq + Clone> Limit<K> {
    fn new(per_minute: u32) -> Self {
        let per_minute = NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN);
        let limiter = RateLimiter::keyed(Quota::per_minute(per_minute)).with_middleware();
        Self { per_minute, limiter }
    }

    fn take(&self, subject: &K) -> (Rate, Option<Duration>) {
        let limit = self.per_minute.get();
        match self.limiter.check_key(subject) {
            Ok(state) => (Rate { limit, remaining: state.remaining_burst_capacity() }, None),
            Err(until) => (Rate { limit, remaining: 0 }, Some(until.wait_time_from(self.limiter.clock().now()))),
        }
    }

    fn untouched(&self) -> Rate {
        Rate { limit: self.per_minute.get(), remaining: self.per_minute.get() }
    }
}

struct OfPlan {
    key: Limit<KeyId>,
    account: Limit<AccountId>,
}

/// The limits of every plan, and what was used of them.
pub(crate) struct RateLimits {
    plans: HashMap<String, OfPlan>,
    default_plan: String,
}

impl RateLimits {
    pub fn new(catalogue: &Catalogue) -> Self {
        let of_plan = |plan: &Plan| OfPlan {
            key: Limit::new(plan.requests_per_minute_per_key),
            account: Limit::new(plan.requests_per_minute),
        };
        let plans = catalogue.plans.iter().map(|plan| (plan.id.clone(), of_plan(plan))).collect();
        Self { plans, default_plan: catalogue.default_plan.clone() }
    }

    /// Counts a request. One that its key may not send is not counted for the account.
    pub fn take(&self, plan_id: &str, account_id: &AccountId, key_id: &KeyId) -> Option<Rates> {
        let of_plan = self.plans.get(plan_id).or_else(|| self.plans.get(&self.default_plan))?;
        let (key, key_wait) = of_plan.key.take(key_id);
        if key_wait.is_some() {
            return Some(Rates { key, account: of_plan.account.untouched(), wait: key_wait });
        }
        let (account, wait) = of_plan.account.take(account_id);
        Some(Rates { key, account, wait })
    }

    /// Forgets those who have their whole limit again.
    pub fn forget_idle(&self) {
        for of_plan in self.plans.values() {
            of_plan.key.limiter.retain_recent();
            of_plan.account.limiter.retain_recent();
        }
    }
}

/// Sessions that visitors of one address may begin in a minute.
const SESSIONS_PER_ADDRESS: u32 = 30;
/// Messages that one visitor may send in a minute.
const MESSAGES_PER_SESSION: u32 = 12;
/// Messages that visitors of one address may send in a minute: an office has many people behind one.
const MESSAGES_PER_ADDRESS: u32 = 120;
/// Contact requests that one visitor may leave in a minute.
const CONTACTS_PER_SESSION: u32 = 3;
/// Contact requests that visitors of one address may leave in a minute.
const CONTACTS_PER_ADDRESS: u32 = 10;

/// The limits on the visitors of widgets, whatever widget it is.
pub(crate) struct VisitorLimits {
    sessions_by_address: Limit<IpAddr>,
    messages_by_session: Limit<String>,
    messages_by_address: Limit<IpAddr>,
    contacts_by_session: Limit<String>,
    contacts_by_address: Limit<IpAddr>,
}

impl VisitorLimits {
    pub fn new() -> Self {
        Self {
            sessions_by_address: Limit::new(SESSIONS_PER_ADDRESS),
            messages_by_session: Limit::new(MESSAGES_PER_SESSION),
            messages_by_address: Limit::new(MESSAGES_PER_ADDRESS),
            contacts_by_session: Limit::new(CONTACTS_PER_SESSION),
            contacts_by_address: Limit::new(CONTACTS_PER_ADDRESS),
        }
    }

    /// Counts a session that begins; says how long to wait when there were too many.
    pub fn take_session(&self, address: IpAddr) -> Option<Duration> {
        self.sessions_by_address.take(&without_host(address)).1
    }

    /// Counts a message; says how long to wait when there were too many.
    pub fn take_message(&self, session: &str, address: IpAddr) -> Option<Duration> {
        let wait = self.messages_by_session.take(&session.to_owned()).1;
        wait.or_else(|| self.messages_by_address.take(&without_host(address)).1)
    }

    /// Counts a contact request; says how long to wait when there were too many.
    pub fn take_contact(&self, session: &str, address: IpAddr) -> Option<Duration> {
        let wait = self.contacts_by_session.take(&session.to_owned()).1;
        wait.or_else(|| self.contacts_by_address.take(&without_host(address)).1)
    }

    /// Forgets those who have their whole limit again.
    pub fn forget_idle(&self) {
        self.contacts_by_session.limiter.retain_recent();
        self.contacts_by_address.limiter.retain_recent();
        self.sessions_by_address.limiter.retain_recent();
        self.messages_by_session.limiter.retain_recent();
        self.messages_by_address.limiter.retain_recent();
    }
}

/// The address that limits count: itself for IPv4, its /64 for IPv6, because whoever has one address there has 2⁶⁴.
pub(crate) fn without_host(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::credit::Credit;

    fn limits(per_key: u32, per_account: u32) -> RateLimits {
        let plan = Plan {
            id: "plus".into(),
            name: "Plus".into(),
            price_per_month_minor_units: 0,
            messages_per_window: 1,
            chatbots: 1,
            documents: 1,
            users: 1,
            api_keys: 2,
            requests_per_minute: per_account,
            requests_per_minute_per_key: per_key,
        };
        RateLimits::new(&Catalogue {
            default_plan: "plus".into(),
            message_window_hours: 1,
            counted_channels: Vec::new(),
            price_per_message: Credit::ZERO,
            plans: vec![plan],
        })
    }

    #[test]
    fn a_key_and_its_account_are_counted_each_on_its_own() {
        let limits = limits(2, 3);
        let account = AccountId::from_row("acc_1".into());
        let (first, second) = (KeyId::from_row("key_1".into()), KeyId::from_row("key_2".into()));
        let take = |key| limits.take("plus", &account, key).expect("a plan");
        assert_eq!((take(&first).key.remaining, take(&first).account.remaining), (1, 1));
        let of_key = take(&first);
        assert!(of_key.wait.is_some_and(|wait| wait > Duration::from_secs(20) && wait <= Duration::from_secs(30)));
        assert_eq!(take(&second).wait, None);
        let of_account = take(&second);
        assert_eq!((of_account.key.remaining, of_account.account.remaining), (0, 0));
        assert!(of_account.wait.is_some_and(|wait| wait <= Duration::from_secs(20)));
    }

    #[test]
    fn the_time_until_everything_is_there_again_is_rounded_up() {
        let rate = |limit, remaining| Rate { limit, remaining }.restored_after_s();
        assert_eq!([rate(60, 60), rate(60, 59), rate(100, 0), rate(7, 6)], [0, 1, 60, 9]);
    }
}
