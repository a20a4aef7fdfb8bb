//! The HTML document around the console. It has no inline style and no script of its own: the content security policy
//! allows scripts only with the nonce that Leptos puts on the ones it writes.

use crate::App;
use leptos::config::LeptosOptions;
use leptos::prelude::*;
use leptos_meta::{HashedStylesheet, MetaTags};

/// The document of every page.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <DocumentHead options=options.clone() />
                <HydrationScripts options=options />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// What the pages with and without WebAssembly have in common.
#[component]
pub fn DocumentHead(options: LeptosOptions) -> impl IntoView {
    view! {
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta
            name="description"
            content="Artiko answers your customers from your documents: plan, API credit and API keys."
        />
        <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
        <HashedStylesheet options=options id="artiko-style" />
    }
}
