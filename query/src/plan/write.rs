//! INSERT, UPDATE and DELETE: a query that gives the rows to write, in the table's column types.

use std::sync::Arc;

use arrow::datatypes::{Field, FieldRef, Schema};
use datafusion::common::{Column, DFSchema, ExprSchema, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, ScalarUDF};
use datafusion::sql::planner::PlannerContext;
use sqlparser::ast::{self, Ident, SetExpr};
use sqlparser::parser::Parser;
use stoa_storage::{ColumnId, Table};

use super::name;
use super::provider::Provider;
use super::query::{PlannedQuery, analyze, planner, relational, with_parameters};
use super::relation::ADDRESS;
use super::{PlanContext, ReadRelation, normalize};
use crate::error::{SqlError, SqlState};
use crate::function::PgCast;
use crate::optimize::coerce;
use crate::statement::dialect::StoaDialect;
use crate::types::SqlType;

/// A planned INSERT, or the rows of CREATE TABLE AS.
#[derive(Debug, Clone)]
pub(crate) struct PlannedInsert {
    /// Where to.
    pub(crate) table: Arc<Table>,
    /// Gives all columns of the table in order; identity columns that are to be filled are null.
    pub(crate) logical: LogicalPlan,
    /// Types of the parameters.
    pub(crate) parameters: Vec<SqlType>,
    /// What is read, for the check of rights.
    pub(crate) tables: Vec<ReadRelation>,
    /// Identity columns to fill: place in the table, and id.
    pub(crate) identities: Vec<(usize, ColumnId)>,
}

/// A planned UPDATE.
#[derive(Debug, Clone)]
pub(crate) struct PlannedUpdate {
    /// Which table.
    pub(crate) table: Arc<Table>,
    /// Gives the new rows with all columns of the table in order, then the addresses of the old ones.
    pub(crate) logical: LogicalPlan,
    /// Types of the parameters.
    pub(crate) parameters: Vec<SqlType>,
    /// What is read, for the check of rights.
    pub(crate) tables: Vec<ReadRelation>,
    /// Whether a row may come more than once.
    pub(crate) joined: bool,
}

/// A planned DELETE.
#[derive(Debug, Clone)]
pub(crate) struct PlannedDelete {
    /// Which table.
    pub(crate) table: Arc<Table>,
    /// Gives the addresses of the rows.
    pub(crate) logical: LogicalPlan,
    /// Types of the parameters.
    pub(crate) parameters: Vec<SqlType>,
    /// What is read, for the check of rights.
    pub(crate) tables: Vec<ReadRelation>,
}

/// Plans an INSERT.
pub(crate) fn plan_insert(insert: &ast::Insert, context: &PlanContext) -> Result<PlannedInsert, SqlError> {
    let ast::TableObject::TableName(table_name) = &insert.table else {
        return Err(SqlError::unsupported("INSERT into a function"));
    };
    let qualified = name::qualified(table_name, &context.facts)?;
    let table = name::table(&context.snapshot, &context.facts, &qualified)?;
    let Some(source) = &insert.source else {
        return from_defaults(&table, context);
    };
    let mut source = source.as_ref().clone();
    let width = values_width(&source);
    let mut targets = targets(&table, &insert.columns, width)?;
    resolve_defaults(&mut source, &table, &mut targets)?;
    normalize::query(&mut source)?;
    let literal_rows = matches!(source.body.as_ref(), SetExpr::Values(_));
    let (plan, parameters, provider) = with_parameters(context, |types| {
        let provider = Provider::new(context);
        let plan = if literal_rows {
            values(&source, &table, &targets, &provider, types)?
        } else {
            relational(&source, &provider, types)?
        };
        Ok((plan, provider))
    })?;
    let rows = into_columns(analyze(plan, context)?, &table, &targets, context)?;
    let identities = identities(&table, &targets);
    Ok(PlannedInsert { table, logical: analyze(rows, context)?, parameters, tables: provider.into_reads(), identities })
}

