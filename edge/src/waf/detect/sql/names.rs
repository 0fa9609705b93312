//! Names that SQL and its attackers use.

use crate::waf::scan::Needles;

/// Words that stand before a noun: what follows `from` in prose.
pub(super) const ARTICLES: &[&[u8]] = &[
    b"the", b"a", b"an", b"our", b"your", b"my", b"his", b"her", b"its", b"their", b"this",
    b"that", b"these", b"those", b"each", b"any", b"every", b"either", b"now", b"here", b"there",
    b"where", b"which", b"what", b"me", b"you", b"us", b"them", b"it", b"one", b"both", b"above",
    b"below", b"scratch", b"home",
];

/// Tables and columns that prose about menus and lists does not name.
pub(super) const SENSITIVE: &[&[u8]] = &[
    b"users",
    b"user",
    b"accounts",
    b"account",
    b"members",
    b"admin",
    b"admins",
    b"passwords",
    b"password",
    b"passwd",
    b"pwd",
    b"username",
    b"credentials",
    b"customers",
    b"orders",
    b"dual",
    b"pg_shadow",
    b"pg_user",
    b"sysobjects",
    b"credit_cards",
    b"tokens",
    b"sessions",
    b"secrets",
    b"email",
    b"token",
    b"hash",
    b"table_name",
    b"column_name",
    b"login",
    b"password_hash",
    b"authentication_string",
    b"sql_logins",
];

/// System catalogues of the five dialects.
pub(super) const CATALOGS: &[&[u8]] = &[
    b"information_schema",
    b"pg_catalog",
    b"pg_user",
    b"pg_shadow",
    b"pg_tables",
    b"pg_class",
    b"pg_database",
    b"sqlite_master",
    b"sqlite_schema",
    b"sqlite_temp_master",
    b"sysobjects",
    b"syscolumns",
    b"sysusers",
    b"sysdatabases",
    b"all_tables",
    b"all_users",
    b"all_tab_columns",
    b"user_tables",
    b"user_tab_columns",
    b"v$version",
    b"msysobjects",
    b"innodb_table_stats",
    b"performance_schema",
    b"pg_stat_activity",
    b"pg_roles",
    b"pg_authid",
    b"pg_proc",
    b"pg_namespace",
    b"pg_attribute",
    b"pg_settings",
    b"v$instance",
    b"v$database",
    b"v$session",
    b"all_tab_tables",
    b"all_col_comments",
    b"dba_users",
    b"dba_tables",
    b"dba_data_files",
    b"user_objects",
    b"user_views",
    b"all_objects",
    b"sysprocesses",
    b"syslogins",
    b"sysxlogins",
    b"syscomments",
    b"sysaltfiles",
    b"sys.databases",
    b"msysaccessobjects",
    b"msysaces",
    b"innodb_index_stats",
    b"character_sets",
    b"schemata_privileges",
];

/// Functions that wait or burn time.
pub(super) static TIMERS: Needles<'static> = Needles::new(&[
    b"sleep",
    b"pg_sleep",
    b"benchmark",
    b"randomblob",
    b"pg_sleep_for",
    b"dbms_lock",
    b"dbms_pipe",
    b"generate_series",
    b"dbms_session",
    b"get_lock",
    b"master_pos_wait",
    b"source_pos_wait",
    b"wait_for_executed_gtid_set",
    b"pg_sleep_until",
]);

/// Functions that leak through errors, files, or other hosts, or run commands.
pub(super) static LEAKS: Needles<'static> = Needles::new(&[
    b"extractvalue",
    b"updatexml",
    b"load_file",
    b"xp_cmdshell",
    b"xp_dirtree",
    b"utl_inaddr",
    b"utl_http",
    b"dbms_xmlgen",
    b"ctxsys",
    b"pg_read_file",
    b"pg_ls_dir",
    b"lo_import",
    b"query_to_xml",
    b"load_extension",
    b"sys_eval",
    b"sys_exec",
    b"openrowset",
    b"gtid_subset",
    b"json_keys",
    b"fn_xe_file_target_read_file",
    b"xmltype",
    b"httpuritype",
    b"get_host_address",
    b"getmappingxpath",
    b"drithsx",
    b"database_to_xml",
    b"name_const",
    b"st_latfromgeohash",
    b"utl_file",
    b"utl_smtp",
    b"utl_tcp",
    b"dbms_utility",
    b"dbms_ldap",
    b"dbms_java",
    b"dbms_scheduler",
    b"dbms_xslprocessor",
    b"dbms_metadata",
    b"ord_dicom",
    b"ordsys",
    b"lo_export",
    b"lo_get",
    b"pg_read_binary_file",
    b"pg_stat_file",
    b"pg_ls_logdir",
    b"dblink",
    b"dblink_connect",
    b"dblink_send_query",
    b"xp_fileexist",
    b"xp_regread",
    b"xp_subdirs",
    b"xp_loginconfig",
    b"opendatasource",
    b"openquery",
    b"st_longfromgeohash",
    b"st_pointfromgeohash",
    b"sys_context",
    b"table_to_xml",
    b"cursor_to_xml",
    b"schema_to_xml",
    b"bfilename",
    b"xmltransform",
    b"fn_trace_gettable",
    b"fn_get_audit_file",
    b"is_srvrolemember",
    b"is_member",
    b"suser_name",
    b"suser_sname",
    b"user_name",
    b"sys_fileread",
    b"sys_bineval",
]);

