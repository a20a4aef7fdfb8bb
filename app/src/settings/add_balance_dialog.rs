//! Asks how much credit to buy and says what it buys; the payment itself happens on the gateway's page.

use super::page::PAGE;
use super::server_fns::{Offer, StartPayment};
use crate::components::{
    Dialog, FormProblem, Loaded, PostForm, ProblemNotice, Submission, field_error, grouped, typed,
};
use domain::credit::Credit;
use domain::money::{AddBalanceRules, Money};
use domain::problem::sentence;
use domain::quote::{Percent, Quote, tax_label};
use leptos::ev::MouseEvent;
use leptos::html::Input;
use leptos::prelude::*;

/// `amount` is the one that the address asks for, as it was typed; empty when it asks for none.
#[component]
pub fn AddBalanceDialog(amount: String, offer: Loaded<Offer>) -> impl IntoView {
    let action = Submission::<StartPayment>::new();
    let form_id = StoredValue::new(new_form_id());
    Effect::new(move |_| {
        if let Some(address) = action.value() {
            let _ = window().location().assign(&address);
        }
    });
    view! {
        <Dialog
            title="Add balance"
            lede="Credit pays for API requests and widget messages. It does not expire."
            close_href=PAGE
        >
            <Suspense>
                {move || {
                    let amount = amount.clone();
                    offer.show(async move {
                        match offer.await {
                            Ok(offer) => view! { <AmountForm amount=amount offer=offer action=action form_id=form_id.get_value() /> }.into_any(),
                            Err(error) => {
                                view! {
                                    <div class="in">
                                        <ProblemNotice problem=error.problem />
                                    </div>
                                }
                                    .into_any()
                            }
                        }
                    })
                }}
            </Suspense>
        </Dialog>
    }
}

#[component]
fn AmountForm(
    amount: String,
    offer: Offer,
    action: Submission<StartPayment>,
    /// Makes one payment of two submissions.
    form_id: String,
) -> impl IntoView {
    let Offer { rules, catalogue } = offer;
    let error = action.error();
    let amount = first_amount(amount, typed(error, "amount"), &rules);
    let input = NodeRef::<Input>::new();
    let typed_amount = RwSignal::new(amount.clone());
    let own_error = RwSignal::new(None::<String>);
    let is_edited = RwSignal::new(false);
    let on_change = move |text: String| {
        typed_amount.set(text);
        own_error.set(None);
        is_edited.set(true);
    };
    Effect::new(move |_| {
        // The server answered: its message counts until the amount is changed.
        action.version();
        is_edited.set(false);
    });
    Effect::new(move |_| {
        // Whatever was typed before the page came alive is what counts.
        if let Some(input) = input.get() {
            typed_amount.set(input.value());
        }
    });
    let rules = StoredValue::new(rules);
    let check = move |_| own_error.set(refusal(&rules.read_value(), &typed_amount.get_untracked()));
    let server_error = field_error(error, "amount");
    let message = move || {
        own_error.try_get().flatten().or_else(|| if is_edited.try_get()? { None } else { server_error.try_get()? })
    };
    view! {
        <form id="presets" method="get" action=PAGE></form>
        <PostForm to=action>
            <div class="in">
                <input type="hidden" name="form_id" value=form_id />
                <FormProblem error=error />
                {presets(&rules.read_value(), typed_amount, input, on_change)}
                <label for="field-amount">"Amount"</label>
                <div class="field num">
                    <span class="prefix" aria-hidden="true">
                        {rules.read_value().currency.symbol()}
                    </span>
                    <input
                        id="field-amount"
                        name="amount"
                        inputmode="decimal"
                        autocomplete="off"
                        autofocus
                        required
                        value=amount
                        node_ref=input
                        on:input=move |event| on_change(event_target_value(&event))
                        on:change=check
                        aria-invalid=move || message().map(|_| "true")
                        aria-describedby="amount-error amount-hint"
                    />
                </div>
                {move || {
                    message().map(|message| view! { <p class="error" id="amount-error" role="alert">{message}</p> }.into_any())
                }}
                <p class="hint" id="amount-hint">{range(&rules.read_value())}</p>
                <Purchase rules=rules price=catalogue.price_per_message amount=typed_amount />
            </div>
            <footer>
                <a href=PAGE class="btn" data-noscroll>
                    "Cancel"
                </a>
                <button type="submit" class="btn primary" disabled=move || action.is_pending().get()>
                    "Continue to payment"
                </button>
            </footer>
        </PostForm>
    }
}

/// Buttons that fill in an amount. Before WebAssembly has loaded each asks for the page with the amount in its address.
/// They belong to a form of their own: Enter in the field must pay the typed amount and not press the first of them.
fn presets(
    rules: &AddBalanceRules,
    typed_amount: RwSignal<String>,
    input: NodeRef<Input>,
    on_change: impl Fn(String) + Copy + Send + Sync + 'static,
) -> AnyView {
    let button = |minor_units: i64| {
        let money = rules.money(minor_units);
        let rules = rules.clone();
        let choose = move |event: MouseEvent| {
            event.prevent_default();
            if let Some(input) = input.get_untracked() {
                input.set_value(&money.decimal());
            }
            on_change(money.decimal());
        };
        let is_chosen = move || typed_amount.with(|text| rules.parse_amount(text) == Ok(money));
        view! {
            <button
                type="submit"
                form="presets"
                name="add-balance"
                value=money.decimal()
                aria-pressed=move || if is_chosen() { "true" } else { "false" }
                on:click=choose
            >
                {money.short_text()}
            </button>
        }
        .into_any()
    };
    view! {
        <div class="presets num" role="group" aria-label="Amounts">
            {rules.presets_minor_units.iter().copied().map(button).collect_view()}
        </div>
    }
    .into_any()
}

