//! What may follow what, and what two transactions may both do.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use imbl::OrdMap;
use roaring::RoaringBitmap;

use super::check_and_apply;
use crate::catalog::access::{Acl, PUBLIC, Privilege, Role};
use crate::catalog::change::{Change, ObjectAction, ObjectRef, TableAction};
use crate::catalog::part::{DeleteBody, DeleteSet, Part, PartBody};
use crate::catalog::snapshot::{Database, Relation, Schema, SettingScope, Snapshot, View};
use crate::catalog::table::{Column, Constraint, ConstraintKind, Distribution, Identity, SortKey, Table};
use crate::catalog::types::ColumnType;
use crate::error::Kind;
use crate::id::{ColumnId, DatabaseId, PartId, RoleId, SchemaId, TableId, Version, ViewId};

const OWNER: RoleId = RoleId(10);
const DATABASE: DatabaseId = DatabaseId(20_000);
const SCHEMA: SchemaId = SchemaId(20_001);
const TABLE: TableId = TableId(20_002);
const OTHER: TableId = TableId(20_003);
const VIEW: ViewId = ViewId(20_004);

fn column(id: u32, name: &str) -> Column {
    Column {
        id: ColumnId(id),
        name: name.into(),
        column_type: ColumnType::Int64,
        nullable: true,
        default: None,
        missing: None,
        identity: None,
        encode: None,
        comment: None,
    }
}

fn schema(id: SchemaId, name: &str) -> Arc<Schema> {
    Arc::new(Schema { id, database: DATABASE, name: name.into(), owner: OWNER, acl: Acl::default(), comment: None })
}

fn table(id: TableId, name: &str) -> Table {
    Table {
        id,
        schema: SCHEMA,
        name: name.into(),
        owner: OWNER,
        columns: vec![column(1, "a"), column(2, "b")],
        next_column: ColumnId(3),
        distribution: Distribution::Key(ColumnId(1)),
        sort_key: SortKey::default(),
        constraints: Vec::new(),
        acl: Acl::default(),
        comment: None,
        definition_version: Version(0),
        parts: OrdMap::new(),
    }
}

fn part(number: u128, rows: u32) -> Arc<Part> {
    Arc::new(Part {
        id: PartId(uuid::Uuid::from_u128(number)),
        rows,
        slice: None,
        sorted: true,
        columns: Vec::new(),
        body: PartBody::Segment { path: format!("data/{number}.seg"), bytes: 1, footer_offset: 0, footer_checksum: 0 },
        deletes: Vec::new(),
    })
}

fn delete(number: u128, rows: &[u32]) -> Change {
    let bitmap: RoaringBitmap = rows.iter().copied().collect();
    let rows = DeleteSet {
        rows: bitmap.len(),
        body: DeleteBody::Inline(Vec::new()),
        bitmap: OnceLock::from(Arc::new(bitmap)),
    };
    Change::Delete { table: TABLE, part: PartId(uuid::Uuid::from_u128(number)), rows: Arc::new(rows) }
}

fn append(number: u128) -> Change {
    Change::Append { table: TABLE, parts: vec![part(number, 10)] }
}

fn replace(remove: &[(u128, u64)], add: &[(u128, u32)]) -> Change {
    Change::Replace {
        table: TABLE,
        remove: remove.iter().map(|(number, deleted)| (PartId(uuid::Uuid::from_u128(*number)), *deleted)).collect(),
        add: add.iter().map(|(number, rows)| part(*number, *rows)).collect(),
    }
}

fn truncate(parts: &[u128]) -> Change {
    let parts = parts.iter().map(|number| PartId(uuid::Uuid::from_u128(*number))).collect();
    Change::Truncate { table: TABLE, parts }
}

fn alter(action: TableAction) -> Change {
    Change::AlterTable { table: TABLE, action }
}

fn object(action: ObjectAction) -> Change {
    Change::AlterObject { object: ObjectRef::Table(TABLE), action }
}

fn view(name: &str, depends_on: Vec<Relation>) -> Change {
    Change::PutView(Arc::new(View {
        id: VIEW,
        schema: SCHEMA,
        name: name.into(),
        owner: OWNER,
        query: "select 1".into(),
        column_names: Vec::new(),
        late_binding: false,
        depends_on,
        search_path: Vec::new(),
        acl: Acl::default(),
        comment: None,
    }))
}

