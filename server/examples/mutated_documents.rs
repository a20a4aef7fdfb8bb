//! Reads many damaged files as the product does, and writes one line of JSON with what became of them. The program that
//! reads has to be built beside it: `cargo build --release -p server --bin document_reader --example mutated_documents`.

#[path = "../tests/files/mod.rs"]
mod files;
#[path = "../tests/mutations/mod.rs"]
mod mutations;

use clap::Parser;
use serde_json::json;
use std::error::Error;
use std::io::Write;

#[derive(Parser)]
struct Options {
    #[arg(long, default_value_t = 10_000)]
    files: usize,
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let Options { files, seed } = Options::parse();
    let example = std::env::current_exe()?;
    let reader = example.parent().and_then(|folder| folder.parent()).ok_or("no folder")?.join("document_reader");
    let outcomes = mutations::try_files(&reader, seed, files).await;
    let line = json!({
        "files": outcomes.files, "read": outcomes.read, "refused": outcomes.refused, "panicked": outcomes.panicked,
        "ended": outcomes.ended, "took_too_long": outcomes.took_too_long, "slowest_ms": outcomes.slowest.as_millis(),
    });
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}
