//! Receipts and what stands on them: plain pages without WebAssembly, because they are only read, printed and filled in.

mod billing_page;
mod receipt_page;
pub mod server_fns;

use crate::shell::DocumentHead;
use leptos::config::LeptosOptions;
use leptos::prelude::*;

/// Where payments are listed.
const PAYMENTS: &str = "/settings/payments";
/// Where the details of the customer are.
const BILLING: &str = "/settings/billing";

/// A page outside of the console; `class` is that of its `<main>`.
fn document(options: LeptosOptions, title: String, class: &'static str, body: impl FnOnce() -> AnyView) -> String {
    Owner::new().with(|| {
        view! {
            <!DOCTYPE html>
            <html lang="en">
                <head>
                    <DocumentHead options=options/>
                    <meta name="robots" content="noindex"/>
                    <title>{format!("{title} · Artiko")}</title>
                </head>
                <body>
                    <main class=class id="main">{body()}</main>
                </body>
            </html>
        }
        .to_html()
    })
}
