//! How slow a client may be: the time in which the headers of a request must arrive, the time a connection may lie idle
//! between two requests, and the time for which an answer may stand still.
//!
//! hyper knows one time for the first two, from the end of one request to the headers of the next. They are two here:
//! programs and proxies keep connections for their next call, and a request that has begun has no reason to take that
//! long. hyper asks a [`Timer`] when it begins to wait and drops the wait when the headers are there; the timer below lets
//! the wait end earlier once the first byte has been read. Bytes that were read together with the request before them do
//! not count as the first one, so half a request that was sent ahead has the time of an idle connection.

use hyper::rt::{Sleep, Timer};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

/// What the wait for a request and the socket it is read from know of each other.
pub(super) struct Pace {
    head_time: Duration,
    /// Whether a byte has come since the wait began.
    has_begun: AtomicBool,
    /// One for all waits of the connection: a busy one begins thousands of them a second and sees none ring.
    alarm: Mutex<Pin<Box<tokio::time::Sleep>>>,
}

impl Pace {
    pub fn new(head_time: Duration, idle_time: Duration) -> Self {
        Self { head_time, has_begun: AtomicBool::new(false), alarm: Mutex::new(Box::pin(sleep(idle_time))) }
    }
}

/// The timer from which hyper gets its waits for headers.
pub(super) struct HeadTimer(pub Arc<Pace>);

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn Sleep>> {
        self.0.has_begun.store(false, Ordering::Relaxed);
        Box::pin(HeadWait { pace: Arc::clone(&self.0), has_begun: false, deadline: deadline.into() })
    }

    /// By the clock that the alarm goes by.
    fn now(&self) -> std::time::Instant {
        Instant::now().into()
    }
}

/// The wait for the headers of one request. hyper looks at it after each reading that did not complete them.
struct HeadWait {
    pace: Arc<Pace>,
    has_begun: bool,
    deadline: Instant,
}

impl Future for HeadWait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if !self.has_begun && self.pace.has_begun.load(Ordering::Relaxed) {
            self.has_begun = true;
            self.deadline = Instant::now() + self.pace.head_time;
        }
        let mut alarm = self.pace.alarm.lock().unwrap_or_else(PoisonError::into_inner);
        if alarm.deadline() > self.deadline {
            alarm.as_mut().reset(self.deadline);
        }
        // An alarm that was set for an earlier wait rings too early, and is set anew then and not at each request.
        loop {
            ready!(alarm.as_mut().poll(context));
            if alarm.deadline() >= self.deadline {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(self.deadline);
        }
    }
}

impl Sleep for HeadWait {}

/// A connection's socket, whose writing fails when nothing of it is taken for some time.
pub(super) struct PacedStream {
    stream: TcpStream,
    pace: Arc<Pace>,
    write_time: Duration,
    /// Rings when writing has stood still for too long; there is none while it goes on.
    stalled: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl PacedStream {
    pub fn new(stream: TcpStream, pace: Arc<Pace>, write_time: Duration) -> Self {
        Self { stream, pace, write_time, stalled: None }
    }

    fn in_time<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let write_time = self.write_time;
        let alarm = self.stalled.get_or_insert_with(|| Box::pin(sleep(write_time)));
        ready!(alarm.as_mut().poll(context));
        // Without this the system would keep what was not taken, and offer it for minutes after the socket is closed.
        let _is_gone = self.stream.set_zero_linger();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for PacedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.pace.has_begun.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for PacedStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.in_time(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.in_time(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
