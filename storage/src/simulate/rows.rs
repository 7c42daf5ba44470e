//! Tiny tables for the simulator: rows are pairs of integers, in objects or inline.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use roaring::RoaringBitmap;
use xxhash_rust::xxh3::xxh3_64;

use crate::catalog::access::Acl;
use crate::catalog::part::{DeleteBody, DeleteSet, InlineChunk, Part, PartBody};
use crate::catalog::snapshot::{Database, Schema, Snapshot};
use crate::catalog::table::{Column, Distribution, SortKey, Table};
use crate::catalog::types::ColumnType;
use crate::commit::{CommitLog, OpenTransaction};
use crate::error::{Error, Result};
use crate::id::{ColumnId, DatabaseId, PartId, RoleId, SchemaId, TableId, Version};
use crate::object::Store;
use crate::{Change, clock::Random};

/// A row: key and value.
pub(super) type Row = (u64, i64);

/// One half of the bank's accounts.
pub(super) const BANK_A: TableId = TableId(20_010);
/// The other half.
pub(super) const BANK_B: TableId = TableId(20_011);
/// A row for each transaction.
pub(super) const JOURNAL_A: TableId = TableId(20_012);
/// The same rows: both or neither.
pub(super) const JOURNAL_B: TableId = TableId(20_013);
/// Ingested offsets.
pub(super) const INGESTED: TableId = TableId(20_014);
/// The next offset to ingest, one row.
pub(super) const OFFSET: TableId = TableId(20_015);
/// All of them.
pub(super) const TABLES: [TableId; 6] = [BANK_A, BANK_B, JOURNAL_A, JOURNAL_B, INGESTED, OFFSET];
/// Accounts in each half.
pub(super) const ACCOUNTS: u64 = 6;
/// What each account starts with.
pub(super) const BALANCE: i64 = 100;

const OWNER: RoleId = RoleId(10);
const DATABASE: DatabaseId = DatabaseId(20_000);
const SCHEMA: SchemaId = SchemaId(20_001);

fn pack(rows: &[Row]) -> Vec<u8> {
    rows.iter().flat_map(|(key, value)| key.to_le_bytes().into_iter().chain(value.to_le_bytes())).collect()
}

fn unpack(bytes: &[u8]) -> Vec<Row> {
    let number = |piece: &[u8]| piece.try_into().map(u64::from_le_bytes).unwrap_or_default();
    bytes.chunks_exact(16).map(|row| (number(&row[..8]), number(&row[8..]).cast_signed())).collect()
}

/// Changes that create the catalog.
pub(super) fn create_tables() -> Vec<Change> {
    let database = Database { id: DATABASE, name: "dev".into(), owner: OWNER, acl: Acl::default(), comment: None };
    let schema = Schema {
        id: SCHEMA,
        database: DATABASE,
        name: "public".into(),
        owner: OWNER,
        acl: Acl::default(),
        comment: None,
    };
    let mut changes = vec![Change::CreateDatabase(Arc::new(database)), Change::CreateSchema(Arc::new(schema))];
    changes.extend(TABLES.map(|id| Change::CreateTable(Arc::new(table(id)))));
    changes
}

/// Changes that create the catalog and the first rows.
pub(super) fn bootstrap(random: &Random) -> Vec<Change> {
    let mut changes = create_tables();
    for (id, keys) in [(BANK_A, 0..ACCOUNTS), (BANK_B, ACCOUNTS..2 * ACCOUNTS)] {
        let rows: Vec<Row> = keys.map(|key| (key, BALANCE)).collect();
        changes.push(Change::Append { table: id, parts: vec![inline_part(random, &rows)] });
    }
    changes.push(Change::Append { table: OFFSET, parts: vec![inline_part(random, &[(0, 0)])] });
    changes
}

fn table(id: TableId) -> Table {
    Table {
        id,
        schema: SCHEMA,
        name: format!("t{id}"),
        owner: OWNER,
        columns: ["key", "value"].iter().zip(1..).map(|(name, id)| column(name, ColumnId(id))).collect(),
        next_column: ColumnId(3),
        distribution: Distribution::Even,
        sort_key: SortKey::default(),
        constraints: Vec::new(),
        acl: Acl::default(),
        comment: None,
        definition_version: Version(0),
        parts: imbl::OrdMap::new(),
    }
}

