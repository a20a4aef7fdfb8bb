//! A row that SQLite found, as a tuple or as a struct that derives `Deserialize`.

use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde::de::value::{Error, MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

/// Its columns in their order for a tuple, by their names for a struct.
pub struct Found<'r>(pub &'r Row<'r>);

impl<'r> Found<'r> {
    fn columns(&self) -> usize {
        self.0.as_ref().column_count()
    }

    fn column(&self, place: usize) -> Result<Column<'r>, Error> {
        self.0.get_ref(place).map(Column).map_err(Error::custom)
    }
}

impl<'de> Deserializer<'de> for Found<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let columns = (0..self.columns()).map(|place| self.column(place)).collect::<Result<Vec<_>, _>>()?;
        visitor.visit_seq(SeqDeserializer::new(columns.into_iter()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let named = |place| {
            let name = self.0.as_ref().column_name(place).map_err(Error::custom)?;
            Ok((name, self.column(place)?))
        };
        let columns = (0..self.columns()).map(named).collect::<Result<Vec<_>, Error>>()?;
        visitor.visit_map(MapDeserializer::new(columns.into_iter()))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// A value in a row.
struct Column<'r>(ValueRef<'r>);

impl<'de> Deserializer<'de> for Column<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            ValueRef::Null => visitor.visit_unit(),
            ValueRef::Integer(value) => visitor.visit_i64(value),
            ValueRef::Real(value) => visitor.visit_f64(value),
            ValueRef::Text(text) => visitor.visit_str(std::str::from_utf8(text).map_err(Error::custom)?),
            ValueRef::Blob(bytes) => visitor.visit_seq(SeqDeserializer::new(bytes.iter().copied())),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0 == ValueRef::Null { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

impl IntoDeserializer<'_> for Column<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
