//! The forms with what the owner of a chatbot decides about it. They outlive every refresh of what is around them, so that
//! nothing is lost of what is being typed.

use super::server_fns::{CapChatbot, ChangeSettings, ChangeWidget, SettingsView};
use crate::components::{FormProblem, PostForm, Sending, Submission, TextField, field_error, typed, use_live};
use domain::credit::Credit;
use domain::problem::sentence;
use leptos::prelude::*;

/// What it says and how it answers, where its widget is shown, and what it may spend.
pub fn forms(SettingsView { chatbot, fields, widget_fields, currency }: SettingsView) -> AnyView {
    let (change, cap) = (Submission::<ChangeSettings>::new(), Submission::<CapChatbot>::new());
    let id = chatbot.id.to_string();
    let error = cap.error();
    let stored = chatbot.daily_cap.map(Credit::decimal).unwrap_or_default();
    // What was typed into a form that was refused before the page was alive comes before what is stored.
    let value = if error.with_untracked(Option::is_some) { typed(error, "daily_cap") } else { stored };
    let cap_field = view! {
        <TextField
            label=format!("Cap in {}", currency.code())
            name="daily_cap"
            value=value
            autocomplete="off"
            hint="What it may spend in a day, UTC, by all keys together; messages beyond that are refused and cost nothing. Leave it empty for no cap."
            error=field_error(error, "daily_cap")
        />
    };
    let widget = Submission::<ChangeWidget>::new();
    let (fields, widget_fields) = (made_fields(change.into(), fields), made_fields(widget.into(), widget_fields));
    view! {
        {form_card("Settings", "settings-heading", id.clone(), change.into(), fields)}
        {form_card("Widget", "widget-heading", id.clone(), widget.into(), widget_fields)}
        {form_card("Daily cap", "cap-heading", id, cap.into(), cap_field.into_any())}
    }
    .into_any()
}

/// Fields that the server has made, below what was wrong in one of them.
fn made_fields(action: Sending, fields: String) -> AnyView {
    let error = action.error();
    view! {
        {move || error.try_get().flatten().filter(|error| error.problem.field.is_some()).map(|error| {
            view! { <p class="error" role="alert">{sentence(&error.problem.detail)}</p> }.into_any()
        })}
        <div class="stack" inner_html=fields></div>
    }
    .into_any()
}

/// A form that says when it is saved, and refreshes the page then.
fn form_card(title: &'static str, heading_id: &'static str, id: String, action: Sending, fields: AnyView) -> AnyView {
    let live = use_live();
    Effect::new(move |_| {
        if action.is_done() {
            live.bump();
        }
    });
    view! {
        <section class="card" aria-labelledby=heading_id>
            <header><h2 id=heading_id>{title}</h2></header>
            <PostForm to=action>
                <div class="body stack">
                    <FormProblem error=action.error()/>
                    <input type="hidden" name="id" value=id/>
                    {fields}
                    <div class="actions start">
                        <button type="submit" class="btn primary" disabled=move || action.is_pending().get()>"Save"</button>
                        <span role="status">{move || action.is_done().then_some("Saved. It holds from the next message on.")}</span>
                    </div>
                </div>
            </PostForm>
        </section>
    }
    .into_any()
}
