//! The support page, and a chapter of the guide as a page of its own.

use super::server_fns::{Chapter, ChapterLink, LoadChapter, LoadSupport, Support};
use crate::chatbots::parts::{failure, skeleton};
use crate::components::{CopyButton, Loaded, PageHeading};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

#[component]
pub fn SupportPage() -> impl IntoView {
    let loaded = Loaded::new(|| (), |()| LoadSupport {});
    view! {
        <PageHeading title="Support" lede="Read the guide, or write to us."/>
        <Suspense fallback=skeleton>
            {move || loaded.show(async move {
                match loaded.await {
                    Ok(loaded) => support_view(loaded),
                    Err(error) => failure(error),
                }
            })}
        </Suspense>
    }
    .into_any()
}

fn support_view(Support { email, url, account_id, chapters }: Support) -> AnyView {
    let chapters = chapters.into_iter().map(|chapter| view! { <li>{chapter_link(chapter, "")}</li> }.into_any());
    view! {
        <section class="card" aria-labelledby="guide-heading">
            <header><h2 id="guide-heading">"The guide"</h2></header>
            <ul class="lines">{chapters.collect_view()}</ul>
            <div class="foot"><a href="/reference">"API & Reference for programmers"</a></div>
        </section>
        <section class="card" aria-labelledby="contact-heading">
            <header><h2 id="contact-heading">"Contact support"</h2></header>
            <div class="body prose">
                {url.map(|url| view! { <p><a class="btn primary" href=url rel="noreferrer">"Contact support"</a></p> }.into_any())}
                <p>"Write to "<a href=format!("mailto:{email}")>{email.clone()}</a>
                    ". Say what you did and when; if there was an error, send its request id."</p>
                <p>
                    "Your account id: "
                    <code class="mono">{account_id.clone()}</code>
                    " "
                    <CopyButton text=account_id label="Copy the account id"/>
                </p>
                <p class="hint">"Never send a Consumer Secret or a password. We do not ask for them."</p>
            </div>
        </section>
    }
    .into_any()
}

#[component]
pub fn GuidePage() -> impl IntoView {
    let params = use_params_map();
    let chapter = Memo::new(move |_| params.with(|params| params.get("chapter").unwrap_or_default()));
    let loaded = Loaded::new(move || chapter.get(), |chapter| LoadChapter { chapter });
    view! {
        <p class="crumbs"><a href="/support">"Support"</a></p>
        <Transition fallback=skeleton>
            {move || loaded.show(async move {
                match loaded.await {
                    Ok(loaded) => chapter_view(loaded),
                    Err(error) => view! { <PageHeading title="The guide"/> {failure(error)} }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

fn chapter_view(Chapter { title, html, previous, next }: Chapter) -> AnyView {
    view! {
        <PageHeading title/>
        <article class="card">
            <div class="body prose" inner_html=html></div>
            <nav class="foot" aria-label="Chapters">
                {previous.map(|chapter| chapter_link(chapter, "← "))}
                {next.map(|chapter| chapter_link(chapter, "Next: "))}
            </nav>
        </article>
    }
    .into_any()
}

fn chapter_link(ChapterLink { slug, title }: ChapterLink, before: &'static str) -> AnyView {
    view! { <a href=format!("/support/guide/{slug}")>{before}{title}</a> }.into_any()
}
