//! A dialog that is a part of the address: it is open because the page was asked for with its name, and closing it goes
//! to the address without the name. The server renders it open; the browser then makes it modal.

use leptos::ev::Event;
use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The children are `<div class="in">…</div><footer>…</footer>`, or a form around the two. A link to `close_href` in the
/// footer is the way out that works without WebAssembly.
#[component]
pub fn Dialog(
    #[prop(into)] title: String,
    #[prop(into, optional)] lede: String,
    #[prop(into)] close_href: String,
    /// Whether Escape closes it; yes when left out.
    #[prop(into, optional)]
    is_locked: Signal<bool>,
    children: Children,
) -> impl IntoView {
    let element = NodeRef::<html::Dialog>::new();
    let is_gone = Arc::new(AtomicBool::new(false));
    make_modal(element, Arc::clone(&is_gone));
    let navigate = use_navigate();
    let leave = move |_: Event| {
        if is_gone.load(Ordering::Relaxed) {
            return;
        }
        // A browser lets a second Escape through even when the first was refused.
        if is_locked.get_untracked() {
            element.get_untracked().map(|dialog| dialog.show_modal());
        } else {
            navigate(&close_href, NavigateOptions { scroll: false, ..NavigateOptions::default() });
        }
    };
    let keep_open = move |event: Event| {
        if is_locked.get_untracked() {
            event.prevent_default();
        }
    };
    view! {
        <dialog open aria-labelledby="dialog-title" node_ref=element on:close=leave on:cancel=keep_open>
            <header>
                <h2 id="dialog-title">{title}</h2>
                {(!lede.is_empty()).then(|| view! { <p>{lede}</p> }.into_any())}
            </header>
            {children()}
        </dialog>
    }
}

/// Makes the open dialog modal, and closes it before it leaves the page, so that the browser gives the focus back to the
/// button that opened it. `is_gone` keeps that last closing from navigating again.
fn make_modal(element: NodeRef<html::Dialog>, is_gone: Arc<AtomicBool>) {
    Effect::new(move |_| {
        let Some(dialog) = element.get() else {
            return;
        };
        let _ = dialog.remove_attribute("open");
        if dialog.show_modal().is_err() {
            let _ = dialog.set_attribute("open", "");
        }
        let is_gone = Arc::clone(&is_gone);
        on_cleanup(move || {
            is_gone.store(true, Ordering::Relaxed);
            dialog.close();
        });
    });
}
