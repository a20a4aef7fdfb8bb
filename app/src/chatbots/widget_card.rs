//! How a chatbot's widget comes into a page: the code to put there, how it looks there, and another id for it.

use crate::components::CopyButton;
use leptos::prelude::*;

/// All but its heading is made on the server, and stays as it is while that is the same.
pub fn widget_card(code: String, html: String) -> AnyView {
    view! {
        <section class="card" aria-labelledby="embed-heading">
            <header>
                <h2 id="embed-heading">"Embed code"</h2>
                <CopyButton text=code label="Copy the embed code"/>
            </header>
            <div class="body stack" inner_html=html></div>
        </section>
    }
    .into_any()
}
