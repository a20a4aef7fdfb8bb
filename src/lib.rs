//! The browser's entry: brings the page that the server rendered to life.

#![cfg(feature = "hydrate")]
#![recursion_limit = "256"]

/// Called by the script in the page once WebAssembly has loaded.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    app::startup::come_alive();
}
