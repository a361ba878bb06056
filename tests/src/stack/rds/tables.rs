//! The tables of a PostgreSQL database as a snapshot remembers them, and as Parquet.
//!
//! Types: <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.data-types.html>.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DoubleType, FloatType, Int32Type, Int64Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// The tables that an export takes: permanent ones outside the system's schemas.
const COLUMNS: &str = "select n.nspname, c.relname, a.attname, \
    coalesce(i.data_type, 'USER-DEFINED'), t.typname \
    from pg_class c join pg_namespace n on n.oid = c.relnamespace \
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped \
    join pg_type t on t.oid = a.atttypid \
    left join information_schema.columns i on i.table_schema = n.nspname \
    and i.table_name = c.relname and i.column_name = a.attname \
    where c.relkind = 'r' and c.relpersistence = 'p' \
    and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%' \
    order by 1, 2, a.attnum";

/// The statements that make these tables of another database, rows included. Keys and indexes are not
/// remembered.
pub(super) fn written(tables: &[Table]) -> String {
    let name = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let value = |cell: &Option<String>| match cell {
        Some(text) => format!("'{}'", text.replace('\'', "''")),
        None => "null".to_owned(),
    };
    let list = |all: Vec<String>| all.join(", ");
    let of_table = |table: &Table| {
        let place = format!("{}.{}", name(&table.schema), name(&table.name));
        let columns = table.columns.iter().map(|it| format!("{} {}", name(&it.name), it.original));
        let made = format!(
            "create schema if not exists {}; create table {place} ({});",
            name(&table.schema),
            list(columns.collect())
        );
        let rows = table.rows.iter().map(|row| list(row.iter().map(value).collect()));
        let rows = rows.map(|row| format!("insert into {place} values ({row});"));
        std::iter::once(made).chain(rows).collect::<String>()
    };
    tables.iter().map(of_table).collect()
}

/// One table with all of its rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The database it is in.
    pub database: String,
    /// The schema it is in.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its columns, in their order.
    pub columns: Vec<Column>,
    /// Its rows; a cell is PostgreSQL's text form of the value, `None` is null.
    pub rows: Vec<Vec<Option<String>>>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type in PostgreSQL's words, such as `bigint`.
    pub original: String,
    /// What it becomes in Parquet.
    pub kind: Kind,
}

/// The Parquet types that an export of PostgreSQL uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `BOOLEAN`
    Boolean,
    /// `INT32`
    Int32,
    /// `INT64`
    Int64,
    /// `FLOAT`
    Float,
    /// `DOUBLE`
    Double,
    /// `BYTE_ARRAY`
    Bytes,
    /// `BYTE_ARRAY` with the annotation `STRING`: whatever has no type of its own.
    Text,
}

impl Kind {
    /// From `pg_type.typname`.
    fn of(name: &str) -> Self {
        match name {
            "bool" => Self::Boolean,
            "int2" | "int4" => Self::Int32,
            "int8" => Self::Int64,
            "float4" => Self::Float,
            "float8" => Self::Double,
            "bytea" => Self::Bytes,
            _ => Self::Text,
        }
    }

    /// The word of `expectedExportedType`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "binary",
            Self::Text => "binary (UTF8)",
        }
    }

    fn physical(self) -> Physical {
        match self {
            Self::Boolean => Physical::BOOLEAN,
            Self::Int32 => Physical::INT32,
            Self::Int64 => Physical::INT64,
            Self::Float => Physical::FLOAT,
            Self::Double => Physical::DOUBLE,
            Self::Bytes | Self::Text => Physical::BYTE_ARRAY,
        }
    }
}

impl Table {
    /// `database.schema.table`, as exports and their warnings name it.
    pub fn target(&self) -> String {
        format!("{}.{}.{}", self.database, self.schema, self.name)
    }

    /// A whole Parquet file, compressed with gzip.
    ///
    /// # Errors
    /// When a cell is not what its column's type says.
    pub fn to_parquet(&self) -> Result<Vec<u8>> {
        let compression = Compression::GZIP(parquet::basic::GzipLevel::default());
        let properties = WriterProperties::builder().set_compression(compression).build();
        let mut file = SerializedFileWriter::new(Vec::new(), self.schema()?, Arc::new(properties))?;
        let mut group = file.next_row_group()?;
        for (at, column) in self.columns.iter().enumerate() {
            let cells: Vec<Option<&str>> =
                self.rows.iter().map(|row| row.get(at).and_then(Option::as_deref)).collect();
            let writer = group.next_column()?.context("the schema has one column too few")?;
            write(writer, column.kind, &cells)
                .with_context(|| format!("column {} of {}", column.name, self.target()))?;
        }
        group.close()?;
        Ok(file.into_inner()?)
    }

    fn schema(&self) -> Result<Arc<Type>> {
        let field = |column: &Column| -> Result<Arc<Type>> {
            let annotation = (column.kind == Kind::Text).then_some(LogicalType::String);
            let field = Type::primitive_type_builder(&column.name, column.kind.physical())
                .with_repetition(Repetition::OPTIONAL)
                .with_logical_type(annotation)
                .build()?;
            Ok(Arc::new(field))
        };
        let fields: Vec<Arc<Type>> = self.columns.iter().map(field).collect::<Result<_>>()?;
        Ok(Arc::new(Type::group_type_builder("spark_schema").with_fields(fields).build()?))
    }
}

