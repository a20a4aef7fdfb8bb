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
const PLACES: [usize; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];
/// From how many places on statements are handed over and not joined with further ones.
const TOGETHER_PLACES: usize = 512;

/// For so many rows, how many places the next statement has: as many as can be filled, and for a rest the smallest number
/// that is enough.
fn next_places(rows: usize) -> usize {
    let is_rest = rows < 128;
    let fitting = |places: &usize| if is_rest { *places >= rows } else { *places <= rows };
    let found = if is_rest { PLACES.into_iter().find(fitting) } else { PLACES.into_iter().rev().find(fitting) };
    found.unwrap_or(1)
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

    /// A statement for the rows of which `done` are written already; how many of them it writes, and its places.
    fn statement(&self, is_sqlite: bool, done: usize) -> Result<(Statement, usize, usize)>;
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

    fn statement(&self, is_sqlite: bool, done: usize) -> Result<(Statement, usize, usize)> {
        let rows = &self.0[done..];
        if !is_sqlite {
            return Ok((Statement { sql: R::POSTGRES, args: args![json(&rows)?] }, rows.len(), rows.len()));
        }
        let places = next_places(rows.len());
        let taken = places.min(rows.len());
        let mut args = Vec::with_capacity(places * R::COLUMNS);
        rows[..taken].iter().for_each(|row| row.bind(&mut args));
        args.resize(places * R::COLUMNS, Arg::MaybeInt(None));
        Ok((Statement { sql: sqlite_insert::<R>(places), args }, taken, places))
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

    fn statement(&self, is_sqlite: bool, _: usize) -> Result<(Statement, usize, usize)> {
        Ok((Statement { sql: self.1.pick(is_sqlite), args: args![json(&self.2)?] }, self.2.len(), 1))
    }
}

/// Statements that the database gets at once: on SQLite many, on PostgreSQL each by itself.
#[derive(Default)]
pub(super) struct Handover {
    pub statements: Vec<Statement>,
    /// Those that the statements write.
    pub tables: Vec<&'static str>,
    places: usize,
}

/// Everything that is written, in the order in which it is.
pub(super) struct Handovers<'a> {
    pub is_sqlite: bool,
    pub parts: &'a [&'a (dyn Part + Sync)],
    /// Rows of the first part that are written already.
    pub done: usize,
}

impl Handovers<'_> {
    /// Adds the next statement, if there is one.
    fn gather(&mut self, handover: &mut Handover) -> Result<bool> {
        while let [part, rest @ ..] = self.parts {
            if self.done == part.rows() {
                (self.parts, self.done) = (rest, 0);
                continue;
            }
            let (statement, rows, places) = part.statement(self.is_sqlite, self.done)?;
            self.done += rows;
            handover.places += places;
            handover.statements.push(statement);
            if handover.tables.last() != Some(&part.table()) {
                handover.tables.push(part.table());
            }
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
                Ok(true) if self.is_sqlite && handover.places < TOGETHER_PLACES => {}
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
        for rows in 1..2_000_usize {
            let (mut rest, mut places) = (rows, 0);
            while rest > 0 {
                let next = next_places(rest);
                assert!(PLACES.contains(&next));
                places += next;
                rest = rest.saturating_sub(next);
            }
            assert!((rows..=rows + 63).contains(&places), "{rows} rows, {places} places");
        }
    }
}
