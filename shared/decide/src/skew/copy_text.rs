//! What `pg_restore` writes of a table's rows: `COPY … FROM stdin;`, a line for each row with tabs between
//! its columns, and `\.` (<https://www.postgresql.org/docs/16/sql-copy.html>, text format).
//!
//! It is read byte by byte, and kept are the two columns that are wanted, each up to [`FIELD_BYTES_MAX`]: a
//! row holds a package's whole manifest.

use super::{SCHEMA, TABLE};

/// The longest ident, or target, in bytes: a key of a bucket has 1,024 at most.
const FIELD_BYTES_MAX: usize = 512;

/// The longest line outside of the rows that is looked at, in bytes.
const LINE_BYTES_MAX: usize = 16 << 10;

/// One column of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// What it says.
    Text(String),
    /// `NULL`.
    Null,
    /// Longer than an ident or a target can be, with what only an escape can write, or no UTF-8.
    Odd,
}

/// What is wanted of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// `<origin>/<name>/<version>/<release>`.
    pub ident: Field,
    /// Such as `x86_64-linux`.
    pub target: Field,
}

/// The text as far as it was read.
#[derive(Debug)]
pub struct CopyText {
    state: State,
    /// Of the line, or of the column, that is being read; one more than its limit at most.
    buffer: Vec<u8>,
    bytes_max: usize,
    columns: Columns,
}

/// Where the wanted columns are, and how many there are.
#[derive(Clone, Copy, Debug, Default)]
struct Columns {
    ident: usize,
    target: usize,
    count: usize,
}

#[derive(Debug)]
enum State {
    /// Nothing of the table was read.
    Before,
    /// In its rows, at this column.
    Row { at: usize, ident: Field, target: Field },
    /// After its last row.
    After,
    /// It is not what it should be.
    Wrong(String),
}

impl Default for CopyText {
    fn default() -> Self {
        Self {
            state: State::Before,
            buffer: Vec::new(),
            bytes_max: LINE_BYTES_MAX,
            columns: Columns::default(),
        }
    }
}

impl CopyText {
    /// Reads on, and gives each row that is whole.
    pub fn read(&mut self, bytes: &[u8], mut take: impl FnMut(&Row)) {
        for byte in bytes {
            match (&mut self.state, byte) {
                (State::After | State::Wrong(_), _) => return,
                (State::Before, b'\n') => self.begin(),
                (State::Row { .. }, b'\t') => self.next_column(),
                (State::Row { .. }, b'\n') => {
                    if let Some(row) = self.end_row() {
                        take(&row);
                    }
                }
                (State::Before | State::Row { .. }, byte) => {
                    if self.buffer.len() <= self.bytes_max {
                        self.buffer.push(*byte);
                    }
                }
            }
        }
    }

    /// Whether the text was whole.
    ///
    /// # Errors
    /// Why it was not, as a clause.
    pub fn end(self) -> Result<(), String> {
        match self.state {
            State::After => Ok(()),
            State::Before => Err(format!("the dump has no table {SCHEMA}.{TABLE}")),
            State::Row { .. } => Err(format!("the rows of {SCHEMA}.{TABLE} break off")),
            State::Wrong(why) => Err(why),
        }
    }

    fn begin(&mut self) {
        let line = std::mem::take(&mut self.buffer);
        let beginning = format!("COPY {SCHEMA}.{TABLE} (");
        let Some(names) = std::str::from_utf8(&line)
            .ok()
            .and_then(|line| line.strip_prefix(beginning.as_str())?.strip_suffix(") FROM stdin;"))
        else {
            return;
        };
        let names: Vec<&str> = names.split(", ").collect();
        let at = |wanted: &str| names.iter().position(|name| *name == wanted);
        let (Some(ident), Some(target)) = (at("ident"), at("target")) else {
            self.state = State::Wrong(format!("{SCHEMA}.{TABLE} has no columns ident and target"));
            return;
        };
        self.columns = Columns { ident, target, count: names.len() };
        self.bytes_max = FIELD_BYTES_MAX;
        self.begin_row();
    }

    fn begin_row(&mut self) {
        self.buffer.clear();
        self.state = State::Row { at: 0, ident: Field::Null, target: Field::Null };
    }

    fn next_column(&mut self) {
        let field = self.field();
        if let State::Row { at, ident, target } = &mut self.state {
            if *at == self.columns.ident {
                *ident = field;
            } else if *at == self.columns.target {
                *target = field;
            }
            *at += 1;
        }
        self.buffer.clear();
    }

    fn end_row(&mut self) -> Option<Row> {
        let is_end = self.buffer == b"\\.";
        self.next_column();
        let State::Row { at, ident, target } = &self.state else { return None };
        let (found, wanted) = (*at, self.columns.count);
        if is_end && found == 1 {
            self.state = State::After;
            return None;
        }
        if found != wanted {
            let why =
                format!("a row of {SCHEMA}.{TABLE} has {found} columns, and {wanted} were named");
            self.state = State::Wrong(why);
            return None;
        }
        let row = Row { ident: ident.clone(), target: target.clone() };
        self.begin_row();
        Some(row)
    }

    fn field(&self) -> Field {
        if self.buffer == b"\\N" {
            return Field::Null;
        }
        match std::str::from_utf8(&self.buffer) {
            Ok(text) if text.len() <= FIELD_BYTES_MAX && !text.contains('\\') => {
                Field::Text(text.to_owned())
            }
            Ok(_) | Err(_) => Field::Odd,
        }
    }
}
