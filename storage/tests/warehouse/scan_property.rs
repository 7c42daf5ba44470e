//! Random tables, histories and predicates against a plain list of rows.
#![expect(clippy::cast_possible_truncation, reason = "random numbers are cut down to small ones")]

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal64Type, Float64Type, Int32Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Decimal64Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringViewArray,
};
use arrow_schema::DataType;
use futures::TryStreamExt;
use proptest::prelude::*;
use stoa_storage::*;

use crate::common::*;

/// A row of the tables here; `d` exists from some point of the history on, before that it reads as 7.00.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    id: i64,
    a: Option<i32>,
    s: Option<String>,
    f: Option<f64>,
    d: Option<i64>,
}

/// One step of a table's history.
#[derive(Debug, Clone)]
enum Step {
    /// So many rows, made from this seed.
    Append(usize, u64),
    /// Rows whose id modulo the first number is the second.
    Delete(i64, i64),
    Flush,
    AddColumn,
    /// Forgets memory and recovers.
    Reopen,
}

const A: ColumnId = ColumnId(2);
const S: ColumnId = ColumnId(3);
const F: ColumnId = ColumnId(4);
const D: ColumnId = ColumnId(5);
const TEXTS: [&str; 6] = ["", "a", "ab", "abc", "b", "a string that is longer than its view can hold, by far"];
const FLOATS: [f64; 6] = [-1.5, -0.0, 0.0, 2.0, f64::INFINITY, f64::NAN];

fn make(first: i64, count: usize, seed: u64, with_d: bool) -> Vec<Row> {
    let mut state = seed | 1;
    let mut next = |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    // Some batches have few values, some many, some none.
    let spread = [2, 50, 1_000_000][next(3) as usize];
    let nulls = [0, 3, 100][next(3) as usize];
    (first..)
        .take(count)
        .map(|id| {
            let mut some = |value: u64| (next(100) >= nulls).then_some(value);
            let (a, s, f, d) = (some(0), some(0), some(0), some(0));
            Row {
                id,
                a: a.map(|_| next(spread) as i32 - 10),
                s: s.map(|_| TEXTS[next(6) as usize].to_owned()),
                f: f.map(|_| FLOATS[next(6) as usize]),
                d: if with_d { d.map(|_| next(spread) as i64) } else { Some(700) },
            }
        })
        .collect()
}

fn batch(rows: &[Row], with_d: bool) -> RecordBatch {
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(rows.iter().map(|row| row.id).collect::<Int64Array>())),
        ("a", Arc::new(rows.iter().map(|row| row.a).collect::<Int32Array>())),
        ("s", Arc::new(rows.iter().map(|row| row.s.as_deref()).collect::<StringViewArray>())),
        ("f", Arc::new(rows.iter().map(|row| row.f).collect::<Float64Array>())),
    ];
    if with_d {
        let values = rows.iter().map(|row| row.d).collect::<Decimal64Array>();
        columns.push(("d", Arc::new(values.with_precision_and_scale(10, 2).unwrap())));
    }
    RecordBatch::try_from_iter(columns).unwrap()
}

fn read(batch: &RecordBatch) -> Vec<Row> {
    let text = arrow_cast::cast(batch.column(2), &DataType::Utf8View).unwrap();
    let (id, a) = (batch.column(0).as_primitive::<Int64Type>(), batch.column(1).as_primitive::<Int32Type>());
    let (s, f) = (text.as_string_view(), batch.column(3).as_primitive::<Float64Type>());
    let d = (batch.num_columns() > 4).then(|| batch.column(4).as_primitive::<Decimal64Type>());
    (0..batch.num_rows())
        .map(|row| Row {
            id: id.value(row),
            a: a.is_valid(row).then(|| a.value(row)),
            s: s.is_valid(row).then(|| s.value(row).to_owned()),
            f: f.is_valid(row).then(|| f.value(row)),
            d: d.map_or(Some(700), |d| d.is_valid(row).then(|| d.value(row))),
        })
        .collect()
}

fn value_of(row: &Row, column: ColumnId) -> Option<Value> {
    match column {
        A => row.a.map(|value| Value::Int(value.into())),
        S => row.s.as_ref().map(|value| Value::Bytes(value.clone().into_bytes())),
        F => row.f.map(Value::Float),
        D => row.d.map(Value::Int),
        _ => Some(Value::Int(row.id)),
    }
}

