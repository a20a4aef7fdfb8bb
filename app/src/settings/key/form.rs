//! Everything that the owner of a key decides about it, in one form.

use crate::components::{FormProblem, PostForm, Submission, TextField, field_error, in_textarea, typed};
use crate::documents::server_fns::Choice;
use crate::settings::server_fns::{ChangeKey, EXPIRY_DAYS};
use domain::api_key::{ApiKey, Permission};
use domain::clock::DAY_US;
use domain::credit::Credit;
use domain::money::Currency;
use leptos::prelude::*;

#[component]
pub fn SettingsForm(key: ApiKey, chatbots: Vec<Choice>, currency: Currency) -> impl IntoView {
    let action = Submission::<ChangeKey>::new();
    let error = action.error();
    let settings = key.settings;
    let cap = settings.monthly_cap.map(Credit::decimal).unwrap_or_default();
    // The end is the midnight after the last day.
    let last_day = settings.expires_at.map(|end| end.plus_us(-DAY_US).date()).unwrap_or_default();
    // What was typed into a form that was refused before the page was alive comes before what is stored.
    let shown = |field: &'static str, stored: String| {
        if error.with_untracked(Option::is_some) { typed(error, field) } else { stored }
    };
    let (name, cap, last_day) = (shown("name", settings.name), shown("monthly_cap", cap), shown("last_day", last_day));
    let networks = shown("networks", settings.networks.join("\n"));
    let typed_networks = networks.clone();
    view! {
        <section class="card" aria-labelledby="settings-title">
            <header>
                <h2 id="settings-title">"Settings"</h2>
            </header>
            <PostForm to=action>
                <div class="body stack">
                    <FormProblem error=error />
                    <input type="hidden" name="key_id" value=key.id.to_string() />
                    <TextField
                        label="Name"
                        name="form[name]"
                        id="name"
                        required=true
                        maxlength=80
                        autocomplete="off"
                        value=name
                        error=field_error(error, "name")
                    />
                    <fieldset class="choices">
                        <legend>"What it may do"</legend>
                        {permissions(&settings.permissions)}
                        <ChoiceError error=field_error(error, "permissions") />
                    </fieldset>
                    <fieldset class="choices">
                        <legend>"Which chatbots it may use"</legend>
                        {chatbot_choices(chatbots, settings.chatbots.map(|ids| ids.iter().map(ToString::to_string).collect()))}
                        <ChoiceError error=field_error(error, "chatbots") />
                    </fieldset>
                    <div class="field-group">
                        <label for="expiry">"Ends"</label>
                        <select id="expiry" name="form[expiry]">
                            {expiry(!last_day.is_empty())}
                        </select>
                    </div>
                    <TextField
                        label="Last day"
                        name="form[last_day]"
                        id="last_day"
                        kind="date"
                        value=last_day
                        hint="For a key that ends on a day. It stops at the end of that day, UTC."
                        error=field_error(error, "expires_at")
                    />
                    <TextField
                        label=format!("Monthly cap in {}", currency.code())
                        name="form[monthly_cap]"
                        id="monthly_cap"
                        value=cap
                        autocomplete="off"
                        hint="What it may spend in a calendar month, UTC; calls beyond that are refused. Leave it empty for no cap."
                        error=field_error(error, "monthly_cap")
                    />
                    <div class="field-group">
                        <label for="networks">"Networks"</label>
                        <textarea
                            id="networks"
                            name="form[networks]"
                            class="mono"
                            rows="3"
                            aria-describedby="networks-hint"
                            placeholder="192.0.2.0/24"
                            prop:value=typed_networks
                        >
                            {in_textarea(networks)}
                        </textarea>
                        <ChoiceError error=field_error(error, "networks") />
                        <p class="hint" id="networks-hint">
                            "One network or address on each line, IPv4 or IPv6; calls from elsewhere are refused. Leave it empty for everywhere."
                        </p>
                    </div>
                    <div class="actions start">
                        <button type="submit" class="btn primary" disabled=move || action.is_pending().get()>
                            "Save"
                        </button>
                        <span role="status">{move || action.is_done().then_some("Saved. It holds from the next call on.")}</span>
                    </div>
                </div>
            </PostForm>
        </section>
    }
    .into_any()
}

/// A key that has a last day ends on it, unless something else is chosen.
fn expiry(has_last_day: bool) -> AnyView {
    let choice = |value: String, label: String, is_chosen: bool| {
        view! { <option value=value selected=is_chosen>{label}</option> }.into_any()
    };
    let in_days = EXPIRY_DAYS.map(|days| choice(days.to_string(), format!("In {days} days"), false));
    view! {
        {choice("never".to_owned(), "Never".to_owned(), !has_last_day)}
        {in_days.collect_view()}
        {choice("day".to_owned(), "On the last day below".to_owned(), has_last_day)}
    }
    .into_any()
}

fn permissions(chosen: &[Permission]) -> AnyView {
    let choice = |(place, permission): (usize, Permission)| {
        let is_chosen = chosen.contains(&permission);
        view! {
            <label class="check">
                <input type="checkbox" name=format!("form[permissions][{place}]") value=permission.as_str() checked=is_chosen />
                <span>
                    {permission.label()} " " <code class="mono">{permission.as_str()}</code>
                </span>
            </label>
        }
        .into_any()
    };
    Permission::ALL.into_iter().enumerate().map(choice).collect_view().into_any()
}

fn chatbot_choices(chatbots: Vec<Choice>, chosen: Option<Vec<String>>) -> AnyView {
    let is_all = chosen.is_none();
    let chosen = chosen.unwrap_or_default();
    let choice = |(place, Choice { id, name }): (usize, Choice)| {
        let is_chosen = chosen.contains(&id);
        view! {
            <label class="check">
                <input type="checkbox" name=format!("form[chatbots][{place}]") value=id checked=is_chosen />
                <span>{name}</span>
            </label>
        }
        .into_any()
    };
    let scope = |value: &'static str, label: &'static str, is_chosen: bool| {
        view! {
            <label class="check">
                <input type="radio" name="form[scope]" value=value checked=is_chosen />
                <span>{label}</span>
            </label>
        }
        .into_any()
    };
    view! {
        {scope("all", "All of the account, those to come too", is_all)}
        {scope("chosen", "Only these", !is_all)}
        <div class="choices of">{chatbots.into_iter().enumerate().map(choice).collect_view()}</div>
    }
    .into_any()
}

#[component]
fn ChoiceError(error: Signal<Option<String>>) -> impl IntoView {
    move || {
        error.try_get().flatten().map(|message| {
            view! {
                <p class="error" role="alert">
                    {message}
                </p>
            }
            .into_any()
        })
    }
}
