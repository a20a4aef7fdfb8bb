//! How a page comes alive: first what answers to the person, and then, in small steps, everything that can wait.
//!
//! Bringing a page to life keeps the browser busy, and a busy browser answers nobody. Half of that time goes into effects,
//! which write local times and open the stream of changes. They wait until the page itself is alive, and then run a few at
//! a time, so that a key or a tap gets its turn between them.

use crate::App;
use any_spawner::{CustomExecutor, Executor, PinnedFuture, PinnedLocalFuture};
use leptos::mount::hydrate_body;
use leptos::prelude::set_timeout;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

/// How many tasks run before the browser gets its turn.
const TASKS_A_STEP: usize = 8;

thread_local! {
    /// What waits for its step; `None` once the page is alive, when nothing has to wait any more.
    static WAITING: RefCell<Option<VecDeque<PinnedLocalFuture<()>>>> = const { RefCell::new(Some(VecDeque::new())) };
}

/// Brings the page that the server rendered to life.
pub fn come_alive() {
    let _first = Executor::init_custom_executor(InSteps);
    hydrate_body(App);
    step();
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

fn step() {
    let run = || {
        let tasks = WAITING.with_borrow_mut(|waiting| {
            let tasks: Vec<_> = waiting.iter_mut().flat_map(|all| all.drain(..TASKS_A_STEP.min(all.len()))).collect();
            if tasks.is_empty() {
                *waiting = None;
            }
            tasks
        });
        if !tasks.is_empty() {
            tasks.into_iter().for_each(js_sys::futures::spawn_local);
            step();
        }
    };
    set_timeout(run, Duration::ZERO);
}
