//! How a chatbot's widget comes into a page: the code to put there, how it looks there, and another id for it.

use super::server_fns::Embed;
use crate::components::CopyButton;
use leptos::prelude::*;

/// All but the button is made on the server, and stays as it is while that is the same.
pub fn widget_card(Embed { code, html }: Embed) -> AnyView {
    view! {
        <section class="card" aria-labelledby="embed-heading">
            <div inner_html=html></div>
            <div class="foot"><CopyButton text=code label="Copy the embed code"/></div>
        </section>
    }
    .into_any()
}
