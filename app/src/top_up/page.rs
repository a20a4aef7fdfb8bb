//! `/settings/auto-top-up`. What it says and the fields are made on the server; here are the forms around them.

use super::server_fns::{ChangeTopUp, LoadTopUp, RemoveCard, SaveCard, TopUpView};
use crate::components::{
    FormProblem, Loaded, Loading, PageHeading, PostForm, ProblemNotice, Sending, Submission, use_live,
};
use domain::problem::sentence;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// `/settings/auto-top-up`
#[component]
pub fn TopUpPage() -> impl IntoView {
    let query = use_query_map();
    let live = use_live();
    let setup = Memo::new(move |_| query.with(|query| query.get("card")));
    let top_up = Loaded::new(move || (setup.get(), live.get()), |(setup, _)| LoadTopUp { setup });
    // The form outlives every change of what is around it: nothing is lost of what is being typed.
    let fields = Loaded::new(|| (), |()| LoadTopUp { setup: None });
    let change = Submission::<ChangeTopUp>::new();
    let (save, remove) = (Submission::<SaveCard>::new(), Submission::<RemoveCard>::new());
    Effect::new(move |_| {
        if let Some(address) = save.value() {
            let _ = window().location().assign(&address);
        }
    });
    Effect::new(move |_| {
        if change.is_done() || remove.is_done() {
            live.bump();
        }
    });
    view! {
        <p class="crumbs"><a href="/settings">"← API Plans & Settings"</a></p>
        <PageHeading
            title="Auto top-up"
            lede="Adds balance by itself when your API credit runs low, with a card that you save for it. It is off until you switch it on."
        />
        <Transition fallback=Loading>
            {move || top_up.show(async move {
                match top_up.await {
                    Ok(top_up) => state_and_card(top_up, save.into(), remove.into()),
                    Err(error) => view! { <ProblemNotice problem=error.problem /> }.into_any(),
                }
            })}
        </Transition>
        <Transition>
            {move || fields.show(async move {
                fields.await.map_or_else(|_| ().into_any(), |top_up| rules_form(top_up.fields, change.into()))
            })}
        </Transition>
    }
}

fn state_and_card(top_up: TopUpView, save: Sending, remove: Sending) -> AnyView {
    let TopUpView { state, card, fields: _ } = top_up;
    let label = if card.is_some() { "Save another card" } else { "Save a card" };
    let removal = card
        .is_some()
        .then(|| view! { <PostForm to=remove><button class="btn">"Remove this card"</button></PostForm> }.into_any());
    view! {
        <div class="notices" inner_html=state></div>
        <section class="card" aria-labelledby="card-heading">
            <header><h2 id="card-heading">"Card"</h2></header>
            <div class="body stack">
                <FormProblem error=save.error() />
                <p>{card.unwrap_or_else(|| "No card is saved.".to_owned())}</p>
                <div class="actions start">
                    <PostForm to=save>
                        <button class="btn" disabled=move || save.is_pending().get()>{label}</button>
                    </PostForm>
                    {removal}
                </div>
            </div>
        </section>
    }
    .into_any()
}

fn rules_form(fields: String, change: Sending) -> AnyView {
    let error = change.error();
    view! {
        <section class="card" aria-labelledby="rules-heading">
            <header><h2 id="rules-heading">"Rules"</h2></header>
            <PostForm to=change>
                <div class="body stack">
                    <FormProblem error=error />
                    {move || error.try_get().flatten().filter(|error| error.problem.field.is_some()).map(|error| {
                        view! { <p class="error" role="alert">{sentence(&error.problem.detail)}</p> }.into_any()
                    })}
                    <div class="stack" inner_html=fields></div>
                    <div class="actions start">
                        <button type="submit" class="btn primary" disabled=move || change.is_pending().get()>"Save"</button>
                        <span role="status">{move || change.is_done().then_some("Saved.")}</span>
                    </div>
                </div>
            </PostForm>
        </section>
    }
    .into_any()
}
