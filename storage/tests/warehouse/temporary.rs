//! Temporary tables: seen by their session only, gone with it, never in the log.

use std::sync::Arc;

use stoa_storage::*;

use crate::common::*;

fn columns() -> Vec<Column> {
    vec![column(1, "id", ColumnType::Int64), column(2, "name", ColumnType::Varchar { length: None })]
}

fn create_temporary(transaction: &mut Transaction, name: &str) -> TableId {
    let schema = transaction.temporary_schema();
    let id = transaction.new_id();
    transaction.stage(Change::CreateTable(Arc::new(table(id, schema, name, columns())))).unwrap();
    TableId(id)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_table_lives_with_its_session() {
    let warehouse = open("memory:").await;
    let permanent = create_table(&warehouse, |_| {}).await;
    let version = warehouse.snapshot().version;
    let session = TemporarySpace::new(DatabaseId(1), OWNER, "pg_temp_1");
    let mut transaction = warehouse.begin(&session);
    let scratch = create_temporary(&mut transaction, "scratch");
    transaction.append(scratch, vec![rows(0..100_000)]).await.unwrap();
    transaction.append(scratch, vec![rows(100_000..100_010)]).await.unwrap();
    assert!(transaction.has_changes());
    let session = transaction.commit().await.unwrap().temporary;
    assert_eq!(warehouse.snapshot().version, version, "nothing was logged");
    assert!(!warehouse.snapshot().tables.contains_key(&scratch));

    warehouse.collect_garbage().await.unwrap();
    let mut transaction = warehouse.begin(&session);
    let found = addresses(&warehouse, &transaction.snapshot(), scratch, |id| id % 2 == 0).await;
    assert_eq!(transaction.delete(scratch, &found).await.unwrap(), 50_005);
    transaction.append(permanent, vec![rows(0..3)]).await.unwrap();
    let session = transaction.commit().await.unwrap().temporary;
    let snapshot = warehouse.begin(&session).snapshot();
    assert_eq!(ids(&warehouse, &snapshot, scratch).await.len(), 50_005);
    assert_eq!(ids(&warehouse, &snapshot, permanent).await.len(), 3);

    drop((session, snapshot));
    assert!(warehouse.collect_garbage().await.unwrap().objects > 0, "its segments went with the session");
}

#[tokio::test(flavor = "multi_thread")]
async fn rolling_back_leaves_the_session_as_it_was() {
    let warehouse = open("memory:").await;
    create_table(&warehouse, |_| {}).await;
    let mut transaction = warehouse.begin(&TemporarySpace::default());
    let kept = create_temporary(&mut transaction, "kept");
    let savepoint = transaction.savepoint();
    create_temporary(&mut transaction, "forgotten");
    transaction.rollback_to(&savepoint);
    let session = transaction.commit().await.unwrap().temporary;
    let mut transaction = warehouse.begin(&session);
    transaction.stage(Change::DropTable(kept)).unwrap();
    transaction.append(kept, vec![rows(0..1)]).await.unwrap_err();
    transaction.rollback().await;
    let snapshot = warehouse.begin(&session).snapshot();
    let names: Vec<&str> = snapshot.tables_in(session.schema().unwrap()).map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["kept"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn permanent_objects_cannot_depend_on_temporary_ones() {
    let warehouse = open("memory:").await;
    let schema = create_schema(&warehouse).await;
    let mut transaction = warehouse.begin(&TemporarySpace::default());
    let scratch = create_temporary(&mut transaction, "scratch");
    let view = View {
        id: ViewId(transaction.new_id()),
        schema,
        name: "v".to_owned(),
        owner: OWNER,
        query: "select * from scratch".to_owned(),
        column_names: Vec::new(),
        late_binding: false,
        depends_on: vec![Relation::Table(scratch)],
        search_path: Vec::new(),
        acl: Acl::default(),
        comment: None,
    };
    let refused = transaction.stage(Change::PutView(Arc::new(view.clone()))).unwrap_err();
    assert_eq!(refused.kind(), Kind::Invalid);
    let moved = ObjectAction::Move(schema);
    let change = Change::AlterObject { object: ObjectRef::Table(scratch), action: moved };
    assert_eq!(transaction.stage(change).unwrap_err().kind(), Kind::Invalid);
    let mut foreign = table(transaction.new_id(), schema, "child", columns());
    foreign.constraints.push(Constraint {
        name: "child_fkey".to_owned(),
        id: transaction.new_id(),
        kind: ConstraintKind::ForeignKey {
            columns: vec![ColumnId(1)],
            references: scratch,
            referenced: vec![ColumnId(1)],
        },
    });
    assert_eq!(transaction.stage(Change::CreateTable(Arc::new(foreign))).unwrap_err().kind(), Kind::Invalid);
    let mut temporary = view;
    temporary.schema = transaction.temporary_schema();
    transaction.stage(Change::PutView(Arc::new(temporary))).unwrap();
    assert!(!transaction.commit().await.unwrap().temporary.is_empty());
}