fn role(id: u32, name: &str, member_of: &[u32]) -> Change {
    Change::PutRole(Arc::new(Role {
        id: RoleId(id),
        name: name.into(),
        superuser: false,
        login: true,
        create_database: false,
        create_role: false,
        verifier: None,
        member_of: member_of.iter().map(|id| RoleId(*id)).collect::<BTreeSet<_>>(),
        connection_limit: None,
    }))
}

/// Versions 1: a database, a schema, a table with parts 1 and 2 of ten rows each.
fn base() -> Snapshot {
    let database = Database { id: DATABASE, name: "dev".into(), owner: OWNER, acl: Acl::default(), comment: None };
    let changes = [
        Change::CreateDatabase(Arc::new(database)),
        Change::CreateSchema(schema(SCHEMA, "public")),
        Change::CreateTable(Arc::new(table(TABLE, "t"))),
        append(1),
        append(2),
    ];
    after(&Snapshot::default(), &changes)
}

/// The next version.
fn after(snapshot: &Snapshot, changes: &[Change]) -> Snapshot {
    let mut next = snapshot.clone();
    next.version = Version(snapshot.version.0 + 1);
    for change in changes {
        change.apply(&mut next).unwrap();
    }
    next
}

/// Whether a transaction on `base` with `second` may commit after one with `first`.
fn check(first: &[Change], second: &[Change], expected: Option<Kind>) {
    let base = base();
    let mut tentative = check_and_apply(&after(&base, &[]), base.version, first).unwrap();
    tentative.version = Version(tentative.version.0 + 1);
    let outcome = check_and_apply(&tentative, base.version, second).err().map(|error| error.kind());
    assert_eq!(outcome, expected, "{first:?} then {second:?}");
}

/// Whether a change can be staged on the base; if not, nothing may have changed.
fn check_staging(before: &[Change], change: &Change, expected: Option<Kind>) {
    let snapshot = after(&base(), before);
    let mut staged = snapshot.clone();
    let outcome = change.apply(&mut staged).err().map(|error| error.kind());
    assert_eq!(outcome, expected, "{change:?}");
    if expected.is_some() {
        assert_eq!(snapshot, staged, "a refused change left something behind: {change:?}");
    }
}

const CONFLICT: Option<Kind> = Some(Kind::Conflict);

#[test]
fn rows_of_one_table() {
    check(&[append(3)], &[append(4)], None);
    check(&[delete(1, &[1, 2])], &[delete(1, &[3])], None);
    check(&[delete(1, &[1, 2])], &[delete(1, &[2, 3])], CONFLICT);
    check(&[delete(1, &[1])], &[replace(&[(2, 0)], &[(3, 10)])], None);
    check(&[delete(1, &[1])], &[replace(&[(1, 0)], &[(3, 10)])], CONFLICT);
    check(&[replace(&[(1, 0)], &[(3, 10)])], &[delete(1, &[1])], CONFLICT);
    check(&[replace(&[(1, 0)], &[(3, 10)])], &[replace(&[(1, 0), (2, 0)], &[(4, 20)])], CONFLICT);
    check(&[append(3)], &[truncate(&[1, 2])], CONFLICT);
    check(&[delete(1, &[1])], &[truncate(&[1, 2])], CONFLICT);
    check(&[truncate(&[1, 2])], &[append(3)], None);
    check(&[truncate(&[1, 2])], &[delete(1, &[1])], CONFLICT);
}

#[test]
fn definitions_against_rows() {
    let add = alter(TableAction::AddColumn(column(3, "c")));
    check(std::slice::from_ref(&add), &[append(3)], CONFLICT);
    check(std::slice::from_ref(&add), &[delete(1, &[1])], CONFLICT);
    check(std::slice::from_ref(&add), std::slice::from_ref(&add), CONFLICT);
    check(&[append(3)], std::slice::from_ref(&add), None);
    check(&[object(ObjectAction::Rename("u".into()))], &[append(3)], CONFLICT);
    check(&[object(ObjectAction::Comment(Some("x".into())))], &[append(3)], None);
    check(&[Change::DropTable(TABLE)], &[append(3)], CONFLICT);
    check(&[append(3)], &[Change::DropTable(TABLE)], None);
    // One transaction may do both.
    check(&[], &[add, append(3)], None);
}

