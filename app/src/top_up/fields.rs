//! What the page says and the fields of its form, as HTML that is made on the server.

use crate::error::AppError;
use domain::clock::Timestamp;
use domain::money::{AddBalanceRules, Currency};
use domain::top_up::{CardSetupState, StopReason, TopUp, TopUpState};
use leptos::prelude::*;

/// What it is doing, below what became of the card that was to be saved.
pub(super) fn state(top_up: &TopUp, setup: Option<CardSetupState>, currency: Currency) -> String {
    let setup = setup.map(setup_text).map(|(class, text)| notice(class, text.to_owned()));
    let (class, text) = state_text(top_up, currency);
    view! { {setup}{notice(class, text)} }.to_html()
}

fn notice(class: &'static str, text: String) -> AnyView {
    let role = if class == "notice bad" { "alert" } else { "status" };
    view! { <div class=class role=role><p>{text}</p></div> }.into_any()
}

const fn setup_text(state: CardSetupState) -> (&'static str, &'static str) {
    match state {
        CardSetupState::Saved => ("notice ok", "The card is saved. Nothing was charged."),
        CardSetupState::Refused => {
            ("notice bad", "The bank did not allow this card to be saved. Nothing was charged; try another card.")
        }
        CardSetupState::Cancelled => ("notice", "No card was saved. Nothing was charged."),
        CardSetupState::Expired => ("notice", "The page for saving a card has expired. Nothing was charged."),
        CardSetupState::Open => ("notice warn", "The card is not saved yet. Nothing was charged."),
    }
}

fn state_text(top_up: &TopUp, currency: Currency) -> (&'static str, String) {
    let bought = top_up.bought_this_month.short_text();
    let Some(rules) = &top_up.rules else {
        return ("notice", "Auto top-up is off. Nothing is bought unless you buy it.".to_owned());
    };
    let ceiling = rules.monthly_ceiling.short_text();
    match top_up.state {
        TopUpState::Off => ("notice", "Auto top-up is off. Nothing is bought unless you buy it.".to_owned()),
        TopUpState::Stopped(StopReason::Declined) => (
            "notice bad",
            "Auto top-up has stopped: the saved card was declined. Nothing is tried again until you have saved a card \
             that works, or know that this one does, and switched auto top-up on once more."
                .to_owned(),
        ),
        TopUpState::Stopped(StopReason::NoCard) => (
            "notice bad",
            "Auto top-up has stopped: there is no saved card to pay with. Save one and switch it on once more."
                .to_owned(),
        ),
        TopUpState::On if top_up.is_paying => {
            ("notice warn", format!("A payment is under way. Bought in this month: {bought} of {ceiling}."))
        }
        TopUpState::On => match top_up.at_ceiling_until {
            Some(until) => ("notice warn", at_ceiling(&bought, &ceiling, until)),
            None => (
                "notice ok",
                format!(
                    "Auto top-up is on: when less than {} of credit is left, {} is added. Bought in this month: {bought} of {ceiling}.",
                    rules.threshold.short_text(currency),
                    rules.amount.short_text(),
                ),
            ),
        },
    }
}

fn at_ceiling(bought: &str, ceiling: &str, until: Timestamp) -> String {
    format!(
        "Auto top-up waits: {bought} of the month's ceiling of {ceiling} is bought, and one more would go above it. \
         It goes on from {} on, or as soon as you raise the ceiling.",
        until.date()
    )
}

