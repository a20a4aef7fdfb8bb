//! The catalogue of plans as a file, and how much of a plan an account uses.

pub mod changes;
pub mod renewals;
mod subscriptions;

pub(crate) use changes::plan_paid;
pub(crate) use renewals::{plan_taken_back, renewal_ended};

use crate::error::{Result, StartError};
use crate::{Server, args};
use domain::clock::Timestamp;
use domain::credit::Credit;
use domain::id::AccountId;
use domain::ledger::Channel;
use domain::plan::{Catalogue, Plan, PlanUsage, Used};
use domain::problem::Problem;
use domain::window::WindowUsage;
use serde::Deserialize;
use std::path::Path;
use toml::Spanned;

/// The highest price of a plan a month, in minor units.
const PRICE_MINOR_UNITS_MAX: i64 = 100_000_000;

const BUILT_IN: &str = include_str!("../../plans.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    default_plan: Spanned<String>,
    message_window_hours: Spanned<u32>,
    counted_channels: Vec<Channel>,
    price_per_message: Spanned<String>,
    plan: Spanned<Vec<Spanned<Plan>>>,
}

/// Reads the catalogue from a file, or the built-in one.
///
/// # Errors
/// When the file cannot be read, or is not a catalogue; the text names the file and the line.
pub fn read_catalogue(path: Option<&Path>) -> std::result::Result<Catalogue, StartError> {
    let Some(path) = path else { return parse_catalogue(BUILT_IN, "built-in plans") };
    let text = std::fs::read_to_string(path)
        .map_err(|error| StartError::option("--plans", format!("{}: {error}", path.display())))?;
    parse_catalogue(&text, &path.display().to_string())
}

fn parse_catalogue(text: &str, name: &str) -> std::result::Result<Catalogue, StartError> {
    let at = |start: usize, reason: String| {
        let line = text[..start.min(text.len())].matches('\n').count() + 1;
        StartError::option("--plans", format!("{name}, line {line}: {reason}"))
    };
    let file: File = toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        at(start, error.message().to_owned())
    })?;
    let hours = *file.message_window_hours.get_ref();
    if !(1..=744).contains(&hours) {
        let reason = format!("message_window_hours is {hours}; it must be from 1 to 744");
        return Err(at(file.message_window_hours.span().start, reason));
    }
    let price = file.price_per_message.get_ref();
    let price_per_message = Credit::parse(price).filter(|price| *price >= Credit::ZERO).ok_or_else(|| {
        let reason = format!("price_per_message is \"{price}\"; it must be an amount with at most six decimals");
        at(file.price_per_message.span().start, reason)
    })?;
    let mut plans: Vec<Plan> = Vec::new();
    let plans_start = file.plan.span().start;
    for plan in file.plan.into_inner() {
        let start = plan.span().start;
        let plan = plan.into_inner();
        check_plan(&plan, &plans).map_err(|reason| at(start, reason))?;
        plans.push(plan);
    }
    if plans.is_empty() {
        return Err(at(plans_start, "there must be at least one [[plan]]".to_owned()));
    }
    let default_plan = file.default_plan.get_ref().clone();
    if !plans.iter().any(|plan| plan.id == default_plan) {
        let reason = format!("default_plan is \"{default_plan}\", and there is no plan with this id");
        return Err(at(file.default_plan.span().start, reason));
    }
    let counted_channels = file.counted_channels;
    Ok(Catalogue { default_plan, message_window_hours: hours, counted_channels, price_per_message, plans })
}

fn check_plan(plan: &Plan, before: &[Plan]) -> std::result::Result<(), String> {
    let is_id_character = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if plan.id.is_empty() || plan.id.len() > 40 || !plan.id.bytes().all(is_id_character) {
        return Err(format!("the id \"{}\" must be lower-case letters, digits and hyphens", plan.id));
    }
    if before.iter().any(|other| other.id == plan.id) {
        return Err(format!("there are two plans with the id \"{}\"", plan.id));
    }
    if plan.name.trim().is_empty() || plan.name.chars().count() > 40 {
        return Err(format!("the name of the plan \"{}\" must have 1 to 40 characters", plan.id));
    }
    if !(0..=PRICE_MINOR_UNITS_MAX).contains(&plan.price_per_month_minor_units) {
        return Err(format!("the price of the plan \"{}\" must be from 0 to {PRICE_MINOR_UNITS_MAX}", plan.id));
    }
    if plan.users == 0 {
        return Err(format!("the plan \"{}\" must allow at least one user", plan.id));
    }
    if plan.requests_per_minute == 0 || plan.requests_per_minute_per_key == 0 {
        return Err(format!("the plan \"{}\" must allow at least one request a minute", plan.id));
    }
    Ok(())
}

