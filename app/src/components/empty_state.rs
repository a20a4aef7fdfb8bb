//! What stands where a list would be, with the first action in it.

use leptos::prelude::*;

/// A title and what to do next. Put the action among the children.
#[component]
pub fn EmptyState(#[prop(into)] title: String, children: Children) -> impl IntoView {
    view! {
        <div class="empty">
            <p class="empty-title">{title}</p>
            {children()}
        </div>
    }
}
