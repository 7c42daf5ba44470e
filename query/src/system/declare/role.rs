//! Users and groups.

use crate::system::rows;
use crate::system::table::{SystemTable, system_tables};

system_tables! { TABLES
    ["pg_catalog" "pg_roles" 12000 "v" rows::role::roles] "Roles, without their passwords." {
        rolname? name, rolsuper? bool, rolinherit? bool, rolcreaterole? bool, rolcreatedb? bool, rolcanlogin? bool,
        rolreplication? bool, rolconnlimit? int4, rolpassword? text, rolvaliduntil? timestamptz, rolbypassrls? bool,
        rolconfig? _text, oid? oid,
    }
    ["pg_catalog" "pg_authid" 1260 "r" rows::role::authids] "Roles; the password is masked." {
        oid: oid, rolname: name, rolsuper: bool, rolinherit: bool, rolcreaterole: bool, rolcreatedb: bool,
        rolcanlogin: bool, rolreplication: bool, rolbypassrls: bool, rolconnlimit: int4, rolpassword? text,
        rolvaliduntil? timestamptz,
    }
    ["pg_catalog" "pg_auth_members" 1261 "r" rows::role::members] "Who is a member of which role." {
        oid: oid, roleid: oid, member: oid, grantor: oid, admin_option: bool, inherit_option: bool, set_option: bool,
    }
    ["pg_catalog" "pg_user" 12014 "v" rows::role::users] "Roles that may log in." {
        usename? name, usesysid? oid, usecreatedb? bool, usesuper? bool, userepl? bool, usebypassrls? bool,
        passwd? text, valuntil? timestamptz, useconfig? _text,
    }
    ["pg_catalog" "pg_shadow" 12005 "v" rows::role::shadows] "Roles that may log in; the password is masked." {
        usename? name, usesysid? oid, usecreatedb? bool, usesuper? bool, userepl? bool, usebypassrls? bool,
        passwd? text, valuntil? timestamptz, useconfig? _text,
    }
    ["pg_catalog" "pg_group" 12010 "v" rows::role::groups] "Roles that may not log in, with their members." {
        groname? name, grosysid? oid, grolist? _oid,
    }
}