/// The fields with what is stored, or with what was typed into a form that was refused before the page was alive.
pub(super) fn fields(top_up: &TopUp, offered: &AddBalanceRules, refused: Option<&AppError>) -> String {
    let rules = top_up.rules.as_ref();
    let stored = |text: Option<String>, default: i64| text.unwrap_or_else(|| offered.money(default).decimal());
    let preset = |place: usize| offered.presets_minor_units.get(place).copied().unwrap_or(offered.minimum_minor_units);
    let value = |name: &str, stored: String| refused.map_or(stored, |error| error.typed(name));
    let threshold = rules.map(|rules| spendable(rules.threshold.decimal()));
    let symbol = offered.currency.symbol();
    let field = |name: &'static str, label: &'static str, value: String, hint: String| {
        let hint_id = format!("{name}-hint");
        view! {
            <div class="field-group">
                <label for=name>{label}</label>
                <div class="field num">
                    <span class="prefix" aria-hidden="true">{symbol}</span>
                    <input
                        id=name
                        name=name
                        value=value
                        inputmode="decimal"
                        autocomplete="off"
                        required
                        maxlength="20"
                        aria-describedby=hint_id.clone()
                    />
                </div>
                <p class="hint" id=hint_id>{hint}</p>
            </div>
        }
        .into_any()
    };
    let range = format!(
        "Between {} and {}. A payment is larger where that would not reach the amount above.",
        offered.money(offered.minimum_minor_units).short_text(),
        offered.money(offered.maximum_minor_units).short_text()
    );
    let amount = rules.map(|rules| rules.amount.decimal());
    let ceiling = rules.map(|rules| rules.monthly_ceiling.decimal());
    let is_on = top_up.state == TopUpState::On;
    view! {
        {field("threshold", "When less is left than", value("threshold", stored(threshold, offered.minimum_minor_units)),
            "Credit that can be spent; what is held for answers that are being written is not counted.".to_owned())}
        {field("amount", "Add this much", value("amount", stored(amount, preset(1))), range)}
        {field("monthly_ceiling", "At most in a month", value("monthly_ceiling", stored(ceiling, preset(3))),
            "Before fees and taxes, by month of UTC. What you buy yourself does not count.".to_owned())}
        <label class="check">
            <input type="checkbox" name="is_on" value="true" checked=is_on />
            "Add balance by itself"
        </label>
    }
    .to_html()
}

/// `5.000000` → `5.00`: as an amount of money is typed.
fn spendable(decimal: String) -> String {
    decimal.strip_suffix("0000").map_or(decimal.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::credit::Credit;
    use domain::money::Money;
    use domain::top_up::TopUpRules;

    const fn money(minor_units: i64) -> Money {
        Money { minor_units, currency: Currency::Usd }
    }

    fn top_up(state: TopUpState) -> TopUp {
        let threshold = Credit::from_millionths(5_000_000);
        let rules = TopUpRules { threshold, amount: money(2_500), monthly_ceiling: money(10_000) };
        TopUp {
            state,
            rules: Some(rules),
            card: Some("Test card ending in 4242".to_owned()),
            bought_this_month: money(7_500),
            is_paying: false,
            at_ceiling_until: None,
        }
    }

    #[test]
    fn the_page_says_what_auto_top_up_does_and_why_it_does_nothing() {
        let text = |top_up: &TopUp| state_text(top_up, Currency::Usd).1;
        assert!(text(&top_up(TopUpState::On)).contains("less than $5.00 of credit is left, $25 is added"));
        assert!(text(&top_up(TopUpState::On)).contains("$75 of $100"));
        assert!(text(&TopUp { rules: None, ..top_up(TopUpState::Off) }).contains("is off"));
        assert!(text(&top_up(TopUpState::Stopped(StopReason::Declined))).contains("was declined"));
        assert!(text(&TopUp { is_paying: true, ..top_up(TopUpState::On) }).contains("under way"));
        let until = Timestamp::from_date("2026-12-01");
        assert!(text(&TopUp { at_ceiling_until: until, ..top_up(TopUpState::On) }).contains("from 2026-12-01 on"));
    }

    #[test]
    fn the_fields_hold_what_is_stored_or_what_was_typed_and_refused() {
        let offered = AddBalanceRules {
            currency: Currency::Usd,
            minimum_minor_units: 500,
            maximum_minor_units: 200_000,
            presets_minor_units: vec![1_000, 2_500, 5_000, 10_000],
            charges: domain::quote::Charges::default(),
        };
        let html = |top_up: &TopUp, refused: Option<&AppError>| Owner::new().with(|| fields(top_up, &offered, refused));
        let page = html(&top_up(TopUpState::On), None);
        for value in ["value=\"5.00\"", "value=\"25.00\"", "value=\"100.00\"", "checked"] {
            assert!(page.contains(value), "{value} in {page}");
        }
        assert!(!html(&top_up(TopUpState::Off), None).contains("checked"));
        let problem = domain::problem::Problem::from(domain::field::FieldError::new("amount", "no"));
        let refused = AppError::from(problem).with_typed("amount", "\"><b>");
        let page = html(&top_up(TopUpState::Off), Some(&refused));
        assert!(page.contains("&quot;") && !page.contains("<b>"), "{page}");
    }
}
