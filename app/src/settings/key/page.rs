//! `/settings/keys/{id}`

use super::form::SettingsForm;
use super::requests::Requests;
use super::secrets::Secrets;
use crate::components::{
    CopyButton, Loaded, Loading, Moment, MomentKind, OpenDialog, PageHeading, ProblemNotice, SwitchTexts, switch,
    use_live,
};
use crate::settings::server_fns::{KeyView, LoadKey, LoadKeyView, SwitchKey};
use crate::usage::chart_card;
use crate::usage::server_fns::LoadKeyChart;
use domain::api_key::ApiKey;
use domain::money::Currency;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

/// The settings are read once and the rest whenever it changes: what is being typed must outlive every refresh.
#[component]
pub fn KeyPage() -> impl IntoView {
    let live = use_live();
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let settings = Loaded::new(move || id.get(), |key_id| LoadKeyView { key_id });
    let loaded = Loaded::new(move || (id.get(), live.get()), |(key_id, _)| LoadKey { key_id });
    let chart = Loaded::new(move || (id.get(), live.get()), |(key_id, _)| LoadKeyChart { key_id });
    view! {
        <p class="crumbs">
            <a href="/settings">"API Plans & Settings"</a>
        </p>
        <Transition fallback=Loading>
            {move || loaded.show(async move {
                match loaded.await {
                    Ok(key) => heading(key),
                    Err(error) => view! {
                        <PageHeading title="API key" />
                        <ProblemNotice problem=error.problem />
                    }
                    .into_any(),
                }
            })}
        </Transition>
        <Transition>
            {move || settings.show(async move {
                match settings.await {
                    Ok(KeyView { key, chatbots, currency }) => {
                        view! { <SettingsForm key=key chatbots=chatbots currency=currency /> }.into_any()
                    }
                    // The heading says what went wrong.
                    Err(_) => ().into_any(),
                }
            })}
        </Transition>
        <Transition>
            {move || chart.show(async move {
                // The heading says what went wrong with the key.
                chart.await.map_or_else(|_| ().into_any(), chart_card)
            })}
        </Transition>
        <Transition>
            {move || loaded.show(async move {
                let currency = settings.await.map(|view| view.currency);
                match (loaded.await, currency) {
                    (Ok(key), Ok(currency)) => rest(key, currency),
                    _ => ().into_any(),
                }
            })}
        </Transition>
        <Requests id/>
    }
    .into_any()
}

fn heading(key: ApiKey) -> AnyView {
    let name = key.settings.name;
    let label = format!("Copy the Consumer Key of {name}");
    view! {
        <PageHeading title=name />
        <div class="lede chatbot-id">
            <code class="mono">{key.consumer_key.to_string()}</code>
            <CopyButton text=key.consumer_key.to_string() label=label />
            <span class="sub">
                "created " <Moment at=key.created_at kind=MomentKind::Date />
                {(!key.created_by.is_empty()).then(|| format!(" by {}", key.created_by))}
            </span>
        </div>
        {key
            .disabled_at
            .map(|at| {
                view! {
                    <p class="notice warn" role="status">
                        "Switched off since " <Moment at=at /> ". Programs that use it are refused."
                    </p>
                }
                    .into_any()
            })}
    }
    .into_any()
}

const SWITCH: SwitchTexts = SwitchTexts {
    when_on: ("Switch off", "Its next call is refused. You can switch it on again."),
    when_off: ("Switch on", "Its next call is answered again."),
};

fn rest(key: ApiKey, currency: Currency) -> AnyView {
    let usage_href = format!("/usage?key={}", key.id);
    let cap = match key.settings.monthly_cap {
        Some(cap) => format!(" of {}", cap.short_text(currency)),
        None => String::new(),
    };
    let spent = key.spent_this_month.short_text(currency) + &cap;
    let (id, is_on) = (key.id.to_string(), key.disabled_at.is_none());
    let (last_used_at, last_used_from) = (key.last_used_at, key.last_used_from.clone());
    view! {
        <Secrets key=key />
        <section class="card" aria-labelledby="use-title">
            <header>
                <h2 id="use-title">"Use"</h2>
            </header>
            <dl class="body facts">
                <dt>"This month"</dt>
                <dd class="num">{spent}</dd>
                <dt>"Last used"</dt>
                <dd>
                    {match last_used_at {
                        Some(at) => view! { <Moment at=at /> }.into_any(),
                        None => "never".into_any(),
                    }} {last_used_from.map(|from| view! { " from " <code class="mono">{from}</code> }.into_any())}
                </dd>
            </dl>
            <div class="foot">
                <a href=usage_href>"All entries of this key"</a>
                <a href="/reference">"How to use keys"</a>
            </div>
        </section>
        <section class="card" aria-labelledby="end-title">
            <header>
                <h2 id="end-title">"Switch off or delete"</h2>
            </header>
            <div class="body stack">
                {switch::<SwitchKey>(("key_id", id.clone()), is_on, &SWITCH)}
                <div class="actions start">
                    <OpenDialog href="/settings" name="delete-key" value=id label="Delete this key" class="btn danger" />
                    <span class="hint">"A deleted key never works again."</span>
                </div>
            </div>
        </section>
    }
    .into_any()
}