/// The oracle: three-valued logic without NOT needs only TRUE.
fn is_true(predicate: &Predicate, row: &Row) -> bool {
    match predicate {
        Predicate::True => true,
        Predicate::False => false,
        Predicate::And(conditions) => conditions.iter().all(|condition| is_true(condition, row)),
        Predicate::Or(conditions) => conditions.iter().any(|condition| is_true(condition, row)),
        Predicate::IsNull { column, negated } => value_of(row, *column).is_none() != *negated,
        Predicate::Compare { column, op, value } => value_of(row, *column).is_some_and(|found| {
            let order = found.compare(value).unwrap();
            match op {
                Comparison::Equal => order.is_eq(),
                Comparison::NotEqual => order.is_ne(),
                Comparison::Less => order.is_lt(),
                Comparison::LessOrEqual => order.is_le(),
                Comparison::Greater => order.is_gt(),
                Comparison::GreaterOrEqual => order.is_ge(),
            }
        }),
        Predicate::In { column, values, negated } => value_of(row, *column)
            .is_some_and(|found| values.iter().any(|value| found.compare(value).unwrap().is_eq()) != *negated),
        Predicate::StartsWith { column, prefix } => {
            matches!(value_of(row, *column), Some(Value::Bytes(text)) if text.starts_with(prefix))
        }
    }
}

fn literal() -> impl Strategy<Value = (ColumnId, Value)> {
    prop_oneof![
        (-12..60i64).prop_map(|value| (A, Value::Int(value))),
        (0..3_000i64).prop_map(|value| (ColumnId(1), Value::Int(value))),
        (0..6usize).prop_map(|place| (S, Value::Bytes(TEXTS[place].as_bytes().to_vec()))),
        (0..6usize).prop_map(|place| (F, Value::Float(FLOATS[place]))),
        prop_oneof![Just(700), 0..60i64].prop_map(|value| (D, Value::Int(value))),
    ]
}

fn leaf() -> impl Strategy<Value = Predicate> {
    use Comparison::*;
    let op =
        prop_oneof![Just(Equal), Just(NotEqual), Just(Less), Just(LessOrEqual), Just(Greater), Just(GreaterOrEqual)];
    let list = (literal(), prop::collection::vec(literal(), 0..5), any::<bool>()).prop_map(|(first, rest, negated)| {
        let column = first.0;
        let same = rest.into_iter().filter(|(other, _)| *other == column).map(|(_, value)| value);
        let mut values: Vec<Value> = std::iter::once(first.1).chain(same).collect();
        values.sort_by(|a, b| a.compare(b).unwrap());
        values.dedup_by(|a, b| a.compare(b).unwrap().is_eq());
        Predicate::In { column, values, negated }
    });
    prop_oneof![
        4 => (literal(), op).prop_map(|((column, value), op)| Predicate::Compare { column, op, value }),
        2 => list,
        1 => (literal(), any::<bool>()).prop_map(|((column, _), negated)| Predicate::IsNull { column, negated }),
        1 => (0..6usize).prop_map(|place| Predicate::StartsWith { column: S, prefix: TEXTS[place].as_bytes().to_vec() }),
        1 => prop_oneof![Just(Predicate::True), Just(Predicate::False)],
    ]
}

fn predicate() -> impl Strategy<Value = Predicate> {
    leaf().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Predicate::And),
            prop::collection::vec(inner, 1..4).prop_map(Predicate::Or),
        ]
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..1_500usize, any::<u64>()).prop_map(|(rows, seed)| Step::Append(rows, seed)),
        2 => (1..7i64, 0..7i64).prop_map(|(modulus, rest)| Step::Delete(modulus, rest % modulus)),
        2 => Just(Step::Flush),
        1 => Just(Step::AddColumn),
        1 => Just(Step::Reopen),
    ]
}

/// How the rows are asked for.
#[derive(Debug, Clone)]
struct Question {
    predicate: Predicate,
    filter: Option<(i64, i64)>,
    batch_rows: usize,
    partitions: usize,
    dictionaries: bool,
    by_slice: bool,
    in_order: bool,
}

fn question() -> impl Strategy<Value = Question> {
    let filter = prop::option::of((2..5i64, 0..2i64));
    let shape = (1..2_000usize, 1..4usize, any::<[bool; 3]>());
    (predicate(), filter, shape).prop_map(|(predicate, filter, (batch_rows, partitions, flags))| {
        let [dictionaries, by_slice, in_order] = flags;
        Question { predicate, filter, batch_rows, partitions, dictionaries, by_slice, in_order }
    })
}

/// A table with its history and what it should hold.
struct Subject {
    folder: tempfile::TempDir,
    warehouse: Arc<Warehouse>,
    table: TableId,
    rows: BTreeMap<i64, Row>,
    next: i64,
    with_d: bool,
}

impl Subject {
    async fn new(key: bool, sort: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let warehouse = open(folder.path().to_str().unwrap()).await;
        let table = create_table(&warehouse, |table| {
            table.columns = vec![
                column(1, "id", ColumnType::Int64),
                column(2, "a", ColumnType::Int32),
                column(3, "s", ColumnType::Varchar { length: None }),
                column(4, "f", ColumnType::Float64),
            ];
            table.next_column = D;
            if key {
                table.distribution = Distribution::Key(S);
            }
            if sort {
                table.sort_key.columns = vec![A, S];
            }
        })
        .await;
        Self { folder, warehouse, table, rows: BTreeMap::new(), next: 0, with_d: false }
    }

