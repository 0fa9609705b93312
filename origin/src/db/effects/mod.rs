//! What statements leave behind, row by row: whatever is done to one account, session or token changes what is
//! named here and nothing beside it, on every engine. Each condition of a statement has a row that only it spares.

mod account;
mod factor;
mod lockout;
mod one_time;
mod session;
mod tenant;

use super::{Db, Device, NewSession, tests::fresh};
use crate::{
    auth::new_user,
    engines::{self, Engine, Home},
};
use gapura_shared::time::UnixMillis;
use sqlx::{
    AssertSqlSafe, Connection, Executor, MySqlConnection, PgConnection, Row, SqliteConnection,
    raw_sql,
};
use std::collections::BTreeMap;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

const fn after(ms: u64) -> UnixMillis {
    UnixMillis(NOW.0 + ms)
}

/// Tables, the columns that name their rows, and the others. `#` in front: bytes, of which the first one is shown.
const TABLES: [(&str, &[&str], &[&str]); 11] = [
    (
        "user_account",
        &["user_account_id"],
        &[
            "banned_until",
            "contested",
            "deleted_at",
            "email",
            "email_confirmed_at",
            "factors",
            "last_sign_in_at",
            "password_hash",
            "refused_hash",
            "role",
            "signed_up",
            "tenant_id",
            "updated_at",
            "user_metadata",
        ],
    ),
    (
        "session",
        &["session_id"],
        &[
            "address",
            "ended_at",
            "expires_at",
            "last_seen_at",
            "second_at",
            "second_method",
            "user_agent",
        ],
    ),
    (
        "refresh_token",
        &["#token_hash"],
        &["expires_at", "session_id", "used_at"],
    ),
    (
        "one_time_token",
        &["one_time_token_id"],
        &[
            "account_id",
            "attempts",
            "content",
            "expires_at",
            "kind",
            "used_at",
        ],
    ),
    (
        "login_failure",
        &["account_id", "source"],
        &[
            "failures",
            "last_at",
            "locked_until",
            "refused",
            "succeeded_at",
        ],
    ),
    (
        "factor",
        &["factor_id"],
        &["last_step", "updated_at", "verified_at"],
    ),
    ("recovery_code", &["user_account_id", "code"], &[]),
    ("tenant", &["tenant_id"], &["name"]),
    ("membership", &["tenant_id", "user_account_id"], &[]),
    ("role", &["role"], &[]),
    ("role_permission", &["role", "permission"], &[]),
];

/// Values of columns, by table and row and column.
type Rows = BTreeMap<String, BTreeMap<&'static str, Option<String>>>;

/// The accounts `A` and `B`, with the sessions `A1`, `A2`, `B1`, `B2` and a refresh token of the same name each: good
/// for 100 s, the sessions for 200.
struct World {
    db: Db,
    home: Home,
    engine: Engine,
    seen: Rows,
}

impl World {
    async fn new(engine: Engine) -> Self {
        let (db, home) = fresh(engine).await;
        let mut world = Self {
            db,
            home,
            engine,
            seen: Rows::new(),
        };
        for id in ["A", "B"] {
            let email = format!("{}@b.co", id.to_lowercase());
            let mut user = new_user(email, "$x".into(), "user", NOW);
            user.id = id.into();
            assert!(world.db.insert_user(&user).await.unwrap());
            for session in 1..=2 {
                let session = format!("{id}{session}");
                world
                    .open(&session, after(100_000), after(200_000), NOW)
                    .await;
            }
        }
        world.seen = world.rows().await;
        world
    }

    /// A session of the account that its first letter names.
    async fn open(&self, id: &str, expires: UnixMillis, ends: UnixMillis, now: UnixMillis) {
        let session = NewSession {
            id,
            user: &id[..1],
            token_hash: hash(id),
            expires,
            ends,
            device: &Device::default(),
            method: "password",
            seen: NOW,
            attempt: None,
        };
        let opened = self.db.open_session(&session, now).await.unwrap();
        assert!(opened.is_some(), "{id}");
    }

    /// Runs statements past [`Db`]; what they change is not looked at.
    async fn execute(&mut self, sql: &str) {
        engines::execute(&self.home.url, sql).unwrap();
        self.seen = self.rows().await;
    }

    /// What has changed since this was last asked: `table row column`, or `+` and `-` for rows.
    async fn changes(&mut self) -> Vec<String> {
        let now = self.rows().await;
        let mut changes = Vec::new();
        for row in self.seen.keys().filter(|row| !now.contains_key(*row)) {
            changes.push(format!("{row} -"));
        }
        for (row, columns) in &now {
            let Some(before) = self.seen.get(row) else {
                changes.push(format!("{row} +"));
                continue;
            };
            let others = columns
                .iter()
                .filter(|(column, value)| before[*column] != **value);
            changes.extend(others.map(|(column, _)| format!("{row} {column}")));
        }
        changes.sort();
        self.seen = now;
        changes
    }

    /// A value as it was when changes were last asked for.
    fn value(&self, row: &str, column: &str) -> Option<String> {
        self.seen[row][column].clone()
    }

    async fn rows(&self) -> Rows {
        let select = |column: &&str| match (column.strip_prefix('#'), self.engine) {
            (None, _) => (*column).to_owned(),
            (Some(bytes), Engine::Postgres) => {
                format!("UPPER(SUBSTR(ENCODE({bytes}, 'hex'), 1, 2))")
            }
            (Some(bytes), _) => format!("SUBSTR(HEX({bytes}), 1, 2)"),
        };
        let asked = TABLES.map(|(table, names, columns)| {
            let all: Vec<String> = names.iter().chain(columns).map(select).collect();
            format!("SELECT {} FROM {table}", all.join(", "))
        });
        let mut rows = Rows::new();
        for ((table, names, columns), found) in TABLES.into_iter().zip(self.ask(asked).await) {
            for mut cells in found {
                let values = columns.iter().copied().zip(cells.split_off(names.len()));
                let name: Vec<String> = cells.into_iter().flatten().collect();
                rows.insert(format!("{table} {}", name.join(" ")), values.collect());
            }
        }
        rows
    }

    /// What each statement finds, as text.
    async fn ask<const N: usize>(&self, statements: [String; N]) -> Vec<Vec<Vec<Option<String>>>> {
        macro_rules! ask {
            ($connection:ty) => {{
                let mut connection = <$connection>::connect(&self.home.url).await.unwrap();
                let mut found = Vec::new();
                for sql in statements {
                    let rows = connection.fetch_all(raw_sql(AssertSqlSafe(sql))).await;
                    let cell = |row: &_, at| Row::try_get_unchecked(row, at).unwrap();
                    let cells = |row| (0..Row::len(row)).map(|at| cell(row, at)).collect();
                    found.push(rows.unwrap().iter().map(cells).collect());
                }
                found
            }};
        }
        match self.engine {
            Engine::Sqlite => ask!(SqliteConnection),
            Engine::Postgres => ask!(PgConnection),
            Engine::MySql => ask!(MySqlConnection),
        }
    }
}

/// Of a token by a name of two hexadecimal digits: the name again and again.
fn hash(name: &str) -> [u8; 32] {
    [u8::from_str_radix(name, 16).unwrap(); 32]
}
