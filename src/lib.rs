//! The browser's entry: brings the page that the server rendered to life.

#![cfg(feature = "hydrate")]
#![recursion_limit = "256"]

/// Called by the script in the page once WebAssembly has loaded.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    app::startup::come_alive();
    // Whoever drives the page from outside can see from here on that its forms are answered without leaving it.
    if let Some(page) = leptos::prelude::document().document_element() {
        let _marked = page.set_attribute("data-alive", "");
    }
}
