//! A small menu of actions on a native `<details>`: open it with a click, a space or Enter; Escape closes it.

use leptos::ev::KeyboardEvent;
use leptos::html::Details;
use leptos::prelude::*;

/// `label` is what the button is called, for example "Actions for Production". The children are buttons and forms.
#[component]
pub fn Menu(#[prop(into)] label: String, children: Children) -> impl IntoView {
    let details = NodeRef::<Details>::new();
    let close_on_escape = move |event: KeyboardEvent| {
        if event.key() == "Escape"
            && let Some(details) = details.get_untracked()
        {
            details.set_open(false);
        }
    };
    view! {
        <details class="menu" name="menu" node_ref=details on:keydown=close_on_escape>
            <summary class="btn quiet" aria-label=label>
                "⋯"
            </summary>
            <div class="menu-items">{children()}</div>
        </details>
    }
}
