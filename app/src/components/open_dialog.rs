//! A button that opens a dialog. Dialogs are addresses, so the button is a form that goes to one: it works without
//! WebAssembly, and with it the page stays where it is.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use wasm_bindgen::JsCast;

/// A GET form with one button; it goes to `{href}?{name}={value}`.
#[component]
pub fn OpenDialog(
    #[prop(into)] href: String,
    #[prop(into)] name: String,
    #[prop(into, optional)] value: String,
    #[prop(into)] label: String,
    /// Classes of the button; `btn` when left out.
    #[prop(into, optional)]
    class: String,
    /// What the button is called when its label alone would not tell two of them apart.
    #[prop(into, optional)]
    accessible_name: Option<String>,
    /// A part of the address that stays, with its value; one that is empty does not.
    #[prop(optional)]
    keep: (&'static str, String),
) -> impl IntoView {
    let navigate = use_navigate();
    let mut address = dialog_address(&href, &name, &value);
    let (kept, kept_value) = keep;
    let is_kept = !kept_value.is_empty();
    if is_kept {
        address = format!("{address}&{kept}={kept_value}");
    }
    let open = move |event: SubmitEvent| {
        event.prevent_default();
        close_menu_around(&event);
        navigate(&address, NavigateOptions { scroll: false, ..NavigateOptions::default() });
    };
    let class = if class.is_empty() { "btn".to_owned() } else { class };
    view! {
        <form method="get" action=href class="open-dialog" on:submit=open>
            <input type="hidden" name=name value=value />
            {is_kept.then(|| view! { <input type="hidden" name=kept value=kept_value /> }.into_any())}
            <button type="submit" class=class aria-label=accessible_name>
                {label}
            </button>
        </form>
    }
}

/// The address at which a dialog is open.
#[must_use]
pub fn dialog_address(href: &str, name: &str, value: &str) -> String {
    let address = format!("{href}?{name}");
    if value.is_empty() { address } else { format!("{address}={value}") }
}

/// Closes the menu that the button stands in and focuses its summary, so that focus has a place to return to.
fn close_menu_around(event: &SubmitEvent) {
    let element = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let Some(menu) = element.and_then(|element| element.closest("details").ok().flatten()) else {
        return;
    };
    let summary = menu.query_selector("summary").ok().flatten();
    if let Some(summary) = summary.and_then(|summary| summary.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _ = summary.focus();
    }
    let _ = menu.remove_attribute("open");
}
