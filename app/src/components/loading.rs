//! What stands on the page while its data is on the way.

use leptos::prelude::*;

/// Grey cards of about the height of what follows, so that the page does not jump.
#[component]
pub fn Loading() -> impl IntoView {
    view! {
        <div class="loading" aria-busy="true">
            <span class="visually-hidden">"Loading…"</span>
            <div class="card skeleton"></div>
            <div class="card skeleton"></div>
        </div>
    }
}
