//! There is no room to write, and then there is again: a disk that is full, or files that may not grow.
//!
//! A full disk is a real one: a small file system that is filled up with a file. Where none can be mounted, the processes'
//! files get a limit of size, so that writing fails in the same places with another error.

use crate::load::Load;
use crate::outages::back;
use crate::processes::Processes;
use crate::{Failure, say};
use server::random::{self, SystemRandom};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What is short.
pub enum Shortage {
    /// Room on the small disk at this folder.
    Disk(PathBuf),
    /// The size of files. The database is in this folder.
    FileSize(PathBuf),
}

/// How soon somebody has to be refused, and how long it stays so after that.
const REFUSED_WITHIN: Duration = Duration::from_mins(1);
/// Whoever is refused is told so before he gives up.
const TOLD_WITHIN: Duration = Duration::from_secs(10);
const LASTS: Duration = Duration::from_millis(1_500);
const PAUSE: Duration = Duration::from_millis(50);

impl Shortage {
    const fn name(&self) -> &'static str {
        match self {
            Self::Disk(_) => "the disk is full",
            Self::FileSize(_) => "files may not grow",
        }
    }

    fn begin(&self, processes: &Processes) -> Result<(), Failure> {
        match self {
            Self::Disk(folder) => fill(folder),
            Self::FileSize(folder) => {
                let log = folder.join("artiko.sqlite-wal").metadata()?.len();
                let part = u64::from(random::bytes::<1>(&SystemRandom)[0]);
                processes.limit_files(Some(log * part / 255))
            }
        }
    }

    fn end(&self, processes: &Processes) -> Result<(), Failure> {
        match self {
            Self::Disk(folder) => Ok(std::fs::remove_file(ballast(folder))?),
            Self::FileSize(_) => processes.limit_files(None),
        }
    }
}

fn ballast(folder: &Path) -> PathBuf {
    folder.join("ballast")
}

/// Takes the disk's last byte.
fn fill(folder: &Path) -> Result<(), Failure> {
    let mut file = File::create(ballast(folder))?;
    for piece in [1 << 20, 1 << 12, 1] {
        let zeros = vec![0; piece];
        loop {
            match file.write_all(&zeros) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// Takes the room away `count` times. The same processes go on when it is there again.
pub async fn cause(load: &Load, processes: &Processes, shortage: &Shortage, count: u32) -> Result<(), Failure> {
    for number in 1..=count {
        tokio::time::sleep(Duration::from_secs(1)).await;
        shortage.begin(processes)?;
        let began = Instant::now();
        let (mut refused, mut number_of_probe) = (Vec::new(), 0);
        let is_refused = loop {
            let key = format!("short-{number}-{number_of_probe}");
            let status = load.probe(0, &key).await;
            if status.is_some_and(|status| status >= 500 && status != 503) {
                return Err(format!("{}, and {status:?} was answered instead of 503", shortage.name()).into());
            }
            if status != Some(200) {
                refused.push(key);
            }
            number_of_probe += 1;
            if status == Some(503) || began.elapsed() > REFUSED_WITHIN {
                break status == Some(503);
            }
            tokio::time::sleep(PAUSE).await;
        };
        let after = began.elapsed();
        tokio::time::sleep(LASTS).await;
        let lasted = began.elapsed();
        shortage.end(processes)?;
        if !is_refused {
            return Err(format!("{}, and nobody was refused within {REFUSED_WITHIN:?}", shortage.name()).into());
        }
        let took = back(load, &format!("room-{number}")).await?;
        for key in refused {
            load.make_final(0, &key).await;
        }
        say(&format!(
            "shortage {number}: {} for {:.1} s, the first refusal after {:.1} s, back {took:.1?} after its end",
            shortage.name(),
            lasted.as_secs_f64(),
            after.as_secs_f64(),
        ))?;
    }
    let slowest = load.log().slowest_unavailable;
    if slowest > TOLD_WITHIN {
        return Err(format!("{}, and somebody waited {slowest:.1?} to be told", shortage.name()).into());
    }
    Ok(())
}
