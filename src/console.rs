//! How a request reaches a page: the Leptos routes with their headers, the browser's files, and the HTTP API beside them.

use crate::commands::{Serve, say};
use app::{App, shell};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use leptos::config::LeptosOptions;
use leptos::context::{provide_context, use_context};
use leptos::nonce::use_nonce;
use leptos::reactive::computed::ScopedFuture;
use leptos::reactive::owner::Owner;
use leptos_axum::{LeptosRoutes, ResponseOptions, file_and_error_handler_with_context, generate_route_list};
use server::http::{Limits, Refused};
use server::{Server, sessions};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate, SizeAbove};
use tower_http::compression::{CompressionLayer, CompressionLevel};
use tower_http::services::ServeDir;

/// How long requests in flight may take to finish after the signal to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// Largest form of the console, in bytes: a document of the largest size in which every byte had to be escaped.
const FORM_BYTES_MAX: usize = 3 * domain::field::DOCUMENT_BYTES_MAX + 64 * 1024;

/// Opens the installation and serves until the process is told to stop.
///
/// # Errors
/// When the installation cannot be opened or the address is taken.
pub async fn serve(options: Serve) -> Result<(), Box<dyn Error>> {
    let site_root = site_root(options.site_root)?;
    tracing::info!("{}", options.config.summary());
    let server = Server::open(options.config).await?;
    let address = server.config.address;
    let listener =
        server::http::bind(address).map_err(|error| format!("--address: {address} cannot be listened on: {error}"))?;
    tokio::spawn(server::payments::keep_sweeping(Arc::downgrade(&server)));
    tokio::spawn(server::plans::renewals::keep_renewing(Arc::downgrade(&server)));
    tokio::spawn(server::payments::top_up::keep_topping_up(Arc::downgrade(&server)));
    tokio::spawn(server::payments::keep_reconciling(Arc::downgrade(&server)));
    tokio::spawn(server::mail::keep_sending(Arc::downgrade(&server)));
    tokio::spawn(server::mail::keep_reminding(Arc::downgrade(&server)));
    let router = router(&server, &site_root);
    say(&format!("Artiko is ready at {}", server.config.public_url()));
    let stop = async {
        stop_signal().await;
        tracing::info!("stopping; requests in flight are finished");
        server.stop();
    };
    let serving = server::http::serve(listener, router, Limits::of(&server.config), stop);
    let too_late = async {
        server.stopped().await;
        tokio::time::sleep(STOP_TIMEOUT).await;
    };
    tokio::select! {
        () = serving => {}
        () = too_late => tracing::warn!("some requests did not finish in time"),
    }
    // What was asked of the ledger is carried out before the connections are closed.
    server.close().await;
    Ok(())
}

/// Every address of the process.
fn router(server: &Arc<Server>, site_root: &Path) -> Router {
    let options = LeptosOptions::builder()
        .output_name("artiko")
        .site_root(site_root.to_string_lossy().into_owned())
        .site_pkg_dir("pkg")
        .site_addr(server.config.address)
        .hash_files(true)
        .build();
    let context = {
        let server = Arc::clone(server);
        move || provide_page_context(&server)
    };
    let page = {
        let options = options.clone();
        move || shell(options.clone())
    };
    let not_found = file_and_error_handler_with_context::<LeptosOptions, _>(context.clone(), shell);
    let files = ServeDir::new(site_root)
        .precompressed_br()
        .append_index_html_on_directories(false)
        .fallback(get(not_found).with_state(options.clone()));
    let console = Router::new()
        .leptos_routes_with_context(&options, generate_route_list(App), context, page)
        .fallback_service(files)
        .layer(from_fn(cache_files))
        .layer(from_fn_with_state(Arc::clone(server), find_viewer))
        .layer(compression())
        .with_state(options.clone());
    let plain = app::settings::server_fns::plain_routes(Arc::clone(server), options.clone())
        .merge(app::settings::receipts::server_fns::plain_routes(Arc::clone(server), options.clone()))
        .merge(app::chatbots::server_fns::plain_routes(Arc::clone(server), options.clone()))
        .merge(app::contacts::server_fns::plain_routes(Arc::clone(server)))
        .merge(app::conversations::server_fns::plain_routes(Arc::clone(server)))
        .merge(app::usage::server_fns::plain_routes(Arc::clone(server)))
        .merge(app::account::server_fns::plain_routes(Arc::clone(server), options.clone()))
        .merge(app::recovery::server_fns::plain_routes(Arc::clone(server), options.clone()))
        .merge(app::operator::server_fns::plain_routes(Arc::clone(server), options.clone()));
    let console = server::http::limit_body(console.merge(plain), FORM_BYTES_MAX);
    let console = console.merge(app::documents::server_fns::plain_routes(Arc::clone(server), options.clone()));
    let console = server::http::protect_from_cross_site(console)
        .merge(app::recovery::server_fns::open_routes(Arc::clone(server), options))
        .layer(from_fn(keep_apart));
    server::http::wrap(Arc::clone(server), server::http::routes(Arc::clone(server)).merge(console))
}