/// What the typed amount buys and what is added to it, as it is typed.
#[component]
fn Purchase(rules: StoredValue<AddBalanceRules>, price: Credit, amount: RwSignal<String>) -> impl IntoView {
    let lines = move || purchase(&rules.read_value(), price, &amount.read());
    view! {
        <dl class="num">
            {move || {
                let line = |(label, amount)| view! { <dt>{label}</dt> <dd>{amount}</dd> }.into_any();
                lines().into_iter().map(line).collect_view()
            }}
        </dl>
    }
}

/// The lines of the purchase; the last one is what is paid. Without an amount they have none.
fn purchase(rules: &AddBalanceRules, price: Credit, typed: &str) -> Vec<(String, String)> {
    let amount = rules.parse_amount(typed).ok();
    let quote = amount.and_then(|amount| rules.quote(amount));
    let messages = amount.and_then(Credit::bought_with).map(|credit| grouped(credit.messages_at(price)));
    let shown = |money: fn(Quote) -> Money| quote.map_or_else(|| "–".to_owned(), |quote| money(quote).text());
    let credit = messages.map_or_else(|| "Credit".to_owned(), |messages| format!("Credit, ≈ {messages} messages"));
    let mut lines = vec![(credit, shown(|quote| quote.amount))];
    let charges = &rules.charges;
    if charges.fee_percent > Percent::ZERO || charges.fee_fixed_minor_units > 0 {
        lines.push((charges.fee_label(rules.currency), shown(|quote| quote.fee)));
    }
    if charges.tax_percent > Percent::ZERO {
        lines.push((tax_label(&charges.tax_name, charges.tax_percent), shown(|quote| quote.tax)));
    }
    lines.push(("You pay".to_owned(), shown(Quote::total)));
    lines
}

/// A name for the form, which tells it from every other one of the account.
#[cfg(feature = "ssr")]
fn new_form_id() -> String {
    super::server_fns::new_form_id()
}

#[cfg(not(feature = "ssr"))]
fn new_form_id() -> String {
    js_sys::Math::random().to_bits().to_string()
}

/// What was typed before an error, else what the address asks for, else the second preset, as the one most people take.
fn first_amount(asked: String, typed: String, rules: &AddBalanceRules) -> String {
    if !typed.is_empty() {
        return typed;
    }
    if !asked.is_empty() {
        return rules.parse_amount(&asked).map_or(asked, domain::money::Money::decimal);
    }
    let presets = &rules.presets_minor_units;
    presets.get(1).or(presets.first()).map(|minor_units| rules.money(*minor_units).decimal()).unwrap_or_default()
}

fn refusal(rules: &AddBalanceRules, amount: &str) -> Option<String> {
    rules.parse_amount(amount).err().map(|error| sentence(&error.to_string()))
}

fn range(rules: &AddBalanceRules) -> String {
    let text = |minor_units| rules.money(minor_units).short_text();
    format!("Between {} and {}", text(rules.minimum_minor_units), text(rules.maximum_minor_units))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::money::Currency;
    use domain::quote::Charges;

    fn rules() -> AddBalanceRules {
        AddBalanceRules {
            currency: Currency::Usd,
            minimum_minor_units: 500,
            maximum_minor_units: 200_000,
            presets_minor_units: vec![1_000, 2_500],
            charges: Charges::default(),
        }
    }

    #[test]
    fn the_field_begins_with_what_was_typed_then_asked_for_then_a_preset() {
        let first = |asked: &str, typed: &str| first_amount(asked.to_owned(), typed.to_owned(), &rules());
        assert_eq!(first("10", "1.234"), "1.234");
        assert_eq!(first("10", ""), "10.00");
        assert_eq!(first("much", ""), "much");
        assert_eq!(first("", ""), "25.00");
    }

    #[test]
    fn the_purchase_names_what_is_added_and_ends_with_what_is_paid() {
        let price = Credit::from_millionths(2_000);
        let texts = |rules: &AddBalanceRules, typed: &str| {
            purchase(rules, price, typed)
                .into_iter()
                .map(|(label, amount)| format!("{label}: {amount}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(texts(&rules(), "25"), ["Credit, ≈ 12,500 messages: $25.00", "You pay: $25.00"]);
        assert_eq!(texts(&rules(), "x"), ["Credit: –", "You pay: –"]);
        let charges = Charges {
            fee_percent: Percent::from_thousandths(2_900),
            fee_fixed_minor_units: 30,
            tax_name: "VAT".to_owned(),
            tax_percent: Percent::from_thousandths(20_000),
        };
        assert_eq!(
            texts(&AddBalanceRules { charges, ..rules() }, "25"),
            [
                "Credit, ≈ 12,500 messages: $25.00",
                "Payment fee, 2.9% + $0.30: $1.03",
                "VAT 20%: $5.21",
                "You pay: $31.24"
            ]
        );
    }

    #[test]
    fn the_range_is_written_as_people_write_it() {
        assert_eq!(range(&rules()), "Between $5 and $2,000");
        assert_eq!(refusal(&rules(), "3").as_deref(), Some("The smallest amount is $5."));
    }
}
