//! The views of the SQL standard.

use crate::system::rows;
use crate::system::table::{SystemTable, system_tables};

system_tables! { TABLES
    ["information_schema" "tables" 13425 "v" rows::information::tables] "Tables and views that the user may see." {
        table_catalog? name, table_schema? name, table_name? name, table_type? varchar,
        self_referencing_column_name? name, reference_generation? varchar, user_defined_type_catalog? name,
        user_defined_type_schema? name, user_defined_type_name? name, is_insertable_into? varchar, is_typed? varchar,
        commit_action? varchar,
    }
    ["information_schema" "columns" 13295 "v" rows::information_column::columns] "Columns of tables and views." {
        table_catalog? name, table_schema? name, table_name? name, column_name? name, ordinal_position? int4,
        column_default? varchar, is_nullable? varchar, data_type? varchar, character_maximum_length? int4,
        character_octet_length? int4, numeric_precision? int4, numeric_precision_radix? int4, numeric_scale? int4,
        datetime_precision? int4, interval_type? varchar, interval_precision? int4, character_set_catalog? name,
        character_set_schema? name, character_set_name? name, collation_catalog? name, collation_schema? name,
        collation_name? name, domain_catalog? name, domain_schema? name, domain_name? name, udt_catalog? name,
        udt_schema? name, udt_name? name, scope_catalog? name, scope_schema? name, scope_name? name,
        maximum_cardinality? int4, dtd_identifier? name, is_self_referencing? varchar, is_identity? varchar,
        identity_generation? varchar, identity_start? varchar, identity_increment? varchar, identity_maximum? varchar,
        identity_minimum? varchar, identity_cycle? varchar, is_generated? varchar, generation_expression? varchar,
        is_updatable? varchar,
    }
    ["information_schema" "views" 13483 "v" rows::information::views] "Views with their text." {
        table_catalog? name, table_schema? name, table_name? name, view_definition? varchar, check_option? varchar,
        is_updatable? varchar, is_insertable_into? varchar, is_trigger_updatable? varchar,
        is_trigger_deletable? varchar, is_trigger_insertable_into? varchar,
    }
    ["information_schema" "schemata" 13382 "v" rows::information::schemata] "Schemas." {
        catalog_name? name, schema_name? name, schema_owner? name, default_character_set_catalog? name,
        default_character_set_schema? name, default_character_set_name? name, sql_path? varchar,
    }
    ["information_schema" "table_constraints" 13411 "v" rows::information_key::table_constraints] "Declared keys." {
        constraint_catalog? name, constraint_schema? name, constraint_name? name, table_catalog? name,
        table_schema? name, table_name? name, constraint_type? varchar, is_deferrable? varchar,
        initially_deferred? varchar, enforced? varchar, nulls_distinct? varchar,
    }
    ["information_schema" "key_column_usage" 13329 "v" rows::information_key::key_columns_usage] "Columns of declared keys." {
        constraint_catalog? name, constraint_schema? name, constraint_name? name, table_catalog? name,
        table_schema? name, table_name? name, column_name? name, ordinal_position? int4,
        position_in_unique_constraint? int4,
    }
    ["information_schema" "referential_constraints" 13339 "v" rows::information_key::references] "Foreign keys." {
        constraint_catalog? name, constraint_schema? name, constraint_name? name, unique_constraint_catalog? name,
        unique_constraint_schema? name, unique_constraint_name? name, match_option? varchar, update_rule? varchar,
        delete_rule? varchar,
    }
    ["information_schema" "constraint_column_usage" 13300 "v" rows::information_key::constraint_columns] "Columns that declared keys refer to." {
        table_catalog? name, table_schema? name, table_name? name, column_name? name, constraint_catalog? name,
        constraint_schema? name, constraint_name? name,
    }
    ["information_schema" "constraint_table_usage" 13305 "v" rows::information_key::constraint_tables] "Tables that declared keys refer to." {
        table_catalog? name, table_schema? name, table_name? name, constraint_catalog? name, constraint_schema? name,
        constraint_name? name,
    }
    ["information_schema" "check_constraints" 13260 "v" rows::none] "CHECK constraints; there are none." {
        constraint_catalog? name, constraint_schema? name, constraint_name? name, check_clause? varchar,
    }
    ["information_schema" "routines" 13377 "v" rows::none] "Functions made by users; there are none." {
        specific_catalog? name, specific_schema? name, specific_name? name, routine_catalog? name,
        routine_schema? name, routine_name? name, routine_type? varchar, module_catalog? name, module_schema? name,
        module_name? name, udt_catalog? name, udt_schema? name, udt_name? name, data_type? varchar,
        character_maximum_length? int4, character_octet_length? int4, character_set_catalog? name,
        character_set_schema? name, character_set_name? name, collation_catalog? name, collation_schema? name,
        collation_name? name, numeric_precision? int4, numeric_precision_radix? int4, numeric_scale? int4,
        datetime_precision? int4, interval_type? varchar, interval_precision? int4, type_udt_catalog? name,
        type_udt_schema? name, type_udt_name? name, scope_catalog? name, scope_schema? name, scope_name? name,
        maximum_cardinality? int4, dtd_identifier? name, routine_body? varchar, routine_definition? varchar,
        external_name? varchar, external_language? varchar, parameter_style? varchar, is_deterministic? varchar,
        sql_data_access? varchar, is_null_call? varchar, sql_path? varchar, schema_level_routine? varchar,
        max_dynamic_result_sets? int4, is_user_defined_cast? varchar, is_implicitly_invocable? varchar,
        security_type? varchar, to_sql_specific_catalog? name, to_sql_specific_schema? name,
        to_sql_specific_name? name, as_locator? varchar, created? timestamptz, last_altered? timestamptz,
        new_savepoint_level? varchar, is_udt_dependent? varchar, result_cast_from_data_type? varchar,
        result_cast_as_locator? varchar, result_cast_char_max_length? int4, result_cast_char_octet_length? int4,
        result_cast_char_set_catalog? name, result_cast_char_set_schema? name, result_cast_char_set_name? name,
        result_cast_collation_catalog? name, result_cast_collation_schema? name, result_cast_collation_name? name,
        result_cast_numeric_precision? int4, result_cast_numeric_precision_radix? int4,
        result_cast_numeric_scale? int4, result_cast_datetime_precision? int4, result_cast_interval_type? varchar,
        result_cast_interval_precision? int4, result_cast_type_udt_catalog? name, result_cast_type_udt_schema? name,
        result_cast_type_udt_name? name, result_cast_scope_catalog? name, result_cast_scope_schema? name,
        result_cast_scope_name? name, result_cast_maximum_cardinality? int4, result_cast_dtd_identifier? name,
    }
    ["information_schema" "parameters" 13334 "v" rows::none] "Parameters of functions made by users; there are none." {
        specific_catalog? name, specific_schema? name, specific_name? name, ordinal_position? int4,
        parameter_mode? varchar, is_result? varchar, as_locator? varchar, parameter_name? name, data_type? varchar,
        character_maximum_length? int4, character_octet_length? int4, character_set_catalog? name,
        character_set_schema? name, character_set_name? name, collation_catalog? name, collation_schema? name,
        collation_name? name, numeric_precision? int4, numeric_precision_radix? int4, numeric_scale? int4,
        datetime_precision? int4, interval_type? varchar, interval_precision? int4, udt_catalog? name,
        udt_schema? name, udt_name? name, scope_catalog? name, scope_schema? name, scope_name? name,
        maximum_cardinality? int4, dtd_identifier? name, parameter_default? varchar,
    }
    ["information_schema" "table_privileges" 13416 "v" rows::information_privilege::tables] "Rights on tables and views." {
        grantor? name, grantee? name, table_catalog? name, table_schema? name, table_name? name,
        privilege_type? varchar, is_grantable? varchar, with_hierarchy? varchar,
    }
    ["information_schema" "role_table_grants" 13421 "v" rows::information_privilege::tables] "Rights on tables and views." {
        grantor? name, grantee? name, table_catalog? name, table_schema? name, table_name? name,
        privilege_type? varchar, is_grantable? varchar, with_hierarchy? varchar,
    }
    ["information_schema" "column_privileges" 13285 "v" rows::information_privilege::columns] "Rights on columns, which follow from those on tables." {
        grantor? name, grantee? name, table_catalog? name, table_schema? name, table_name? name, column_name? name,
        privilege_type? varchar, is_grantable? varchar,
    }
    ["information_schema" "role_column_grants" 13344 "v" rows::information_privilege::columns] "Rights on columns, which follow from those on tables." {
        grantor? name, grantee? name, table_catalog? name, table_schema? name, table_name? name, column_name? name,
        privilege_type? varchar, is_grantable? varchar,
    }
    ["information_schema" "usage_privileges" 13454 "v" rows::none] "Rights on other objects; there are none." {
        grantor? name, grantee? name, object_catalog? name, object_schema? name, object_name? name,
        object_type? varchar, privilege_type? varchar, is_grantable? varchar,
    }
    ["information_schema" "routine_privileges" 13353 "v" rows::none] "Rights on functions; there are none." {
        grantor? name, grantee? name, specific_catalog? name, specific_schema? name, specific_name? name,
        routine_catalog? name, routine_schema? name, routine_name? name, privilege_type? varchar,
        is_grantable? varchar,
    }
    ["information_schema" "role_routine_grants" 13358 "v" rows::none] "Rights on functions; there are none." {
        grantor? name, grantee? name, specific_catalog? name, specific_schema? name, specific_name? name,
        routine_catalog? name, routine_schema? name, routine_name? name, privilege_type? varchar,
        is_grantable? varchar,
    }
    ["information_schema" "sequences" 13386 "v" rows::none] "Sequences; there are none." {
        sequence_catalog? name, sequence_schema? name, sequence_name? name, data_type? varchar,
        numeric_precision? int4, numeric_precision_radix? int4, numeric_scale? int4, start_value? varchar,
        minimum_value? varchar, maximum_value? varchar, increment? varchar, cycle_option? varchar,
    }
    ["information_schema" "triggers" 13440 "v" rows::none] "Triggers; there are none." {
        trigger_catalog? name, trigger_schema? name, trigger_name? name, event_manipulation? varchar,
        event_object_catalog? name, event_object_schema? name, event_object_table? name, action_order? int4,
        action_condition? varchar, action_statement? varchar, action_orientation? varchar, action_timing? varchar,
        action_reference_old_table? name, action_reference_new_table? name, action_reference_old_row? name,
        action_reference_new_row? name, created? timestamptz,
    }
    ["information_schema" "character_sets" 13250 "v" rows::information::character_sets] "The one character set." {
        character_set_catalog? name, character_set_schema? name, character_set_name? name, character_repertoire? name,
        form_of_use? name, default_collate_catalog? name, default_collate_schema? name, default_collate_name? name,
    }
    ["information_schema" "collations" 13265 "v" rows::information::collations] "Collations." {
        collation_catalog? name, collation_schema? name, collation_name? name, pad_attribute? varchar,
    }
    ["information_schema" "domains" 13320 "v" rows::none] "Domains; there are none." {
        domain_catalog? name, domain_schema? name, domain_name? name, data_type? varchar,
        character_maximum_length? int4, character_octet_length? int4, character_set_catalog? name,
        character_set_schema? name, character_set_name? name, collation_catalog? name, collation_schema? name,
        collation_name? name, numeric_precision? int4, numeric_precision_radix? int4, numeric_scale? int4,
        datetime_precision? int4, interval_type? varchar, interval_precision? int4, domain_default? varchar,
        udt_catalog? name, udt_schema? name, udt_name? name, scope_catalog? name, scope_schema? name,
        scope_name? name, maximum_cardinality? int4, dtd_identifier? name,
    }
    ["information_schema" "element_types" 13493 "v" rows::none] "Element types of array columns; there are none." {
        object_catalog? name, object_schema? name, object_name? name, object_type? varchar,
        collection_type_identifier? name, data_type? varchar, character_maximum_length? int4,
        character_octet_length? int4, character_set_catalog? name, character_set_schema? name,
        character_set_name? name, collation_catalog? name, collation_schema? name, collation_name? name,
        numeric_precision? int4, numeric_precision_radix? int4, numeric_scale? int4, datetime_precision? int4,
        interval_type? varchar, interval_precision? int4, domain_default? varchar, udt_catalog? name,
        udt_schema? name, udt_name? name, scope_catalog? name, scope_schema? name, scope_name? name,
        maximum_cardinality? int4, dtd_identifier? name,
    }
    ["information_schema" "enabled_roles" 13325 "v" rows::information::enabled_roles] "Roles of the current user." {
        role_name? name,
    }
    ["information_schema" "applicable_roles" 13236 "v" rows::information::applicable_roles] "Memberships of the current user." {
        grantee? name, role_name? name, is_grantable? varchar,
    }
    ["information_schema" "information_schema_catalog_name" 13227 "v" rows::information::catalog_name] "Name of the database." {
        catalog_name? name,
    }
    ["information_schema" "sql_features" 13391 "v" rows::none] "Features of the standard; the list is not kept here." {
        feature_id? varchar, feature_name? varchar, sub_feature_id? varchar, sub_feature_name? varchar,
        is_supported? varchar, is_verified_by? varchar, comments? varchar,
    }
    ["information_schema" "sql_implementation_info" 13396 "v" rows::none] "Facts about the implementation; the list is not kept here." {
        implementation_info_id? varchar, implementation_info_name? varchar, integer_value? int4,
        character_value? varchar, comments? varchar,
    }
    ["information_schema" "sql_sizing" 13406 "v" rows::none] "Limits of the implementation; the list is not kept here." {
        sizing_id? int4, sizing_name? varchar, supported_value? int4, comments? varchar,
    }
    ["information_schema" "view_table_usage" 13478 "v" rows::information::view_tables] "Tables that views read." {
        view_catalog? name, view_schema? name, view_name? name, table_catalog? name, table_schema? name,
        table_name? name,
    }
    ["information_schema" "view_column_usage" 13468 "v" rows::none] "Columns that views read; they are not recorded." {
        view_catalog? name, view_schema? name, view_name? name, table_catalog? name, table_schema? name,
        table_name? name, column_name? name,
    }
    ["information_schema" "foreign_tables" 13541 "v" rows::none] "Foreign tables; there are none." {
        foreign_table_catalog? name, foreign_table_schema? name, foreign_table_name? name,
        foreign_server_catalog? name, foreign_server_name? name,
    }
    ["information_schema" "foreign_servers" 13528 "v" rows::none] "Foreign servers; there are none." {
        foreign_server_catalog? name, foreign_server_name? name, foreign_data_wrapper_catalog? name,
        foreign_data_wrapper_name? name, foreign_server_type? varchar, foreign_server_version? varchar,
        authorization_identifier? name,
    }
    ["information_schema" "user_defined_types" 13463 "v" rows::none] "Types made by users; there are none." {
        user_defined_type_catalog? name, user_defined_type_schema? name, user_defined_type_name? name,
        user_defined_type_category? varchar, is_instantiable? varchar, is_final? varchar, ordering_form? varchar,
        ordering_category? varchar, ordering_routine_catalog? name, ordering_routine_schema? name,
        ordering_routine_name? name, reference_type? varchar, data_type? varchar, character_maximum_length? int4,
        character_octet_length? int4, character_set_catalog? name, character_set_schema? name,
        character_set_name? name, collation_catalog? name, collation_schema? name, collation_name? name,
        numeric_precision? int4, numeric_precision_radix? int4, numeric_scale? int4, datetime_precision? int4,
        interval_type? varchar, interval_precision? int4, source_dtd_identifier? name, ref_dtd_identifier? name,
    }
}
