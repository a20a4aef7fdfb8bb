//! Keeps the page true while it is open: the server says that something changed, and everything shown is read again.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use web_sys::EventSource;

/// Counts the changes of the account. Whatever is loaded takes it as its source: `Loaded::new(move || live.get(), …)`.
#[derive(Clone, Copy)]
pub struct LiveVersion(pub RwSignal<u64>);

impl LiveVersion {
    #[must_use]
    pub fn get(self) -> u64 {
        self.0.get()
    }

    /// Reads everything again, for a change that this page made itself and need not wait for.
    pub fn bump(self) {
        self.0.update(|version| *version += 1);
    }
}

/// The version from the context of the layout; one that never changes where there is no layout.
pub fn use_live() -> LiveVersion {
    use_context::<LiveVersion>().unwrap_or_else(|| LiveVersion(RwSignal::new(0)))
}

/// Opens the stream of changes once the page is alive, and closes it with the layout.
///
/// Each opening counts as a change, because nothing was heard before it: since the page was rendered the first time, and
/// since the interruption when the browser opens the stream again by itself.
pub fn listen_to_changes(live: LiveVersion) {
    Effect::new(move |_| {
        let Ok(source) = EventSource::new("/events") else {
            return;
        };
        let on_change = Closure::<dyn Fn()>::new(move || live.bump());
        for name in ["open", "change"] {
            let _ = source.add_event_listener_with_callback(name, on_change.as_ref().unchecked_ref());
        }
        on_change.forget();
        on_cleanup(move || source.close());
    });
}
