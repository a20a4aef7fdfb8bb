//! What is said about a change of plan and about a plan that is paid for, as HTML that is made on the server.

use domain::clock::Timestamp;
use domain::money::{Currency, Money};
use domain::plan::{Catalogue, Plan};
use domain::subscription::{PlanChange, PlanOffer, Subscription};
use leptos::prelude::*;

pub(super) fn title(offer: &PlanOffer) -> String {
    match offer.change {
        PlanChange::Same => format!("Your plan is {}", offer.wanted.name),
        PlanChange::AtOnce if offer.wanted.id == offer.present.id => format!("Keep {}", offer.wanted.name),
        _ => format!("Change to {}", offer.wanted.name),
    }
}

/// What the button says; none where there is nothing to change, or more than the plan allows.
pub(super) fn button(offer: &PlanOffer) -> Option<String> {
    if offer.is_refused() {
        return None;
    }
    Some(match &offer.change {
        PlanChange::Same => return None,
        PlanChange::Paid { pay, .. } => {
            format!("Continue to pay {}", offer.quote.map_or(*pay, domain::quote::Quote::total).text())
        }
        PlanChange::AtOnce if offer.wanted.id == offer.present.id => format!("Keep {}", offer.wanted.name),
        PlanChange::AtOnce => format!("Change to {} now", offer.wanted.name),
        PlanChange::Later { at } => format!("Change to {} on {}", offer.wanted.name, at.date()),
    })
}

pub(super) fn text(offer: &PlanOffer, currency: Currency, card: Option<&str>) -> String {
    let PlanOffer { present, wanted, .. } = offer;
    if offer.is_refused() {
        let items = offer.over.iter().map(|over| view! { <li>{over.to_string()}</li> }.into_any()).collect_view();
        return view! {
            <p>{format!("Nothing can be changed yet: the {} plan allows less than there is.", wanted.name)}</p>
            <ul>{items}</ul>
            <p>"Delete what you do not need, and come back."</p>
        }
        .to_html();
    }
    match &offer.change {
        PlanChange::Same => paragraph("This is the plan that you have. There is nothing to change."),
        PlanChange::AtOnce if wanted.id == present.id => {
            paragraph(&format!("{} goes on when this month has ended, instead of another plan.", wanted.name))
        }
        PlanChange::AtOnce => paragraph(&format!("Your plan is {} at once. Nothing has to be paid.", wanted.name)),
        PlanChange::Later { at } => {
            let then = monthly(wanted, currency);
            paragraph(&format!(
                "{} goes on until {}, which is paid for. Then your plan is {}, {then}. Nothing is deleted, and you can \
                 change your mind until then.",
                present.name,
                at.date(),
                wanted.name
            ))
        }
        PlanChange::Paid { pay, price, unused } => paid(offer, *pay, *price, *unused, card),
    }
}

fn paid(offer: &PlanOffer, pay: Money, price: Money, unused: Money, card: Option<&str>) -> String {
    let name = &offer.wanted.name;
    let end = offer.at.month_later(offer.at.civil().day).date();
    let less = (unused.minor_units > 0).then(|| {
        view! {
            <dt>{format!("Less what is unused of {}", offer.present.name)}</dt>
            <dd>{format!("−{}", unused.text())}</dd>
        }
        .into_any()
    });
    let added = |label: &'static str, money: Option<Money>| {
        let money = money.filter(|money| money.minor_units > 0)?;
        Some(view! { <dt>{label}</dt><dd>{money.text()}</dd> }.into_any())
    };
    let fee = added("Payment fee", offer.quote.map(|quote| quote.fee));
    let tax = added("Tax", offer.quote.map(|quote| quote.tax));
    let is_more = fee.is_some() || tax.is_some();
    let total = offer.quote.map_or(pay, domain::quote::Quote::total);
    let price_text = if is_more { format!("{} and fee and tax", price.text()) } else { price.text() };
    let renewal = match card {
        Some(card) => format!("Each month after that is charged to your saved card ({card}) for {price_text}."),
        None => format!(
            "Each month after that costs {price_text}. No card is saved, so you are asked to pay it; save a card on the \
             page of auto top-up to have it charged by itself."
        ),
    };
    view! {
        <dl class="num facts">
            <dt>{format!("{name}, one month from now until {end}")}</dt>
            <dd>{price.text()}</dd>
            {less}
            {fee}
            {tax}
            <dt class="total">"You pay now"</dt>
            <dd class="total">{total.text()}</dd>
        </dl>
        <p>{format!("{name} holds as soon as it is paid. {renewal}")}</p>
        <p class="hint">"The amount stands for 15 minutes. You can go back to a smaller plan at the end of any month."</p>
    }
    .to_html()
}

fn paragraph(text: &str) -> String {
    view! { <p>{text.to_owned()}</p> }.to_html()
}