/// The rows of a query as an insert into all columns of a table that was made for them.
pub(crate) fn plan_fill(
    query: PlannedQuery,
    table: Arc<Table>,
    context: &PlanContext,
) -> Result<PlannedInsert, SqlError> {
    let PlannedQuery { logical, columns: _, parameters, tables } = query;
    let targets: Vec<usize> = (0..table.columns.len()).collect();
    let rows = into_columns(logical, &table, &targets, context)?;
    Ok(PlannedInsert { table, logical: analyze(rows, context)?, parameters, tables, identities: vec![] })
}

/// INSERT … DEFAULT VALUES.
fn from_defaults(table: &Arc<Table>, context: &PlanContext) -> Result<PlannedInsert, SqlError> {
    let one = LogicalPlanBuilder::empty(true).build()?;
    let rows = into_columns(one, table, &[], context)?;
    Ok(PlannedInsert {
        table: Arc::clone(table),
        logical: analyze(rows, context)?,
        parameters: vec![],
        tables: vec![],
        identities: identities(table, &[]),
    })
}

/// The number of columns that VALUES gives.
fn values_width(query: &ast::Query) -> Option<usize> {
    match query.body.as_ref() {
        SetExpr::Values(values) => values.rows.first().map(|row| row.len()),
        _ => None,
    }
}

/// Places in the table of the columns that the source gives, in the source's order.
fn targets(table: &Table, columns: &[ast::ObjectName], width: Option<usize>) -> Result<Vec<usize>, SqlError> {
    if columns.is_empty() {
        let generated = |place: &usize| table.columns[*place].identity.is_some_and(|identity| !identity.by_default);
        let all: Vec<usize> = (0..table.columns.len()).collect();
        // Without a list, generated columns are passed over unless every column has a value (DEFAULT).
        if width == Some(all.len()) {
            return Ok(all);
        }
        return Ok(all.into_iter().filter(|place| !generated(place)).collect());
    }
    let mut places: Vec<usize> = vec![];
    for column in columns {
        let parts = name::parts(column)?;
        let wanted = parts.last().map_or("", String::as_str);
        let place = table.columns.iter().position(|column| column.name == wanted);
        let place = place.ok_or_else(|| SqlError::undefined_column(wanted, &table.name))?;
        if places.contains(&place) {
            return Err(SqlError::new(
                SqlState::DuplicateColumn,
                format!("column \"{wanted}\" specified more than once"),
            ));
        }
        places.push(place);
    }
    Ok(places)
}

/// Identity columns that get no value from the source.
fn identities(table: &Table, targets: &[usize]) -> Vec<(usize, ColumnId)> {
    let columns = table.columns.iter().enumerate();
    columns
        .filter(|(place, column)| column.identity.is_some() && !targets.contains(place))
        .map(|(place, column)| (place, column.id))
        .collect()
}

fn is_default(expr: &ast::Expr) -> bool {
    matches!(expr, ast::Expr::Identifier(ident) if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("default"))
}

/// Puts defaults in the place of DEFAULT in VALUES; a column that is DEFAULT in all rows is left out.
fn resolve_defaults(query: &mut ast::Query, table: &Table, targets: &mut Vec<usize>) -> Result<(), SqlError> {
    let SetExpr::Values(values) = query.body.as_mut() else { return Ok(()) };
    let width = values.rows.first().map_or(0, |row| row.len());
    if values.rows.iter().any(|row| row.len() != width) {
        return Err(SqlError::syntax("VALUES lists must all be the same length"));
    }
    check_width(width, targets)?;
    for place in (0..width).rev() {
        let defaults = values.rows.iter().filter(|row| is_default(&row[place])).count();
        if defaults == 0 {
            continue;
        }
        let column = &table.columns[targets[place]];
        if defaults == values.rows.len() {
            for row in &mut values.rows {
                row.remove(place);
            }
            targets.remove(place);
            continue;
        }
        if column.identity.is_some() {
            return Err(SqlError::unsupported("DEFAULT for an identity column in some rows only"));
        }
        let default = match &column.default {
            Some(text) => parse_expression(text)?,
            None => ast::Expr::value(ast::Value::Null),
        };
        for row in &mut values.rows {
            if is_default(&row[place]) {
                row[place] = default.clone();
            }
        }
    }
    if targets.is_empty() {
        // Every column is DEFAULT: keep the number of rows.
        for row in &mut values.rows {
            row.push(ast::Expr::value(ast::Value::Null));
        }
    }
    Ok(())
}

