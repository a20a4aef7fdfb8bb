//! The command of the product that reads a document, as a program of its own: what the server's tests start in its place.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--").skip(1);
    let (kind, name) = (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    server::documents::program::run(&kind, &name)
}