fn monthly(plan: &Plan, currency: Currency) -> String {
    match plan.price_per_month_minor_units {
        0 => "which costs nothing".to_owned(),
        minor_units => format!("for {} a month", Money { minor_units, currency }.text()),
    }
}

/// What the plan card says of a plan that is paid for: until when, and what follows; empty for one that is not.
#[must_use]
pub fn note(subscription: Option<&Subscription>, catalogue: &Catalogue, now: Timestamp) -> String {
    let Some(subscription) = subscription else { return String::new() };
    let name = |id: &str| catalogue.plan(id).map_or_else(|| id.to_owned(), |plan| plan.name.clone());
    let address = format!("/settings/plan/{}", subscription.plan_id);
    let (end, price) = (subscription.period_end.date(), subscription.price.text());
    match (subscription.grace_until(now), &subscription.next_plan_id) {
        (Some(until), _) => view! {
            <p class="notice bad" role="alert">
                {format!("{} was paid until {end}. Without a payment it ends on {}. ", name(&subscription.plan_id), until.date())}
                <a href=address>{format!("Pay {price} for the next month")}</a>
            </p>
        }
        .to_html(),
        (None, Some(next)) => view! {
            <p class="hint">
                {format!("Paid until {end}; {} after that. ", name(next))}
                <a href=address>{format!("Keep {}", name(&subscription.plan_id))}</a>
            </p>
        }
        .to_html(),
        (None, None) => view! { <p class="hint">{format!("{price} a month · paid until {end}")}</p> }.to_html(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::subscription::OverLimit;

    fn plan(id: &str, price_per_month_minor_units: i64) -> Plan {
        Plan {
            id: id.to_owned(),
            name: id.to_owned(),
            price_per_month_minor_units,
            messages_per_window: 1,
            chatbots: 1,
            documents: 1,
            users: 1,
            api_keys: 1,
            requests_per_minute: 1,
            requests_per_minute_per_key: 1,
        }
    }

    fn offer(change: PlanChange, wanted: Plan) -> PlanOffer {
        let at = Timestamp::from_date("2026-11-26").expect("a date");
        PlanOffer { present: plan("Plus", 1_900), wanted, change, over: Vec::new(), quote: None, at }
    }

    const fn money(minor_units: i64) -> Money {
        Money { minor_units, currency: Currency::Usd }
    }

    fn html(offer: &PlanOffer) -> String {
        Owner::new().with(|| text(offer, Currency::Usd, Some("Visa ending in 4242")))
    }

    #[test]
    fn what_is_paid_is_said_to_the_cent_with_what_it_is_made_of() {
        let change = PlanChange::Paid { pay: money(9_266), price: money(9_900), unused: money(634) };
        let offer = offer(change, plan("Business", 9_900));
        let page = html(&offer);
        for part in ["until 2026-12-26", "$99.00", "−$6.34", "$92.66", "Visa ending in 4242"] {
            assert!(page.contains(part), "{part} in {page}");
        }
        assert_eq!(button(&offer).as_deref(), Some("Continue to pay $92.66"));
    }

    #[test]
    fn a_plan_that_is_too_small_is_refused_with_the_list() {
        let at = Timestamp::from_date("2026-12-26").expect("a date");
        let mut offer = offer(PlanChange::Later { at }, plan("Free", 0));
        assert_eq!(button(&offer).as_deref(), Some("Change to Free on 2026-12-26"));
        assert!(html(&offer).contains("until 2026-12-26"));
        offer.over = vec![OverLimit { limited: domain::plan::Limited::Chatbots, used: 3, limit: 1 }];
        assert_eq!(button(&offer), None);
        let page = html(&offer);
        assert!(page.contains("<li>3 chatbots, where it allows 1"), "{page}");
    }

    #[test]
    fn the_card_of_a_plan_says_until_when_it_is_paid_and_what_follows() {
        let catalogue = Catalogue {
            default_plan: "plus".to_owned(),
            message_window_hours: 3,
            counted_channels: Vec::new(),
            price_per_message: domain::credit::Credit::ZERO,
            plans: vec![plan("plus", 1_900), plan("free", 0)],
        };
        let now = Timestamp::from_date("2026-11-26").expect("a date");
        let paid = Subscription::begun("plus", money(1_900), now);
        let said = |subscription: Option<&Subscription>, now| Owner::new().with(|| note(subscription, &catalogue, now));
        assert_eq!(said(None, now), "");
        assert!(said(Some(&paid), now).contains("$19.00 a month · paid until 2026-12-26"));
        assert!(said(Some(&paid), paid.period_end).contains("Without a payment it ends on 2027-01-02"));
        let leaving = Subscription { next_plan_id: Some("free".to_owned()), ..paid };
        assert!(said(Some(&leaving), now).contains("free after that"));
    }
}
