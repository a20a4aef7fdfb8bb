//! The reference as a page: how to authenticate, every operation, what holds for all of them, and every code.

use super::server_fns::LoadReference;
use crate::chatbots::parts::{failure, skeleton};
use crate::components::{Loaded, PageHeading};
use leptos::prelude::*;

#[component]
pub fn ReferencePage() -> impl IntoView {
    let loaded = Loaded::shown(|| (), |()| LoadReference {});
    view! {
        <PageHeading title="API & Reference" lede="Ask your chatbots from a program, and read what was asked, spent and left."/>
        <Suspense fallback=skeleton>
            {move || loaded.show(async move {
                match loaded.await {
                    Ok(html) => rendered(html, "reference"),
                    Err(error) => failure(error),
                }
            })}
        </Suspense>
    }
    .into_any()
}

/// Text that the server rendered; `None` leaves what stands there already.
pub fn rendered(html: Option<String>, class: &'static str) -> AnyView {
    view! { <div class=class inner_html=html.unwrap_or_default()></div> }.into_any()
}
