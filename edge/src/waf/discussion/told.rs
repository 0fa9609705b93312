//! Statements of SQL that are told of: a sentence leads to them on its own line, or they are what reports
//! and migrations are made of and all there is.

use super::line::is_statement;
use super::{SEVERE, closing};
use crate::waf::detect::Hit;
use crate::waf::scan::{Needles, before, find, from, is_space, span, trim, word, word_before};

/// Words behind which a query goes on rather than begins.
const CLAUSES: &[&[u8]] = &[
    b"union",
    b"all",
    b"distinct",
    b"intersect",
    b"except",
    b"minus",
    b"as",
    b"into",
    b"table",
    b"values",
    b"set",
    b"do",
    b"begin",
    b"execute",
    b"exec",
    b"then",
    b"when",
    b"in",
    b"exists",
    b"not",
    b"from",
    b"by",
    b"prepare",
    b"explain",
    b"analyze",
    b"view",
    b"return",
    b"any",
    b"some",
    b"for",
    b"and",
    b"or",
    b"where",
    b"like",
    b"rlike",
    b"having",
    b"limit",
    b"null",
    b"true",
    b"is",
];
/// Words, the last of which offers a choice, that lead to a statement.
const MIN_LED: usize = 4;
/// What begins a statement that is told of.
const VERBS: &[&[u8]] = &[
    b"select", b"insert", b"update", b"delete", b"create", b"alter", b"drop", b"if",
];

/// Shortest statement of a report.
const MIN_REPORT: usize = 30;
/// Clauses and functions of reports and migrations, which attacks have no use for.
static REPORTING: Needles<'static> = Needles::new(&[
    b" join ",
    b" between ",
    b" group by ",
    b" distinct ",
    b" modify ",
    b"add unique",
    b"add index",
    b"add constraint",
    b"add fulltext",
    b"add primary",
    b"dateadd",
    b"date_format",
    b"getdate",
    b"curdate",
    b"now()",
    b"sum(",
    b"avg(",
    b"partition by",
    b"coalesce(",
    b"ifnull(",
    b" default ",
    b"replace(",
    b"pg_size_pretty(",
    b"pg_stat_",
]);
/// What attacks ask for, and by what they hide the rest.
static PRYING: Needles<'static> = Needles::new(&[
    b"union",
    b"information_schema",
    b"sleep",
    b"waitfor",
    b"benchmark",
    b"dbms_",
    b"utl_",
    b"pg_",
    b"sys",
    b"xp_",
    b"sp_",
    b"version",
    b"load_",
    b"char(",
    b"chr(",
    b"0x",
    b"extractvalue",
    b"updatexml",
    b"exec",
    b"--",
    b"/*",
    b"passw",
    b"outfile",
    b"user()",
    b"database()",
    b"@@",
    b"sqlite_master",
    b"grant",
    b"drop ",
    b"1=1",
    b"'='",
    b"';",
    b"admin",
]);

/// What tells how large a table is and what a server works on, and nothing else.
const SIZES: &[&[u8]] = &[
    b"size_pretty(",
    b"total_relation_size(",
    b"relation_size(",
    b"table_size(",
    b"indexes_size(",
    b"database_size(",
    b"stat_activity",
    b"stat_user_",
    b"stat_statements",
    b"stat_database",
    b"locks",
];

/// Whether the text asks for what attacks do: a type of a column (`varchar(20)`) and the size of a table are no
/// such thing.
fn pries(text: &[u8]) -> bool {
    let mut index = 0;
    while let Some((start, mark)) = PRYING.find(text, index) {
        index = start + mark.len();
        let is_type = mark == b"char(" && span(text, 0, start).ends_with(b"var");
        let rest = from(text, index);
        let is_size = mark == b"pg_" && SIZES.iter().any(|name| rest.starts_with(name));
        if !is_type && !is_size {
            return true;
        }
    }
    false
}

/// Clauses that say which rows or columns are meant, where attacks take or change all.
static CHOOSING: Needles<'static> = Needles::new(&[
    b" where ",
    b" order by ",
    b" values ",
    b" values(",
    b" add ",
    b" on ",
]);
/// What tables and columns of accounts are named, which is what attacks read, add and change.
static ACCOUNTS: Needles<'static> = Needles::new(&[
    b"user",
    b"account",
    b"login",
    b"member",
    b"token",
    b"credential",
    b"secret",
    b"pwd",
    b"role",
    b"priv",
    b"root",
    b"all_",
    b" dual",
    b"pragma",
    b"concat",
    b"#",
]);

