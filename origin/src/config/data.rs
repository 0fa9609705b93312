//! `[data]`: the tables that applications may read and write through `/rest/v1`.

use super::reader::Section;

/// What is served of the database, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// `max_rows` of one answer, and of one write, where a table names no other number.
    pub max_rows: u32,
    /// `max_body_bytes` of a request.
    pub max_body_bytes: u32,
    /// `max_answer_bytes` of an answer that is not streamed.
    pub max_answer_bytes: u32,
    /// `database_roles`: the role of PostgreSQL that a request of a token's role runs as, by the
    /// token's role.
    pub database_roles: Vec<(String, String)>,
    /// `tables`: what is not here does not exist.
    pub tables: Vec<DataTable>,
}

/// `[data.tables.<name>]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DataTable {
    /// As the database and the URL call it.
    pub name: String,
    /// `columns` that are exposed.
    pub columns: Vec<String>,
    /// `types` that the engine's own schema cannot tell, by column.
    pub types: Vec<(String, String)>,
    /// `read_only`: columns that a client cannot write.
    pub read_only: Vec<String>,
    /// `write_only`: columns that a client cannot read, filter or order by.
    pub write_only: Vec<String>,
    /// `encrypted` columns.
    pub encrypted: Vec<String>,
    /// `blind_index`: the column that an encrypted one can be found by, by encrypted column.
    pub blind_index: Vec<(String, String)>,
    /// `tenant`: the column that names the tenant of a row, whose key its fields are encrypted with.
    pub tenant: Option<String>,
    /// `defaults`: what a column gets when the client does not say.
    pub defaults: Vec<(String, String)>,
    /// `max_rows` of one answer, and of one write; 0: as for every table.
    pub max_rows: u32,
    /// `unfiltered`: whether an update or a deletion without a filter is taken.
    pub unfiltered: bool,
    /// `roles`: what each may do.
    pub roles: Vec<DataRole>,
}

/// `[data.tables.<name>.roles.<role>]`: a condition in SQL for each operation; without one the
/// operation is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DataRole {
    /// Of the token; `anon` without one.
    pub role: String,
    /// Which rows are seen.
    pub select: Option<String>,
    /// Which rows may be added, as written.
    pub insert: Option<String>,
    /// Which rows may be changed.
    pub update: Option<String>,
    /// How they must be as written; where it is not said, as `update` has it.
    pub update_check: Option<String>,
    /// Which rows may be deleted.
    pub delete: Option<String>,
}

/// Bytes of a condition.
const MAX_CONDITION_BYTES: usize = 4096;
/// Rows of one answer.
const MAX_ROWS: u32 = 1_000_000;

impl Data {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            max_rows: section.number("max_rows", 1000, 1..=MAX_ROWS),
            max_body_bytes: section.number("max_body_bytes", 1 << 20, 1024..=10 << 20),
            max_answer_bytes: section.number("max_answer_bytes", 16 << 20, 1024..=256 << 20),
            database_roles: section.named_texts("database_roles"),
            tables: section.named_sections("tables", DataTable::read),
        }
    }
}

impl DataTable {
    fn read(name: &str, section: &mut Section<'_>) -> Self {
        let mut names = |key| section.texts(key, "the name of a column", is_name);
        Self {
            name: name.to_owned(),
            columns: names("columns"),
            read_only: names("read_only"),
            write_only: names("write_only"),
            encrypted: names("encrypted"),
            types: section.named_texts("types"),
            blind_index: section.named_texts("blind_index"),
            tenant: section.optional("tenant", "must be the name of a column", |text| {
                is_name(text).then(|| text.to_owned())
            }),
            defaults: section.named_texts("defaults"),
            max_rows: section.number("max_rows", 0, 0..=MAX_ROWS),
            unfiltered: section.flag("unfiltered", false),
            roles: section.named_sections("roles", DataRole::read),
        }
    }
}

impl DataRole {
    fn read(role: &str, section: &mut Section<'_>) -> Self {
        let mut condition = |key| {
            section.optional(
                key,
                "must be a condition in SQL of at most 4096 bytes",
                |text| (text.len() <= MAX_CONDITION_BYTES).then(|| text.to_owned()),
            )
        };
        Self {
            role: role.to_owned(),
            select: condition("select"),
            insert: condition("insert"),
            update: condition("update"),
            update_check: condition("update_check"),
            delete: condition("delete"),
        }
    }
}

/// Whether a text can name a table or a column here: 1 to 63 letters, digits and `_`, not a digit
/// first. Quoting every other name is possible, and asks for trouble.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=63).contains(&text.len())
        && text.bytes().all(word)
        && !text.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use crate::config::parse;

    #[test]
    fn reads_tables_of_any_name_with_roles_of_any_name() {
        let text = "[data]\nmax_rows = 7\n[data.tables.notes]\ncolumns = [\"id\", \"a\"]\n\
                    defaults = { id = \"uuid()\" }\n[data.tables.notes.roles.user]\nselect = \"a = auth.uid()\"\n";
        let data = parse(text, &|_| None).unwrap().data;
        assert_eq!(data.max_rows, 7);
        let table = &data.tables[0];
        assert_eq!((table.name.as_str(), table.columns.len()), ("notes", 2));
        assert_eq!(table.defaults, [("id".to_owned(), "uuid()".to_owned())]);
        assert_eq!(table.roles[0].role, "user");
        assert_eq!(table.roles[0].select.as_deref(), Some("a = auth.uid()"));
        assert_eq!(table.roles[0].insert, None);
    }

    #[test]
    fn says_where_in_which_table_a_fault_is() {
        let text = "[data.tables.notes]\ncolumns = [\"a b\"]\nsecret = 1\n[data.tables.notes.roles.user]\nread = \"1\"\n[data.tables]\nx = 1\n";
        let faults = parse(text, &|_| None).unwrap_err();
        let keys: Vec<&str> = faults.iter().map(|fault| fault.key.as_str()).collect();
        assert!(keys.contains(&"data.tables.notes.columns"), "{faults:?}");
        assert!(keys.contains(&"data.tables.notes.secret"), "{faults:?}");
        assert!(
            keys.contains(&"data.tables.notes.roles.user.read"),
            "{faults:?}"
        );
    }
}
