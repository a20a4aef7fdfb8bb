//! `GET /events`: tells the open pages of an account that something has changed, as server-sent events.
//!
//! Only the fact is told; the page then asks for its numbers as at any other time. What this process changes is told at
//! once. What another process or the operator's command changes is seen by looking at the balance once a second.

use crate::http::problem::Refused;
use crate::{Server, args, sessions};
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use domain::id::AccountId;
use domain::problem::ProblemCode;
use futures_util::stream::{self, StreamExt};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often the stored balance is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After how many looks the session is checked again, so that a page goes silent when its session ends by time or in
/// another process. It is checked with every change too.
const LOOKS_PER_SESSION_CHECK: u32 = 10;
/// The shortest pause between two events: under load a page asks ten times a second, not a thousand times.
const PAUSE: Duration = Duration::from_millis(100);
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a browser waits before it connects again.
const RETRY: Duration = Duration::from_secs(1);

/// Streams the changes of the signed-in user's account until the server stops or the session ends.
///
/// 401 when nobody is signed in.
pub(super) async fn events(State(server): State<Arc<Server>>, headers: HeaderMap) -> Result<Response, Refused> {
    let token = sessions::token_from(&server.config, &headers).ok_or(ProblemCode::SignInRequired)?;
    let viewer = sessions::viewer(&server, &token).await?.ok_or(ProblemCode::SignInRequired)?;
    // Subscribing before the first look means that no change can fall between the two.
    let heard = server.live.subscribe(&viewer.account_id);
    let seen = balance(&server, &viewer.account_id).await;
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let listener =
        Listener { server, account_id: viewer.account_id, token, heard, seen, look, looks: 0, has_told: false };
    let opened = stream::once(async { Ok::<_, Infallible>(Event::default().retry(RETRY).comment("open")) });
    // An event without a line of data is dropped by the browser, so there is one, of which nobody reads the contents.
    let changes = stream::unfold(listener, |mut listener| async move {
        listener.next_change().await.then(|| (Ok(Event::default().event("change").data("changed")), listener))
    });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("ping");
    let mut response = Sse::new(opened.chain(changes)).keep_alive(keep_alive).into_response();
    // A proxy that collects the stream before it passes it on would make the page late.
    response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

struct Listener {
    server: Arc<Server>,
    account_id: AccountId,
    token: String,
    heard: watch::Receiver<u64>,
    seen: Option<Balance>,
    look: Interval,
    looks: u32,
    has_told: bool,
}

impl Listener {
    /// Waits for the next change; false when there will be none.
    async fn next_change(&mut self) -> bool {
        if std::mem::replace(&mut self.has_told, true) {
            tokio::time::sleep(PAUSE).await;
        }
        loop {
            tokio::select! {
                () = self.server.stopped() => return false,
                heard = self.heard.changed() => {
                    self.seen = balance(&self.server, &self.account_id).await;
                    return heard.is_ok() && self.is_signed_in().await;
                }
                _ = self.look.tick() => {
                    self.looks += 1;
                    if self.looks.is_multiple_of(LOOKS_PER_SESSION_CHECK) && !self.is_signed_in().await {
                        return false;
                    }
                    // A database that does not answer is no change.
                    let found = balance(&self.server, &self.account_id).await;
                    if found.is_some() && found != self.seen {
                        self.seen = found;
                        return true;
                    }
                }
            }
        }
    }

    async fn is_signed_in(&self) -> bool {
        matches!(sessions::viewer(&self.server, &self.token).await, Ok(Some(_)) | Err(_))
    }
}

/// Posted credit, held credit, and the numbers of the next entry and the next counted message.
type Balance = (i64, i64, i64, i64);

const SELECT_BALANCE: &str = "SELECT posted, held, next_entry, next_message FROM balances WHERE account_id = $1";

async fn balance(server: &Server, account_id: &AccountId) -> Option<Balance> {
    server.db.optional(SELECT_BALANCE, args![account_id.as_str()]).await.ok().flatten()
}
