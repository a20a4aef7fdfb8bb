//! The log: text for people, JSON for machines, always on the standard error stream.

use crate::config::{Config, LogFormat};
use crate::error::StartError;
use tracing_subscriber::EnvFilter;

/// Starts logging; once in the life of a process.
///
/// # Errors
/// When the filter in `--log` cannot be read.
pub fn start(config: &Config) -> Result<(), StartError> {
    let filter = EnvFilter::try_new(&config.log).map_err(|error| StartError::option("--log", error))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}