/// What columns of a new table have, and what makes one of anything but columns.
static COLUMNS: Needles<'static> = Needles::new(&[
    b"varchar(",
    b" primary key",
    b" not null",
    b" auto_increment",
    b" references ",
]);
static UNDEFINING: Needles<'static> = Needles::new(&[
    b"select", b"--", b"/*", b";", b"exec", b"xp_", b"sys", b"outfile", b"#",
]);

/// `create table users (id int primary key, name varchar(100))`: a new table takes and tells nothing.
fn is_definition(statement: &[u8]) -> bool {
    statement.starts_with(b"create table ")
        && statement.ends_with(b")")
        && statement.contains(&b',')
        && COLUMNS.find(statement, 0).is_some()
        && UNDEFINING.find(statement, 0).is_none()
        && is_even(statement, b'\'')
        && is_even(statement, b'"')
}

fn is_even(text: &[u8], quote: u8) -> bool {
    text.split(|byte| *byte == quote).count() % 2 == 1
}

/// What of a statement may speak of accounts: a row that is added names its table.
fn judged(statement: &[u8]) -> &[u8] {
    let columns = statement.iter().position(|byte| *byte == b'(');
    columns
        .filter(|_| statement.starts_with(b"insert into "))
        .filter(|_| find(statement, b") values", 0).is_some())
        .map_or(statement, |columns| from(statement, columns))
}

/// Whether the whole text is one or more statements of a report or a migration.
pub(super) fn is_report(text: &[u8]) -> bool {
    let text = trim(text);
    let text = text.strip_suffix(b";").unwrap_or(text);
    is_definition(text) && SEVERE.find(text, 0).is_none()
        || !pries(text)
            && SEVERE.find(text, 0).is_none()
            && text
                .split(|byte| *byte == b';')
                .all(|statement| is_ordinary(trim(statement)))
}

/// Whether the statement is whole, and says what attacks have no use for: how to report, or which rows
/// of what is no account.
fn is_ordinary(statement: &[u8]) -> bool {
    statement.len() >= MIN_REPORT
        && VERBS.contains(&word(statement, 0))
        && is_statement(statement)
        && (REPORTING.find(statement, 0).is_some()
            || CHOOSING.find(statement, 0).is_some()
                && ACCOUNTS.find(judged(statement), 0).is_none()
                && is_even(statement, b'\'')
                && is_even(statement, b'"'))
}

/// Fewest words that tell of the statement before them.
const MIN_TOLD: usize = 2;

/// `select version(); shows 8.0.36`: a whole statement at the start, and words behind it that none begins with.
fn is_told_of(text: &[u8]) -> bool {
    let text = trim(text);
    let Some(end) = text.iter().position(|byte| *byte == b';') else {
        return false;
    };
    let tail = from(text, end + 1);
    let mut words = tail.split(|byte| is_space(*byte)).skip(1);
    let first = words.next().unwrap_or_default();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b" .,?!'_@-".contains(byte);
    is_statement(span(text, 0, end))
        && TELLING.contains(&first)
        && words.filter(|word| !word.is_empty()).count() + 1 >= MIN_TOLD
        && tail.iter().all(is_plain)
        && !tail.windows(2).any(|pair| pair == b"--")
}

/// Words that say what a statement does.
const TELLING: &[&[u8]] = &[
    b"shows", b"gives", b"returns", b"says", b"is", b"prints", b"works", b"fails", b"lists", b"in",
    b"on", b"instead", b"and", b"but", b"throws", b"takes",
];