/// Gives each request a place of its own for what Leptos looks up by the thread that it runs on.
///
/// **Invariant:** nobody finds the context of another request. A page's stays behind on the thread while the page waits for
/// its data; a plain route that was served there meanwhile found it, and gave that page the status of its own refusal.
async fn keep_apart(request: Request, next: Next) -> Response {
    Owner::new_root(None).with(|| ScopedFuture::new_untracked(next.run(request))).await
}

/// Small answers gain nothing, and events must not wait in a buffer.
fn compression() -> CompressionLayer<impl Predicate> {
    let predicate = DefaultPredicate::new()
        .and(SizeAbove::new(512))
        .and(NotForContentType::const_new("text/event-stream"))
        .and(NotForContentType::const_new("application/wasm"));
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(predicate)
}

/// What every page and server function finds in its context, and the headers of every page.
///
/// **Invariant:** a page may run only scripts that this very answer names by its nonce.
fn provide_page_context(server: &Arc<Server>) {
    provide_context(Arc::clone(server));
    let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>()) else { return };
    let policy = format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; \
         img-src 'self' data:; font-src 'self'; frame-src 'self'; form-action 'self' {}; base-uri 'none'; \
         frame-ancestors 'none'",
        server.config.form_origins()
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
    // Pages show one person's figures: no cache on the way may keep them, and going back asks again.
    response.insert_header(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
}

/// Finds out who is signed in before a page is rendered, so that the page need not wait for it.
async fn find_viewer(State(server): State<Arc<Server>>, mut request: Request, next: Next) -> Response {
    let is_page = request.method() == Method::GET && !request.uri().path().starts_with("/pkg/");
    if let Some(token) = sessions::token_from(&server.config, request.headers()).filter(|_| is_page) {
        match sessions::viewer(&server, &token).await {
            Ok(Some(viewer)) => drop(request.extensions_mut().insert(viewer)),
            Ok(None) => {}
            Err(error) => return Refused::from(error).into_response(),
        }
    }
    next.run(request).await
}

/// A file whose name holds the hash of its contents never changes. The widget's script keeps its name, because it stands
/// in other people's pages, which load it from whatever origin they have; a change reaches them within the hour.
async fn cache_files(request: Request, next: Next) -> Response {
    let (is_hashed, is_widget) = (request.uri().path().starts_with("/pkg/"), request.uri().path() == "/widget.js");
    let mut response = next.run(request).await;
    let kept = if is_hashed { "public, max-age=31536000, immutable" } else { "public, max-age=3600" };
    if (is_hashed || is_widget) && response.status().is_success() {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    }
    if is_widget {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    response
}

/// The folder with the browser's files.
fn site_root(given: Option<PathBuf>) -> Result<PathBuf, String> {
    let beside_binary = || {
        let binary = std::env::current_exe().ok()?;
        let folder = binary.parent()?;
        [folder.join("site"), folder.parent()?.join("site")].into_iter().find(|path| path.is_dir())
    };
    let site_root = given.or_else(beside_binary).filter(|path| path.is_dir());
    site_root.ok_or_else(|| "--site-root: the folder with the files for the browser is not there".to_owned())
}

async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = interrupt => {}
        () = terminate => {}
    }
}
