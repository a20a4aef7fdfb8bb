//! Where a secret is readable: in the answer that makes it, and nowhere else.

use crate::key_holder::{ASK, asks_with, key_holder};
use crate::listener::Log;
use crate::requests::send;
use crate::support::{TestServer, databases, owner};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::api_key::Overlap;
use server::keys;

/// Every table of a database, row by row, as text.
async fn dump(server: &TestServer) -> String {
    let tables: Vec<(String,)> = if server.db.name() == "SQLite" {
        server.db.all("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%migrations'", Vec::new()).await
    } else {
        let tables = "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema = 'public' AND table_name NOT LIKE '%migrations'";
        server.db.all(tables, Vec::new()).await
    }
    .expect("the tables");
    assert!(tables.len() > 15, "{tables:?}");
    let mut text = String::new();
    for (table,) in tables {
        let columns: Vec<(String,)> = if server.db.name() == "SQLite" {
            server.db.all("SELECT name FROM pragma_table_info($1)", vec![table.as_str().into()]).await
        } else {
            let columns = "SELECT CAST(column_name AS TEXT) FROM information_schema.columns WHERE table_name = $1";
            server.db.all(columns, vec![table.as_str().into()]).await
        }
        .expect("the columns");
        let parts: Vec<String> =
            columns.iter().map(|(name,)| format!("COALESCE(CAST(\"{name}\" AS TEXT), '')")).collect();
        let statement: &'static str = format!("SELECT {} FROM \"{table}\"", parts.join(" || ' ' || ")).leak();
        let rows: Vec<(String,)> = server.db.all(statement, Vec::new()).await.expect("rows");
        text.extend(rows.into_iter().map(|(row,)| row + "\n"));
    }
    text
}

/// The files of an installation, and of a backup of its database where that is a file.
async fn files(server: &TestServer) -> String {
    let backup = server.folder().join("backup.sqlite");
    if server.db.name() == "SQLite" {
        let statement: &'static str = format!("VACUUM INTO '{}'", backup.display()).leak();
        server.db.execute(statement, Vec::new()).await.expect("a backup");
        assert!(backup.metadata().expect("the backup").len() > 50_000);
    }
    let files = std::fs::read_dir(server.folder()).expect("a folder").map(|file| file.expect("a file").path());
    let files: Vec<_> = files.filter(|path| path.is_file()).collect();
    assert!(!files.is_empty());
    files.iter().map(|path| String::from_utf8_lossy(&std::fs::read(path).expect("bytes")).into_owned()).collect()
}

/// A secret is readable in the answer that makes it, and then nowhere: not in the database, its files and its backup, and
/// not in the log, whatever is done with it.
#[tokio::test]
async fn no_secret_is_readable_in_the_database_a_backup_or_the_log() {
    for server in databases().await {
        let (log, guard) = Log::listen(tracing::Level::TRACE);
        let holder = key_holder(&server, owner(&server, "olga").await, 3).await;
        let key_id = &holder.key.key.id;
        let rotated = keys::rotate(&server, &holder.viewer, key_id, Overlap::Hour).await.expect("rotated");
        let unknown = crate::key_holder::another_secret();
        let secrets = [holder.key.secret.expose(), rotated.secret.expose(), unknown.as_str()];
        let consumer_key = holder.key.key.consumer_key.as_str();
        for secret in secrets {
            let basic = STANDARD.encode(format!("{consumer_key}:{secret}"));
            for authorization in
                [format!("{consumer_key}:{secret}"), format!("Basic {basic}"), format!("Bearer {secret}")]
            {
                send(&server, asks_with(Some(&authorization), holder.question().to_string())).await;
            }
            let mut in_address = holder.asks(&holder.question());
            *in_address.uri_mut() = format!("{ASK}?consumer_secret={secret}").parse().expect("a URI");
            send(&server, in_address).await.refuses(401, "credential_in_address");
        }
        keys::delete(&server, &holder.viewer, key_id, "Production").await.expect("deleted");
        let (dump, files) = (dump(&server).await, files(&server).await);
        drop(guard);
        let log = log.text();
        // What may be there is found, so that it is known to be looked for in the right places.
        assert!(dump.contains(consumer_key) && log.contains("a key was made"));
        assert!(server.db.name() != "SQLite" || files.contains(consumer_key));
        for secret in secrets {
            // A part of it would be as bad, so a part is looked for.
            let part = &secret[5..25];
            let encoded = STANDARD.encode(format!("{consumer_key}:{secret}"));
            for (place, text) in [("the database", &dump), ("its files", &files), ("the log", &log)] {
                assert!(!text.contains(part) && !text.contains(&encoded[30..60]), "a secret is in {place}");
            }
        }
        let shown = format!("{:?}", holder.key.key);
        assert!(secrets.iter().all(|secret| !shown.contains(secret)));
    }
}