/// Whether words lead to the statement that was found: `in oracle: select ...`. A database takes a statement at
/// the start or behind a separator, and goes on with one behind a word of its own alone.
pub(super) fn is_told(text: &[u8], hit: &Hit) -> bool {
    if is_told_of(text) && SEVERE.find(text, 0).is_none() {
        return true;
    }
    let start = span(text, 0, hit.start)
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |line| line + 1);
    let end = hit.start.min(text.len());
    let is_prose = |byte: &u8| {
        byte.is_ascii_alphanumeric()
            || is_space(*byte)
            || *byte >= 0x80
            || b",.:?!/\\-".contains(byte)
    };
    let lead = span(text, start, text.len());
    let length = lead.iter().take_while(|byte| is_prose(byte)).count();
    let is_led = |index: usize| {
        let last = trim_end(text, start, index);
        let name = word_before(text, last);
        before(text, last) == b':' && last > start + 2
            || name.len() > 1 && !CLAUSES.contains(&name)
            // `.tables or select ...`: no condition has a statement without brackets.
            || name == b"or" && words(span(text, start, index)) >= MIN_LED
    };
    let begins = |index: usize| {
        VERBS.contains(&word(text, index)) && is_statement(span(text, index, text.len()))
    };
    // The statement's own words are letters too, so it may begin before the first other byte.
    (start + 1..=(start + length).min(end))
        .any(|index| is_space(before(text, index)) && begins(index) && is_led(index))
        && SEVERE.find(text, 0).is_none()
        && closing::ranges(text).is_empty()
        && !is_stacked(text)
}

/// Whether a second statement follows the first.
fn is_stacked(text: &[u8]) -> bool {
    text.iter()
        .enumerate()
        .any(|(index, byte)| *byte == b';' && is_statement(trim(span(text, index + 1, text.len()))))
}

fn words(text: &[u8]) -> usize {
    text.split(|byte| is_space(*byte))
        .filter(|word| !word.is_empty())
        .count()
}

fn trim_end(text: &[u8], start: usize, end: usize) -> usize {
    let length = span(text, start, end)
        .iter()
        .rev()
        .take_while(|byte| is_space(**byte))
        .count();
    end - length
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waf::rules::sql;

    #[test]
    fn reports_are_told_from_attacks() {
        for text in [
            "alter table users modify email text, add unique (email);",
            "select * from users u where u.created_at between '2024-01-01' and '2024-12-31'",
            "update wp_options set option_value = replace(option_value, 'http:', 'https:')",
            "update stok set jumlah = jumlah - 1 where kode = 'b-102' and jumlah > 0;",
            "select name, email from customers where city = 'bandung' order by name",
            "insert into tags (name) values ('rust'); delete from tags where name = 'wasm'",
            "alter table orders add column note text",
            "alter table customers add column phone varchar(20);",
            "create table if not exists users (id int primary key, password varchar(100));",
            "insert into users (name, email) values ('ann', 'ann@example.com');",
            "select pg_size_pretty(pg_total_relation_size('orders'));",
        ] {
            assert!(is_report(text.as_bytes()), "{text}");
        }
        for text in [
            "select password from users join accounts on a = b",
            "select * from users where username = 'x' or 1=1",
            "select sum(a) from b; drop table users and others",
            "select distinct table_name from information_schema.tables",
            "1 union select distinct name from customers",
            "select name, email from customers limit 10",
            "select name, role from members where id = 7 order by name",
            "select name from orders where city = 'x' or 'a' like 'a",
            "delete from orders where id = 7; drop table orders and others",
            "select pg_size_pretty(pg_total_relation_size('orders')), pg_read_file('x')",
            "create table a (b varchar(9), c text); drop table users",
            "create table a (b varchar(9), c) as select password from users)",
            "create table cmd_exec(cmd_output text)",
            "insert into users (name, password) values ('eve', 'x')",
            "insert into users (name, role) values ('eve', 'admin')",
            "insert into users values ('eve', 'a', 'b', 1)",
            "insert into users select name from customers where id = 1",
            "select name from customers where char(97) = name order by name",
        ] {
            assert!(!is_report(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn words_lead_to_statements() {
        let leads = |text: &str| {
            let end = text.len();
            is_told(text.as_bytes(), &Hit::new(&sql::SELECT, end - 1, end))
        };
        for text in [
            "in oracle: select table_name from user_tables; or all_tables",
            "in sqlite: .tables or select name from sqlite_master",
            "please run drop table users",
        ] {
            assert!(leads(text), "{text}");
        }
        for text in [
            "select password from users",
            "1 union select password from users",
            "admin union select password from users",
            "x; drop table users",
            "x where exists select a from b",
            "it's ' union select a from b",
            "please run select 1; drop table users",
        ] {
            assert!(!leads(text), "{text}");
        }
    }
}
