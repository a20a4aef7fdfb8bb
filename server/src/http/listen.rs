//! The accept loop: takes connections within limits, serves HTTP/1 on each, and stops in order.
//!
//! A server that waits for whoever is slow can be held up by a few thousand sockets that send a byte now and then. So
//! everything has an end: the headers of a request and the pause before it (`pace.rs`), its body, for which the middleware
//! waits until the time of the whole request is over, an answer that nobody reads, and the number of connections
//! (`places.rs`).
//!
//! A connection that finds no place is closed without an answer. To answer it, its request would have to be read first,
//! or the answer would be lost when the socket is closed over unread bytes; that is the work which the limit is there to
//! save, and it would be done for those who send nothing.

use crate::Config;
use crate::http::pace::{HeadTimer, Pace, PacedStream};
use crate::http::places::{Full, Places};
use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::Response;
use axum::routing::future::RouteFuture;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use ipnet::IpNet;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;
use tower::Service;

/// Largest head of a request, and how much of a body or an answer is held for one connection, in bytes. A larger head
/// is 431. So is one with more than a hundred fields, which is hyper's own limit.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Connections that may wait until they are taken. When more come at once, the system resets some of them, whoever they
/// are of; it takes as many as its own limit (`net.core.somaxconn`) allows.
const WAITING_MAX: u32 = 4_096;
/// Files that are left to the database and to what is served from the disk, when the system allows few.
const RESERVED_FILES: usize = 128;
/// How long no connection is taken after the system refused one, for want of files for example.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// How often connections that were refused are told of in the log.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// What a connection may take of time, and how many there may be.
#[derive(Clone, Debug)]
pub struct Limits {
    /// From the first byte of a request to the end of its headers.
    pub head_time: Duration,
    /// From the opening of a connection, or the end of an answer, to the first byte of a request.
    pub idle_time: Duration,
    /// For which nothing of an answer may be taken.
    pub write_time: Duration,
    pub connections_max: usize,
    /// From one IPv4 address, or one /64 of IPv6.
    pub connections_per_address_max: usize,
    /// Their connections are not counted by address.
    pub trusted_proxies: Vec<IpNet>,
}

impl Limits {
    /// The product's limits: as configured, and not more than the process may open files.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let number = |option: std::num::NonZeroU32| usize::try_from(option.get()).unwrap_or(usize::MAX);
        let wanted = number(config.connections);
        let possible = open_files_max().map_or(usize::MAX, |files| files.saturating_sub(RESERVED_FILES).max(1));
        if possible < wanted {
            tracing::warn!(wanted, possible, "--connections: the limit on open files (ulimit -n) allows fewer");
        }
        Self {
            head_time: Duration::from_secs(10),
            // Longer than the 60 s for which proxies commonly keep one, so that it is they who close it.
            idle_time: Duration::from_secs(75),
            write_time: Duration::from_secs(30),
            connections_max: wanted.min(possible),
            connections_per_address_max: number(config.connections_per_address),
            trusted_proxies: config.trusted_proxies.clone(),
        }
    }
}

/// How many files this process may have open, where the system says so.
fn open_files_max() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let values = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    values.split_whitespace().next()?.parse().ok()
}

/// A listener for [`serve`].
///
/// # Errors
/// When the address is taken or not of this machine.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Connections of the process before, which the system keeps for a minute, do not hold the address.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING_MAX)
}

/// Serves until `stop` returns; then takes no more connections, closes the idle ones, and returns when all requests
/// that had begun are answered.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: impl Future<Output = ()>) {
    // Builds the routes once, where it would else be done for each request.
    let router: Router = router.with_state(());
    let places =
        Places::new(limits.connections_max, limits.connections_per_address_max, limits.trusted_proxies.clone());
    let places = Arc::new(places);
    let connections = GracefulShutdown::new();
    let mut refusals = Refusals::default();
    let mut stop = pin!(stop);
    loop {
        let (stream, address) = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener) => accepted,
        };
        let place = match places.take(address.ip()) {
            Ok(place) => place,
            Err(full) => {
                refusals.add(full, address.ip());
                continue;
            }
        };
        let requests = Requests { router: router.clone(), address };
        let connection = connections.watch(connection(stream, requests, &limits));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    connections.shutdown().await;
}

/// The next connection. What the system refuses is waited for: to ask again at once would only keep a core busy.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            // The client went away meanwhile.
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

fn connection(
    stream: TcpStream,
    requests: Requests,
    limits: &Limits,
) -> http1::Connection<TokioIo<PacedStream>, Requests> {
    // An answer is written whole; waiting for more to send would only make it late.
    let _is_gone = stream.set_nodelay(true);
    let pace = Arc::new(Pace::new(limits.head_time, limits.idle_time));
    let io = TokioIo::new(PacedStream::new(stream, Arc::clone(&pace), limits.write_time));
    http1::Builder::new()
        .timer(HeadTimer(pace))
        .header_read_timeout(limits.idle_time)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(io, requests)
}

/// What answers the requests of one connection.
struct Requests {
    router: Router,
    address: SocketAddr,
}

impl hyper::service::Service<Request<Incoming>> for Requests {
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(ConnectInfo(self.address));
        self.router.clone().call(request)
    }
}

/// Connections that were refused and not told of yet. Whoever opens too many must not fill the log as well.
#[derive(Default)]
struct Refusals {
    count: u64,
    told_at: Option<Instant>,
}

impl Refusals {
    fn add(&mut self, full: Full, address: IpAddr) {
        self.count += 1;
        if self.told_at.is_some_and(|told_at| told_at.elapsed() < TELL_EVERY) {
            return;
        }
        let option = match full {
            Full::Process => "--connections",
            Full::Address => "--connections-per-address",
        };
        tracing::warn!(count = self.count, %address, option, "connections over the limit were closed");
        *self = Self { count: 0, told_at: Some(Instant::now()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_on_open_files_can_be_read() {
        assert!(!cfg!(target_os = "linux") || open_files_max().is_some_and(|files| files > 0));
    }
}
