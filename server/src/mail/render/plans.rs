//! What is told of a plan that is paid for month by month.

use super::{Claimed, Letter, link, moment};
use crate::Server;
use crate::error::Result;
use crate::payments::cards;
use crate::plans::changes;
use domain::clock::Timestamp;
use domain::id::AccountId;
use domain::subscription::{GRACE_US, Subscription};

/// The name of a plan, also of one that is not in the catalogue any more.
pub(super) fn name(server: &Server, plan_id: &str) -> String {
    server.catalogue.plan(plan_id).map_or_else(|| plan_id.to_owned(), |plan| plan.name.clone())
}

/// The month that the mail is about, if it is the present one still.
async fn month(server: &Server, mail: &Claimed) -> Result<Option<Subscription>> {
    let account_id = AccountId::from_row(mail.account_id.clone());
    let subscription = changes::subscription(server, &account_id).await?;
    Ok(subscription.filter(|subscription| mail.detail == subscription.period_end.us().to_string()))
}

pub(super) async fn ending(server: &Server, mail: &Claimed) -> Result<Option<Letter>> {
    let Some(subscription) = month(server, mail).await? else { return Ok(None) };
    let (plan, end) = (name(server, &subscription.plan_id), moment(subscription.period_end));
    let card = cards::saved(server, &AccountId::from_row(mail.account_id.clone())).await?;
    let next = match (&subscription.next_plan_id, card) {
        (Some(next), _) => format!("After that your plan is {}, as you chose.", name(server, next)),
        (None, Some(card)) => {
            format!("The next month is charged to your saved card ({}) then.", card.label)
        }
        (None, None) => {
            "No card is saved, so nothing is charged by itself. Save a card, or pay the next month when this one has \
             ended; there are seven days for that."
                .to_owned()
        }
    };
    Ok(Some(Letter {
        subject: format!("Your month of the plan {plan} ends on {}", subscription.period_end.date()),
        paragraphs: vec![format!("Your plan {plan} is paid until {end}."), next],
        facts: vec![("A month costs", subscription.price.text())],
        link: Some(link(server, "Look at your plan", "/settings")),
        ..Letter::default()
    }))
}

pub(super) async fn unpaid(server: &Server, mail: &Claimed) -> Result<Option<Letter>> {
    let Some(subscription) = month(server, mail).await? else { return Ok(None) };
    let plan = name(server, &subscription.plan_id);
    let until = subscription.period_end.plus_us(GRACE_US);
    Ok(Some(Letter {
        subject: format!("The next month of your plan {plan} is not paid"),
        paragraphs: vec![
            format!(
                "Your plan {plan} was paid until {}, and the next month could not be charged.",
                moment(subscription.period_end)
            ),
            format!(
                "It goes on until {}. Without a payment until then your plan changes to one that costs nothing. Nothing is \
                 deleted by that.",
                moment(until)
            ),
        ],
        link: Some(link(server, "Pay the next month", &format!("/settings/plan/{}", subscription.plan_id))),
        ..Letter::default()
    }))
}

pub(super) fn fell_back(server: &Server, mail: &Claimed) -> Letter {
    let plan = name(server, mail.subject());
    let end = mail.detail.parse().map_or(mail.at, Timestamp::from_us);
    Letter {
        subject: format!("Your plan {plan} has ended"),
        paragraphs: vec![
            format!("Your plan {plan} was paid until {}, and no payment for it is there.", moment(end)),
            "Your chatbots, documents, keys and credit are as they were. What is above the limits of your plan now works \
             on, and only making more of it is refused."
                .to_owned(),
        ],
        link: Some(link(server, "Choose a plan", "/settings?compare-plans")),
        ..Letter::default()
    }
}
