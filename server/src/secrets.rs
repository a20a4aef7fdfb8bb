//! The secrets of the installation, kept beside the database and never in it: whoever copies the database alone can
//! neither check a consumer secret nor sign a webhook.

use crate::error::StartError;
use crate::random::Random;
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use zeroize::Zeroizing;

const SECRET_BYTES: usize = 32;

/// What only this installation knows.
pub struct Secrets {
    pepper: Zeroizing<Vec<u8>>,
    webhook: Zeroizing<Vec<u8>>,
}

impl Secrets {
    /// Reads the secrets from the data folder; makes them where they are missing.
    ///
    /// # Errors
    /// When the folder cannot be written, or a file is there and does not hold 32 bytes in hexadecimal: a wrong pepper
    /// would make every key of every customer invalid, so it is never replaced.
    pub fn open(data_dir: &Path, random: &dyn Random) -> Result<Self, StartError> {
        fs::create_dir_all(data_dir)
            .map_err(|error| StartError::option("--data-dir", format!("{}: {error}", data_dir.display())))?;
        let pepper = read_or_make(&data_dir.join("pepper"), random)?;
        let webhook = read_or_make(&data_dir.join("webhook_secret"), random)?;
        Ok(Self { pepper, webhook })
    }

    /// Keys the HMAC under which consumer secrets are stored.
    #[must_use]
    pub fn pepper(&self) -> &[u8] {
        &self.pepper
    }

    /// Signs the built-in gateway's webhooks.
    #[must_use]
    pub fn webhook(&self) -> &[u8] {
        &self.webhook
    }
}

fn read_or_make(path: &Path, random: &dyn Random) -> Result<Zeroizing<Vec<u8>>, StartError> {
    let failed = |error: std::io::Error| StartError::message(format!("{}: {error}", path.display()));
    match fs::read_to_string(path).map(Zeroizing::new) {
        Ok(text) => read_hex(text.trim())
            .ok_or_else(|| StartError::message(format!("{}: 64 hexadecimal digits are expected", path.display()))),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mut secret = Zeroizing::new(vec![0; SECRET_BYTES]);
            random.fill(&mut secret);
            let mut file =
                fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
            file.write_all(hex(&secret).as_bytes()).map_err(failed)?;
            file.sync_all().map_err(failed)?;
            Ok(secret)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 2));
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    text
}

fn read_hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    if text.len() != SECRET_BYTES * 2 || !text.is_ascii() {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        (0..SECRET_BYTES).map(|place| u8::from_str_radix(&text[place * 2..place * 2 + 2], 16).ok()).collect();
    bytes.map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    #[test]
    fn secrets_are_made_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let first = Secrets::open(folder.path(), &SeededRandom::new(1)).unwrap();
        let second = Secrets::open(folder.path(), &SeededRandom::new(2)).unwrap();
        assert_eq!(first.pepper(), second.pepper());
        assert_ne!(first.pepper(), first.webhook());
    }

    #[test]
    fn a_damaged_or_empty_secret_is_refused_and_not_replaced() {
        for text in ["", "00", &"zz".repeat(32)] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("webhook_secret"), text).unwrap();
            assert!(Secrets::open(folder.path(), &SeededRandom::new(1)).is_err());
            assert_eq!(fs::read_to_string(folder.path().join("webhook_secret")).unwrap(), text);
        }
    }

    #[test]
    fn only_the_owner_may_read_the_files() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        Secrets::open(folder.path(), &SeededRandom::new(1)).unwrap();
        let mode = fs::metadata(folder.path().join("pepper")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
