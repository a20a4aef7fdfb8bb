//! A filter: a form that goes to an address with what was chosen in it. It leaves out what is empty, so that the address
//! is one that can be kept and sent.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use leptos_router::location::Url;
use wasm_bindgen::JsCast;
use web_sys::{FormData, HtmlFormElement};

/// `fields` are the names of the fields, in the order in which the address has them.
#[component]
pub fn GetForm(#[prop(into)] href: String, fields: &'static [&'static str], children: Children) -> impl IntoView {
    let navigate = use_navigate();
    let action = href.clone();
    let submit = move |event: SubmitEvent| {
        let form = event.target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok());
        let Some(data) = form.and_then(|form| FormData::new_with_form(&form).ok()) else { return };
        event.prevent_default();
        let chosen = fields.iter().map(|name| (*name, Url::escape(&data.get(name).as_string().unwrap_or_default())));
        navigate(&address(&href, &chosen.collect::<Vec<_>>()), NavigateOptions::default());
    };
    view! { <form method="get" action=action class="filter" on:submit=submit>{children()}</form> }
}

/// `href` with the parts of a query that are not empty.
pub fn address(href: &str, parts: &[(&str, String)]) -> String {
    let mut address = href.to_owned();
    for (name, value) in parts.iter().filter(|(_, value)| !value.is_empty()) {
        address.push(if address.len() == href.len() { '?' } else { '&' });
        address.push_str(name);
        address.push('=');
        address.push_str(value);
    }
    address
}

/// A part of a query, the same on the server and in the browser, whose own functions differ.
pub fn escaped(value: &str) -> String {
    let hex = |digit: u8| char::from(b"0123456789ABCDEF"[usize::from(digit)]);
    let mut escaped = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            escaped.push(hex(byte >> 4));
            escaped.push(hex(byte & 15));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn what_is_empty_is_left_out_of_the_address() {
        let parts = [("key", "key_1".to_owned()), ("from", String::new()), ("until", "2026-11-01".to_owned())];
        assert_eq!(address("/usage", &parts), "/usage?key=key_1&until=2026-11-01");
        assert_eq!(address("/usage", &parts[1..2]), "/usage");
    }
}
