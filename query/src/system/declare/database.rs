//! Databases, schemas and what else a server has.

use crate::system::rows;
use crate::system::table::{SystemTable, system_tables};

system_tables! { TABLES
    ["pg_catalog" "pg_namespace" 2615 "r" rows::database::namespaces] "Schemas." {
        oid: oid, nspname: name, nspowner: oid, nspacl? _text,
    }
    ["pg_catalog" "pg_database" 1262 "r" rows::database::databases] "Databases." {
        oid: oid, datname: name, datdba: oid, encoding: int4, datlocprovider: char1, datistemplate: bool,
        datallowconn: bool, datconnlimit: int4, datfrozenxid: int8, datminmxid: int8, dattablespace: oid,
        datcollate: text, datctype: text, daticulocale? text, datcollversion? text, datacl? _text, daticurules? text,
    }
    ["pg_catalog" "pg_tablespace" 1213 "r" rows::database::tablespaces] "The two names of the one store." {
        oid: oid, spcname: name, spcowner: oid, spcacl? _text, spcoptions? _text,
    }
    ["pg_catalog" "pg_db_role_setting" 2964 "r" rows::database::role_settings] "Settings stored for databases and roles." {
        setdatabase: oid, setrole: oid, setconfig? _text,
    }
    ["pg_catalog" "pg_am" 2601 "r" rows::database::access_methods] "`columnar` for tables, `btree` for declared keys." {
        oid: oid, amname: name, amhandler: regproc, amtype: char1,
    }
    ["pg_catalog" "pg_language" 2612 "r" rows::database::languages] "Languages of functions." {
        oid: oid, lanname: name, lanowner: oid, lanispl: bool, lanpltrusted: bool, lanplcallfoid: oid, laninline: oid,
        lanvalidator: oid, lanacl? _text,
    }
    ["pg_catalog" "pg_default_acl" 826 "r" rows::none] "Default privileges; there are none." {
        oid: oid, defaclrole: oid, defaclnamespace: oid, defaclobjtype: char1, defaclacl: _text,
    }
    ["pg_catalog" "pg_init_privs" 3394 "r" rows::none] "Initial privileges of extensions; there are none." {
        objoid: oid, classoid: oid, objsubid: int4, privtype: char1, initprivs: _text,
    }
    ["pg_catalog" "pg_parameter_acl" 6243 "r" rows::none] "Privileges on settings; there are none." {
        oid: oid, parname: text, paracl? _text,
    }
    ["pg_catalog" "pg_seclabel" 3596 "r" rows::none] "Security labels; there are none." {
        objoid: oid, classoid: oid, objsubid: int4, provider: text, label: text,
    }
    ["pg_catalog" "pg_seclabels" 12099 "v" rows::none] "Security labels; there are none." {
        objoid? oid, classoid? oid, objsubid? int4, objtype? text, objnamespace? oid, objname? text, provider? text,
        label? text,
    }
    ["pg_catalog" "pg_shseclabel" 3592 "r" rows::none] "Security labels of shared objects; there are none." {
        objoid: oid, classoid: oid, provider: text, label: text,
    }
    ["pg_catalog" "pg_extension" 3079 "r" rows::none] "Extensions; there are none." {
        oid: oid, extname: name, extowner: oid, extnamespace: oid, extrelocatable: bool, extversion: text,
        extconfig? _oid, extcondition? _text,
    }
    ["pg_catalog" "pg_available_extensions" 12081 "v" rows::none] "Extensions that could be made; there are none." {
        name? name, default_version? text, installed_version? text, comment? text,
    }
    ["pg_catalog" "pg_available_extension_versions" 12085 "v" rows::none] "Versions of extensions; there are none." {
        name? name, version? text, installed? bool, superuser? bool, trusted? bool, relocatable? bool, schema? name,
        requires? _name, comment? text,
    }
    ["pg_catalog" "pg_largeobject_metadata" 2995 "r" rows::none] "Large objects; there are none." {
        oid: oid, lomowner: oid, lomacl? _text,
    }
}
