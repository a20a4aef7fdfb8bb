//! Plans: the catalogue, the limits of each, and the rule that enforces a limit.

use crate::clock::HOUR_US;
use crate::credit::Credit;
use crate::ledger::Channel;
use crate::window::WindowUsage;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One row of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Lower-case letters, digits and hyphens; stored with the account.
    pub id: String,
    pub name: String,
    /// What a month costs, in minor units of the installation's currency; nothing for a plan that is free.
    #[serde(default)]
    pub price_per_month_minor_units: i64,
    /// Messages accepted in any stretch of the catalogue's window.
    pub messages_per_window: u32,
    pub chatbots: u32,
    pub documents: u32,
    pub users: u32,
    pub api_keys: u32,
    /// Requests to the API by all keys together.
    #[serde(default = "default_requests_per_minute")]
    pub requests_per_minute: u32,
    /// Requests to the API by one key.
    #[serde(default = "default_requests_per_minute_per_key")]
    pub requests_per_minute_per_key: u32,
}

const fn default_requests_per_minute() -> u32 {
    6_000
}

const fn default_requests_per_minute_per_key() -> u32 {
    3_000
}

/// All plans of an installation, and what they have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    pub default_plan: String,
    pub message_window_hours: u32,
    /// The channels whose messages count in the window.
    pub counted_channels: Vec<Channel>,
    /// The price of one message by API or widget.
    pub price_per_message: Credit,
    pub plans: Vec<Plan>,
}

impl Catalogue {
    #[must_use]
    pub fn plan(&self, id: &str) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.id == id)
    }

    /// The plan with this id. An operator may have taken it out of the catalogue: then the default plan applies, so that
    /// the customer is not locked out.
    #[must_use]
    pub fn plan_or_default(&self, id: &str) -> Option<&Plan> {
        self.plan(id).or_else(|| self.plan(&self.default_plan))
    }

    #[must_use]
    pub fn window_us(&self) -> i64 {
        i64::from(self.message_window_hours) * HOUR_US
    }

    /// Whether messages of this channel count in the message window.
    #[must_use]
    pub fn counts(&self, channel: Channel) -> bool {
        self.counted_channels.contains(&channel)
    }

    /// What one message of this channel costs. The console is part of the plan.
    #[must_use]
    pub fn price(&self, channel: Channel) -> Credit {
        match channel {
            Channel::Console => Credit::ZERO,
            Channel::Api | Channel::Widget => self.price_per_message,
        }
    }

    /// As [`Self::price`], of a message whose answer has a cost of its own.
    #[must_use]
    pub fn price_of(&self, channel: Channel, cost: Option<Credit>) -> Credit {
        match channel {
            Channel::Console => Credit::ZERO,
            Channel::Api | Channel::Widget => cost.unwrap_or(self.price_per_message),
        }
    }
}

/// The things that a plan limits by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limited {
    Chatbots,
    Documents,
    Users,
    ApiKeys,
}

impl Limited {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chatbots => "chatbots",
            Self::Documents => "documents",
            Self::Users => "users",
            Self::ApiKeys => "API keys",
        }
    }
}

impl Plan {
    #[must_use]
    pub const fn limit(&self, limited: Limited) -> u32 {
        match limited {
            Limited::Chatbots => self.chatbots,
            Limited::Documents => self.documents,
            Limited::Users => self.users,
            Limited::ApiKeys => self.api_keys,
        }
    }

    /// Decides whether one more may be made while there are `used`.
    ///
    /// # Errors
    /// [`LimitReached`] when there are as many as the plan allows, or more.
    pub fn allow_one_more(&self, limited: Limited, used: i64) -> Result<(), LimitReached> {
        let limit = self.limit(limited);
        if used < i64::from(limit) {
            return Ok(());
        }
        Err(LimitReached { limited, limit, plan_name: self.name.clone() })
    }
}

/// The plan has no place left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitReached {
    pub limited: Limited,
    pub limit: u32,
    pub plan_name: String,
}

impl fmt::Display for LimitReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limited, limit, plan_name } = self;
        let name = limited.name();
        write!(f, "the {plan_name} plan allows {limit} {name}; delete one or choose a larger plan")
    }
}

/// How many of a limited thing there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    pub used: i64,
    pub limit: u32,
}

impl Used {
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.used >= i64::from(self.limit)
    }
}

/// What the plan card shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanUsage {
    pub plan: Plan,
    pub messages: WindowUsage,
    pub chatbots: Used,
    pub documents: Used,
    pub users: Used,
    pub api_keys: Used,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_place_is_given_and_the_one_after_it_is_not() {
        let plan = Plan {
            id: "plus".into(),
            name: "Plus".into(),
            price_per_month_minor_units: 1_900,
            messages_per_window: 200,
            chatbots: 10,
            documents: 100,
            users: 3,
            api_keys: 5,
            requests_per_minute: 6_000,
            requests_per_minute_per_key: 3_000,
        };
        assert_eq!(plan.allow_one_more(Limited::ApiKeys, 4), Ok(()));
        let refused = plan.allow_one_more(Limited::ApiKeys, 5).expect_err("the sixth key");
        assert_eq!(refused.to_string(), "the Plus plan allows 5 API keys; delete one or choose a larger plan");
        assert!(plan.allow_one_more(Limited::Chatbots, 11).is_err());
    }
}
