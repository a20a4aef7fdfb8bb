//! The page that says which of several files were refused and why, for a form that was sent before WebAssembly had loaded.
//! It runs no script.

use crate::error::AppError;
use crate::shell::DocumentHead;
use domain::problem::sentence;
use leptos::config::LeptosOptions;
use leptos::prelude::*;

/// `taken` is how many of the files were.
pub(super) fn refused_page(options: LeptosOptions, list_href: &str, taken: usize, refused: Vec<AppError>) -> String {
    let reasons = refused.into_iter().map(|error| view! { <li>{sentence(&error.problem.detail)}</li> }.into_any());
    let others = match taken {
        0 => None,
        1 => Some("The other file was taken.".to_owned()),
        _ => Some(format!("The other {taken} files were taken.")),
    };
    let href = list_href.to_owned();
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <DocumentHead options=options/>
                <title>"Upload · Artiko"</title>
            </head>
            <body>
                <main class="narrow" id="main">
                    <section class="card">
                        <header><h1>"What could not be taken"</h1></header>
                        <div class="body stack">
                            <div class="notice bad" role="alert"><ul>{reasons.collect_view()}</ul></div>
                            {others.map(|others| view! { <p>{others}</p> }.into_any())}
                            <p><a class="btn primary" href=href>"Back to the documents"</a></p>
                        </div>
                    </section>
                </main>
            </body>
        </html>
    }
    .to_html()
}
