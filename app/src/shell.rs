//! The HTML document around the console. It has no inline style and no script of its own: the content security policy
//! allows scripts only with the nonce that Leptos puts on the ones it writes.

use crate::App;
use leptos::config::LeptosOptions;
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_meta::{HashedStylesheet, MetaTags};
use std::fs::read_to_string;
use std::sync::OnceLock;

/// The document of every page.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <DocumentHead options=options.clone() />
                <script type="module" nonce=use_nonce()>
                    {waking_script(&options)}
                </script>
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// The script that loads WebAssembly and brings the page to life.
///
/// It waits until the page has been shown: everything on it can be read and sent before, and what is loaded earlier would
/// only compete with the style sheet for the line.
fn waking_script(options: &LeptosOptions) -> String {
    let folder = &options.site_pkg_dir;
    let (javascript, webassembly) = (hashed_name(options, "js"), hashed_name(options, "wasm"));
    format!(
        "const wake=()=>{{const wasm=fetch('/{folder}/{webassembly}');\
         import('/{folder}/{javascript}').then(page=>page.default({{module_or_path:wasm}}).then(page.hydrate))}};\
         'requestIdleCallback' in window?requestIdleCallback(wake,{{timeout:2000}}):setTimeout(wake)"
    )
}

/// The name of a file of the build, which holds the hash of its contents.
fn hashed_name(options: &LeptosOptions, extension: &str) -> String {
    static HASHES: OnceLock<String> = OnceLock::new();
    let hashes = HASHES.get_or_init(|| {
        let beside_binary =
            std::env::current_exe().ok().and_then(|binary| Some(binary.parent()?.join(&*options.hash_file)));
        beside_binary.and_then(|path| read_to_string(path).ok()).unwrap_or_default()
    });
    let hash = hashes.lines().find_map(|line| Some(line.strip_prefix(extension)?.strip_prefix(':')?.trim()));
    match hash {
        Some(hash) if options.hash_files => format!("{}.{hash}.{extension}", options.output_name),
        _ => format!("{}.{extension}", options.output_name),
    }
}

/// A page that runs no script, rendered outside of the router with an owner of its own, because there is no console
/// around it.
pub fn plain_document(options: LeptosOptions, title: &'static str, body: impl FnOnce() -> AnyView) -> String {
    Owner::new().with(|| {
        view! {
            <!DOCTYPE html>
            <html lang="en">
                <head>
                    <DocumentHead options=options />
                    <meta name="robots" content="noindex" />
                    <title>{format!("{title} · Artiko")}</title>
                </head>
                <body>{body()}</body>
            </html>
        }
        .to_html()
    })
}

/// What the pages with and without WebAssembly have in common.
#[component]
pub fn DocumentHead(options: LeptosOptions) -> impl IntoView {
    view! {
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta
            name="description"
            content="Artiko answers your customers from your documents: plan, API credit and API keys."
        />
        <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
        <HashedStylesheet options=options id="artiko-style" />
    }
}
