//! What one request may hold. The limits bound the size and the cost of the statement that is
//! made of it, whatever the table.

/// Most of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// How much is allowed.
    pub most: usize,
    /// Of what, in the plural.
    pub of: &'static str,
}

/// `select`: columns and embedded tables, at all levels together.
pub const ITEMS: Limit = Limit::new(100, "selected columns and tables");
/// `select`: embedded tables, at all levels together.
pub const EMBEDS: Limit = Limit::new(20, "embedded tables");
/// `select`: names that one column, or one path into it, is shown under.
pub const COPIES: Limit = Limit::new(4, "names for one column");
/// `select`: tables within tables.
pub const EMBED_DEPTH: Limit = Limit::new(2, "levels of embedded tables");
/// Bytes of a name; `PostgreSQL`'s own limit.
pub const NAME_BYTES: Limit = Limit::new(63, "bytes in a name");
/// `->` in one path.
pub const JSON_STEPS: Limit = Limit::new(10, "steps in a JSON path");
/// Conditions, of all tables together.
pub const CONDITIONS: Limit = Limit::new(100, "conditions");
/// `and(or(and(…)))`.
pub const LOGIC_DEPTH: Limit = Limit::new(10, "levels of conditions");
/// `in.(…)`.
pub const LIST_VALUES: Limit = Limit::new(1000, "values in a list");
/// Bytes of a value in a condition.
pub const VALUE_BYTES: Limit = Limit::new(8192, "bytes in a value");
/// Bytes of the patterns of `like` and `ilike`, of all conditions together: what looks for them takes
/// as many steps at every character, and SQLite cannot be stopped within one text.
pub const PATTERN_BYTES: Limit = Limit::new(256, "bytes in patterns");
/// Words of full-text searches, of all conditions together.
pub const SEARCH_WORDS: Limit = Limit::new(100, "words in full-text searches");
/// `order`, of all tables together.
pub const ORDER_TERMS: Limit = Limit::new(20, "terms to order by");
/// `columns` and `on_conflict`.
pub const COLUMNS: Limit = Limit::new(200, "columns");

impl Limit {
    const fn new(most: usize, of: &'static str) -> Self {
        Self { most, of }
    }

    /// Whether `count` is still allowed.
    ///
    /// # Errors
    /// [`TooMuch`](super::DialectError::TooMuch).
    pub(crate) const fn check(self, count: usize) -> Result<(), super::DialectError> {
        if count > self.most {
            return Err(super::DialectError::TooMuch { limit: self });
        }
        Ok(())
    }
}
