//! Types and functions.

use crate::system::rows;
use crate::system::table::{SystemTable, system_tables};

system_tables! { TABLES
    ["pg_catalog" "pg_type" 1247 "r" rows::datatype::types] "Types." {
        oid: oid, typname: name, typnamespace: oid, typowner: oid, typlen: int2, typbyval: bool, typtype: char1,
        typcategory: char1, typispreferred: bool, typisdefined: bool, typdelim: char1, typrelid: oid,
        typsubscript: regproc, typelem: oid, typarray: oid, typinput: regproc, typoutput: regproc,
        typreceive: regproc, typsend: regproc, typmodin: regproc, typmodout: regproc, typanalyze: regproc,
        typalign: char1, typstorage: char1, typnotnull: bool, typbasetype: oid, typtypmod: int4, typndims: int4,
        typcollation: oid, typdefaultbin? text, typdefault? text, typacl? _text,
    }
    ["pg_catalog" "pg_proc" 1255 "r" rows::function::procedures] "Functions." {
        oid: oid, proname: name, pronamespace: oid, proowner: oid, prolang: oid, procost: float4, prorows: float4,
        provariadic: oid, prosupport: regproc, prokind: char1, prosecdef: bool, proleakproof: bool, proisstrict: bool,
        proretset: bool, provolatile: char1, proparallel: char1, pronargs: int2, pronargdefaults: int2,
        prorettype: oid, proargtypes: oidvector, proallargtypes? _oid, proargmodes? _char1, proargnames? _text,
        proargdefaults? text, protrftypes? _oid, prosrc: text, probin? text, prosqlbody? text, proconfig? _text,
        proacl? _text,
    }
    ["pg_catalog" "pg_aggregate" 2600 "r" rows::function::aggregates] "Aggregate functions." {
        aggfnoid: regproc, aggkind: char1, aggnumdirectargs: int2, aggtransfn: regproc, aggfinalfn: regproc,
        aggcombinefn: regproc, aggserialfn: regproc, aggdeserialfn: regproc, aggmtransfn: regproc,
        aggminvtransfn: regproc, aggmfinalfn: regproc, aggfinalextra: bool, aggmfinalextra: bool,
        aggfinalmodify: char1, aggmfinalmodify: char1, aggsortop: oid, aggtranstype: oid, aggtransspace: int4,
        aggmtranstype: oid, aggmtransspace: int4, agginitval? text, aggminitval? text,
    }
    ["pg_catalog" "pg_cast" 2605 "r" rows::datatype::casts] "Casts between built-in types." {
        oid: oid, castsource: oid, casttarget: oid, castfunc: oid, castcontext: char1, castmethod: char1,
    }
    ["pg_catalog" "pg_collation" 3456 "r" rows::datatype::collations] "Collations." {
        oid: oid, collname: name, collnamespace: oid, collowner: oid, collprovider: char1, collisdeterministic: bool,
        collencoding: int4, collcollate? text, collctype? text, colliculocale? text, collversion? text,
        collicurules? text,
    }
    ["pg_catalog" "pg_operator" 2617 "r" rows::datatype::operators] "Operators of comparison." {
        oid: oid, oprname: name, oprnamespace: oid, oprowner: oid, oprkind: char1, oprcanmerge: bool,
        oprcanhash: bool, oprleft: oid, oprright: oid, oprresult: oid, oprcom: oid, oprnegate: oid, oprcode: regproc,
        oprrest: regproc, oprjoin: regproc,
    }
    ["pg_catalog" "pg_opclass" 2616 "r" rows::datatype::operator_classes] "Operator classes of declared keys." {
        oid: oid, opcmethod: oid, opcname: name, opcnamespace: oid, opcowner: oid, opcfamily: oid, opcintype: oid,
        opcdefault: bool, opckeytype: oid,
    }
    ["pg_catalog" "pg_opfamily" 2753 "r" rows::datatype::operator_families] "Operator families of declared keys." {
        oid: oid, opfmethod: oid, opfname: name, opfnamespace: oid, opfowner: oid,
    }
    ["pg_catalog" "pg_amop" 2602 "r" rows::none] "Operators of operator families; none is needed." {
        oid: oid, amopfamily: oid, amoplefttype: oid, amoprighttype: oid, amopstrategy: int2, amoppurpose: char1,
        amopopr: oid, amopmethod: oid, amopsortfamily: oid,
    }
    ["pg_catalog" "pg_amproc" 2603 "r" rows::none] "Functions of operator families; none is needed." {
        oid: oid, amprocfamily: oid, amproclefttype: oid, amprocrighttype: oid, amprocnum: int2, amproc: regproc,
    }
    ["pg_catalog" "pg_enum" 3501 "r" rows::none] "Labels of enumerations; there are none." {
        oid: oid, enumtypid: oid, enumsortorder: float4, enumlabel: name,
    }
    ["pg_catalog" "pg_range" 3541 "r" rows::none] "Range types; there are none." {
        rngtypid: oid, rngsubtype: oid, rngmultitypid: oid, rngcollation: oid, rngsubopc: oid, rngcanonical: regproc,
        rngsubdiff: regproc,
    }
    ["pg_catalog" "pg_conversion" 2607 "r" rows::none] "Encoding conversions; all text is UTF-8." {
        oid: oid, conname: name, connamespace: oid, conowner: oid, conforencoding: int4, contoencoding: int4,
        conproc: regproc, condefault: bool,
    }
    ["pg_catalog" "pg_transform" 3576 "r" rows::none] "Transforms; there are none." {
        oid: oid, trftype: oid, trflang: oid, trffromsql: regproc, trftosql: regproc,
    }
}