impl Server {
    /// See [`Catalogue::plan_or_default`].
    pub(crate) fn plan_or_default(&self, plan_id: &str) -> Result<Plan> {
        let plan = self.catalogue.plan_or_default(plan_id);
        plan.cloned().ok_or_else(|| crate::Error::internal("the catalogue has no default plan"))
    }
}

const COUNT_USED: &str = "
SELECT a.plan_id,
       (SELECT COUNT(*) FROM chatbots c WHERE c.account_id = a.id AND c.deleted_at IS NULL),
       (SELECT COUNT(*) FROM documents d WHERE d.account_id = a.id),
       (SELECT COUNT(*) FROM members m WHERE m.account_id = a.id),
       (SELECT COUNT(*) FROM api_keys k WHERE k.account_id = a.id AND k.deleted_at IS NULL)
FROM accounts a
WHERE a.id = $1";

/// Only the newest messages can count: at most as many as the plan allows, found from the newest backwards.
const COUNT_WINDOW: &str = "
SELECT COUNT(*), MIN(w.at)
FROM (SELECT m.at FROM counted_messages m
      WHERE m.account_id = $1 ORDER BY m.number DESC LIMIT $3) w
WHERE w.at > $2";

/// How much of its plan an account uses now.
///
/// # Errors
/// 404 when there is no such account.
pub async fn usage(server: &Server, account_id: &AccountId) -> Result<PlanUsage> {
    type UsedRow = (String, i64, i64, i64, i64);
    let row: Option<UsedRow> = server.db.optional(COUNT_USED, args![account_id.as_str()]).await?;
    let (plan_id, chatbots, documents, users, api_keys) = row.ok_or_else(|| Problem::not_found("account"))?;
    let plan = server.plan_or_default(&plan_id)?;
    let window_us = server.catalogue.window_us();
    let since = server.now().plus_us(-window_us);
    let window = args![account_id.as_str(), since.us(), i64::from(plan.messages_per_window)];
    let (used, oldest): (i64, Option<i64>) = server.db.one(COUNT_WINDOW, window).await?;
    let messages = WindowUsage {
        used: u32::try_from(used).unwrap_or(u32::MAX),
        limit: plan.messages_per_window,
        window_us,
        next_free_at: oldest.map(|oldest| Timestamp::from_us(oldest).plus_us(window_us)),
    };
    Ok(PlanUsage {
        messages,
        chatbots: Used { used: chatbots, limit: plan.chatbots },
        documents: Used { used: documents, limit: plan.documents },
        users: Used { used: users, limit: plan.users },
        api_keys: Used { used: api_keys, limit: plan.api_keys },
        plan,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_catalogue_has_the_three_plans() {
        let catalogue = parse_catalogue(BUILT_IN, "built-in plans").unwrap();
        let limits: Vec<(&str, u32, u32, u32, u32, u32)> = catalogue
            .plans
            .iter()
            .map(|p| (p.name.as_str(), p.messages_per_window, p.chatbots, p.documents, p.users, p.api_keys))
            .collect();
        let expected = [("Free", 40, 1, 5, 1, 2), ("Plus", 200, 10, 100, 3, 5), ("Business", 1_000, 50, 2_000, 20, 20)];
        assert_eq!(limits, expected);
        assert_eq!(catalogue.default_plan, "plus");
        assert_eq!(catalogue.price_per_message, Credit::from_millionths(2_000));
    }

    #[test]
    fn a_mistake_in_the_catalogue_is_refused_with_its_line() {
        for (from, to, line, part) in [
            ("default_plan = \"plus\"", "default_plan = \"gold\"", 4, "gold"),
            ("message_window_hours = 3", "message_window_hours = 0", 7, "from 1 to 744"),
            ("price_per_message = \"0.002\"", "price_per_message = \"0.0000002\"", 13, "six decimals"),
            ("price_per_message = \"0.002\"", "price_per_message = 0.002", 13, "string"),
            ("chatbots = 1\n", "chatbots = -1\n", 24, "-1"),
            ("chatbots = 1\n", "chatbot = 1\n", 24, "chatbot"),
            ("id = \"business\"", "id = \"plus\"", 43, "two plans"),
            ("id = \"business\"", "id = \"Big Business\"", 43, "lower-case"),
            ("requests_per_minute = 600", "requests_per_minute = 0", 20, "at least one request"),
            ("price_per_month_minor_units = 1900", "price_per_month_minor_units = -1", 31, "from 0 to"),
            ("[\"console\"]", "[\"console\", \"fax\"]", 10, "fax"),
        ] {
            let text = BUILT_IN.replacen(from, to, 1);
            assert_ne!(text, BUILT_IN, "{from} is in the catalogue");
            let error = parse_catalogue(&text, "plans.toml").expect_err(to).to_string();
            assert!(error.contains(&format!("plans.toml, line {line}: ")) && error.contains(part), "{to}: {error}");
        }
    }
}