fn check_width(width: usize, targets: &mut Vec<usize>) -> Result<(), SqlError> {
    if width > targets.len() {
        return Err(SqlError::syntax("INSERT has more expressions than target columns"));
    }
    targets.truncate(width);
    Ok(())
}

/// Parses the stored text of an expression.
fn parse_expression(text: &str) -> Result<ast::Expr, SqlError> {
    Parser::new(&StoaDialect)
        .try_with_sql(text)
        .and_then(|mut parser| parser.parse_expr())
        .map_err(|error| SqlError::internal(format!("a stored expression does not parse: {error}")))
}

/// VALUES whose literals are read as values of the columns.
fn values(
    source: &ast::Query,
    table: &Table,
    targets: &[usize],
    provider: &Provider<'_>,
    types: Vec<Option<FieldRef>>,
) -> Result<LogicalPlan, SqlError> {
    let fields = targets.iter().map(|place| {
        let column = &table.columns[*place];
        // Without the SQL type: a length is checked when the row is stored, not cut off here.
        Field::new(&column.name, column.column_type.arrow(), true)
    });
    let schema = DFSchema::try_from(Schema::new(fields.collect::<Vec<_>>()))?;
    let mut planner_context = PlannerContext::new().with_prepare_param_data_types(types);
    if !targets.is_empty() {
        planner_context.set_table_schema(Some(Arc::new(schema)));
    }
    planner(provider)
        .sql_statement_to_plan_with_context(ast::Statement::Query(Box::new(source.clone())), &mut planner_context)
        .map_err(|error| provider.explain(error))
}

/// The rows of a source as rows of the table.
fn into_columns(
    source: LogicalPlan,
    table: &Table,
    targets: &[usize],
    context: &PlanContext,
) -> Result<LogicalPlan, SqlError> {
    let given = source.schema().columns();
    if given.len() > targets.len() && !targets.is_empty() {
        return Err(SqlError::syntax("INSERT has more expressions than target columns"));
    }
    let functions = Arc::new(context.facts.function_context());
    let mut exprs = Vec::with_capacity(table.columns.len());
    for (place, column) in table.columns.iter().enumerate() {
        let target: FieldRef = SqlType::from_column(column.column_type).field("", true).into();
        let expr = match targets.iter().position(|target| *target == place).and_then(|at| given.get(at)) {
            Some(source_column) => {
                if column.identity.is_some_and(|identity| !identity.by_default) {
                    return Err(SqlError::new(
                        SqlState::FeatureNotSupported,
                        "cannot set an identity column to a value",
                    )
                    .with_detail(format!("Column \"{}\" is an identity column.", column.name)));
                }
                assigned(source_column, &source, &target, &column.name, &functions)?
            }
            None => match (&column.default, column.identity) {
                (Some(text), None) => {
                    let default = default_expression(text, context)?;
                    coerce::cast(default, &target, source.schema().as_ref(), &functions)?
                }
                _ => Expr::Literal(ScalarValue::try_from(target.data_type())?, None),
            },
        };
        exprs.push(expr.alias(column.name.clone()));
    }
    Ok(LogicalPlanBuilder::from(source).project(exprs)?.build()?)
}

/// A source column, cast by the rules of assignment.
fn assigned(
    column: &Column,
    source: &LogicalPlan,
    target: &FieldRef,
    name: &str,
    functions: &Arc<crate::function::FunctionContext>,
) -> Result<Expr, SqlError> {
    let schema = source.schema();
    let field = schema.field_from_column(column)?;
    let (from, to) = (SqlType::from_field(field), SqlType::from_field(target));
    check_assignable(&from, &to, field, name)?;
    let expr = Expr::Column(column.clone());
    let sized = matches!(to, SqlType::Varchar(Some(_)) | SqlType::Bpchar(Some(_)));
    if from == to || !sized {
        return Ok(coerce::cast(expr, target, schema.as_ref(), functions)?);
    }
    let cast = PgCast::assignment(Arc::clone(target), Arc::clone(functions));
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::from(cast)), vec![expr])))
}

