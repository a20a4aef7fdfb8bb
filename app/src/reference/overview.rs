//! The reference as HTML. The server renders it and the browser shows it as it is, so that it need not load what
//! renders it, nor the same text a second time.

use super::contents;
use super::document::{Group, OperationLink};
use super::errors::ErrorRow;
use super::parts::endpoint;
use super::sections::Section;
use leptos::prelude::*;

/// The API as a whole.
pub struct Reference {
    pub version: String,
    pub groups: Vec<Group>,
    pub sections: Vec<Section>,
    pub errors: Vec<ErrorRow>,
}

/// What stands in the element of the class `reference`.
pub fn html(reference: Reference) -> String {
    reference_view(reference).to_html()
}

fn reference_view(reference: Reference) -> AnyView {
    let contents = contents::of_reference(&reference);
    let Reference { version, groups, sections, errors } = reference;
    let mut sections = sections.into_iter();
    let first = sections.next().map(|section| section_view(section, None));
    let (of_api, of_console): (Vec<_>, Vec<_>) = errors.into_iter().partition(|row| row.is_of_api);
    let mut tables = Some((of_api, of_console));
    let rest = sections.map(|section| {
        let table = if section.id == "errors" { tables.take() } else { None };
        section_view(section, table.map(|(of_api, of_console)| catalogue(of_api, of_console)))
    });
    view! {
            {contents}
            <div>
                {first}
                <section class="card" id="operations" aria-labelledby="operations-heading">
                    <header>
                        <h2 id="operations-heading">"Operations"</h2>
                        <span class="push sub">"Version "{version}</span>
                    </header>
                    <div class="operations">{groups.into_iter().map(group_view).collect_view()}</div>
                </section>
                {rest.collect_view()}
            </div>
    }
    .into_any()
}

fn section_view(Section { id, title, html }: Section, after: Option<AnyView>) -> AnyView {
    let heading = format!("{id}-heading");
    view! {
        <section class="card" id=id aria-labelledby=heading.clone()>
            <header><h2 id=heading.clone()>{title}</h2></header>
            <div class="body prose" inner_html=html></div>
            {after}
        </section>
    }
    .into_any()
}

fn group_view(Group { name, description, operations }: Group) -> AnyView {
    let rows = operations.into_iter().map(operation_row).collect_view();
    view! {
        <h3>{name}" "<span class="sub">{description}</span></h3>
        <ul class="lines">{rows}</ul>
    }
    .into_any()
}

fn operation_row(link: OperationLink) -> AnyView {
    let address = endpoint(&link);
    let OperationLink { id, summary, permission, .. } = link;
    view! {
        <li id=id.clone()>
            <span class="endpoint">
                <a href=format!("/reference/{id}")>{summary}</a>
                <span>{address}</span>
            </span>
            <code class="chip" title="The permission that it needs">{permission}</code>
        </li>
    }
    .into_any()
}

fn catalogue(of_api: Vec<ErrorRow>, of_console: Vec<ErrorRow>) -> AnyView {
    view! {
        {errors_table("All errors of the API", of_api)}
        <p class="foot">"These codes are answered to people in the console, and never to a key:"</p>
        {errors_table("Errors of the console", of_console)}
    }
    .into_any()
}

fn errors_table(caption: &'static str, rows: Vec<ErrorRow>) -> AnyView {
    view! {
        <div class="table-wrap" tabindex="0" role="region" aria-label=caption>
            <table class="errors">
                <thead>
                    <tr>
                        <th scope="col" class="r">"Status"</th>
                        <th scope="col">"Code"</th>
                        <th scope="col">"What it means and what to do"</th>
                    </tr>
                </thead>
                <tbody>{rows.into_iter().map(error_row).collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn error_row(ErrorRow { status, code, title, remedy, action, href, .. }: ErrorRow) -> AnyView {
    let (id, own) = (code.clone(), format!("#{code}"));
    let action = (!href.is_empty()).then(|| {
        // The browser itself goes to an anchor.
        let rel = href.contains('#').then_some("external");
        view! { " "<a href=href rel=rel>{action}</a> }.into_any()
    });
    view! {
        <tr id=id>
            <td class="r num">{status}</td>
            <th scope="row"><a href=own rel="external"><code>{code}</code></a></th>
            <td class="wrap">{title}"."<span class="sub">{remedy}{action}</span></td>
        </tr>
    }
    .into_any()
}
