//! Guards the shape of the tree: which crate may know which, where the database and the web framework are named, that
//! both databases have the same migrations, and how long a file may get.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const FILE_LINES_MAX: usize = 500;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files under a folder with one of the endings, with their paths from the root.
fn files(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path: PathBuf = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if endings.iter().any(|ending| path.extension().is_some_and(|extension| extension == *ending)) {
                let name = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
                found.push((name, fs::read_to_string(&path).expect("UTF-8")));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} holds no such files");
    found
}

fn code_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.starts_with("//"))
}

/// Files of a folder in which a line of code holds one of the words, without those that may.
fn naming(folder: &str, words: &[&str], may: impl Fn(&str) -> bool) -> Vec<String> {
    files(folder, &["rs"])
        .into_iter()
        .filter(|(name, text)| {
            let names = code_lines(text).any(|line| words.iter().any(|word| line.contains(word)));
            names && !may(name)
        })
        .map(|(name, _)| name)
        .collect()
}

#[test]
fn the_crates_depend_on_each_other_in_one_direction_only() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let members = ["artiko", "app", "views", "server", "domain"];
    let mut edges = BTreeSet::new();
    for package in metadata["packages"].as_array().unwrap() {
        let from = package["name"].as_str().unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let to = dependency["name"].as_str().unwrap();
            if members.contains(&from) && members.contains(&to) {
                edges.insert((from.to_owned(), to.to_owned(), dependency["optional"].as_bool().unwrap()));
            }
        }
    }
    let expected = [
        ("app", "domain", false),
        // Only in the server's build: `--features ssr`.
        ("app", "server", true),
        ("app", "views", false),
        ("artiko", "app", false),
        ("artiko", "domain", true),
        ("artiko", "server", true),
        ("server", "domain", false),
    ];
    let expected: BTreeSet<_> =
        expected.into_iter().map(|(from, to, optional)| (from.to_owned(), to.to_owned(), optional)).collect();
    assert_eq!(edges, expected);
}

#[test]
fn in_the_console_only_server_functions_name_the_server() {
    let named = naming("app/src", &["server::"], |name| name.ends_with("server_fns.rs"));
    // `leptos::server::…` is Leptos' own module, not the crate.
    let named: Vec<String> = named
        .into_iter()
        .filter(|name| {
            let text = fs::read_to_string(root().join(name)).unwrap();
            code_lines(&text).any(|line| line.replace("leptos::server::", "").contains("server::"))
        })
        .collect();
    assert_eq!(named, Vec::<String>::new());
}

#[test]
fn in_the_server_only_db_names_a_database_driver() {
    let words = ["rusqlite", "sqlx::sqlite", "sqlx::postgres", "SqlitePool", "PgPool", "Sqlite>", "Postgres>"];
    assert_eq!(naming("server/src", &words, |name| name.starts_with("server/src/db/")), Vec::<String>::new());
}

#[test]
fn in_the_server_only_http_names_axum_and_nothing_names_leptos() {
    let words = ["axum::", "hyper::", "hyper_util::"];
    let named = naming("server/src", &words, |name| name.starts_with("server/src/http/"));
    assert_eq!(named, Vec::<String>::new());
    assert_eq!(naming("server/src", &["leptos"], |_| false), Vec::<String>::new());
}

#[test]
fn the_rules_do_no_input_or_output_and_know_no_clock_and_no_chance() {
    let words = ["std::fs", "std::net", "std::env", "std::time", "async fn", "rand::", "tokio", "SystemTime"];
    assert_eq!(naming("domain/src", &words, |_| false), Vec::<String>::new());
}

#[test]
fn both_databases_have_the_same_migrations_with_the_same_tables_and_columns() {
    let read = |database: &str| {
        let folder = format!("server/migrations/{database}");
        let mut migrations = files(&folder, &["sql"]);
        migrations.sort();
        migrations.into_iter().map(|(name, text)| (name.replace(&folder, ""), tables(&text))).collect::<Vec<_>>()
    };
    assert_eq!(read("sqlite"), read("postgres"));
}

/// The statements that make tables and indexes, without comments and spaces; triggers are written differently for each,
/// and only SQLite has tables whose rows have no number.
fn tables(text: &str) -> Vec<String> {
    let without_comments: Vec<&str> = text.lines().map(|line| line.split("--").next().unwrap_or("")).collect();
    let statements = without_comments.join(" ");
    statements
        .split(';')
        .map(|statement| statement.split_whitespace().collect::<Vec<_>>().join(" ").replace(" WITHOUT ROWID", ""))
        .filter(|statement| statement.starts_with("CREATE TABLE") || statement.starts_with("CREATE INDEX"))
        .collect()
}

#[test]
fn every_file_says_why_it_exists_and_is_not_too_long() {
    for folder in ["src", "domain/src", "server/src", "views/src", "app/src", "server/tests", "tests"] {
        for (name, text) in files(folder, &["rs"]) {
            assert!(text.starts_with("//!"), "{name} does not begin with what it is for");
            assert!(text.lines().count() <= FILE_LINES_MAX, "{name} has more than {FILE_LINES_MAX} lines");
        }
    }
    for (name, text) in files("style", &["css"]).into_iter().chain(files("end2end", &["ts"])) {
        assert!(text.lines().count() <= FILE_LINES_MAX, "{name} has more than {FILE_LINES_MAX} lines");
    }
}
