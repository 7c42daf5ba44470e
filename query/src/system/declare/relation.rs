//! Relations, their columns, keys and dependencies.

use crate::system::rows;
use crate::system::table::{SystemTable, system_tables};

system_tables! { TABLES
    ["pg_catalog" "pg_class" 1259 "r" rows::relation::classes] "Tables, views and the indexes that stand for declared keys." {
        oid: oid, relname: name, relnamespace: oid, reltype: oid, reloftype: oid, relowner: oid, relam: oid,
        relfilenode: oid, reltablespace: oid, relpages: int4, reltuples: float4, relallvisible: int4,
        reltoastrelid: oid, relhasindex: bool, relisshared: bool, relpersistence: char1, relkind: char1,
        relnatts: int2, relchecks: int2, relhasrules: bool, relhastriggers: bool, relhassubclass: bool,
        relrowsecurity: bool, relforcerowsecurity: bool, relispopulated: bool, relreplident: char1,
        relispartition: bool, relrewrite: oid, relfrozenxid: int8, relminmxid: int8, relacl? _text, reloptions? _text,
        relpartbound? text, reldiststyle: int2,
    }
    ["pg_catalog" "pg_attribute" 1249 "r" rows::attribute::attributes] "Columns of all relations." {
        attrelid: oid, attname: name, atttypid: oid, attstattarget: int4, attlen: int2, attnum: int2, attndims: int4,
        attcacheoff: int4, atttypmod: int4, attbyval: bool, attalign: char1, attstorage: char1, attcompression: char1,
        attnotnull: bool, atthasdef: bool, atthasmissing: bool, attidentity: char1, attgenerated: char1,
        attisdropped: bool, attislocal: bool, attinhcount: int4, attcollation: oid, attacl? _text, attoptions? _text,
        attfdwoptions? _text, attmissingval? text, attisdistkey: bool, attsortkeyord: int4, attencodingtype: int2,
    }
    ["pg_catalog" "pg_attrdef" 2604 "r" rows::attribute::defaults] "DEFAULT expressions, as text." {
        oid: oid, adrelid: oid, adnum: int2, adbin: text,
    }
    ["pg_catalog" "pg_index" 2610 "r" rows::relation::indexes] "Primary and unique keys; informational, nothing is enforced." {
        indexrelid: oid, indrelid: oid, indnatts: int2, indnkeyatts: int2, indisunique: bool,
        indnullsnotdistinct: bool, indisprimary: bool, indisexclusion: bool, indimmediate: bool, indisclustered: bool,
        indisvalid: bool, indcheckxmin: bool, indisready: bool, indislive: bool, indisreplident: bool,
        indkey: int2vector, indcollation: oidvector, indclass: oidvector, indoption: int2vector, indexprs? text,
        indpred? text,
    }
    ["pg_catalog" "pg_constraint" 2606 "r" rows::relation::constraints] "Declared keys." {
        oid: oid, conname: name, connamespace: oid, contype: char1, condeferrable: bool, condeferred: bool,
        convalidated: bool, conrelid: oid, contypid: oid, conindid: oid, conparentid: oid, confrelid: oid,
        confupdtype: char1, confdeltype: char1, confmatchtype: char1, conislocal: bool, coninhcount: int4,
        connoinherit: bool, conkey? _int2, confkey? _int2, conpfeqop? _oid, conppeqop? _oid, conffeqop? _oid,
        confdelsetcols? _int2, conexclop? _oid, conbin? text,
    }
    ["pg_catalog" "pg_inherits" 2611 "r" rows::none] "Inheritance; there is none." {
        inhrelid: oid, inhparent: oid, inhseqno: int4, inhdetachpending: bool,
    }
    ["pg_catalog" "pg_partitioned_table" 3350 "r" rows::none] "Partitioned tables; there are none." {
        partrelid: oid, partstrat: char1, partnatts: int2, partdefid: oid, partattrs: int2vector,
        partclass: oidvector, partcollation: oidvector, partexprs? text,
    }
    ["pg_catalog" "pg_rewrite" 2618 "r" rows::depend::rewrites] "One `_RETURN` rule a view." {
        oid: oid, rulename: name, ev_class: oid, ev_type: char1, ev_enabled: char1, is_instead: bool, ev_qual: text,
        ev_action: text,
    }
    ["pg_catalog" "pg_depend" 2608 "r" rows::depend::depends] "What a view reads, and what belongs to a table." {
        classid: oid, objid: oid, objsubid: int4, refclassid: oid, refobjid: oid, refobjsubid: int4, deptype: char1,
    }
    ["pg_catalog" "pg_shdepend" 1214 "r" rows::none] "Dependencies on roles; owners are columns of the objects themselves." {
        dbid: oid, classid: oid, objid: oid, objsubid: int4, refclassid: oid, refobjid: oid, deptype: char1,
    }
    ["pg_catalog" "pg_description" 2609 "r" rows::depend::descriptions] "Comments on schemas, relations and columns." {
        objoid: oid, classoid: oid, objsubid: int4, description: text,
    }
    ["pg_catalog" "pg_shdescription" 2396 "r" rows::depend::shared_descriptions] "Comments on databases." {
        objoid: oid, classoid: oid, description: text,
    }
    ["pg_catalog" "pg_sequence" 2224 "r" rows::none] "Sequences; IDENTITY columns need none." {
        seqrelid: oid, seqtypid: oid, seqstart: int8, seqincrement: int8, seqmax: int8, seqmin: int8, seqcache: int8,
        seqcycle: bool,
    }
}
