//! How rows become statements, and how these are handed over to the database.
//!
//! PostgreSQL takes all rows of a table as one JSON text, in one round trip. SQLite reads JSON three times slower than it
//! inserts, so there the values are bound to a statement with places for so many rows; places that stay empty are left
//! out by it. SQLite gets the statements of a small batch at once, and those of a large one in a few parts.

use super::loaded::json;
use super::rows::Insert;
use crate::args;
use crate::db::{Arg, Pair, Statement};
use crate::error::Result;
use foldhash::HashMap;
use serde::Serialize;
use std::sync::{Mutex, PoisonError};

/// How many rows a statement for SQLite has places for.
const PLACES: [usize; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
/// Up to how many requests a batch is small.
const SMALL: usize = 128;

/// The smallest number of places that is enough for a rest or for a small batch.
fn enough_places(rows: usize) -> usize {
    PLACES.into_iter().find(|places| *places >= rows).unwrap_or(SMALL)
}

/// For so many rows of a table, how many places the next statement has in a batch of so many requests.
///
/// The statements of a small batch are joined to one text, and each such text is prepared and kept. So that there are few
/// of them, a table has places for two rows or for one of each request, and more only where it has more rows. Other
/// statements have as many places as can be filled.
fn next_places(rows: usize, requests: usize) -> usize {
    if requests <= SMALL {
        return if rows <= 2 { 2 } else { enough_places(rows.max(requests)) };
    }
    if rows < SMALL {
        return enough_places(rows);
    }
    PLACES.into_iter().rev().find(|places| *places <= rows).unwrap_or(SMALL)
}

/// The statement for so many rows. There are a few for each table, made once and kept as long as the program runs.
fn sqlite_insert<R: Insert>(places: usize) -> &'static str {
    static TEXTS: Mutex<Option<HashMap<(&str, usize), &'static str>>> = Mutex::new(None);
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    texts.get_or_insert_default().entry((R::TABLE, places)).or_insert_with(|| {
        let [before, after] = R::SQLITE;
        // Without numbers: the driver looks for the name of each place, and names are searched from the beginning.
        let row = format!("({})", vec!["?"; R::COLUMNS].join(", "));
        let rows = vec![row; places];
        format!("{before}{}{after}", rows.join(", ")).leak()
    })
}

/// What is written to one table.
pub(super) trait Part {
    fn table(&self) -> &'static str;

    fn rows(&self) -> usize;

    /// A statement for the rows of which `done` are written already, and how many of them it writes.
    fn statement(&self, is_sqlite: bool, done: usize, requests: usize) -> Result<(Statement, usize)>;
}

/// Rows that are added.
pub(super) struct Added<'a, R>(pub &'a [R]);

impl<R: Insert> Part for Added<'_, R> {
    fn table(&self) -> &'static str {
        R::TABLE
    }

    fn rows(&self) -> usize {
        self.0.len()
    }

    fn statement(&self, is_sqlite: bool, done: usize, requests: usize) -> Result<(Statement, usize)> {
        let rows = &self.0[done..];
        if !is_sqlite {
            return Ok((Statement { sql: R::POSTGRES, args: args![json(&rows)?] }, rows.len()));
        }
        let places = next_places(rows.len(), requests);
        let taken = places.min(rows.len());
        let mut args = Vec::with_capacity(places * R::COLUMNS);
        rows[..taken].iter().for_each(|row| row.bind(&mut args));
        args.resize(places * R::COLUMNS, Arg::MaybeInt(None));
        Ok((Statement { sql: sqlite_insert::<R>(places), args }, taken))
    }
}

/// Rows that are there and are changed, all by one statement.
pub(super) struct Altered<'a, R>(pub &'static str, pub &'static Pair, pub &'a [R]);

impl<R: Serialize> Part for Altered<'_, R> {
    fn table(&self) -> &'static str {
        self.0
    }

    fn rows(&self) -> usize {
        self.2.len()
    }

    fn statement(&self, is_sqlite: bool, _: usize, _: usize) -> Result<(Statement, usize)> {
        Ok((Statement { sql: self.1.pick(is_sqlite), args: args![json(&self.2)?] }, self.2.len()))
    }
}

/// Statements that the database gets at once: for a small batch on SQLite all of them, otherwise each by itself.
#[derive(Default)]
pub(super) struct Handover {
    pub statements: Vec<Statement>,
    /// Those that the statements write.
    pub tables: Vec<&'static str>,
}

/// Everything that is written, in the order in which it is.
pub(super) struct Handovers<'a> {
    is_sqlite: bool,
    parts: &'a [&'a (dyn Part + Sync)],
    /// Rows of the first part that are written already.
    done: usize,
    requests: usize,
}

impl<'a> Handovers<'a> {
    /// The parts are those of so many requests.
    pub const fn new(is_sqlite: bool, parts: &'a [&'a (dyn Part + Sync)], requests: usize) -> Self {
        Self { is_sqlite, parts, done: 0, requests }
    }

    /// Adds the next statement, if there is one.
    fn gather(&mut self, handover: &mut Handover) -> Result<bool> {
        while let [part, rest @ ..] = self.parts {
            if self.done == part.rows() {
                (self.parts, self.done) = (rest, 0);
                continue;
            }
            let (statement, rows) = part.statement(self.is_sqlite, self.done, self.requests)?;
            self.done += rows;
            handover.statements.push(statement);
            handover.tables.push(part.table());
            return Ok(true);
        }
        Ok(false)
    }
}

impl Iterator for Handovers<'_> {
    type Item = Result<Handover>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut handover = Handover::default();
        loop {
            match self.gather(&mut handover) {
                Ok(true) if self.is_sqlite && self.requests <= SMALL => {}
                Ok(_) => return (!handover.statements.is_empty()).then_some(Ok(handover)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_place_and_few_places_stay_empty() {
        for rows in 1..3_000_usize {
            let (mut rest, mut places) = (rows, 0);
            while rest > 0 {
                let next = next_places(rest, rows.max(SMALL + 1));
                assert!(PLACES.contains(&next));
                places += next;
                rest = rest.saturating_sub(next);
            }
            assert!((rows..=rows + 63).contains(&places), "{rows} rows, {places} places");
        }
    }

    #[test]
    fn a_small_batch_has_one_statement_for_each_table_and_few_kinds_of_them() {
        for requests in 1..=SMALL {
            for rows in 1..=2 * requests {
                let places = next_places(rows, requests);
                let kinds = [2, enough_places(requests), 2 * enough_places(requests)];
                assert!(places >= rows && kinds.contains(&places), "{rows} rows of {requests}: {places} places");
            }
        }
    }
}