    async fn run(&mut self, step: &Step) {
        match step {
            Step::Append(count, seed) => {
                let rows = make(self.next, *count, *seed, self.with_d);
                insert(&self.warehouse, self.table, batch(&rows, self.with_d)).await;
                self.next += *count as i64;
                self.rows.extend(rows.into_iter().map(|row| (row.id, row)));
            }
            Step::Delete(modulus, rest) => {
                let before = self.rows.len();
                self.rows.retain(|id, _| id % modulus != *rest);
                let deleted = delete(&self.warehouse, self.table, |id| id % modulus == *rest).await;
                assert_eq!(deleted as usize, before - self.rows.len());
            }
            Step::Flush => self.warehouse.flush(None).await.unwrap(),
            Step::AddColumn if self.with_d => {}
            Step::AddColumn => {
                let mut added = column(5, "d", ColumnType::Decimal { precision: 10, scale: 2 });
                added.missing = Some(Value::Int(700));
                let action = TableAction::AddColumn(added);
                let mut transaction = self.warehouse.begin(&TemporarySpace::default());
                transaction.stage(Change::AlterTable { table: self.table, action }).unwrap();
                transaction.commit().await.unwrap();
                self.with_d = true;
            }
            Step::Reopen => self.warehouse = open(self.folder.path().to_str().unwrap()).await,
        }
    }

    async fn answer(&self, question: &Question) {
        let ids = if self.with_d { 1..=5 } else { 1..=4 };
        let mut request = ScanRequest::new(ids.map(ColumnId).collect());
        request.predicate = self.known(&question.predicate);
        (request.batch_rows, request.partitions) = (question.batch_rows, question.partitions);
        (request.by_slice, request.in_order) = (question.by_slice, question.in_order);
        request.dictionaries = question.dictionaries;
        if let Some((modulus, rest)) = question.filter {
            let test = move |batch: &RecordBatch| {
                let ids = batch.column(1).as_primitive::<Int64Type>();
                Ok(ids.values().iter().map(|id| Some(id % modulus == rest)).collect::<BooleanArray>())
            };
            request.filters = vec![RowFilter { columns: vec![A, ColumnId(1)], test: Arc::new(test) }];
        }
        let scan = self.warehouse.scan(&self.warehouse.snapshot(), self.table, request.clone()).unwrap();
        let mut found = Vec::new();
        for partition in 0..scan.partitions() {
            let batches: Vec<RecordBatch> = scan.open(partition).unwrap().try_collect().await.unwrap();
            assert!(batches.iter().all(|batch| batch.num_rows() <= question.batch_rows));
            let rows: Vec<Row> = batches.iter().flat_map(read).collect();
            if !scan.order().is_empty() {
                let keys: Vec<_> =
                    rows.iter().map(|row| (row.a.is_none(), row.a, row.s.is_none(), row.s.clone())).collect();
                assert!(keys.is_sorted());
            }
            if scan.slices().is_some() {
                for batch in &batches {
                    let text = arrow_cast::cast(batch.column(2), &DataType::Utf8View).unwrap();
                    let slices = slices_of(&text).unwrap();
                    assert!(slices.iter().all(|slice| usize::from(*slice) % scan.partitions() == partition));
                }
            }
            found.extend(rows);
        }
        found.sort_by_key(|row| row.id);
        let passes = |row: &&Row| {
            is_true(&request.predicate, row) && question.filter.is_none_or(|(modulus, rest)| row.id % modulus == rest)
        };
        let expected: Vec<Row> = self.rows.values().filter(passes).cloned().collect();
        // NaN is not equal to itself, so rows are compared as text.
        assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{question:?}");
    }

    /// The predicate without conditions on a column that does not exist yet.
    fn known(&self, predicate: &Predicate) -> Predicate {
        let all = |conditions: &[Predicate]| conditions.iter().map(|condition| self.known(condition)).collect();
        match predicate {
            Predicate::And(conditions) => Predicate::And(all(conditions)),
            Predicate::Or(conditions) => Predicate::Or(all(conditions)),
            Predicate::Compare { column: D, .. }
            | Predicate::In { column: D, .. }
            | Predicate::IsNull { column: D, .. }
                if !self.with_d =>
            {
                Predicate::True
            }
            other => other.clone(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scans_agree_with_a_list_of_rows(
        steps in prop::collection::vec(step(), 1..8),
        questions in prop::collection::vec(question(), 1..6),
        key in any::<bool>(),
        sort in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut subject = Subject::new(key, sort).await;
            for step in &steps {
                subject.run(step).await;
            }
            for question in &questions {
                subject.answer(question).await;
            }
        });
    }
}
