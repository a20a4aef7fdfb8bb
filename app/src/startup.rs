//! How a page comes alive: in small steps, the parts that answer to the person first, then everything that can wait.
//!
//! Bringing a page to life keeps the browser busy, and a busy browser answers nobody. So the page comes alive part by part
//! (see [`crate::components::Later`]), and the browser gets its turn between them. Effects, which write local times and open
//! the stream of changes, wait until all parts are alive, and then run a few at a time.
//!
//! A person need not wait for the steps: whatever he does brings all parts to life at once, before the page hears of it.
//! Nothing else changes the page before that, so no part finds anything but what the server rendered.

use crate::App;
use any_spawner::{CustomExecutor, Executor, PinnedFuture, PinnedLocalFuture};
use hydration_context::HydrateSharedContext;
use leptos::prelude::*;
use leptos::tachys::dom::body;
use leptos::tachys::hydration::Cursor;
use leptos::tachys::view::PositionState;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem::forget;
use std::sync::Arc;
use std::time::Duration;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;

/// How many tasks run before the browser gets its turn.
const TASKS_A_STEP: usize = 8;

/// What a person does, and going back: the page must be alive before it hears of any of these.
const AWAKENING_EVENTS: [&str; 6] = ["pointerdown", "click", "keydown", "input", "submit", "popstate"];

thread_local! {
    /// The parts that are not alive yet, in the order of the page.
    static PARTS: RefCell<VecDeque<Box<dyn FnOnce()>>> = const { RefCell::new(VecDeque::new()) };
    /// What waits for its step; `None` once all parts are alive, when nothing new has to wait any more.
    static WAITING: RefCell<Option<VecDeque<PinnedLocalFuture<()>>>> = const { RefCell::new(Some(VecDeque::new())) };
}

/// Brings the page that the server rendered to life. Returns before it is: making the page, and walking it, take turns too.
pub fn come_alive() {
    let _first = Executor::init_custom_executor(InSteps);
    wake_on_events();
    let owner = Owner::new_root(Some(Arc::new(HydrateSharedContext::new())));
    wake_later(move || {
        let page = owner.with(|| App().into_view());
        wake_later(move || walk(owner, page));
    });
    wake_in_steps();
}

fn walk(owner: Owner, page: View<impl IntoView + 'static>) {
    let cursor = Cursor::new(body().unchecked_into());
    let page = owner.with(|| page.hydrate::<true>(&cursor, &PositionState::default()));
    // Both live as long as the page.
    forget((owner, page));
}

/// Brings a part to life when its turn has come.
pub fn wake_later(part: impl FnOnce() + 'static) {
    PARTS.with_borrow_mut(|parts| parts.push_back(Box::new(part)));
}

/// Brings all parts to life that are not, and those that they hold.
pub fn wake_all() {
    while wake_next() {}
}

/// Brings the next part to life; false when there is none left, and what the server sent with the page has been read.
fn wake_next() -> bool {
    let part = PARTS.with_borrow_mut(VecDeque::pop_front);
    let is_part = part.is_some();
    match part {
        Some(part) => part(),
        None => Owner::current_shared_context().iter().for_each(|context| context.hydration_complete()),
    }
    is_part
}

/// Hears of everything first, because it listens at the window, on the way down.
fn wake_on_events() {
    let listener = Closure::<dyn Fn()>::new(wake_all).into_js_value();
    for event in AWAKENING_EVENTS {
        let _ = window().add_event_listener_with_callback_and_bool(event, listener.unchecked_ref(), true);
    }
}

fn wake_in_steps() {
    let step = || {
        if wake_next() {
            wake_in_steps();
            return;
        }
        // Whoever drives the page from outside can see from here on that its forms are answered without leaving it.
        if let Some(page) = document().document_element() {
            let _marked = page.set_attribute("data-alive", "");
        }
        run_in_steps(WAITING.with_borrow_mut(Option::take).unwrap_or_default());
    };
    set_timeout(step, Duration::ZERO);
}

struct InSteps;

impl CustomExecutor for InSteps {
    fn spawn(&self, task: PinnedFuture<()>) {
        self.spawn_local(task);
    }

    fn spawn_local(&self, task: PinnedLocalFuture<()>) {
        let ready = WAITING.with_borrow_mut(|waiting| match waiting {
            Some(waiting) => {
                waiting.push_back(task);
                None
            }
            None => Some(task),
        });
        if let Some(task) = ready {
            js_sys::futures::spawn_local(task);
        }
    }

    fn poll_local(&self) {}
}

/// Runs what has waited. What is spawned meanwhile runs at once: a view that was loaded anew notices the next change only
/// when a task of its own has ended.
fn run_in_steps(mut waiting: VecDeque<PinnedLocalFuture<()>>) {
    let step = move || {
        let rest = waiting.split_off(TASKS_A_STEP.min(waiting.len()));
        waiting.into_iter().for_each(js_sys::futures::spawn_local);
        if !rest.is_empty() {
            run_in_steps(rest);
        }
    };
    set_timeout(step, Duration::ZERO);
}