fn write(mut writer: SerializedColumnWriter<'_>, kind: Kind, cells: &[Option<&str>]) -> Result<()> {
    let levels: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    let levels = Some(levels.as_slice());
    match kind {
        Kind::Boolean => {
            writer.typed::<BoolType>().write_batch(&each(cells, boolean)?, levels, None)?
        }
        Kind::Int32 => {
            writer.typed::<Int32Type>().write_batch(&each(cells, parse)?, levels, None)?
        }
        Kind::Int64 => {
            writer.typed::<Int64Type>().write_batch(&each(cells, parse)?, levels, None)?
        }
        Kind::Float => {
            writer.typed::<FloatType>().write_batch(&each(cells, parse)?, levels, None)?
        }
        Kind::Double => {
            writer.typed::<DoubleType>().write_batch(&each(cells, parse)?, levels, None)?
        }
        Kind::Bytes => {
            writer.typed::<ByteArrayType>().write_batch(&each(cells, bytes)?, levels, None)?
        }
        Kind::Text => {
            let text = |cell: &str| Ok(ByteArray::from(cell));
            writer.typed::<ByteArrayType>().write_batch(&each(cells, text)?, levels, None)?
        }
    };
    writer.close()?;
    Ok(())
}

fn each<T>(cells: &[Option<&str>], read: impl Fn(&str) -> Result<T>) -> Result<Vec<T>> {
    cells.iter().flatten().map(|cell| read(cell)).collect()
}

fn parse<T: std::str::FromStr>(cell: &str) -> Result<T> {
    cell.parse().map_err(|_| anyhow!("`{cell}` is not a number"))
}

fn boolean(cell: &str) -> Result<bool> {
    match cell {
        "t" => Ok(true),
        "f" => Ok(false),
        other => bail!("`{other}` is not a boolean"),
    }
}

/// From PostgreSQL's `\x…`.
fn bytes(cell: &str) -> Result<ByteArray> {
    let digits = cell.strip_prefix("\\x").context("a bytea must be in hex form")?;
    let pair = |at: usize| {
        let pair = digits.get(at..at + 2).context("a bytea ends in half a byte")?;
        u8::from_str_radix(pair, 16).context("a bytea is not hex")
    };
    let bytes: Vec<u8> = (0..digits.len()).step_by(2).map(pair).collect::<Result<_>>()?;
    Ok(ByteArray::from(bytes))
}

/// Reads all the tables of the database that `connection` names, in one consistent view. The
/// connection is in libpq's form or a URL, such as `postgres://user@127.0.0.1:5432/postgres`.
///
/// # Errors
/// When the database cannot be reached or read.
pub async fn read_tables(connection: &str) -> Result<Vec<Table>> {
    let connected = tokio_postgres::connect(connection, NoTls).await;
    let (client, driver) = connected.context("connecting to the database of a snapshot")?;
    let driver = tokio::spawn(driver);
    let tables = read(&client).await.context("reading the tables for a snapshot");
    driver.abort();
    tables
}

async fn read(client: &Client) -> Result<Vec<Table>> {
    client.batch_execute("begin isolation level repeatable read read only").await?;
    let database = client.query_one("select current_database()::text", &[]).await?;
    let mut tables = columns(client, database.try_get(0)?).await?;
    for table in &mut tables {
        let columns: Vec<String> = table.columns.iter().map(|it| quote(&it.name)).collect();
        let (schema, name) = (quote(&table.schema), quote(&table.name));
        let query = format!("select {} from {schema}.{name}", columns.join(", "));
        table.rows = rows(client, &query).await?;
    }
    client.batch_execute("commit").await?;
    Ok(tables)
}

/// The tables without their rows.
async fn columns(client: &Client, database: &str) -> Result<Vec<Table>> {
    let mut tables: Vec<Table> = Vec::new();
    for row in rows(client, COLUMNS).await? {
        let [schema, name, column, original, kind] = &row[..] else {
            bail!("the catalogue answered {} columns instead of 5", row.len());
        };
        let text = |cell: &Option<String>| cell.clone().unwrap_or_default();
        let (schema, name) = (text(schema), text(name));
        let kind = Kind::of(&text(kind));
        let column = Column { name: text(column), original: text(original), kind };
        match tables.last_mut() {
            Some(table) if table.schema == schema && table.name == name => {
                table.columns.push(column);
            }
            Some(_) | None => {
                let (columns, rows) = (vec![column], Vec::new());
                let database = database.to_owned();
                tables.push(Table { database, schema, name, columns, rows });
            }
        }
    }
    Ok(tables)
}

/// The rows in PostgreSQL's text form, which is the same for every type.
async fn rows(client: &Client, query: &str) -> Result<Vec<Vec<Option<String>>>> {
    let mut rows = Vec::new();
    for message in client.simple_query(query).await? {
        if let SimpleQueryMessage::Row(row) = message {
            let cell = |at: usize| row.get(at).map(str::to_owned);
            rows.push((0..row.len()).map(cell).collect());
        }
    }
    Ok(rows)
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