/// Functions that only SQL calls, so that a bare call inside a query is proof enough.
#[rustfmt::skip]
pub(super) static FUNCTIONS: Needles<'static> = Needles::new(&[
    b"sleep", b"concat", b"concat_ws", b"group_concat", b"substring", b"substr", b"mid", b"ascii", b"ord", b"char",
    b"chr", b"hex", b"unhex", b"version", b"database", b"user", b"current_user", b"session_user", b"system_user",
    b"schema", b"count", b"length", b"convert", b"cast", b"ifnull", b"if", b"elt", b"make_set", b"exp", b"floor",
    b"rand", b"md5", b"sha1", b"load_file", b"extractvalue", b"updatexml", b"pg_sleep", b"benchmark",
    b"json_extract", b"db_name", b"host_name", b"current_database", b"string_agg", b"listagg", b"sqlite_version",
    b"coalesce", b"least", b"greatest", b"lower", b"upper", b"strcmp", b"left", b"right", b"iif", b"nullif",
    b"unicode", b"bin", b"exists", b"randomblob", b"json_keys", b"json_array", b"row", b"len", b"char_length",
    b"instr", b"position", b"quote", b"zeroblob", b"nchar", b"nvarchar", b"isnull", b"nvl", b"to_char",
    b"to_number", b"json_value", b"json_contains", b"json_array_length", b"json_type", b"json_valid",
    b"json_length", b"json_quote", b"json_depth", b"json_set", b"json_search", b"json_object", b"json_each",
    b"json_tree", b"json_group_array", b"json_arrayagg", b"jsonb_typeof", b"jsonb_exists", b"jsonb_array_length",
    b"json_typeof", b"row_to_json", b"array_to_json", b"array_agg", b"json_agg", b"openjson", b"isjson",
    b"json_query", b"regexp_substr", b"regexp_like", b"bit_length", b"octet_length", b"strpos", b"reverse",
    b"replicate", b"repeat", b"space", b"conv", b"rpad", b"lpad", b"trim", b"ltrim", b"rtrim", b"lcase", b"ucase",
    b"load_extension", b"printf", b"quote_literal", b"current_setting", b"inet_server_addr", b"pi", b"now",
    b"sysdate", b"getdate", b"current_timestamp", b"sum", b"min", b"max", b"avg", b"last_insert_id", b"found_rows",
    b"row_count", b"connection_id", b"bin_to_uuid", b"uuid", b"sha2", b"sha", b"crc32", b"aes_encrypt", b"compress",
    b"polygon", b"geometrycollection", b"multipoint", b"linestring", b"multilinestring", b"multipolygon", b"point",
    b"log2", b"pow", b"power", b"sqrt", b"sign", b"abs", b"ceiling", b"ceil", b"round", b"character_length",
    b"object_id", b"object_name", b"col_name", b"type_name", b"schema_name", b"original_login", b"servername",
    b"serverproperty", b"has_dbaccess", b"to_timestamp_tz", b"tz_offset", b"name_const", b"field", b"find_in_set",
    b"interval", b"make_date", b"export_set", b"sounds", b"soundex", b"typeof", b"total_changes", b"changes",
    b"sqlite_source_id", b"xmlagg", b"xmlelement", b"like", b"in", b"glob", b"regexp", b"bitand",
    b"binary_checksum", b"rawtohex", b"get_host_name", b"substrc", b"lengthb", b"nvl2", b"ora_hash", b"patindex",
    b"charindex", b"difference", b"file_name", b"file_id", b"starts_with", b"ts_stat", b"coercibility", b"cot",
    b"sleepeachrow", b"toint32", b"toint64", b"currentuser", b"currentdatabase", b"date_format", b"str_to_date",
    b"from_unixtime", b"unix_timestamp", b"datediff", b"datepart", b"datename", b"inet_aton", b"inet_ntoa",
    b"inet6_aton", b"is_ipv4", b"uuid_short", b"uuid_to_bin", b"weight_string", b"to_base64", b"from_base64",
    b"des_encrypt", b"old_password", b"gen_random_uuid", b"regexp_replace", b"regexp_matches", b"regexp_instr",
    b"regexp_count", b"split_part", b"substring_index", b"quotename", b"parsename", b"datalength", b"hashbytes",
    b"newid", b"isnumeric", b"isdate", b"try_cast", b"try_convert", b"db_id", b"user_id", b"suser_id", b"suser_sid",
    b"app_name", b"host_id", b"error_message", b"scope_identity", b"ident_current", b"databasepropertyex",
    b"connectionproperty", b"sessionproperty", b"vsize", b"userenv", b"rowidtochar", b"chartorowid", b"hextoraw",
    b"to_date", b"to_timestamp", b"months_between", b"add_months", b"last_day", b"sys_guid", b"lnnvl", b"nanvl",
    b"wm_concat", b"likely", b"unlikely", b"sqlite_compileoption_get", b"json_patch", b"json_remove",
    b"json_replace", b"json_insert", b"json_pretty", b"json_overlaps", b"json_contains_path", b"json_merge",
    b"json_merge_patch", b"json_schema_valid", b"jsonb_path_exists", b"jsonb_build_object", b"json_build_object",
    b"to_json", b"to_jsonb", b"dense_rank", b"first_value", b"st_asgeojson", b"st_astext", b"initcap", b"translate",
    b"overlay", b"encode", b"decode", b"digest", b"checksum", b"aes_decrypt", b"bit_count", b"bit_xor",
    b"icu_version", b"collation", b"charset", b"format_bytes", b"ps_thread_id", b"to_days", b"time_to_sec",
    b"makedate", b"maketime", b"period_add", b"quarter", b"nvarchar2", b"to_clob", b"to_nchar", b"to_nclob",
    b"empty_clob", b"instrb", b"instrc", b"substrb", b"current_schemas", b"pg_typeof", b"width_bucket",
    b"array_length", b"array_to_string", b"string_to_array", b"unnest", b"regexp_split_to_array", b"xmlparse",
    b"xmlforest", b"xmlconcat", b"xpath_exists", b"inet_client_addr", b"set_config", b"txid_current",
    b"version_string",
]);

