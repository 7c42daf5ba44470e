//! Users, roles, groups, GRANT and REVOKE.

use sqlparser::ast::{Ident, ObjectName};
use sqlparser::tokenizer::Token;
use stoa_storage::Privilege;

use super::Statement;
use super::grammar::Grammar;
use super::object::setting_of;
use super::session::SettingValue;
use crate::error::SqlError;

/// Options of a role; `None` is not written.
#[derive(Debug, Default, Clone)]
pub(crate) struct RoleOptions {
    pub(crate) superuser: Option<bool>,
    pub(crate) login: Option<bool>,
    pub(crate) create_database: Option<bool>,
    pub(crate) create_role: Option<bool>,
    /// `Some(None)`: PASSWORD NULL or PASSWORD DISABLE.
    pub(crate) password: Option<Option<String>>,
    /// `Some(None)`: unlimited.
    pub(crate) connection_limit: Option<Option<u32>>,
}

/// CREATE USER, ROLE, GROUP.
#[derive(Debug)]
pub(crate) struct CreateRole {
    pub(crate) name: Ident,
    pub(crate) if_not_exists: bool,
    pub(crate) options: RoleOptions,
    /// IN GROUP, IN ROLE.
    pub(crate) member_of: Vec<Ident>,
    /// USER, ROLE: its members.
    pub(crate) members: Vec<Ident>,
}

/// ALTER USER, ROLE, GROUP.
#[derive(Debug)]
pub(crate) struct AlterRole {
    pub(crate) name: Ident,
    pub(crate) action: AlterRoleAction,
}

/// One action of ALTER USER.
#[derive(Debug)]
pub(crate) enum AlterRoleAction {
    Options(RoleOptions),
    RenameTo(Ident),
    Setting(Option<String>, SettingValue),
    AddMembers(Vec<Ident>),
    DropMembers(Vec<Ident>),
}

/// GRANT and REVOKE.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) revoke: bool,
    pub(crate) rights: Rights,
    pub(crate) roles: Vec<Ident>,
    /// WITH GRANT OPTION, GRANT OPTION FOR.
    pub(crate) grant_option: bool,
}

/// What is granted.
#[derive(Debug)]
pub(crate) enum Rights {
    /// Membership.
    Roles(Vec<Ident>),
    /// `None` is ALL.
    Privileges { privileges: Option<Vec<Privilege>>, on: GrantObjects },
}

/// On what it is granted.
#[derive(Debug)]
pub(crate) enum GrantObjects {
    Relations(Vec<ObjectName>),
    AllTablesIn(Vec<Ident>),
    Schemas(Vec<Ident>),
    Databases(Vec<Ident>),
}

/// After CREATE.
pub(crate) fn create(g: &mut Grammar) -> Result<Statement, SqlError> {
    let kind = g.accept_one(&["USER", "ROLE", "GROUP"]).unwrap_or_default();
    let if_not_exists = g.accept("IF NOT EXISTS");
    let mut role = CreateRole {
        name: g.ident()?,
        if_not_exists,
        options: RoleOptions { login: Some(kind == "USER"), ..RoleOptions::default() },
        member_of: vec![],
        members: vec![],
    };
    g.accept("WITH");
    while !g.at_end() {
        if g.accept_one(&["IN GROUP", "IN ROLE"]).is_some() {
            role.member_of.extend(g.list(Grammar::ident)?);
        } else if g.accept_one(&["USER", "ROLE"]).is_some() {
            role.members.extend(g.list(Grammar::ident)?);
        } else {
            option(g, &mut role.options)?;
        }
    }
    Ok(Statement::CreateRole(Box::new(role)))
}

/// One option of CREATE or ALTER USER.
fn option(g: &mut Grammar, options: &mut RoleOptions) -> Result<(), SqlError> {
    const FLAGS: &[&str] = &[
        "SUPERUSER",
        "NOSUPERUSER",
        "CREATEUSER",
        "NOCREATEUSER",
        "LOGIN",
        "NOLOGIN",
        "CREATEDB",
        "NOCREATEDB",
        "CREATEROLE",
        "NOCREATEROLE",
        "INHERIT",
        "NOREPLICATION",
        "NOBYPASSRLS",
    ];
    if let Some(flag) = g.accept_one(FLAGS) {
        match flag {
            // CREATEUSER is Redshift's word for superuser.
            "SUPERUSER" | "CREATEUSER" => options.superuser = Some(true),
            "NOSUPERUSER" | "NOCREATEUSER" => options.superuser = Some(false),
            "LOGIN" | "NOLOGIN" => options.login = Some(flag == "LOGIN"),
            "CREATEDB" | "NOCREATEDB" => options.create_database = Some(flag == "CREATEDB"),
            "CREATEROLE" | "NOCREATEROLE" => options.create_role = Some(flag == "CREATEROLE"),
            // What every role is anyway.
            _ => {}
        }
        return Ok(());
    }
    g.accept("ENCRYPTED");
    if g.accept("PASSWORD") {
        let none = g.accept_one(&["NULL", "DISABLE"]).is_some();
        options.password = Some(if none { None } else { Some(g.string()?) });
        return Ok(());
    }
    if g.accept("CONNECTION LIMIT") {
        let limit = if g.accept("UNLIMITED") { -1 } else { g.integer()? };
        options.connection_limit = Some(u32::try_from(limit).ok());
        return Ok(());
    }
    let word = g.word().unwrap_or_default();
    Err(if word.is_empty() { g.unexpected() } else { g.unsupported(&format!("role option {word}")) })
}

