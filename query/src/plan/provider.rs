//! What the engine's planner asks for: tables, views, functions, types, operators.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::cte_worktable::CteWorkTable;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Diagnostic, Result, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner, TypePlanner};
use datafusion::logical_expr::{
    AggregateUDF, Expr, HigherOrderUDF, LogicalPlan, LogicalPlanBuilder, ScalarUDF, TableSource, WindowUDF,
};
use parking_lot::Mutex;
use sqlparser::parser::Parser;
use stoa_storage::{Relation, View};

use super::name::{QualifiedName, Resolved, find_relation};
use super::operator::{Operators, Types};
use super::query::{Reads, VIEW_DEPTH_MAX, external, relational};
use super::relation::StoredTable;
use super::{PlanContext, ReadRelation, normalize};
use crate::error::{SqlError, SqlState};
use crate::function::{self, Family, FunctionContext};
use crate::statement::dialect::StoaDialect;
use crate::system::{SystemContext, SystemProvider};

/// The world as one statement's planning sees it.
pub(crate) struct Provider<'a> {
    context: &'a PlanContext,
    functions: Arc<FunctionContext>,
    system: Arc<SystemContext>,
    system_functions: Vec<Arc<ScalarUDF>>,
    planners: Vec<Arc<dyn ExprPlanner>>,
    options: ConfigOptions,
    /// Relations read so far.
    reads: Mutex<Reads>,
    /// One source a table, so that reads of the same table are the same to the optimizer.
    tables: Mutex<BTreeMap<String, Arc<dyn TableSource>>>,
    /// How deep in views this planning is.
    depth: usize,
    /// The table whose rows an UPDATE or DELETE changes: it is read with row addresses.
    addressed: Option<stoa_storage::TableId>,
}

impl<'a> Provider<'a> {
    /// The names, types and functions of one statement.
    pub(crate) fn new(context: &'a PlanContext) -> Self {
        Self::at_depth(context, 0)
    }

    /// The same for a statement that changes rows of `table`.
    pub(crate) fn addressing(context: &'a PlanContext, table: stoa_storage::TableId) -> Self {
        Self { addressed: Some(table), ..Self::at_depth(context, 0) }
    }

    fn at_depth(context: &'a PlanContext, depth: usize) -> Self {
        let functions = Arc::new(context.facts.function_context());
        let system = context.system();
        let mut planners: Vec<Arc<dyn ExprPlanner>> = vec![Arc::new(Operators::new(Arc::clone(&functions)))];
        planners.extend(function::engine_planners());
        Self {
            context,
            functions,
            system_functions: crate::system::functions(&system).into_iter().map(Arc::new).collect(),
            system,
            planners,
            options: ConfigOptions::default(),
            reads: Mutex::default(),
            tables: Mutex::default(),
            depth,
            addressed: None,
        }
    }

    /// The system catalog as this statement sees it.
    pub(crate) fn system(&self) -> &Arc<SystemContext> {
        &self.system
    }

    /// What was read.
    pub(crate) fn into_reads(self) -> Vec<ReadRelation> {
        self.reads.into_inner().into_iter().collect()
    }

    fn record(&self, relation: Relation) {
        let read = ReadRelation { relation, reader: self.context.facts.role, columns: vec![] };
        self.reads.lock().insert(read);
    }

