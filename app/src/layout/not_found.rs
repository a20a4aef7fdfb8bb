//! The page for an address that does not exist.

use crate::components::PageHeading;
use leptos::prelude::*;

/// Stands outside the layout: whoever reads it may not be signed in.
#[component]
pub fn NotFound() -> impl IntoView {
    view! {
        <main class="narrow" id="main">
            <PageHeading title="Page not found" lede="There is nothing at this address." />
            <p>
                <a href="/">"Go to the dashboard"</a>
            </p>
        </main>
    }
}
