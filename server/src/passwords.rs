//! People's passwords: Argon2id, off the async threads, a few at a time.
//!
//! The semaphore bounds the memory that a flood of sign-ins can take (19 MiB each, the parameters OWASP recommends and
//! the crate's default). The stand-in hash makes an unknown e-mail cost the same work as a wrong password.

use crate::error::{Error, Result, StartError};
use crate::random::{self, Random};
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use std::sync::Arc;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// How many passwords are hashed at the same time.
const PARALLEL_HASHES: usize = 4;
const SALT_BYTES: usize = 16;

pub(crate) struct Passwords {
    places: Arc<Semaphore>,
    stand_in: String,
}

impl Passwords {
    pub(crate) fn new(random: &dyn Random) -> std::result::Result<Self, StartError> {
        let password: [u8; 32] = random::bytes(random);
        let stand_in = hash(&password, &random::bytes::<SALT_BYTES>(random))
            .map_err(|error| StartError::message(error.to_string()))?;
        Ok(Self { places: Arc::new(Semaphore::new(PARALLEL_HASHES)), stand_in })
    }

    /// Hashes a password for storage, as a PHC string.
    pub(crate) async fn hash(&self, password: &str, random: &dyn Random) -> Result<String> {
        let salt: [u8; SALT_BYTES] = random::bytes(random);
        let password = Zeroizing::new(password.to_owned());
        self.on_blocking_thread(move || hash(password.as_bytes(), &salt)).await?
    }

    /// Whether the password is the one that was hashed; without a hash it takes as long and says no.
    pub(crate) async fn verify(&self, password: &str, stored: Option<String>) -> Result<bool> {
        let is_known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.stand_in.clone());
        let password = Zeroizing::new(password.to_owned());
        let is_same = self
            .on_blocking_thread(move || Argon2::default().verify_password(password.as_bytes(), &*stored).is_ok())
            .await?;
        Ok(is_known && is_same)
    }

    async fn on_blocking_thread<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(Error::internal)?;
        let task = tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        });
        task.await.map_err(Error::internal)
    }
}

fn hash(password: &[u8], salt: &[u8]) -> Result<String> {
    let hash = Argon2::default().hash_password_with_salt(password, salt);
    hash.map(|hash| hash.to_string()).map_err(|error| Error::internal(format!("argon2: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    #[tokio::test]
    async fn only_the_password_that_was_hashed_is_accepted() {
        let random = SeededRandom::new(1);
        let passwords = Passwords::new(&random).unwrap();
        let stored = passwords.hash("correct horse", &random).await.unwrap();
        assert!(stored.starts_with("$argon2id$"));
        assert!(passwords.verify("correct horse", Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify("correct horse ", Some(stored)).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_can_sign_in_against_the_stand_in_hash() {
        let random = SeededRandom::new(1);
        let passwords = Passwords::new(&random).unwrap();
        assert!(!passwords.verify("", None).await.unwrap());
    }
}
