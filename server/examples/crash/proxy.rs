//! Stands between the server and PostgreSQL, passes everything on, and cuts a connection exactly at a COMMIT.

use crate::Failure;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Where the connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// PostgreSQL never hears of the COMMIT.
    BeforePostgres,
    /// PostgreSQL is sent the COMMIT and loses the connection in the same moment.
    Midway,
    /// PostgreSQL has committed and said so, and the server does not hear it.
    BeforeServer,
}

impl Cut {
    pub const ALL: [Self; 3] = [Self::BeforePostgres, Self::BeforeServer, Self::Midway];
}

/// As the driver sends it: a simple query of its own.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";
/// As PostgreSQL answers: the tag of the statement that is complete.
const COMMITTED: &[u8] = b"C\0\0\0\x0bCOMMIT\0";

/// How long it may take until somebody commits.
const CUT_WITHIN: Duration = Duration::from_secs(10);

struct Shared {
    postgres: String,
    wanted: Mutex<Option<Cut>>,
    cuts: watch::Sender<u32>,
}

pub struct Proxy {
    /// The address of the database by way of the proxy.
    pub database_url: String,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Stands before the database at `postgres://user@host:port/name`.
    pub async fn start(database_url: &str) -> Result<Self, Failure> {
        let (user, rest) = database_url.split_once('@').ok_or("the address of the database has no user")?;
        let (postgres, name) = rest.split_once('/').ok_or("the address of the database has no name")?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let database_url = format!("{user}@{}/{name}", listener.local_addr()?);
        let (wanted, cuts) = (Mutex::default(), watch::Sender::new(0));
        let shared = Arc::new(Shared { postgres: postgres.to_owned(), wanted, cuts });
        tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { database_url, shared })
    }

    /// Cuts the connection that commits next, and returns when that has happened.
    pub async fn cut(&self, cut: Cut) -> Result<(), Failure> {
        let mut cuts = self.shared.cuts.subscribe();
        cuts.mark_unchanged();
        *self.shared.wanted.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut);
        let changed = tokio::time::timeout(CUT_WITHIN, cuts.changed()).await;
        changed.map_err(|_| format!("nobody committed within {CUT_WITHIN:?}, so nothing was cut: {cut:?}"))??;
        Ok(())
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((server, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // Whatever breaks here breaks the connection, which is all that a proxy can tell its two sides.
            let _broken = pass_on(server, &shared).await;
        });
    }
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

async fn pass_on(mut server: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut postgres = TcpStream::connect(&shared.postgres).await?;
    server.set_nodelay(true)?;
    postgres.set_nodelay(true)?;
    let (mut asked, mut said) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut swallows_commit = false;
    loop {
        tokio::select! {
            length = server.read(&mut asked) => {
                let bytes = &asked[..length?];
                if bytes.is_empty() {
                    return Ok(());
                }
                let is_commit = holds(bytes, COMMIT);
                let cut = if is_commit { shared.wanted.lock().unwrap_or_else(PoisonError::into_inner).take() } else { None };
                if cut != Some(Cut::BeforePostgres) {
                    postgres.write_all(bytes).await?;
                }
                swallows_commit = cut == Some(Cut::BeforeServer);
                if cut.is_some() && !swallows_commit {
                    shared.cuts.send_modify(|cuts| *cuts += 1);
                    return Ok(());
                }
            }
            length = postgres.read(&mut said) => {
                let bytes = &said[..length?];
                if bytes.is_empty() {
                    return Ok(());
                }
                if swallows_commit && holds(bytes, COMMITTED) {
                    shared.cuts.send_modify(|cuts| *cuts += 1);
                    return Ok(());
                }
                server.write_all(bytes).await?;
            }
        }
    }
}
