//! `/conversations/contacts`: the contact requests, newest first. What is shown of them stands in the URL.

use super::server_fns::LoadContacts;
use crate::chatbots::parts::{failure, skeleton};
use crate::components::{Loaded, PageHeading, use_live};
use crate::reference::rendered;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

#[component]
pub fn ContactsPage() -> impl IntoView {
    let live = use_live();
    let query = use_query_map();
    let part = move |name: &str| query.with(|query| query.get(name).unwrap_or_default());
    let shown = Memo::new(move |_| (part("show"), part("before")));
    let list = Loaded::new(move || (shown.get(), live.get()), |((show, before), _)| LoadContacts { show, before });
    view! {
        <PageHeading title="Contact requests" lede="What visitors of your widgets left for you to answer."/>
        <Transition fallback=skeleton>
            {move || list.show(async move {
                match list.await {
                    Ok(html) => rendered(Some(html), "contacts"),
                    Err(error) => failure(error),
                }
            })}
        </Transition>
    }
    .into_any()
}
