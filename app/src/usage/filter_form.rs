//! The filter: a GET form, so that every selection is an address that can be kept and shared.

use super::server_fns::{Filter, LoadKeyChoices};
use crate::components::Loaded;
use crate::documents::get_form::GetForm;
use crate::documents::server_fns::Choice;
use leptos::prelude::*;

/// The form loads the keys on its own and not with the entries, so that a refresh never takes away a half-typed day.
#[component]
pub fn FilterForm(filter: Memo<Filter>) -> impl IntoView {
    let keys = Loaded::new(|| (), |()| LoadKeyChoices {});
    view! {
        <Transition>
            {move || {
                let filter = filter.get();
                // Without the keys the form still filters by day; the entries below say what went wrong.
                Suspend::new(async move { form(keys.await.unwrap_or_default(), filter) })
            }}
        </Transition>
    }
    .into_any()
}

fn form(keys: Vec<Choice>, filter: Filter) -> AnyView {
    let is_listed = filter.key.is_empty() || keys.iter().any(|key| key.id == filter.key);
    let deleted = (!is_listed).then(|| Choice { id: filter.key.clone(), name: "A deleted key".to_owned() });
    let is_set = filter.is_set();
    let Filter { key, from, until, .. } = filter;
    let options = keys.into_iter().chain(deleted).map(move |Choice { id, name }| {
        let is_chosen = id == key;
        view! { <option value=id selected=is_chosen prop:selected=is_chosen>{name}</option> }.into_any()
    });
    view! {
        <GetForm href="/usage" fields=&["key", "from", "until"]>
            <div>
                <label for="filter-key">"API key"</label>
                <select id="filter-key" name="key">
                    <option value="">"All keys"</option>
                    {options.collect_view()}
                </select>
            </div>
            <div>
                <label for="filter-from">"From"</label>
                <input id="filter-from" type="date" name="from" value=from.clone() prop:value=from aria-describedby="filter-hint"/>
            </div>
            <div>
                <label for="filter-until">"Until"</label>
                <input id="filter-until" type="date" name="until" value=until.clone() prop:value=until aria-describedby="filter-hint"/>
            </div>
            <button class="btn">"Filter"</button>
            {is_set.then(|| view! { <a class="btn quiet" href="/usage">"Show all"</a> }.into_any())}
            <p class="hint" id="filter-hint">"Days begin and end at midnight UTC; both are included."</p>
        </GetForm>
    }
    .into_any()
}