/// After ALTER.
pub(crate) fn alter(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.accept_one(&["USER", "ROLE", "GROUP"]);
    let name = g.ident()?;
    let action = if g.accept("RENAME TO") {
        AlterRoleAction::RenameTo(g.ident()?)
    } else if g.accept_one(&["ADD USER", "ADD ROLE"]).is_some() {
        AlterRoleAction::AddMembers(g.list(Grammar::ident)?)
    } else if g.accept_one(&["DROP USER", "DROP ROLE"]).is_some() {
        AlterRoleAction::DropMembers(g.list(Grammar::ident)?)
    } else if g.sees("SET") || g.sees("RESET") {
        setting_of(g, "this form of ALTER USER").map(|(name, value)| AlterRoleAction::Setting(name, value))?
    } else {
        g.accept("WITH");
        let mut options = RoleOptions::default();
        option(g, &mut options)?;
        while !g.at_end() {
            option(g, &mut options)?;
        }
        AlterRoleAction::Options(options)
    };
    Ok(Statement::AlterRole(Box::new(AlterRole { name, action })))
}

/// `GRANT rights ON objects TO roles [WITH GRANT OPTION]`, `GRANT [ROLE] a TO b`
pub(crate) fn grant(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("GRANT")?;
    let rights = rights(g, "TO")?;
    g.expect("TO")?;
    let roles = g.list(grantee)?;
    let grant_option = g.accept("WITH GRANT OPTION");
    if g.sees("WITH ADMIN") {
        return Err(g.unsupported("GRANT … WITH ADMIN OPTION"));
    }
    Ok(Statement::Grant(Box::new(Grant { revoke: false, rights, roles, grant_option })))
}

/// `REVOKE rights ON objects FROM roles`
pub(crate) fn revoke(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("REVOKE")?;
    if g.sees("GRANT OPTION FOR") || g.sees("ADMIN OPTION FOR") {
        return Err(g.unsupported("REVOKE GRANT OPTION FOR"));
    }
    let rights = rights(g, "FROM")?;
    g.expect("FROM")?;
    let roles = g.list(grantee)?;
    if g.sees("CASCADE") {
        return Err(g.unsupported("REVOKE … CASCADE"));
    }
    g.accept("RESTRICT");
    Ok(Statement::Grant(Box::new(Grant { revoke: true, rights, roles, grant_option: false })))
}

fn grantee(g: &mut Grammar) -> Result<Ident, SqlError> {
    if matches!(g.token_at(1), Token::Word(_)) && g.word_at(1).as_deref() != Some("WITH") {
        g.accept_one(&["GROUP", "ROLE", "USER"]);
    }
    g.ident()
}

fn rights(g: &mut Grammar, end: &str) -> Result<Rights, SqlError> {
    const WORDS: &[(&str, Privilege)] = &[
        ("SELECT", Privilege::Select),
        ("INSERT", Privilege::Insert),
        ("UPDATE", Privilege::Update),
        ("DELETE", Privilege::Delete),
        ("TRUNCATE", Privilege::Truncate),
        ("REFERENCES", Privilege::References),
        ("CREATE", Privilege::Create),
        ("USAGE", Privilege::Usage),
        ("CONNECT", Privilege::Connect),
        ("TEMPORARY", Privilege::Temporary),
        ("TEMP", Privilege::Temporary),
    ];
    if g.accept("ALL") {
        g.accept("PRIVILEGES");
        return Ok(Rights::Privileges { privileges: None, on: objects(g)? });
    }
    let mut privileges = vec![];
    while let Some((word, privilege)) = WORDS.iter().find(|(word, _)| g.sees(word)) {
        g.accept(word);
        if g.sees_symbol(&Token::LParen) {
            return Err(g.unsupported("a right on columns"));
        }
        privileges.push(*privilege);
        if !g.accept_symbol(&Token::Comma) {
            return Ok(Rights::Privileges { privileges: Some(privileges), on: objects(g)? });
        }
    }
    if !privileges.is_empty() {
        return Err(g.unexpected());
    }
    if let Some(word) = g.accept_one(&["EXECUTE", "RULE", "TRIGGER", "DROP", "ALTER", "ASSUMEROLE"]) {
        return Err(g.unsupported(&format!("privilege {word}")));
    }
    g.accept("ROLE");
    let roles = g.list(grantee)?;
    if g.sees(end) { Ok(Rights::Roles(roles)) } else { Err(g.unexpected()) }
}

fn objects(g: &mut Grammar) -> Result<GrantObjects, SqlError> {
    g.expect("ON")?;
    if g.accept("ALL TABLES IN SCHEMA") {
        return g.list(Grammar::ident).map(GrantObjects::AllTablesIn);
    }
    if g.accept("SCHEMA") {
        return g.list(Grammar::ident).map(GrantObjects::Schemas);
    }
    if g.accept("DATABASE") {
        return g.list(Grammar::ident).map(GrantObjects::Databases);
    }
    for kind in ["FUNCTION", "PROCEDURE", "LANGUAGE", "MODEL", "SEQUENCE", "ALL", "TABLESPACE", "FOREIGN"] {
        if g.sees(kind) {
            return Err(g.unsupported(&format!("GRANT ON {kind}")));
        }
    }
    if matches!(g.token_at(1), Token::Word(_)) && !g.word_at(1).is_some_and(|word| word == "TO" || word == "FROM") {
        g.accept("TABLE");
    }
    g.list(Grammar::name).map(GrantObjects::Relations)
}
