//! The API keys: what each is called, when it was last used and what it spent; never a secret.

use super::page::PAGE;
use crate::components::{CopyButton, EmptyState, Later, Menu, Moment, MomentKind, OpenDialog, of_limit};
use domain::api_key::ApiKey;
use domain::clock::{DAY_US, Timestamp};
use domain::money::Currency;
use domain::plan::Used;
use leptos::prelude::*;

/// Characters of a Consumer Key that the table shows.
const SHOWN_CHARACTERS: usize = 15;

#[component]
pub fn KeysCard(keys: Vec<ApiKey>, used: Used, currency: Currency) -> impl IntoView {
    let is_empty = keys.is_empty();
    view! {
        <section class="card keys" aria-labelledby="keys-title">
            <Later>
                <header>
                    <h2 id="keys-title">"API keys"</h2>
                    <span class="chip num">{of_limit(used.used, used.limit)}</span>
                    {(!is_empty).then(|| view! { <span class="push">{generate("btn")}</span> }.into_any())}
                </header>
                {if is_empty {
                    view! {
                        <EmptyState title="No API keys yet">
                            <p>"A key lets your programs ask your chatbots. Its secret is shown once, when you make it."</p>
                            {generate("btn primary")}
                        </EmptyState>
                    }
                        .into_any()
                } else {
                    view! { <KeyTable keys=keys currency=currency /> }.into_any()
                }}
                {used
                    .is_full()
                    .then(|| {
                        view! {
                            <p class="notice warn inset">
                                "All keys of your plan are in use. Delete one to make room, or compare plans."
                            </p>
                        }
                            .into_any()
                    })}
                <div class="foot">
                    <span>
                        "Never put a Consumer Secret in a web page or an app. " <a href="/reference">"How to use keys"</a>
                    </span>
                </div>
            </Later>
        </section>
    }
}

fn generate(class: &'static str) -> AnyView {
    view! { <OpenDialog href=PAGE name="generate-key" label="Generate API Key" class=class /> }.into_any()
}

#[component]
fn KeyTable(keys: Vec<ApiKey>, currency: Currency) -> impl IntoView {
    view! {
        <table>
            <thead>
                <tr>
                    <th scope="col">"Name"</th>
                    <th scope="col">"Consumer Key"</th>
                    <th scope="col">"Created"</th>
                    <th scope="col">"Last used"</th>
                    <th scope="col" class="r">
                        "This month"
                    </th>
                    <th scope="col">
                        <span class="visually-hidden">"Actions"</span>
                    </th>
                </tr>
            </thead>
            <tbody>{keys.into_iter().map(|key| key_row(key, currency)).collect_view()}</tbody>
        </table>
    }
}

fn key_row(key: ApiKey, currency: Currency) -> AnyView {
    let ApiKey { id, settings, consumer_key, created_at, last_used_at, spent_this_month, .. } = key;
    let name = settings.name;
    let state = state_text(key.disabled_at.is_some(), key.old_secret.is_some(), settings.expires_at);
    let shortened: String = consumer_key.as_str().chars().take(SHOWN_CHARACTERS).collect();
    view! {
        <tr>
            <th scope="row" class="key-name">
                <a href=format!("/settings/keys/{id}")>{name.clone()}</a>
                {state.map(|state| view! { <span class="sub">{state}</span> }.into_any())}
            </th>
            <td class="key-id">
                <span class="mono" title=consumer_key.to_string()>
                    {shortened + "…"}
                </span>
                <CopyButton text=consumer_key.as_str() label=format!("Copy the Consumer Key of {name}") />
            </td>
            <td class="key-created">
                <span class="cell-label">"Created "</span>
                <Moment at=created_at kind=MomentKind::Date />
            </td>
            <td class="key-used">
                <span class="cell-label">"Last used "</span>
                {match last_used_at {
                    Some(at) => view! { <Moment at=at kind=MomentKind::Ago /> }.into_any(),
                    None => "never".into_any(),
                }}
            </td>
            <td class="r num key-spent">{spent_this_month.short_text(currency)}</td>
            <td class="r key-actions">
                <Menu label=format!("Actions for {name}")>
                    <a class="item" href=format!("/settings/keys/{id}") aria-label=format!("Settings of {name}")>
                        "Settings"
                    </a>
                    {action("regenerate-key", "Regenerate", "item", id.as_str(), &name)}
                    {action("delete-key", "Delete", "item danger", id.as_str(), &name)}
                </Menu>
            </td>
        </tr>
    }
    .into_any()
}

/// What the list says beside the name; nothing when there is nothing to know.
fn state_text(is_off: bool, has_old_secret: bool, expires_at: Option<Timestamp>) -> Option<String> {
    if is_off {
        return Some("switched off".to_owned());
    }
    if has_old_secret {
        return Some("two secrets work".to_owned());
    }
    expires_at.map(|end| format!("until {}", end.plus_us(-DAY_US).date()))
}

fn action(dialog: &'static str, label: &'static str, class: &'static str, id: &str, name: &str) -> AnyView {
    let accessible_name = format!("{label} {name}");
    view! {
        <OpenDialog href=PAGE name=dialog value=id label=label class=class accessible_name=accessible_name />
    }
    .into_any()
}
