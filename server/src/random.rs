//! Randomness, as something that is passed in: the operating system's in service, a seeded one in tests.

use rand::{Rng, SeedableRng};
use std::sync::Mutex;

/// Where the server takes random bytes from.
pub trait Random: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);
}

/// The thread's generator, seeded and reseeded by the operating system.
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(clippy::disallowed_methods, reason = "the one place that draws real random bytes")]
    fn fill(&self, bytes: &mut [u8]) {
        rand::fill(bytes);
    }
}

/// A generator that gives the same bytes again for the same seed.
pub struct SeededRandom(Mutex<rand::rngs::StdRng>);

impl SeededRandom {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(rand::rngs::StdRng::seed_from_u64(seed)))
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).fill_bytes(bytes);
    }
}

/// `N` fresh random bytes.
pub fn bytes<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    bytes
}
