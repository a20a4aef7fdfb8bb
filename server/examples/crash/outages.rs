//! PostgreSQL goes away and comes back, and connections to it break at a COMMIT.
//!
//! The first process speaks to PostgreSQL directly and the second by way of the proxy. One in three outages lasts longer
//! than the server waits for a connection, so that its callers have to be told; the others are over before that.

use crate::load::Load;
use crate::proxy::{Cut, Proxy};
use crate::{Failure, say};
use server::random::{self, SystemRandom};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How soon after the return of the database the service is back.
const BACK_WITHIN: Duration = Duration::from_secs(10);
const LONG_OUTAGE: Duration = Duration::from_secs(7);
const CUTS_AN_OUTAGE: usize = 2;

fn chance() -> u64 {
    u64::from(random::bytes::<1>(&SystemRandom)[0])
}

/// Stops and starts PostgreSQL `count` times and cuts two connections after each. `control` is a program that passes its
/// arguments on to `pg_ctl` of the cluster.
pub async fn cause(load: &Load, proxy: &Proxy, control: &Path, count: u32) -> Result<(), Failure> {
    let caused = take_turns(load, proxy, control, count).await;
    if caused.is_err() {
        // What is in the database is looked at all the same.
        let _runs_already = pg_ctl(control, &["start"]);
    }
    caused
}

async fn take_turns(load: &Load, proxy: &Proxy, control: &Path, count: u32) -> Result<(), Failure> {
    let mut cuts = Cut::ALL.iter().cycle();
    let mut slowest_return = Duration::ZERO;
    for outage in 1..=count {
        tokio::time::sleep(Duration::from_millis(200 + chance())).await;
        let mode = if outage.is_multiple_of(2) { "fast" } else { "immediate" };
        let is_long = outage % 3 == 1;
        pg_ctl(control, &["stop", "--mode", mode])?;
        let down = Instant::now();
        if is_long {
            let probes = (0..load.urls.len()).map(|url| refused_in_outage(load, url, outage));
            for told in futures_util::future::join_all(probes).await {
                told?;
            }
            tokio::time::sleep(LONG_OUTAGE.saturating_sub(down.elapsed())).await;
        } else {
            tokio::time::sleep(Duration::from_millis(chance() * 8)).await;
        }
        let was_down = down.elapsed();
        pg_ctl(control, &["start"])?;
        let took = back(load, &format!("outage-{outage}")).await?;
        if is_long {
            for url in 0..load.urls.len() {
                load.make_final(url, &during(outage, url)).await;
            }
        }
        slowest_return = slowest_return.max(took);
        say(&format!("outage {outage}: {mode}, down {:.1} s, back {took:.1?} later", was_down.as_secs_f64()))?;
        for _ in 0..CUTS_AN_OUTAGE {
            let cut = *cuts.next().unwrap_or(&Cut::Midway);
            proxy.cut(cut).await?;
            back(load, &format!("cut-{outage}-{cut:?}")).await?;
        }
    }
    say(&format!(
        "after {count} outages and {} cuts: back within {slowest_return:.1?}",
        count as usize * CUTS_AN_OUTAGE
    ))
}

fn pg_ctl(control: &Path, arguments: &[&str]) -> Result<(), Failure> {
    let status = Command::new(control).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("pg_ctl {arguments:?} ended with {status}").into()) }
}

fn during(outage: u32, url: usize) -> String {
    format!("during-{outage}-{url}")
}

/// Whoever asks while the database is away for long is told so.
async fn refused_in_outage(load: &Load, url: usize, outage: u32) -> Result<(), Failure> {
    let status = load.probe(url, &during(outage, url)).await;
    if status == Some(503) { Ok(()) } else { Err(format!("{status:?} instead of 503 without a database").into()) }
}

/// Asks every process until it answers, and says how long the last one took.
pub async fn back(load: &Load, name: &str) -> Result<Duration, Failure> {
    let began = Instant::now();
    let probes = (0..load.urls.len()).map(|url| {
        let key = format!("{name}-{url}");
        async move { load.make_final(url, &key).await }
    });
    let statuses = tokio::time::timeout(BACK_WITHIN, futures_util::future::join_all(probes)).await;
    let statuses = statuses.map_err(|_| format!("{name}: not back within {BACK_WITHIN:?}"))?;
    match statuses.iter().find(|status| **status != Some(200)) {
        None => Ok(began.elapsed()),
        Some(status) => Err(format!("{name}: {status:?} instead of an answer").into()),
    }
}