#[test]
fn objects_by_name_and_by_id() {
    let create = |id| Change::CreateTable(Arc::new(table(id, "u")));
    check(&[create(OTHER)], &[create(TableId(20_009))], CONFLICT);
    check(&[create(OTHER)], &[create(OTHER)], CONFLICT);
    check(&[create(OTHER)], &[object(ObjectAction::Rename("u".into()))], CONFLICT);
    check(&[Change::DropTable(TABLE)], &[view("v", vec![Relation::Table(TABLE)])], CONFLICT);
    check(&[view("v", vec![Relation::Table(TABLE)])], &[Change::DropTable(TABLE)], CONFLICT);
    let schema = schema(SchemaId(20_008), "s");
    check(&[create(OTHER)], &[Change::CreateSchema(schema)], None);
    let grant = |privilege| Change::Grant {
        object: ObjectRef::Table(TABLE),
        role: PUBLIC,
        privileges: vec![privilege],
        grant_option: false,
    };
    check(&[grant(Privilege::Select)], &[grant(Privilege::Insert)], CONFLICT);
    check(&[grant(Privilege::Select)], &[append(3)], None);
    let setting = |name: &str| Change::PutSetting { scope: SettingScope::System, name: name.into(), value: None };
    check(&[setting("a")], &[setting("a")], CONFLICT);
    check(&[setting("a")], &[setting("b")], None);
    check(&[role(20_020, "r", &[])], &[role(20_021, "r", &[])], CONFLICT);
}

#[test]
fn what_is_refused_when_staged() {
    let no_rows = [truncate(&[1, 2])];
    check_staging(&[], &Change::CreateTable(Arc::new(table(OTHER, "t"))), Some(Kind::Exists));
    check_staging(&[], &Change::CreateTable(Arc::new(table(TABLE, "u"))), Some(Kind::Exists));
    check_staging(&[], &Change::DropSchema(SCHEMA), Some(Kind::Invalid));
    check_staging(&[], &Change::DropDatabase(DATABASE), Some(Kind::Invalid));
    check_staging(&[], &Change::DropTable(OTHER), Some(Kind::NotFound));
    check_staging(&[], &view("v", vec![Relation::Table(OTHER)]), Some(Kind::NotFound));
    check_staging(&[], &view("v", vec![Relation::View(VIEW)]), Some(Kind::Invalid));
    check_staging(&[], &view("t", Vec::new()), Some(Kind::Exists));
    check_staging(&[], &alter(TableAction::AddColumn(column(3, "a"))), Some(Kind::Exists));
    check_staging(&[], &alter(TableAction::AddColumn(column(4, "c"))), Some(Kind::Invalid));
    let strict = Column { nullable: false, ..column(3, "c") };
    check_staging(&[], &alter(TableAction::AddColumn(strict.clone())), Some(Kind::Invalid));
    check_staging(&no_rows, &alter(TableAction::AddColumn(strict)), None);
    check_staging(&[], &alter(TableAction::DropColumn(ColumnId(1))), Some(Kind::Invalid));
    check_staging(&[], &alter(TableAction::DropColumn(ColumnId(2))), None);
    check_staging(&[], &alter(TableAction::DropColumn(ColumnId(9))), Some(Kind::NotFound));
    let text = Column { column_type: ColumnType::Varchar { length: None }, ..column(2, "b") };
    check_staging(&[], &alter(TableAction::AlterColumn(text)), Some(Kind::Invalid));
    check_staging(&[], &alter(TableAction::DropConstraint("none".into())), Some(Kind::NotFound));
    check_staging(&[], &object(ObjectAction::Own(RoleId(30_000))), Some(Kind::NotFound));
    check_staging(&[], &object(ObjectAction::Move(SchemaId(30_000))), Some(Kind::NotFound));
    check_staging(&[], &object(ObjectAction::Rename(String::new())), Some(Kind::Invalid));
    check_staging(&[], &delete(1, &[10]), Some(Kind::Invalid));
    check_staging(&[], &delete(1, &[]), Some(Kind::Invalid));
    check_staging(&[delete(1, &[4])], &delete(1, &[4]), CONFLICT);
    check_staging(&[], &replace(&[(1, 0)], &[(3, 9)]), Some(Kind::Internal));
    check_staging(&[], &append(1), Some(Kind::Exists));
    check_staging(&[role(20_020, "r", &[])], &role(20_021, "s", &[20_020]), None);
    check_staging(
        &[role(20_020, "r", &[]), role(20_021, "s", &[20_020])],
        &role(20_020, "r", &[20_021]),
        Some(Kind::Invalid),
    );
}