/// 42804 where Postgres has no assignment cast.
fn check_assignable(from: &SqlType, to: &SqlType, field: &Field, name: &str) -> Result<(), SqlError> {
    // A literal without a type is Utf8 here, text of a column Utf8View.
    let literal = matches!(field.data_type(), arrow::datatypes::DataType::Utf8 | arrow::datatypes::DataType::Null);
    let number = |sql_type: &SqlType| {
        matches!(
            sql_type,
            SqlType::Int2 | SqlType::Int4 | SqlType::Int8 | SqlType::Float4 | SqlType::Float8 | SqlType::Numeric { .. }
        )
    };
    let moment = |sql_type: &SqlType| matches!(sql_type, SqlType::Date | SqlType::Timestamp | SqlType::Timestamptz);
    let fits = literal
        || to.is_text()
        || from == to
        || (number(from) && number(to))
        || (moment(from) && moment(to))
        || (matches!(from, SqlType::Oid) && number(to));
    if fits {
        return Ok(());
    }
    Err(SqlError::new(
        SqlState::DatatypeMismatch,
        format!("column \"{name}\" is of type {} but expression is of type {}", to.name(), from.name()),
    )
    .with_hint("You will need to rewrite or cast the expression."))
}

/// The stored DEFAULT of a column, planned.
fn default_expression(text: &str, context: &PlanContext) -> Result<Expr, SqlError> {
    let mut expr = parse_expression(text)?;
    normalize::expression(&mut expr)?;
    let provider = Provider::new(context);
    planner(&provider)
        .sql_to_expr(expr, &DFSchema::empty(), &mut PlannerContext::new())
        .map_err(|error| provider.explain(error))
}

/// Checks that an expression can be a DEFAULT of a column type, and gives it back as it will be stored.
pub(crate) fn check_default(expr: &ast::Expr, context: &PlanContext) -> Result<(), SqlError> {
    default_expression(&expr.to_string(), context).map(drop)
}

/// The table of an UPDATE or DELETE with the alias that its columns are qualified by.
fn changed_table(
    relation: &ast::TableWithJoins,
    context: &PlanContext,
) -> Result<(Arc<Table>, ast::TableWithJoins, Ident), SqlError> {
    let mut relation = relation.clone();
    let ast::TableFactor::Table { name: table_name, alias, .. } = &mut relation.relation else {
        return Err(SqlError::syntax("a table is expected"));
    };
    let qualified = name::qualified(table_name, &context.facts)?;
    let table = name::table(&context.snapshot, &context.facts, &qualified)?;
    let shown = match alias {
        Some(alias) => alias.name.clone(),
        None => {
            let shown = Ident::with_quote('"', table.name.clone());
            *alias = Some(ast::TableAlias { explicit: true, name: shown.clone(), columns: vec![], at: None });
            shown
        }
    };
    Ok((table, relation, shown))
}

