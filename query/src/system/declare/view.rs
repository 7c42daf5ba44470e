//! Postgres's ready-made views over the catalog.

use crate::system::rows;
use crate::system::table::{SystemTable, system_tables};

system_tables! { TABLES
    ["pg_catalog" "pg_tables" 12033 "v" rows::listing::tables] "Tables." {
        schemaname? name, tablename? name, tableowner? name, tablespace? name, hasindexes? bool, hasrules? bool,
        hastriggers? bool, rowsecurity? bool,
    }
    ["pg_catalog" "pg_views" 12028 "v" rows::listing::views] "Views with their text." {
        schemaname? name, viewname? name, viewowner? name, definition? text,
    }
    ["pg_catalog" "pg_matviews" 12038 "v" rows::none] "Materialized views; there are none." {
        schemaname? name, matviewname? name, matviewowner? name, tablespace? name, hasindexes? bool,
        ispopulated? bool, definition? text,
    }
    ["pg_catalog" "pg_indexes" 12043 "v" rows::listing::indexes] "Declared keys as index definitions." {
        schemaname? name, tablename? name, indexname? name, tablespace? name, indexdef? text,
    }
    ["pg_catalog" "pg_sequences" 12048 "v" rows::none] "Sequences; there are none." {
        schemaname? name, sequencename? name, sequenceowner? name, data_type? regtype, start_value? int8,
        min_value? int8, max_value? int8, increment_by? int8, cycle? bool, cache_size? int8, last_value? int8,
    }
    ["pg_catalog" "pg_settings" 12104 "v" rows::activity::settings] "Settings of the session." {
        name? text, setting? text, unit? text, category? text, short_desc? text, extra_desc? text, context? text,
        vartype? text, source? text, min_val? text, max_val? text, enumvals? _text, boot_val? text, reset_val? text,
        sourcefile? text, sourceline? int4, pending_restart? bool,
    }
    ["pg_catalog" "pg_stat_activity" 12222 "v" rows::activity::sessions] "Open sessions." {
        datid? oid, datname? name, pid? int4, leader_pid? int4, usesysid? oid, usename? name, application_name? text,
        client_addr? text, client_hostname? text, client_port? int4, backend_start? timestamptz,
        xact_start? timestamptz, query_start? timestamptz, state_change? timestamptz, wait_event_type? text,
        wait_event? text, state? text, backend_xid? int8, backend_xmin? int8, query_id? int8, query? text,
        backend_type? text,
    }
    ["pg_catalog" "pg_stat_ssl" 12249 "v" rows::activity::ssl] "Open sessions; encryption is not recorded." {
        pid? int4, ssl? bool, version? text, cipher? text, bits? int4, client_dn? text, client_serial? text,
        issuer_dn? text,
    }
    ["pg_catalog" "pg_stat_gssapi" 12253 "v" rows::activity::gssapi] "Open sessions; GSSAPI is not offered." {
        pid? int4, gss_authenticated? bool, principal? text, encrypted? bool,
    }
    ["pg_catalog" "pg_stat_all_tables" 12142 "v" rows::activity::all_tables] "Row counts of tables." {
        relid? oid, schemaname? name, relname? name, seq_scan? int8, seq_tup_read? int8, idx_scan? int8,
        idx_tup_fetch? int8, n_tup_ins? int8, n_tup_upd? int8, n_tup_del? int8, n_tup_hot_upd? int8, n_live_tup? int8,
        n_dead_tup? int8, n_mod_since_analyze? int8, n_ins_since_vacuum? int8, last_vacuum? timestamptz,
        last_autovacuum? timestamptz, last_analyze? timestamptz, last_autoanalyze? timestamptz, vacuum_count? int8,
        autovacuum_count? int8, analyze_count? int8, autoanalyze_count? int8,
    }
    ["pg_catalog" "pg_stat_user_tables" 12161 "v" rows::activity::user_tables] "Row counts of tables." {
        relid? oid, schemaname? name, relname? name, seq_scan? int8, seq_tup_read? int8, idx_scan? int8,
        idx_tup_fetch? int8, n_tup_ins? int8, n_tup_upd? int8, n_tup_del? int8, n_tup_hot_upd? int8, n_live_tup? int8,
        n_dead_tup? int8, n_mod_since_analyze? int8, n_ins_since_vacuum? int8, last_vacuum? timestamptz,
        last_autovacuum? timestamptz, last_analyze? timestamptz, last_autoanalyze? timestamptz, vacuum_count? int8,
        autovacuum_count? int8, analyze_count? int8, autoanalyze_count? int8,
    }
    ["pg_catalog" "pg_stat_sys_tables" 12152 "v" rows::none] "Row counts of system tables are not kept." {
        relid? oid, schemaname? name, relname? name, seq_scan? int8, seq_tup_read? int8, idx_scan? int8,
        idx_tup_fetch? int8, n_tup_ins? int8, n_tup_upd? int8, n_tup_del? int8, n_tup_hot_upd? int8, n_live_tup? int8,
        n_dead_tup? int8, n_mod_since_analyze? int8, n_ins_since_vacuum? int8, last_vacuum? timestamptz,
        last_autovacuum? timestamptz, last_analyze? timestamptz, last_autoanalyze? timestamptz, vacuum_count? int8,
        autovacuum_count? int8, analyze_count? int8, autoanalyze_count? int8,
    }
    ["pg_catalog" "pg_stat_user_indexes" 12192 "v" rows::none] "Uses of indexes; there are none." {
        relid? oid, indexrelid? oid, schemaname? name, relname? name, indexrelname? name, idx_scan? int8,
        idx_tup_read? int8, idx_tup_fetch? int8,
    }
    ["pg_catalog" "pg_stat_all_indexes" 12183 "v" rows::none] "Uses of indexes; there are none." {
        relid? oid, indexrelid? oid, schemaname? name, relname? name, indexrelname? name, idx_scan? int8,
        idx_tup_read? int8, idx_tup_fetch? int8,
    }
    ["pg_catalog" "pg_statio_user_tables" 12179 "v" rows::none] "Block counts; they are not kept a table." {
        relid? oid, schemaname? name, relname? name, heap_blks_read? int8, heap_blks_hit? int8, idx_blks_read? int8,
        idx_blks_hit? int8, toast_blks_read? int8, toast_blks_hit? int8, tidx_blks_read? int8, tidx_blks_hit? int8,
    }
    ["pg_catalog" "pg_stat_user_functions" 12275 "v" rows::none] "Calls of functions; they are not counted." {
        funcid? oid, schemaname? name, funcname? name, calls? int8, total_time? float8, self_time? float8,
    }
    ["pg_catalog" "pg_stat_database" 12266 "v" rows::activity::databases] "Sessions a database." {
        datid? oid, datname? name, numbackends? int4, xact_commit? int8, xact_rollback? int8, blks_read? int8,
        blks_hit? int8, tup_returned? int8, tup_fetched? int8, tup_inserted? int8, tup_updated? int8,
        tup_deleted? int8, conflicts? int8, temp_files? int8, temp_bytes? int8, deadlocks? int8,
        checksum_failures? int8, checksum_last_failure? timestamptz, blk_read_time? float8, blk_write_time? float8,
        session_time? float8, active_time? float8, idle_in_transaction_time? float8, sessions? int8,
        sessions_abandoned? int8, sessions_fatal? int8, sessions_killed? int8, stats_reset? timestamptz,
    }
    ["pg_catalog" "pg_locks" 12073 "v" rows::none] "Locks; readers and writers take none." {
        locktype? text, database? oid, relation? oid, page? int4, tuple? int2, virtualxid? text, transactionid? int8,
        classid? oid, objid? oid, objsubid? int2, virtualtransaction? text, pid? int4, mode? text, granted? bool,
        fastpath? bool, waitstart? timestamptz,
    }
    ["pg_catalog" "pg_stats" 12053 "v" rows::none] "Statistics of columns; zone maps are not shown as histograms." {
        schemaname? name, tablename? name, attname? name, inherited? bool, null_frac? float4, avg_width? int4,
        n_distinct? float4, most_common_vals? text, most_common_freqs? _float4, histogram_bounds? text,
        correlation? float4, most_common_elems? text, most_common_elem_freqs? _float4, elem_count_histogram? _float4,
    }
    ["pg_catalog" "pg_statistic" 2619 "r" rows::none] "Statistics of columns; zone maps are not shown as histograms." {
        starelid: oid, staattnum: int2, stainherit: bool, stanullfrac: float4, stawidth: int4, stadistinct: float4,
        stakind1: int2, stakind2: int2, stakind3: int2, stakind4: int2, stakind5: int2, staop1: oid, staop2: oid,
        staop3: oid, staop4: oid, staop5: oid, stacoll1: oid, stacoll2: oid, stacoll3: oid, stacoll4: oid,
        stacoll5: oid, stanumbers1? _float4, stanumbers2? _float4, stanumbers3? _float4, stanumbers4? _float4,
        stanumbers5? _float4, stavalues1? text, stavalues2? text, stavalues3? text, stavalues4? text,
        stavalues5? text,
    }
    ["pg_catalog" "pg_timezone_names" 12126 "v" rows::activity::time_zones] "Time zones." {
        name? text, abbrev? text, utc_offset? interval, is_dst? bool,
    }
    ["pg_catalog" "pg_timezone_abbrevs" 12122 "v" rows::none] "Abbreviations of time zones; none is known." {
        abbrev? text, utc_offset? interval, is_dst? bool,
    }
}
