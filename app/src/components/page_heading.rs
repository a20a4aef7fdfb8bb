//! The heading of a page, which also names the browser's tab.

use leptos::prelude::*;
use leptos_meta::Title;

/// An `h1` with an optional line below it. The tab reads "title · Artiko".
#[component]
pub fn PageHeading(#[prop(into)] title: String, #[prop(into, optional)] lede: String) -> impl IntoView {
    view! {
        <Title text=title.clone() />
        <h1>{title}</h1>
        {(!lede.is_empty()).then(|| view! { <p class="lede">{lede}</p> }.into_any())}
    }
}
