//! The server's processes: started on ports of their own, killed, or cut off from room to write.

use crate::{Failure, say};
use server::random::{self, SystemRandom};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

pub struct Process {
    pub port: u16,
    database_url: String,
    child: Child,
}

pub struct Processes {
    folder: PathBuf,
    /// A catalogue of plans that allows more requests a minute than are sent.
    plans: Option<PathBuf>,
    /// Further options of the processes.
    options: Vec<String>,
    running: Vec<Process>,
    /// What the processes wrote to their standard error stream; a panic is written there.
    said: Arc<Mutex<Vec<String>>>,
}

/// Lines of the standard error stream that are kept.
const LINES_MAX: usize = 1_000;
/// A file that grows beyond its limit is an error of writing; without this it would end the process.
const SURVIVES_LIMITS: &str = "trap '' XFSZ; exec \"$0\" \"$@\"";

impl Processes {
    pub fn new(folder: PathBuf, plans: Option<PathBuf>, options: Vec<String>) -> Self {
        Self { folder, plans, options, running: Vec::new(), said: Arc::default() }
    }

    /// Where a SQLite database is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn start(&mut self, port: u16, database_url: &str) -> Result<(), Failure> {
        let mut child = Command::new("sh")
            .args(["-c", SURVIVES_LIMITS])
            .arg(std::env::current_exe()?)
            .args(["serve", "--address", &format!("127.0.0.1:{port}"), "--log", "error"])
            .arg("--data-dir")
            .arg(&self.folder)
            .args(["--database-url", database_url])
            .args(&self.options)
            .args(self.plans.iter().flat_map(|plans| [Path::new("--plans"), plans]))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(stream) = child.stderr.take() {
            let said = Arc::clone(&self.said);
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
                    if said.len() < LINES_MAX || line.contains("panicked") {
                        said.push(line);
                    }
                }
            });
        }
        self.running.push(Process { port, database_url: database_url.to_owned(), child });
        Ok(())
    }

    /// Kills one of them and starts it again.
    pub fn kill_one(&mut self, kill: u32) -> Result<(), Failure> {
        let place = usize::from(random::bytes::<1>(&SystemRandom)[0]) % self.running.len();
        let mut process = self.running.swap_remove(place);
        process.child.kill()?;
        process.child.wait()?;
        if kill.is_multiple_of(25) {
            say(&format!("killed {kill} times"))?;
        }
        self.start(process.port, &process.database_url)
    }

    /// No file of the processes may grow beyond so many bytes; `None` ends that.
    pub fn limit_files(&self, bytes: Option<u64>) -> Result<(), Failure> {
        let limit = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        for process in &self.running {
            let (pid, limit) = (process.child.id().to_string(), format!("--fsize={limit}:unlimited"));
            let limited = Command::new("prlimit").args(["--pid", &pid, &limit]).status()?;
            if !limited.success() {
                return Err(format!("prlimit {limit} ended with {limited}").into());
            }
        }
        Ok(())
    }

    /// Everything that the processes said and should not have.
    pub fn complaints(&mut self) -> Vec<String> {
        let mut wrong = Vec::new();
        for process in &mut self.running {
            if let Ok(Some(status)) = process.child.try_wait() {
                wrong.push(format!("the server on port {} ended by itself: {status}", process.port));
            }
        }
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.extend(said.iter().filter(|line| line.contains("panicked")).cloned());
        wrong
    }

    /// What the processes wrote to their log, the same message once.
    pub fn messages(&self) -> Vec<String> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let mut messages: Vec<String> = Vec::new();
        for line in said.iter().filter_map(|line| Some(line.split_once('Z')?.1.to_owned())) {
            if !messages.contains(&line) {
                messages.push(line);
            }
        }
        messages
    }

    pub fn stop(&mut self) {
        for process in &mut self.running {
            let _killed = process.child.kill();
            let _ended = process.child.wait();
        }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.stop();
    }
}

pub fn free_ports(count: usize) -> Result<Vec<u16>, Failure> {
    let listeners: Vec<_> = (0..count).map(|_| std::net::TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    Ok(listeners
        .iter()
        .map(|listener| listener.local_addr().map(|address| address.port()))
        .collect::<Result<_, _>>()?)
}
