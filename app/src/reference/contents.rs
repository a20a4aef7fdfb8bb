//! The list of contents that stands beside the reference and beside each operation.

use super::document::{Group, OperationLink};
#[cfg(feature = "ssr")]
use super::{errors::ErrorRow, overview::Reference};
use leptos::prelude::*;

/// Everything on the page of the reference, and every operation.
#[cfg(feature = "ssr")]
pub fn of_reference(reference: &Reference) -> AnyView {
    let section = |place: usize| {
        let section = &reference.sections[place];
        section_link(section.id.clone(), section.title.clone())
    };
    let later = (1..reference.sections.len()).map(section).collect_view();
    let first = section(0);
    let codes = reference.errors.iter().map(code_link).collect_view();
    let links = view! {
        <ul>{first}{section_link("operations".to_owned(), "Operations".to_owned())}</ul>
        {groups(&reference.groups, "", |id| format!("/reference/{id}"))}
        <ul>{later}</ul>
        <details>
            <summary>"All codes"</summary>
            <ul class="codes">{codes}</ul>
        </details>
    };
    around(links.into_any(), true)
}

/// Every operation; `address` is where the one with an id stands.
pub fn of_operation(
    all: &[Group],
    current: &str,
    address: impl Fn(&str) -> String + Copy + Send + Sync + 'static,
) -> AnyView {
    around(groups(all, current, address), false)
}

/// Where there is room, the style sheet shows it whether it is open or not, and it scrolls, so the keyboard can reach it.
fn around(links: AnyView, is_open: bool) -> AnyView {
    view! {
        <nav class="contents" aria-label="Contents" tabindex="0">
            <details open=is_open>
                <summary>"Contents"</summary>
                {links}
            </details>
        </nav>
    }
    .into_any()
}

fn groups(groups: &[Group], current: &str, address: impl Fn(&str) -> String + Copy + Send + Sync + 'static) -> AnyView {
    let link = |OperationLink { id, summary, .. }: &OperationLink| {
        let is_current = (id == current).then_some("page");
        let id = id.clone();
        view! { <li><a href=move || address(&id) aria-current=is_current>{summary.clone()}</a></li> }.into_any()
    };
    let group = |group: &Group| {
        let links = group.operations.iter().map(link).collect_view();
        view! { <p class="contents-title">{group.name.clone()}</p><ul>{links}</ul> }.into_any()
    };
    groups.iter().map(group).collect_view().into_any()
}

/// The browser itself goes to an anchor: it then knows which one it is at, and opens what hides it.
#[cfg(feature = "ssr")]
fn section_link(id: String, title: String) -> AnyView {
    view! { <li><a href=format!("#{id}") rel="external">{title}</a></li> }.into_any()
}

#[cfg(feature = "ssr")]
fn code_link(row: &ErrorRow) -> AnyView {
    section_link(row.code.clone(), row.code.clone())
}