/// `SELECT projection FROM from WHERE selection`.
fn select(
    projection: Vec<(ast::Expr, String)>,
    from: Vec<ast::TableWithJoins>,
    selection: Option<ast::Expr>,
) -> Result<ast::Query, SqlError> {
    let mut query = Parser::new(&StoaDialect)
        .try_with_sql("SELECT 1")
        .and_then(|mut parser| parser.parse_query())
        .map_err(|error| SqlError::internal(error.to_string()))?;
    let SetExpr::Select(select) = query.body.as_mut() else {
        return Err(SqlError::internal("SELECT is no select"));
    };
    select.projection = projection
        .into_iter()
        .map(|(expr, name)| ast::SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', name) })
        .collect();
    select.from = from;
    select.selection = selection;
    Ok(query.as_ref().clone())
}

fn column_of(alias: &Ident, name: &str) -> ast::Expr {
    ast::Expr::CompoundIdentifier(vec![alias.clone(), Ident::with_quote('"', name)])
}

/// Plans an UPDATE.
pub(crate) fn plan_update(update: &ast::Update, context: &PlanContext) -> Result<PlannedUpdate, SqlError> {
    let (table, relation, alias) = changed_table(&update.table, context)?;
    let mut values: Vec<Option<ast::Expr>> = vec![None; table.columns.len()];
    for assignment in &update.assignments {
        let (place, value) = assignment_of(assignment, &table)?;
        if values[place].replace(value).is_some() {
            return Err(SqlError::new(
                SqlState::DuplicateColumn,
                format!("multiple assignments to same column \"{}\"", table.columns[place].name),
            ));
        }
    }
    let projection = table
        .columns
        .iter()
        .zip(values)
        .map(|(column, value)| (value.unwrap_or_else(|| column_of(&alias, &column.name)), column.name.clone()));
    let mut projection: Vec<_> = projection.collect();
    projection.push((column_of(&alias, ADDRESS), ADDRESS.to_owned()));
    let joined = update.from.is_some() || !relation.joins.is_empty();
    let mut from = vec![relation];
    match &update.from {
        Some(ast::UpdateTableFromKind::BeforeSet(more) | ast::UpdateTableFromKind::AfterSet(more)) => {
            from.extend(more.iter().cloned());
        }
        None => {}
    }
    let query = select(projection, from, update.selection.clone())?;
    let (plan, parameters, tables) = addressed(query, &table, context)?;
    let logical = updated_rows(plan, &table, context)?;
    Ok(PlannedUpdate { table, logical, parameters, tables, joined })
}

/// Which column an assignment sets, and to what.
fn assignment_of(assignment: &ast::Assignment, table: &Table) -> Result<(usize, ast::Expr), SqlError> {
    let ast::AssignmentTarget::ColumnName(target) = &assignment.target else {
        return Err(SqlError::unsupported("UPDATE … SET (a, b) = …"));
    };
    let parts = name::parts(target)?;
    let wanted = parts.last().map_or("", String::as_str);
    let place = table.columns.iter().position(|column| column.name == wanted);
    let place = place.ok_or_else(|| SqlError::undefined_column(wanted, &table.name))?;
    let column = &table.columns[place];
    if column.identity.is_some_and(|identity| !identity.by_default) {
        return Err(SqlError::unsupported(format!("an UPDATE of the identity column \"{}\"", column.name)));
    }
    let value = if is_default(&assignment.value) {
        match &column.default {
            Some(text) => parse_expression(text)?,
            None => ast::Expr::value(ast::Value::Null),
        }
    } else {
        assignment.value.clone()
    };
    Ok((place, value))
}

/// Plans a query over the changed table with its row addresses.
fn addressed(
    mut query: ast::Query,
    table: &Table,
    context: &PlanContext,
) -> Result<(LogicalPlan, Vec<SqlType>, Vec<ReadRelation>), SqlError> {
    normalize::query(&mut query)?;
    let (plan, parameters, provider) = with_parameters(context, |types| {
        let provider = Provider::addressing(context, table.id);
        let plan = relational(&query, &provider, types)?;
        Ok((plan, provider))
    })?;
    Ok((analyze(plan, context)?, parameters, provider.into_reads()))
}

/// The new values in the types of their columns, and the addresses.
fn updated_rows(plan: LogicalPlan, table: &Table, context: &PlanContext) -> Result<LogicalPlan, SqlError> {
    let functions = Arc::new(context.facts.function_context());
    let given = plan.schema().columns();
    let mut exprs = Vec::with_capacity(given.len());
    for (column, source) in table.columns.iter().zip(&given) {
        let target: FieldRef = SqlType::from_column(column.column_type).field("", true).into();
        exprs.push(assigned(source, &plan, &target, &column.name, &functions)?.alias(column.name.clone()));
    }
    exprs.extend(given.last().map(|address| Expr::Column(address.clone())));
    analyze(LogicalPlanBuilder::from(plan).project(exprs)?.build()?, context)
}

/// Plans a DELETE.
pub(crate) fn plan_delete(delete: &ast::Delete, context: &PlanContext) -> Result<PlannedDelete, SqlError> {
    let relations = match &delete.from {
        ast::FromTable::WithFromKeyword(relations) | ast::FromTable::WithoutKeyword(relations) => relations,
    };
    let [relation] = relations.as_slice() else {
        return Err(SqlError::unsupported("DELETE from several tables"));
    };
    let (table, relation, alias) = changed_table(relation, context)?;
    let mut from = vec![relation];
    from.extend(delete.using.iter().flatten().cloned());
    let query = select(vec![(column_of(&alias, ADDRESS), ADDRESS.to_owned())], from, delete.selection.clone())?;
    let (logical, parameters, tables) = addressed(query, &table, context)?;
    Ok(PlannedDelete { table, logical, parameters, tables })
}
