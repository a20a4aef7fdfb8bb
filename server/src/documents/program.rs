//! A file is read in a process of its own: whatever a hostile one makes of a parser, a panic, a hang or a demand for all
//! memory, ends with that process and says something of that file alone.
//!
//! The process is this very program with another command. It gets the file on its standard input and nothing else: no
//! environment, no file it could write, and limits on its memory and time, which the system keeps.

use super::extract::{Unreadable, read};
use crate::error::{Error, Result};
use domain::chatbot::DocumentKind;
use domain::field::DOCUMENT_BYTES_MAX;
use rustix::process::{Resource, Rlimit, setrlimit};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// The command of the program that reads a document; kind and name follow.
pub const COMMAND: &str = "read-document";
/// How long reading may take.
const TIME_MAX: Duration = Duration::from_secs(20);
/// How much memory reading may take, in bytes.
const MEMORY_BYTES_MAX: u64 = 768 * 1024 * 1024;
/// The process has said why the file cannot be read.
const UNREADABLE: u8 = 3;
/// What a process of Rust ends with after a panic.
const PANICKED: i32 = 101;
/// Longest reason that is believed, in bytes.
const REASON_BYTES_MAX: usize = 300;

/// The program that reads, and how long it may.
pub struct Program {
    path: PathBuf,
    time_max: Duration,
}

impl Program {
    /// `path` is another program than this one.
    pub fn new(path: Option<&Path>, time_max: Option<Duration>) -> Self {
        // The file of this program, even when another has been put in its place meanwhile.
        let path = path.map_or_else(|| PathBuf::from("/proc/self/exe"), Path::to_owned);
        Self { path, time_max: time_max.unwrap_or(TIME_MAX) }
    }

    /// Reads a file; the inner result is about the file.
    ///
    /// # Errors
    /// When no process can be started.
    pub async fn read(
        &self,
        kind: DocumentKind,
        name: &str,
        bytes: &[u8],
    ) -> Result<std::result::Result<String, Unreadable>> {
        let mut process = Command::new(&self.path)
            .args([COMMAND, "--", kind.as_str(), name])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Error::internal(format!("{} cannot be started: {error}", self.path.display())))?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let (mut input, output) = pipes.ok_or_else(|| Error::internal("a process without pipes"))?;
        let write = async move {
            // A process that has ended reads no more; how it ended says why.
            let _ended = input.write_all(bytes).await;
        };
        let read = async move {
            let mut text = Vec::new();
            let _read = output.take(DOCUMENT_BYTES_MAX as u64 + 1).read_to_end(&mut text).await;
            text
        };
        let work = async {
            let ((), text) = tokio::join!(write, read);
            (text, process.wait().await)
        };
        let Ok((text, status)) = tokio::time::timeout(self.time_max, work).await else {
            return Ok(Err(Unreadable::TookTooLong));
        };
        Ok(outcome(status.map_err(Error::internal)?, text))
    }
}

fn outcome(status: ExitStatus, mut text: Vec<u8>) -> std::result::Result<String, Unreadable> {
    if status.code() == Some(i32::from(UNREADABLE)) {
        text.truncate(REASON_BYTES_MAX);
        return Err(Unreadable::Told(String::from_utf8_lossy(&text).into_owned()));
    }
    // Nobody read on, and it may have ended of that.
    if text.len() > DOCUMENT_BYTES_MAX {
        return Err(Unreadable::TooMuchText);
    }
    match status.code() {
        Some(0) => String::from_utf8(text).map_err(|_| Unreadable::Broken),
        Some(PANICKED) => Err(Unreadable::Broken),
        // By a signal: no memory, no stack, or no time of the processor.
        _ => Err(Unreadable::TooMuchMemory),
    }
}

/// What the process does: reads the file from standard input, and writes its text or why there is none.
#[must_use]
pub fn run(kind: &str, name: &str) -> ExitCode {
    let Some(kind) = DocumentKind::parse(kind).filter(|_| limit().is_ok()) else { return ExitCode::FAILURE };
    let mut bytes = Vec::new();
    if std::io::stdin().read_to_end(&mut bytes).is_err() {
        return ExitCode::FAILURE;
    }
    let (text, code) = match read(kind, name, &bytes) {
        Ok(text) => (text, ExitCode::SUCCESS),
        Err(unreadable) => (unreadable.to_string(), ExitCode::from(UNREADABLE)),
    };
    let mut output = std::io::stdout();
    let written = output.write_all(text.as_bytes()).and_then(|()| output.flush());
    if written.is_ok() { code } else { ExitCode::FAILURE }
}

/// Limits this process for good.
fn limit() -> rustix::io::Result<()> {
    let at_most = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::As, at_most(MEMORY_BYTES_MAX))?;
    setrlimit(Resource::Cpu, at_most(TIME_MAX.as_secs() + 1))?;
    setrlimit(Resource::Fsize, at_most(0))?;
    setrlimit(Resource::Core, at_most(0))
}