    fn resolve(&self, name: &TableReference) -> Result<Arc<dyn TableSource>, SqlError> {
        if let Some(database) = name.catalog().filter(|database| *database != self.context.facts.database) {
            return Err(SqlError::unsupported(format!("a reference to another database: \"{database}\"")));
        }
        let qualified = QualifiedName { schema: name.schema().map(str::to_owned), name: name.table().to_owned() };
        let found = match find_relation(&self.context.snapshot, &self.context.facts, &qualified) {
            // A relation of a schema that is not there is not there, in Postgres's words.
            Err(error) if error.state == SqlState::InvalidSchemaName => None,
            found => found?,
        };
        match found {
            Some(Resolved::Table(table)) => {
                self.record(Relation::Table(table.id));
                let addresses = self.addressed == Some(table.id);
                let stored = StoredTable::new(
                    Arc::clone(self.context.engine.warehouse()),
                    Arc::clone(&self.context.snapshot),
                    table,
                    addresses,
                );
                Ok(provider_as_source(Arc::new(stored)))
            }
            Some(Resolved::View(view)) => {
                self.record(Relation::View(view.id));
                self.view(&view)
            }
            Some(Resolved::System(table)) => {
                let provider = SystemProvider::new(table, Arc::clone(&self.system));
                Ok(provider_as_source(Arc::new(provider)))
            }
            None => Err(SqlError::undefined_table(&qualified.to_string())),
        }
    }

    /// A view is its query, planned with the search path of its creation and the rights of its owner.
    fn view(&self, view: &View) -> Result<Arc<dyn TableSource>, SqlError> {
        if self.depth >= VIEW_DEPTH_MAX {
            return Err(SqlError::new(
                SqlState::StatementTooComplex,
                format!("view \"{}\" is nested too deep", view.name),
            ));
        }
        let mut query =
            Parser::new(&StoaDialect).try_with_sql(&view.query).and_then(|mut parser| parser.parse_query()).map_err(
                |error| SqlError::internal(format!("the text of view \"{}\" does not parse: {error}", view.name)),
            )?;
        normalize::query(&mut query)?;
        let facts = self.context.facts.for_view(view.owner, view.search_path.clone());
        let context = PlanContext { facts: Arc::new(facts), declared: vec![], ..self.context.clone() };
        let inner = Provider::at_depth(&context, self.depth + 1);
        let mut plan = relational(&query, &inner, vec![])?;
        self.reads.lock().extend(inner.reads.into_inner());
        if !view.column_names.is_empty() {
            plan = renamed(plan, &view.column_names)?;
        }
        let plan = unmarked(plan)?;
        Ok(Arc::new(ViewSource { schema: Arc::clone(plan.schema().inner()), plan }))
    }

    /// Words an error of the planner as Postgres does, with the place in the text where it is known.
    pub(crate) fn explain(&self, error: DataFusionError) -> SqlError {
        let position = span_of(&error).and_then(|(line, column)| position_of(&self.context.source, line, column));
        let mut sql = unwrapped(SqlError::from(error));
        if sql.state == SqlState::UndefinedFunction && sql.message.starts_with("invalid function '") {
            let name = sql.message.split('\'').nth(1).unwrap_or_default().to_owned();
            sql.message = format!("function {name} does not exist");
            sql.hint = Some("No function matches the given name. You might need to check its spelling.".to_owned());
        }
        if sql.position.is_none()
            && matches!(sql.state, SqlState::UndefinedColumn | SqlState::AmbiguousColumn | SqlState::UndefinedFunction)
        {
            sql.position = position;
        }
        sql
    }
}

/// An error of ours that the engine has quoted in a message of its own, and other messages in Postgres's words.
pub(crate) fn unwrapped(error: SqlError) -> SqlError {
    if error.state == SqlState::GroupingError
        && let Some(column) = error.message.split('"').nth(1)
    {
        let message =
            format!("column \"{column}\" must appear in the GROUP BY clause or be used in an aggregate function");
        return SqlError { message, ..error };
    }
    let Some((_, quoted)) = error.message.split_once("External error: ") else { return error };
    let Some((message, rest)) = quoted.split_once(" (SQLSTATE ") else { return error };
    match rest.get(..5).and_then(SqlState::from_code) {
        Some(state) => SqlError { state, message: message.to_owned(), ..error },
        None => error,
    }
}