/// A bigint column.
pub(super) fn column(name: &str, id: ColumnId) -> Column {
    Column {
        id,
        name: name.to_owned(),
        column_type: ColumnType::Int64,
        nullable: true,
        default: None,
        missing: None,
        identity: None,
        encode: None,
        comment: None,
    }
}

fn part(random: &Random, rows: &[Row], body: PartBody) -> Arc<Part> {
    Arc::new(Part {
        id: PartId(random.uuid()),
        rows: u32::try_from(rows.len()).unwrap_or(u32::MAX),
        slice: None,
        sorted: false,
        columns: Vec::new(),
        body,
        deletes: Vec::new(),
    })
}

/// Rows that ride in the log.
pub(super) fn inline_part(random: &Random, rows: &[Row]) -> Arc<Part> {
    part(random, rows, PartBody::Inline(Arc::new(InlineChunk { ipc: pack(rows), decoded: OnceLock::new() })))
}

/// A process's tables.
pub(super) struct Tables<'a> {
    pub(super) log: &'a CommitLog,
    pub(super) store: &'a Store,
    pub(super) random: &'a Random,
}

/// The visible rows of a table with their places, by key.
pub(super) type Found = BTreeMap<u64, Vec<(i64, PartId, u32)>>;

impl Tables<'_> {
    /// New rows, as an object or inline.
    pub(super) async fn write(
        &self,
        transaction: &OpenTransaction,
        table: TableId,
        rows: &[Row],
        inline: bool,
    ) -> Result<Arc<Part>> {
        if inline {
            return Ok(inline_part(self.random, rows));
        }
        let bytes = pack(rows);
        let path = self.log.new_path(transaction, table, "seg");
        let footer_checksum = xxh3_64(&bytes);
        let body =
            PartBody::Segment { path: path.clone(), bytes: bytes.len() as u64, footer_offset: 0, footer_checksum };
        self.store.put_unique(&path, Bytes::from(bytes)).await?;
        Ok(part(self.random, rows, body))
    }

    /// A deletion of rows of a part, its bitmap as an object or inline.
    pub(super) async fn delete(
        &self,
        transaction: &OpenTransaction,
        table: TableId,
        (part, rows): (PartId, &[u32]),
        inline: bool,
    ) -> Result<Change> {
        let bitmap: RoaringBitmap = rows.iter().copied().collect();
        let mut bytes = Vec::new();
        bitmap.serialize_into(&mut bytes).map_err(|error| Error::internal("bitmap").with_source(error))?;
        let body = if inline {
            DeleteBody::Inline(bytes)
        } else {
            let path = self.log.new_path(transaction, table, "dv");
            let (length, checksum) = (bytes.len() as u64, xxh3_64(&bytes));
            self.store.put_unique(&path, Bytes::from(bytes)).await?;
            DeleteBody::Object { path, bytes: length, checksum }
        };
        let rows = DeleteSet { rows: bitmap.len(), body, bitmap: OnceLock::from(Arc::new(bitmap)) };
        Ok(Change::Delete { table, part, rows: Arc::new(rows) })
    }

    /// The visible rows of a table.
    pub(super) async fn read(&self, snapshot: &Snapshot, table: TableId) -> Result<Found> {
        let table = snapshot.tables.get(&table).ok_or_else(|| Error::not_found("table"))?;
        let mut found = Found::new();
        for part in table.parts.values() {
            for (row, (key, value)) in self.visible(part).await? {
                found.entry(key).or_default().push((value, part.id, row));
            }
        }
        Ok(found)
    }

    /// The visible rows of a part.
    pub(super) async fn visible(&self, part: &Part) -> Result<Vec<(u32, Row)>> {
        let bytes = match &part.body {
            PartBody::Inline(chunk) => Bytes::copy_from_slice(&chunk.ipc),
            PartBody::Segment { path, footer_checksum, .. } => {
                let bytes = self.store.get(path).await?;
                if xxh3_64(&bytes) != *footer_checksum {
                    return Err(Error::corrupt("segment"));
                }
                bytes
            }
        };
        let mut deleted = RoaringBitmap::new();
        for set in &part.deletes {
            let bitmap = set.bitmap.get().ok_or_else(|| Error::internal("a bitmap was not loaded"))?;
            deleted |= &**bitmap;
            // The object must be there too, for those who recover.
            if let DeleteBody::Object { path, .. } = &set.body {
                self.store.get(path).await?;
            }
        }
        let rows = (0..).zip(unpack(&bytes)).filter(|(row, _)| !deleted.contains(*row));
        Ok(rows.collect())
    }
}
