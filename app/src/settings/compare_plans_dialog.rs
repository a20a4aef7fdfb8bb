//! The catalogue, one plan a column; the account's own is named.

use super::page::PAGE;
use super::server_fns::{Offer, Snapshot};
use crate::components::{Dialog, Loaded, ProblemNotice, grouped};
use domain::money::{Currency, Money};
use domain::plan::Plan;
use leptos::prelude::*;

#[component]
pub fn ComparePlansDialog(offer: Loaded<Offer>, snapshot: Loaded<Snapshot>) -> impl IntoView {
    view! {
        <Dialog title="Compare plans" close_href=PAGE>
            <div class="in">
                <Suspense>
                    {move || offer.show(async move {
                        match (offer.await, snapshot.await) {
                            (Ok(offer), Ok(snapshot)) => plan_table(&offer, &snapshot.usage.plan.id),
                            (Err(error), _) | (_, Err(error)) => {
                                view! { <ProblemNotice problem=error.problem /> }.into_any()
                            }
                        }
                    })}
                </Suspense>
            </div>
            <footer>
                <a href="/support" class="btn">
                    "Contact support"
                </a>
                <a href=PAGE class="btn primary" autofocus data-noscroll>
                    "Close"
                </a>
            </footer>
        </Dialog>
    }
}

fn plan_table(offer: &Offer, own_plan_id: &str) -> AnyView {
    let catalogue = &offer.catalogue;
    let plans = &catalogue.plans;
    let row = |label: String, limit: fn(&Plan) -> u32| {
        let cells = plans
            .iter()
            .map(|plan| view! { <td class="r num">{grouped(limit(plan).into())}</td> }.into_any())
            .collect_view();
        view! {
            <tr>
                <th scope="row">{label}</th>
                {cells}
            </tr>
        }
    };
    let heads =
        plans.iter().map(|plan| view! { <th scope="col" class="r">{plan.name.clone()}</th> }.into_any()).collect_view();
    let price = catalogue.price_per_message.text(offer.rules.currency);
    view! {
        <div class="table-wrap" role="region" aria-label="Plans" tabindex="0">
            <table class="plans">
                <thead>
                    <tr>
                        <td></td>
                        {heads}
                    </tr>
                </thead>
                <tbody>
                    <tr>
                        <th scope="row">"A month costs"</th>
                        {plans.iter().map(|plan| price_cell(plan, offer.rules.currency)).collect_view()}
                    </tr>
                    {row(format!("Messages in {} hours", catalogue.message_window_hours), |plan| plan.messages_per_window)}
                    {row("Chatbots".to_owned(), |plan| plan.chatbots)}
                    {row("Documents".to_owned(), |plan| plan.documents)}
                    {row("Users".to_owned(), |plan| plan.users)}
                    {row("API keys".to_owned(), |plan| plan.api_keys)}
                    <tr>
                        <td></td>
                        {plans.iter().map(|plan| choice_cell(plan, plan.id == own_plan_id)).collect_view()}
                    </tr>
                </tbody>
            </table>
        </div>
        <p class="hint">
            {format!("A message by API or widget costs {price} of API credit on every plan; messages in the console cost none.")}
        </p>
    }
    .into_any()
}

fn price_cell(plan: &Plan, currency: Currency) -> AnyView {
    let price = Money { minor_units: plan.price_per_month_minor_units, currency };
    view! { <td class="r num">{price.short_text()}</td> }.into_any()
}

fn choice_cell(plan: &Plan, is_own: bool) -> AnyView {
    if is_own {
        return view! { <td class="r">"Your plan"</td> }.into_any();
    }
    let (address, label) = (format!("/settings/plan/{}", plan.id), format!("Choose {}", plan.name));
    view! { <td class="r"><a href=address aria-label=label>"Choose"</a></td> }.into_any()
}