#[test]
fn keys_between_tables_are_kept_whole() {
    let key =
        ConstraintKind::ForeignKey { columns: vec![ColumnId(2)], references: TABLE, referenced: vec![ColumnId(2)] };
    let constraint = Constraint { name: "fk".into(), id: 20_030, kind: key };
    let referring = Table { constraints: vec![constraint], ..table(OTHER, "u") };
    let create = [Change::CreateTable(Arc::new(referring))];
    check_staging(&create, &Change::DropTable(TABLE), Some(Kind::Invalid));
    check_staging(&create, &alter(TableAction::DropColumn(ColumnId(2))), Some(Kind::Invalid));
    check_staging(&create, &Change::DropTable(OTHER), None);
    assert_eq!(after(&base(), &create).next_id, 20_031, "a constraint has an id of the catalog, too");
}

#[test]
fn names_follow_renames_moves_and_drops() {
    let target = SchemaId(20_008);
    let changes = [
        Change::CreateSchema(schema(target, "s")),
        object(ObjectAction::Rename("u".into())),
        object(ObjectAction::Move(target)),
    ];
    let moved = after(&base(), &changes);
    assert_eq!(moved.relation_named(target, "u"), Some(Relation::Table(TABLE)));
    assert_eq!(moved.relation_named(SCHEMA, "t"), None);
    assert_eq!(moved.tables[&TABLE].definition_version, moved.version);
    let dropped = after(&moved, &[Change::DropTable(TABLE), Change::DropSchema(target)]);
    assert!(dropped.relation_names.is_empty());
    assert_eq!(dropped.schema_named(DATABASE, "s"), None);
    assert_eq!(dropped.removed.len(), 2, "the objects of both parts wait for collection");
    let collect = Change::Collect { horizon: dropped.version, paths: vec!["data/1.seg".into()] };
    let collected = after(&dropped, &[collect]);
    assert_eq!((collected.removed.len(), collected.horizon), (1, dropped.version));
}

#[test]
fn a_dropped_role_leaves_nothing_behind() {
    let grant = Change::Grant {
        object: ObjectRef::Table(TABLE),
        role: RoleId(20_020),
        privileges: vec![Privilege::Select],
        grant_option: true,
    };
    let setting = Change::PutSetting {
        scope: SettingScope::Role(RoleId(20_020)),
        name: "search_path".into(),
        value: Some("x".into()),
    };
    let before = [role(20_020, "r", &[]), role(20_021, "s", &[20_020]), grant, setting];
    let dropped = after(&after(&base(), &before), &[Change::DropRole(RoleId(20_020))]);
    assert!(dropped.settings.is_empty());
    assert!(dropped.tables[&TABLE].acl.entries.is_empty());
    assert!(dropped.roles[&RoleId(20_021)].member_of.is_empty());
    let own = [role(20_020, "r", &[]), object(ObjectAction::Own(RoleId(20_020)))];
    check_staging(&own, &Change::DropRole(RoleId(20_020)), Some(Kind::Invalid));
}

#[test]
fn identities_only_move_away_from_the_seed() {
    let identity = |step| Identity { seed: 1, step, next: 1, by_default: false };
    for (step, next, expected) in [(1, 5, 5), (1, 0, 1), (-1, -5, -5), (-1, 7, 1)] {
        let columns = vec![Column { identity: Some(identity(step)), ..column(1, "a") }];
        let other = Table { columns, next_column: ColumnId(2), ..table(OTHER, "u") };
        let advance = Change::AdvanceIdentity { table: OTHER, column: ColumnId(1), next };
        let found = after(&base(), &[Change::CreateTable(Arc::new(other)), advance]);
        assert_eq!(found.tables[&OTHER].columns[0].identity.unwrap().next, expected, "step {step}");
    }
    let none = Change::AdvanceIdentity { table: TABLE, column: ColumnId(1), next: 3 };
    check_staging(&[], &none, Some(Kind::NotFound));
}
