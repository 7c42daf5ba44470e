//! Redshift's system views.

use crate::system::rows;
use crate::system::table::{SystemTable, system_tables};

system_tables! { TABLES
    ["pg_catalog" "pg_table_def" 15001 "v" rows::redshift::table_def] "Columns of the tables on the search path." {
        schemaname? name "Schema", tablename? name "Table", column? name "Column",
        type? text "Type with its modifier", encoding? text "ENCODE as declared; none where Stoa chooses",
        distkey? bool "Whether it is the DISTKEY", sortkey? int4 "Position in the SORTKEY from 1; 0: not part of it",
        notnull? bool "Whether nulls are refused",
    }
    ["pg_catalog" "stl_load_errors" 15002 "v" rows::history::load_errors] "Rows that COPY refused." {
        userid? int4 "User", slice? int4 "Always 0", tbl? int4 "Id of the table",
        starttime? timestamp "Start of the load", session? int4 "Process id of the session",
        query? int4 "Id of the statement", filename? varchar "File", line_number? int8 "Line, from 1",
        colname? varchar "Column", type? varchar "Type of the column", col_length? varchar "Length of the column",
        position? int4 "Position in the line", raw_line? varchar "The line", raw_field_value? varchar "The field",
        err_code? int4 "Number of the reason", err_reason? varchar "The reason", is_partial? int4 "Always 0",
        start_offset? int8 "Always 0", copy_job_id? int8 "Always 0",
    }
    ["pg_catalog" "stl_query" 15003 "v" rows::history::stl_query] "Statements that ended." {
        userid? int4 "User", query? int4 "Id of the statement", label? varchar "query_group", xid? int8 "Always 0",
        pid? int4 "Process id of the session", database? varchar "Database", querytxt? varchar "Text",
        starttime? timestamp "Start", endtime? timestamp "End", aborted? int4 "1 when it failed or was cancelled",
        insert_pristine? int4 "Always 0", concurrency_scaling_status? int4 "Always 0",
    }
    ["pg_catalog" "stv_recents" 15004 "v" rows::history::stv_recents] "Statements that run or ran lately." {
        userid? int4 "User", status? varchar "Running or Done", starttime? timestamp "Start",
        duration? int4 "Microseconds", user_name? varchar "User", db_name? varchar "Database", query? varchar "Text",
        pid? int4 "Process id of the session; -1 when it has ended",
    }
    ["pg_catalog" "stv_inflight" 15005 "v" rows::history::stv_inflight] "Statements that run." {
        userid? int4 "User", slice? int4 "Always 0", query? int4 "Id of the statement", label? varchar "query_group",
        xid? int8 "Always 0", pid? int4 "Process id of the session", starttime? timestamp "Start",
        text? varchar "Text", suspended? int4 "Always 0", insert_pristine? int4 "Always 0",
        concurrency_scaling_status? int4 "Always 0",
    }
    ["pg_catalog" "stv_sessions" 15006 "v" rows::history::stv_sessions] "Open sessions." {
        starttime? timestamp "When it was opened", process? int4 "Process id", user_name? varchar "User",
        db_name? varchar "Database", timeout_sec? int4 "Always 0",
    }
    ["pg_catalog" "svv_tables" 15007 "v" rows::redshift::svv_tables] "Tables and views." {
        table_catalog? varchar "Database", table_schema? varchar "Schema", table_name? varchar "Name",
        table_type? varchar "BASE TABLE or VIEW", remarks? varchar "Comment",
    }
    ["pg_catalog" "svv_columns" 15008 "v" rows::redshift::svv_columns] "Columns of tables and views." {
        table_catalog? varchar "Database", table_schema? varchar "Schema", table_name? varchar "Table",
        column_name? varchar "Column", ordinal_position? int4 "Position from 1", column_default? varchar "DEFAULT",
        is_nullable? varchar "yes or no", data_type? varchar "Type", character_maximum_length? int4 "Length of texts",
        numeric_precision? int4 "Digits of numbers", numeric_precision_radix? int4 "2 or 10",
        numeric_scale? int4 "Digits after the point", datetime_precision? int4 "Digits of seconds",
        interval_type? varchar "Always null", interval_precision? varchar "Always null",
        character_set_catalog? varchar "Always null", character_set_schema? varchar "Always null",
        character_set_name? varchar "Always null", collation_catalog? varchar "Always null",
        collation_schema? varchar "Always null", collation_name? varchar "Always null",
        domain_name? varchar "Always null", remarks? varchar "Comment",
    }
    ["pg_catalog" "svv_table_info" 15009 "v" rows::redshift::svv_table_info] "Size, distribution and order of tables." {
        database? text "Database", schema? text "Schema", table_id? oid "Id", table? text "Name",
        encoded? text "Whether columns are encoded: always Y, AUTO", diststyle? text "EVEN, ALL, KEY(column) or AUTO",
        sortkey1? text "First column of the SORTKEY", max_varchar? int4 "Length of the longest varchar column",
        sortkey1_enc? varchar "ENCODE of that column", sortkey_num? int4 "Columns of the SORTKEY",
        size? int8 "Stored megabytes", pct_used? numeric_18_4 "Always null: the store has no fixed size",
        empty? int8 "Always 0", unsorted? numeric_18_4 "Percentage of rows outside of sorted parts",
        stats_off? numeric_18_4 "Always 0: statistics are kept on write",
        tbl_rows? numeric_18_4 "Rows, deleted ones included", skew_sortkey1? numeric_18_4 "Always null",
        skew_rows? numeric_18_4 "Always null", estimated_visible_rows? numeric_18_4 "Rows, without deleted ones",
        risk_event? text "Always null", vacuum_sort_benefit? numeric_18_4 "Always null",
        create_time? timestamp "Always null: it is not recorded",
    }
    ["pg_catalog" "svv_all_schemas" 15010 "v" rows::redshift::all_schemas] "Schemas of all databases." {
        database_name? varchar "Database", schema_name? varchar "Name", schema_owner? int4 "Owner",
        schema_type? varchar "local", schema_acl? varchar "Rights", source_database? varchar "Always null",
        schema_option? varchar "Always null",
    }
    ["pg_catalog" "svv_redshift_schemas" 15011 "v" rows::redshift::all_schemas] "Schemas of all databases." {
        database_name? varchar "Database", schema_name? varchar "Name", schema_owner? int4 "Owner",
        schema_type? varchar "local", schema_acl? varchar "Rights", schema_option? varchar "Always null",
    }
    ["pg_catalog" "svv_redshift_databases" 15012 "v" rows::redshift::all_databases] "Databases." {
        database_name? varchar "Name", database_owner? int4 "Owner", database_type? varchar "local",
        database_acl? varchar "Rights", database_options? varchar "Always null",
    }
    ["pg_catalog" "svv_all_tables" 15013 "v" rows::redshift::all_tables] "Tables and views." {
        database_name? varchar "Database", schema_name? varchar "Schema", table_name? varchar "Name",
        table_acl? varchar "Rights", table_type? varchar "TABLE or VIEW", remarks? varchar "Comment",
        owner? varchar "Owner",
    }
    ["pg_catalog" "svv_redshift_tables" 15014 "v" rows::redshift::all_tables] "Tables and views." {
        database_name? varchar "Database", schema_name? varchar "Schema", table_name? varchar "Name",
        table_type? varchar "TABLE or VIEW", table_acl? varchar "Rights", remarks? varchar "Comment",
    }
    ["pg_catalog" "svv_all_columns" 15015 "v" rows::redshift::all_columns] "Columns of tables and views." {
        database_name? varchar "Database", schema_name? varchar "Schema", table_name? varchar "Table",
        column_name? varchar "Column", ordinal_position? int4 "Position from 1", column_default? varchar "DEFAULT",
        is_nullable? varchar "YES or NO", data_type? varchar "Type", character_maximum_length? int4 "Length of texts",
        numeric_precision? int4 "Digits of numbers", numeric_scale? int4 "Digits after the point",
        remarks? varchar "Comment",
    }
    ["pg_catalog" "svv_redshift_columns" 15016 "v" rows::redshift::all_columns] "Columns of tables and views." {
        database_name? varchar "Database", schema_name? varchar "Schema", table_name? varchar "Table",
        column_name? varchar "Column", ordinal_position? int4 "Position from 1", data_type? varchar "Type",
        column_default? varchar "DEFAULT", is_nullable? varchar "YES or NO", encoding? varchar "ENCODE",
        distkey? bool "Whether it is the DISTKEY", sortkey? int4 "Position in the SORTKEY",
        column_acl? varchar "Always null", remarks? varchar "Comment",
    }
    ["pg_catalog" "svv_relation_privileges" 15017 "v" rows::redshift::relation_privileges] "Rights on tables and views." {
        namespace_name? text "Schema", relation_name? text "Table or view", privilege_type? text "Right",
        identity_id? int4 "Who holds it", identity_name? text "Who holds it",
        identity_type? text "user, group or public", admin_option? bool "Whether it may be granted on",
    }
    ["pg_catalog" "svv_mv_info" 15018 "v" rows::none] "Materialized views; there are none." {
        database_name? varchar, schema_name? varchar, user_name? varchar, name? varchar, is_stale? varchar,
        owner_user_name? varchar, state? int4, autorefresh? varchar, autorewrite? varchar,
    }
    ["pg_catalog" "svv_external_schemas" 15019 "v" rows::none] "External schemas; there are none." {
        esoid? oid, eskind? int2, schemaname? name, esowner? int4, databasename? text, esoptions? text,
    }
    ["pg_catalog" "svv_external_tables" 15020 "v" rows::none] "External tables; there are none." {
        redshift_database_name? text, schemaname? text, tablename? text, tabletype? text, location? text,
        input_format? text, output_format? text, serialization_lib? text, serde_parameters? text, compressed? int4,
        parameters? text,
    }
    ["pg_catalog" "svv_external_columns" 15021 "v" rows::none] "Columns of external tables; there are none." {
        redshift_database_name? text, schemaname? text, tablename? text, columnname? text, external_type? text,
        columnnum? int4, part_key? int4, is_nullable? text,
    }
    ["pg_catalog" "sys_query_history" 15022 "v" rows::history::sys_query_history] "Statements that run or ran. Users see their own." {
        user_id? int4 "User", query_id? int8 "Id of the statement", query_label? varchar "query_group",
        transaction_id? int8 "Always 0", session_id? int4 "Process id of the session",
        database_name? varchar "Database", query_type? varchar "Kind of statement",
        status? varchar "running, success, failed or canceled", result_cache_hit? bool "Always false",
        start_time? timestamp "Start", end_time? timestamp "End; null while it runs",
        elapsed_time? int8 "Microseconds", queue_time? int8 "Always 0", execution_time? int8 "Microseconds",
        error_message? varchar "The error", returned_rows? int8 "Rows given to the client or written",
        query_text? varchar "Text", username? varchar "Name of the user",
    }
    ["pg_catalog" "sys_load_error_detail" 15023 "v" rows::history::sys_load_error_detail] "Rows that COPY refused. Users see their own." {
        user_id? int4 "User", query_id? int8 "Id of the statement", transaction_id? int8 "Always 0",
        session_id? int4 "Process id of the session", database_name? varchar "Database",
        table_id? int4 "Id of the table", table_name? varchar "Name of the table", start_time? timestamp "When",
        file_name? varchar "File", line_number? int8 "Line, from 1", column_name? varchar "Column",
        column_type? varchar "Type of the column", column_length? varchar "Length of the column",
        position? int4 "Position in the line", error_code? int4 "Number of the reason",
        error_message? varchar "The reason",
    }
    ["pg_catalog" "sys_connection_log" 15024 "v" rows::history::sys_connection_log] "Starts and ends of sessions. Superusers only." {
        event? varchar "What happened", record_time? timestamp "When", remote_host? varchar "Address of the client",
        remote_port? varchar "Port of the client", session_id? int4 "Process id", database_name? varchar "Database",
        user_name? varchar "User", duration? int8 "Microseconds that the session lasted",
        application_name? varchar "application_name",
    }
    ["pg_catalog" "pg_get_keywords" 15030 "f" rows::database::keywords] "The words of SQL that are reserved." {
        word? text "The word", catcode? char1 "R: reserved", catdesc? text "The same in words",
        barelabel? bool "Whether it may be a column label without AS", baredesc? text "The same in words",
    }
    ["pg_catalog" "pg_get_late_binding_view_cols" 15031 "f" rows::redshift::late_binding_columns] "Columns of views WITH NO SCHEMA BINDING." {
        view_schema? name "Schema", view_name? name "View", col_name? name "Column", col_type? varchar "Type",
        col_num? int4 "Position from 1",
    }
}
