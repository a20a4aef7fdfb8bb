//! The last requests of a key: what was asked, what became of it, and what it cost.

use crate::components::{Loaded, Moment, use_live};
use crate::settings::server_fns::{KeyRequests, LoadKeyRequests};
use domain::api_key::KeyRequest;
use domain::money::Currency;
use leptos::prelude::*;

#[component]
pub fn Requests(id: Memo<String>) -> impl IntoView {
    let live = use_live();
    let loaded = Loaded::new(move || (id.get(), live.get()), |(key_id, _)| LoadKeyRequests { key_id });
    view! {
        <Transition>
            {move || loaded.show(async move {
                match loaded.await {
                    Ok(KeyRequests { requests, currency }) => card(requests, currency),
                    // The heading says what went wrong.
                    Err(_) => ().into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

fn card(requests: Vec<KeyRequest>, currency: Currency) -> AnyView {
    let body = if requests.is_empty() {
        view! { <p class="body hint">"Nothing has been asked with this key yet."</p> }.into_any()
    } else {
        let rows = requests.into_iter().map(|request| row(request, currency)).collect_view();
        view! {
            <div class="table-wrap" tabindex="0" role="region" aria-label="Requests">
                <table>
                    <caption class="visually-hidden">"The last 50 requests, newest first"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"When"</th>
                            <th scope="col">"Request"</th>
                            <th scope="col">"Answer"</th>
                            <th scope="col" class="r">"Price"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        }
        .into_any()
    };
    view! {
        <section class="card" aria-labelledby="requests-title">
            <header>
                <h2 id="requests-title">"Last requests"</h2>
            </header>
            {body}
            <p class="foot hint">
                "At most 50. Requests with a wrong secret are not listed: they could be anybody's."
            </p>
        </section>
    }
    .into_any()
}

fn row(request: KeyRequest, currency: Currency) -> AnyView {
    let KeyRequest { at, request_id, operation, status, refused, entry } = request;
    let price = entry
        .map(|(seq, price)| view! { <a href=format!("/usage/entries/{seq}")>{price.text(currency)}</a> }.into_any());
    let (what, address) = if entry.is_some() { ("Message to ", false) } else { ("", true) };
    let operation = if address {
        view! { <code class="mono">{operation}</code> }.into_any()
    } else {
        view! { {what} {operation} }.into_any()
    };
    let answer = match refused {
        Some(code) => {
            let href = format!("/reference#{}", code.as_str());
            view! { <span class="num">{status}</span> " " <a href=href><code class="mono">{code.as_str()}</code></a> }
                .into_any()
        }
        None => view! { <span class="num">{status}</span> " done" }.into_any(),
    };
    view! {
        <tr>
            <td><Moment at/></td>
            <td class="wrap">{operation}" "<span class="sub mono">{request_id}</span></td>
            <td>{answer}</td>
            <td class="r num">{price}</td>
        </tr>
    }
    .into_any()
}
