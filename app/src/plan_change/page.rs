//! `/settings/plan/{plan}`. What it says is made on the server, and so is what it costs: nothing is counted here.

use super::server_fns::{ChangePlan, LoadPlanChange, PlanChangeView};
use crate::components::{FormProblem, Loaded, Loading, PageHeading, PostForm, ProblemNotice, Submission};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

/// `/settings/plan/{plan}`
#[component]
pub fn PlanChangePage() -> impl IntoView {
    let params = use_params_map();
    let plan_id = Memo::new(move |_| params.with(|params| params.get("plan").unwrap_or_default()));
    let change = Loaded::new(move || plan_id.get(), |plan_id| LoadPlanChange { plan_id });
    let action = Submission::<ChangePlan>::new();
    Effect::new(move |_| {
        if let Some(address) = action.value() {
            let _ = window().location().assign(&address);
        }
    });
    view! {
        <p class="crumbs"><a href="/settings">"← API Plans & Settings"</a></p>
        <Transition fallback=Loading>
            {move || change.show(async move {
                match change.await {
                    Ok(change) => change_card(change, action),
                    Err(error) => view! { <ProblemNotice problem=error.problem /> }.into_any(),
                }
            })}
        </Transition>
    }
}

fn change_card(change: PlanChangeView, action: Submission<ChangePlan>) -> AnyView {
    let PlanChangeView { title, text, plan_id, offered_at, button } = change;
    let form = button.map(|label| {
        view! {
            <PostForm to=action>
                <FormProblem error=action.error() />
                <input type="hidden" name="plan_id" value=plan_id />
                <input type="hidden" name="offered_at" value=offered_at.to_string() />
                <div class="actions start">
                    <button type="submit" class="btn primary" disabled=move || action.is_pending().get()>{label}</button>
                    <a href="/settings" class="btn">"Cancel"</a>
                </div>
            </PostForm>
        }
        .into_any()
    });
    view! {
        <PageHeading title=title lede="What the change takes, before anything is paid." />
        <section class="card">
            <div class="body stack">
                <div class="stack" inner_html=text></div>
                {form}
            </div>
        </section>
    }
    .into_any()
}
