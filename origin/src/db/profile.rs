//! Table `user_account` as it is shown: read for many at once, without what opens an account.

use super::{
    DbError, Factor, User,
    pool::{Pool, restored},
    query::{Row, query},
    shared_read::Source,
};
use gapura_shared::time::UnixMillis;
use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};
use std::borrow::Cow;

/// What is shown of an account.
#[derive(Clone)]
pub struct Profile<'a> {
    /// UUID.
    pub id: &'a str,
    /// Trimmed and lower case.
    pub email: &'a str,
    /// The one role.
    pub role: &'a str,
    /// What applications keep about the account.
    pub app_metadata: Metadata<'a>,
    /// What the person keeps.
    pub user_metadata: Metadata<'a>,
    /// The factors besides the password.
    pub factors: Cow<'a, [Factor]>,
    /// When the address was confirmed.
    pub email_confirmed_at: Option<UnixMillis>,
    /// Until when it may not log in.
    pub banned_until: Option<UnixMillis>,
    /// Since when it is nobody's any more.
    pub deleted_at: Option<UnixMillis>,
    /// The last login.
    pub last_sign_in_at: Option<UnixMillis>,
    /// When it came into being.
    pub created_at: UnixMillis,
    /// The last change.
    pub updated_at: UnixMillis,
}

/// An object of JSON.
#[derive(Clone, Copy, Serialize)]
#[serde(untagged)]
pub enum Metadata<'a> {
    /// Member by member.
    Members(&'a Map<String, Value>),
    /// As the database keeps it: what is only shown is not taken apart.
    Kept(&'a RawValue),
}

impl std::fmt::Debug for Profile<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profile")
            .field("id", &self.id)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Metadata<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What is in it is the person's.
        f.debug_tuple("Metadata").finish_non_exhaustive()
    }
}

impl Profile<'_> {
    /// Whether it may not log in now.
    #[must_use]
    pub fn is_banned(&self, now: UnixMillis) -> bool {
        self.banned_until.is_some_and(|until| until > now)
    }
}

impl<'a> From<&'a User> for Profile<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            id: &user.id,
            email: &user.email,
            role: &user.role,
            app_metadata: Metadata::Members(&user.app_metadata),
            user_metadata: Metadata::Members(&user.user_metadata),
            factors: Cow::Borrowed(&user.factors),
            email_confirmed_at: user.email_confirmed_at,
            banned_until: user.banned_until,
            deleted_at: user.deleted_at,
            last_sign_in_at: user.last_sign_in_at,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// A row that all who asked for its account at once share.
pub struct ProfileRow {
    row: Row,
    /// Until when any one-time token of the account is good.
    pub(super) token_expires: Option<UnixMillis>,
}

impl std::fmt::Debug for ProfileRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // An address is nobody's business.
        f.debug_struct("ProfileRow").finish_non_exhaustive()
    }
}

impl ProfileRow {
    /// The account.
    ///
    /// # Errors
    /// [`DbError`] for a row that is none of ours.
    pub fn profile(&self) -> Result<Profile<'_>, DbError> {
        // By the places of `read!`: to look up a dozen names takes longer than to read them.
        let text = |at| self.row.text(at)?.ok_or(sqlx::Error::RowNotFound);
        let time = |at| self.row.at::<Option<i64>>(at).map(|at| at.map(restored));
        let factors = self.row.text(5)?.map(json).transpose()?;
        Ok(Profile {
            id: text(0)?,
            email: text(1)?,
            role: text(2)?,
            app_metadata: Metadata::Kept(json(text(3)?)?),
            user_metadata: Metadata::Kept(json(text(4)?)?),
            factors: Cow::Owned(factors.unwrap_or_default()),
            email_confirmed_at: time(6)?,
            banned_until: time(7)?,
            deleted_at: time(8)?,
            last_sign_in_at: time(9)?,
            created_at: restored(self.row.at(10)?),
            updated_at: restored(self.row.at(11)?),
        })
    }
}

fn json<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, DbError> {
    serde_json::from_str(text)
        .map_err(|error| DbError::Unexpected(sqlx::Error::Decode(error.into())))
}

/// Accounts by their ids.
pub(super) struct Accounts(pub(super) Pool);

/// The ids are an array of JSON: one value to bind and one statement to prepare, however many they
/// are, where a placeholder for each has the server plan anew for each. A row for each one-time token of
/// an account, of which there are a handful: asked for the latest, MariaDB makes a table to remember its answers.
macro_rules! read {
    ($ids:literal, $asked:literal) => {
        concat!(
            "SELECT u.user_account_id, u.email, u.role, u.app_metadata, u.user_metadata, u.factors, \
             u.email_confirmed_at, u.banned_until, u.deleted_at, u.last_sign_in_at, u.created_at, \
             u.updated_at, t.expires_at FROM ",
            $ids,
            "user_account u LEFT JOIN one_time_token t ON t.user_account_id = u.user_account_id WHERE ",
            $asked
        )
    };
}

/// The place of `t.expires_at`.
const TOKEN_EXPIRES: usize = 12;

const SQLITE: &str = read!(
    "json_each($1) asked CROSS JOIN ",
    "u.user_account_id = asked.value"
);
/// As one array, which it expects to be short: it takes a join for one of a hundred rows, and reads
/// the whole of a table of some thousand accounts.
const POSTGRES: &str = read!(
    "",
    "u.user_account_id = ANY (ARRAY(SELECT json_array_elements_text($1::json)))"
);
/// With room for more than any id: one that is cut off is nobody's.
const MYSQL: &str = read!(
    "JSON_TABLE($1, '$[*]' COLUMNS (id VARCHAR(65) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$')) asked \
     STRAIGHT_JOIN ",
    "u.user_account_id = asked.id"
);

impl Source for Accounts {
    type Found = ProfileRow;

    async fn read(&self, ids: Vec<String>) -> Result<Vec<(String, ProfileRow)>, DbError> {
        let sql = match &self.0 {
            Pool::Sqlite(_) => SQLITE,
            Pool::Postgres(_) => POSTGRES,
            Pool::MySql(_) => MYSQL,
        };
        let ids = Value::from(ids).to_string();
        let asked = query(sql).bind(ids.as_str());
        let rows = asked.all(self.0.connection().await?.on()).await?;
        let mut found: Vec<(String, ProfileRow)> = Vec::with_capacity(rows.len());
        for row in rows {
            let id: String = row.at(0)?;
            let token_expires = row.at::<Option<i64>>(TOKEN_EXPIRES)?.map(restored);
            // There is another row of an account with tokens alone.
            let mut known = found.iter_mut().filter(|_| token_expires.is_some());
            match known.find(|(known, _)| *known == id) {
                Some((_, shown)) => shown.token_expires = shown.token_expires.max(token_expires),
                None => found.push((id, ProfileRow { row, token_expires })),
            }
        }
        Ok(found)
    }
}