/// Line and column, from 1, that an error points to.
fn span_of(error: &DataFusionError) -> Option<(u64, u64)> {
    let diagnostic: &Diagnostic = error.diagnostic()?;
    let span = diagnostic.span?;
    (span.start.line > 0).then_some((span.start.line, span.start.column))
}

/// The character of a text, from 1, at a line and column.
fn position_of(source: &str, line: u64, column: u64) -> Option<usize> {
    let before: usize = source
        .split_inclusive('\n')
        .take(usize::try_from(line).ok()?.checked_sub(1)?)
        .map(|line| line.chars().count())
        .sum();
    before.checked_add(usize::try_from(column).ok()?)
}

fn renamed(plan: LogicalPlan, names: &[String]) -> Result<LogicalPlan, SqlError> {
    let columns = plan.schema().columns();
    let exprs = columns.into_iter().enumerate().map(|(place, column)| match names.get(place) {
        Some(name) => Expr::Column(column).alias(name),
        None => Expr::Column(column),
    });
    let exprs: Vec<Expr> = exprs.collect();
    Ok(LogicalPlanBuilder::from(plan).project(exprs)?.build()?)
}

/// Columns of a view have plain names.
fn unmarked(plan: LogicalPlan) -> Result<LogicalPlan, SqlError> {
    let columns = plan.schema().columns();
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    if names.iter().all(|name| super::label::shown(name) == name) && columns.iter().all(|c| c.relation.is_none()) {
        return Ok(plan);
    }
    let shown = |name: &str| {
        let shown = super::label::shown(name);
        // A name that is there without a mark keeps its place.
        if shown != name && names.iter().any(|other| other == shown) { name.to_owned() } else { shown.to_owned() }
    };
    let exprs: Vec<Expr> =
        columns.into_iter().zip(&names).map(|(column, name)| Expr::Column(column).alias(shown(name))).collect();
    Ok(LogicalPlanBuilder::from(plan).project(exprs)?.build()?)
}

/// A view as a source: the planner puts its plan in its place.
struct ViewSource {
    schema: SchemaRef,
    plan: LogicalPlan,
}

impl TableSource for ViewSource {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn get_logical_plan(&self) -> Option<std::borrow::Cow<'_, LogicalPlan>> {
        Some(std::borrow::Cow::Borrowed(&self.plan))
    }
}

impl ContextProvider for Provider<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        let key = name.to_string();
        if let Some(source) = self.tables.lock().get(&key) {
            return Ok(Arc::clone(source));
        }
        let source = self.resolve(&name).map_err(external)?;
        self.tables.lock().insert(key, Arc::clone(&source));
        Ok(source)
    }

    fn get_table_function_source(&self, name: &str, args: Vec<Expr>) -> Result<Arc<dyn TableSource>> {
        let name = name.strip_prefix("pg_catalog.").unwrap_or(name);
        function::series_source(name, args)
    }

    fn create_cte_work_table(&self, name: &str, schema: SchemaRef) -> Result<Arc<dyn TableSource>> {
        Ok(provider_as_source(Arc::new(CteWorkTable::new(name, schema))))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.planners
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        Some(Arc::new(Types))
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        let plain = name.strip_prefix("pg_catalog.").unwrap_or(name);
        if let Some(system) = self.system_functions.iter().find(|udf| udf.name() == plain) {
            return Some(Arc::clone(system));
        }
        function::scalar(plain, &self.functions)
    }

    fn get_higher_order_meta(&self, _name: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        function::aggregate(name)
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        function::window(name)
    }

    fn get_variable_type(&self, _variable_names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.options
    }

    fn udf_names(&self) -> Vec<String> {
        let mut names = function::names(Family::Scalar);
        names.extend(self.system_functions.iter().map(|udf| udf.name().to_owned()));
        names
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        vec![]
    }

    fn udaf_names(&self) -> Vec<String> {
        function::names(Family::Aggregate)
    }

    fn udwf_names(&self) -> Vec<String> {
        function::names(Family::Window)
    }
}
