//! Server entry: reads the configuration, opens the installation, mounts the console beside the HTTP API, and serves.
//!
//! The operator's commands stand in `commands.rs`; how a request reaches a page, in `console.rs`.

#![recursion_limit = "256"]

mod commands;
mod console;

use clap::Parser;
use commands::Cli;
use std::process::ExitCode;

/// A request's memory is taken on one thread and given back on another; this allocator is made for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Before there is a runtime: its threads would find no room under the limits of that process.
    if let Some(code) = commands::read_document(&cli) {
        return code;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return commands::fail(&error),
    };
    match runtime.block_on(commands::run(cli)) {
        Ok(code) => code,
        Err(error) => commands::fail(error.as_ref()),
    }
}
