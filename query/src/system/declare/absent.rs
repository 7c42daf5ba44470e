//! Tables of features that Stoa does not have. Clients read them all the same, and no row is the truth.

use crate::system::rows;
use crate::system::table::{SystemTable, system_tables};

system_tables! { TABLES
    ["pg_catalog" "pg_trigger" 2620 "r" rows::none] "Triggers." {
        oid: oid, tgrelid: oid, tgparentid: oid, tgname: name, tgfoid: oid, tgtype: int2, tgenabled: char1,
        tgisinternal: bool, tgconstrrelid: oid, tgconstrindid: oid, tgconstraint: oid, tgdeferrable: bool,
        tginitdeferred: bool, tgnargs: int2, tgattr: int2vector, tgargs: bytea, tgqual? text, tgoldtable? name,
        tgnewtable? name,
    }
    ["pg_catalog" "pg_event_trigger" 3466 "r" rows::none] "Event triggers." {
        oid: oid, evtname: name, evtevent: name, evtowner: oid, evtfoid: oid, evtenabled: char1, evttags? _text,
    }
    ["pg_catalog" "pg_policy" 3256 "r" rows::none] "Row policies." {
        oid: oid, polname: name, polrelid: oid, polcmd: char1, polpermissive: bool, polroles: _oid, polqual? text,
        polwithcheck? text,
    }
    ["pg_catalog" "pg_policies" 12018 "v" rows::none] "Row policies." {
        schemaname? name, tablename? name, policyname? name, permissive? text, roles? _name, cmd? text, qual? text,
        with_check? text,
    }
    ["pg_catalog" "pg_publication" 6104 "r" rows::none] "Publications." {
        oid: oid, pubname: name, pubowner: oid, puballtables: bool, pubinsert: bool, pubupdate: bool, pubdelete: bool,
        pubtruncate: bool, pubviaroot: bool,
    }
    ["pg_catalog" "pg_publication_rel" 6106 "r" rows::none] "Tables of publications." {
        oid: oid, prpubid: oid, prrelid: oid, prqual? text, prattrs? int2vector,
    }
    ["pg_catalog" "pg_publication_namespace" 6237 "r" rows::none] "Schemas of publications." {
        oid: oid, pnpubid: oid, pnnspid: oid,
    }
    ["pg_catalog" "pg_publication_tables" 12068 "v" rows::none] "Tables of publications." {
        pubname? name, schemaname? name, tablename? name, attnames? _name, rowfilter? text,
    }
    ["pg_catalog" "pg_subscription" 6100 "r" rows::none] "Subscriptions." {
        oid: oid, subdbid: oid, subskiplsn: text, subname: name, subowner: oid, subenabled: bool, subbinary: bool,
        substream: bool, subtwophasestate: char1, subdisableonerr: bool, subconninfo: text, subslotname? name,
        subsynccommit: text, subpublications: _text,
    }
    ["pg_catalog" "pg_subscription_rel" 6102 "r" rows::none] "Tables of subscriptions." {
        srsubid: oid, srrelid: oid, srsubstate: char1, srsublsn? text,
    }
    ["pg_catalog" "pg_statistic_ext" 3381 "r" rows::none] "Extended statistics." {
        oid: oid, stxrelid: oid, stxname: name, stxnamespace: oid, stxowner: oid, stxstattarget: int4,
        stxkeys: int2vector, stxkind: _char1, stxexprs? text,
    }
    ["pg_catalog" "pg_statistic_ext_data" 3429 "r" rows::none] "Extended statistics." {
        stxoid: oid, stxdinherit: bool, stxdndistinct? text, stxddependencies? text, stxdmcv? text, stxdexpr? text,
    }
    ["pg_catalog" "pg_stats_ext" 12058 "v" rows::none] "Extended statistics." {
        schemaname? name, tablename? name, statistics_schemaname? name, statistics_name? name, statistics_owner? name,
        attnames? _name, exprs? _text, kinds? _char1, inherited? bool, n_distinct? text, dependencies? text,
        most_common_vals? _text, most_common_val_nulls? _bool, most_common_freqs? _float8,
        most_common_base_freqs? _float8,
    }
    ["pg_catalog" "pg_foreign_data_wrapper" 2328 "r" rows::none] "Foreign data wrappers." {
        oid: oid, fdwname: name, fdwowner: oid, fdwhandler: oid, fdwvalidator: oid, fdwacl? _text, fdwoptions? _text,
    }
    ["pg_catalog" "pg_foreign_server" 1417 "r" rows::none] "Foreign servers." {
        oid: oid, srvname: name, srvowner: oid, srvfdw: oid, srvtype? text, srvversion? text, srvacl? _text,
        srvoptions? _text,
    }
    ["pg_catalog" "pg_foreign_table" 3118 "r" rows::none] "Foreign tables." {
        ftrelid: oid, ftserver: oid, ftoptions? _text,
    }
    ["pg_catalog" "pg_user_mapping" 1418 "r" rows::none] "User mappings." {
        oid: oid, umuser: oid, umserver: oid, umoptions? _text,
    }
    ["pg_catalog" "pg_user_mappings" 12327 "v" rows::none] "User mappings." {
        umid? oid, srvid? oid, srvname? name, umuser? oid, usename? name, umoptions? _text,
    }
    ["pg_catalog" "pg_ts_config" 3602 "r" rows::none] "Text search configurations." {
        oid: oid, cfgname: name, cfgnamespace: oid, cfgowner: oid, cfgparser: oid,
    }
    ["pg_catalog" "pg_ts_config_map" 3603 "r" rows::none] "Text search configurations." {
        mapcfg: oid, maptokentype: int4, mapseqno: int4, mapdict: oid,
    }
    ["pg_catalog" "pg_ts_dict" 3600 "r" rows::none] "Text search dictionaries." {
        oid: oid, dictname: name, dictnamespace: oid, dictowner: oid, dicttemplate: oid, dictinitoption? text,
    }
    ["pg_catalog" "pg_ts_parser" 3601 "r" rows::none] "Text search parsers." {
        oid: oid, prsname: name, prsnamespace: oid, prsstart: regproc, prstoken: regproc, prsend: regproc,
        prsheadline: regproc, prslextype: regproc,
    }
    ["pg_catalog" "pg_ts_template" 3764 "r" rows::none] "Text search templates." {
        oid: oid, tmplname: name, tmplnamespace: oid, tmplinit: regproc, tmpllexize: regproc,
    }
    ["pg_catalog" "pg_rules" 12023 "v" rows::none] "Rules other than those of views." {
        schemaname? name, tablename? name, rulename? name, definition? text,
    }
    ["pg_catalog" "pg_replication_slots" 12257 "v" rows::none] "Replication slots." {
        slot_name? name, plugin? name, slot_type? text, datoid? oid, database? name, temporary? bool, active? bool,
        active_pid? int4, xmin? int8, catalog_xmin? int8, restart_lsn? text, confirmed_flush_lsn? text,
        wal_status? text, safe_wal_size? int8, two_phase? bool,
    }
    ["pg_catalog" "pg_replication_origin" 6000 "r" rows::none] "Replication origins." {
        roident: oid, roname: text,
    }
    ["pg_catalog" "pg_stat_replication" 12227 "v" rows::none] "Replication connections." {
        pid? int4, usesysid? oid, usename? name, application_name? text, client_addr? text, client_hostname? text,
        client_port? int4, backend_start? timestamptz, backend_xmin? int8, state? text, sent_lsn? text,
        write_lsn? text, flush_lsn? text, replay_lsn? text, write_lag? interval, flush_lag? interval,
        replay_lag? interval, sync_priority? int4, sync_state? text, reply_time? timestamptz,
    }
    ["pg_catalog" "pg_stat_wal_receiver" 12236 "v" rows::none] "Replication connections." {
        pid? int4, status? text, receive_start_lsn? text, receive_start_tli? int4, written_lsn? text,
        flushed_lsn? text, received_tli? int4, last_msg_send_time? timestamptz, last_msg_receipt_time? timestamptz,
        latest_end_lsn? text, latest_end_time? timestamptz, slot_name? text, sender_host? text, sender_port? int4,
        conninfo? text,
    }
    ["pg_catalog" "pg_prepared_xacts" 12090 "v" rows::none] "Prepared transactions." {
        transaction? int8, gid? text, prepared? timestamptz, owner? name, database? name,
    }
    ["pg_catalog" "pg_prepared_statements" 12095 "v" rows::none] "Prepared statements are not listed." {
        name? text, statement? text, prepare_time? timestamptz, parameter_types? _regtype, from_sql? bool,
        generic_plans? int8, custom_plans? int8,
    }
    ["pg_catalog" "pg_cursors" 12077 "v" rows::none] "Cursors are not listed." {
        name? text, statement? text, is_holdable? bool, is_binary? bool, is_scrollable? bool,
        creation_time? timestamptz,
    }
    ["pg_catalog" "pg_stat_progress_vacuum" 12302 "v" rows::none] "Running vacuums are not listed." {
        pid? int4, datid? oid, datname? name, relid? oid, phase? text, heap_blks_total? int8, heap_blks_scanned? int8,
        heap_blks_vacuumed? int8, index_vacuum_count? int8, max_dead_tuples? int8, num_dead_tuples? int8,
    }
    ["pg_catalog" "pg_stat_progress_copy" 12322 "v" rows::none] "Running loads are not listed." {
        pid? int4, datid? oid, datname? name, relid? oid, command? text, type? text, bytes_processed? int8,
        bytes_total? int8, tuples_processed? int8, tuples_excluded? int8,
    }
}