/// What a database knows of itself and gives without parentheses.
pub(super) const KNOWN: &[&[u8]] = &[
    b"current_user",
    b"session_user",
    b"system_user",
    b"current_role",
    b"current_catalog",
    b"current_schema",
    b"current_date",
    b"current_timestamp",
    b"localtimestamp",
    b"sysdate",
    b"systimestamp",
];

/// Columns that a database has of itself.
pub(super) const COLUMNS: &[&[u8]] =
    &[b"rownum", b"rowid", b"user", b"id", b"uid", b"current_user"];

/// Beginnings of names that only databases give to functions.
pub(super) const PREFIXES: &[&[u8]] = &[b"pg_", b"dbms_", b"utl_", b"json_", b"jsonb_", b"xml"];

/// What MySQL shows.
#[rustfmt::skip]
pub(super) const SHOWN: &[&[u8]] = &[
    b"tables", b"databases", b"columns", b"grants", b"variables", b"processlist", b"schemas", b"create",
    b"status", b"full", b"fields", b"index", b"engines", b"table", b"master", b"global",
];

/// What MySQL flushes, locks and resets.
#[rustfmt::skip]
pub(super) const FLUSHED: &[&[u8]] = &[
    b"tables", b"table", b"privileges", b"master", b"logs", b"hosts", b"status",
];

/// Types of what a batch declares.
#[rustfmt::skip]
pub(super) const TYPES: &[&[u8]] = &[
    b"int", b"integer", b"varchar", b"varchar2", b"nvarchar", b"number", b"cursor", b"text",
];

/// What shops call drop-leaf tables and what belongs to them: `drop table lamp`.
#[rustfmt::skip]
pub(super) const FURNITURE: &[&[u8]] = &[
    b"lamp", b"lamps", b"leaf", b"leg", b"legs", b"cloth", b"runner", b"hinge", b"hinges", b"top", b"tops", b"desk",
    b"bracket", b"design", b"set", b"plans", b"height", b"tennis",
];
