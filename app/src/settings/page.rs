//! The page. Its address says which dialog is open and which payment the person comes back from.

use super::add_balance_dialog::AddBalanceDialog;
use super::compare_plans_dialog::ComparePlansDialog;
use super::credit_card::CreditCard;
use super::delete_key_dialog::DeleteKeyDialog;
use super::keys_card::KeysCard;
use super::new_key_dialog::NewKeyDialog;
use super::payment_notice::PaymentNotice;
use super::plan_card::PlanCard;
use super::regenerate_key_dialog::RegenerateKeyDialog;
use super::server_fns::{LoadKey, LoadOffer, LoadSnapshot, Offer, Snapshot};
use crate::account::page::unconfirmed;
use crate::components::{Loaded, Loading, PageHeading, ProblemNotice, use_live};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;

/// Where every dialog of the page returns to.
pub(super) const PAGE: &str = "/settings";

/// The dialog that the address names.
#[derive(Clone, PartialEq, Eq)]
enum Opened {
    Nothing,
    AddBalance(String),
    ComparePlans,
    NewKey,
    RegenerateKey(String),
    DeleteKey(String),
}

/// `/settings`
#[component]
pub fn SettingsPage() -> impl IntoView {
    let query = use_query_map();
    let live = use_live();
    let payment = Memo::new(move |_| query.with(|query| query.get("payment")));
    let offer = Loaded::new(|| (), |()| LoadOffer {});
    let snapshot = Loaded::new(move || (payment.get(), live.get()), |(payment, _)| LoadSnapshot { payment });
    view! {
        <PageHeading
            title="API Plans & Settings"
            lede="Your plan, the credit your API calls and widgets draw on, and the keys they use."
        />
        {unconfirmed()}
        <Transition fallback=Loading>
            {move || snapshot.show(async move {
                // Only the dialogs show the offer, but the server must not end the page before it has been read.
                let _ = offer.await;
                match snapshot.await {
                    Ok(snapshot) => view! { <Cards snapshot=snapshot /> }.into_any(),
                    Err(error) => view! { <ProblemNotice problem=error.problem /> }.into_any(),
                }
            })}
        </Transition>
        <Dialogs offer=offer snapshot=snapshot />
    }
}

#[component]
fn Cards(snapshot: Snapshot) -> impl IntoView {
    let Snapshot { usage, plan_note, credit, entries, keys, payment } = snapshot;
    let (key_limit, currency) = (usage.api_keys, credit.currency);
    view! {
        {payment.map(|payment| view! { <PaymentNotice payment=payment /> }.into_any())}
        <PlanCard usage=usage note=plan_note />
        <CreditCard credit=credit entries=entries />
        <KeysCard keys=keys used=key_limit currency=currency />
    }
}

/// Stands beside the cards, not among them: what is typed into a dialog must outlive a change of the numbers behind it.
#[component]
fn Dialogs(offer: Loaded<Offer>, snapshot: Loaded<Snapshot>) -> impl IntoView {
    let query = use_query_map();
    let opened = Memo::new(move |_| query.with(opened_dialog));
    let asked_key = move || match opened.get() {
        Opened::RegenerateKey(key_id) | Opened::DeleteKey(key_id) => Some(key_id),
        _ => None,
    };
    let key = Loaded::maybe(asked_key, |key_id| key_id.map(|key_id| LoadKey { key_id }));
    move || match opened.get() {
        Opened::Nothing => ().into_any(),
        Opened::AddBalance(amount) => view! { <AddBalanceDialog amount=amount offer=offer /> }.into_any(),
        Opened::ComparePlans => view! { <ComparePlansDialog offer=offer snapshot=snapshot /> }.into_any(),
        Opened::NewKey => view! { <NewKeyDialog /> }.into_any(),
        Opened::RegenerateKey(_) => view! { <RegenerateKeyDialog key_resource=key /> }.into_any(),
        Opened::DeleteKey(_) => view! { <DeleteKeyDialog key_resource=key /> }.into_any(),
    }
}

fn opened_dialog(query: &ParamsMap) -> Opened {
    if let Some(amount) = query.get("add-balance") {
        return Opened::AddBalance(amount);
    }
    if query.get("compare-plans").is_some() {
        return Opened::ComparePlans;
    }
    if query.get("generate-key").is_some() {
        return Opened::NewKey;
    }
    if let Some(key_id) = query.get("regenerate-key") {
        return Opened::RegenerateKey(key_id);
    }
    query.get("delete-key").map_or(Opened::Nothing, Opened::DeleteKey)
}
