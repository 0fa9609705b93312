//! The database, past the origin.

use crate::harness::Site;
use sqlx::{
    AssertSqlSafe, Connection, Executor, MySqlConnection, PgConnection, Row, SqliteConnection,
    raw_sql,
};

/// Runs a statement: its rows, every column as text.
pub(super) fn sql(site: &Site, sql: &str) -> Vec<Vec<Option<String>>> {
    let url = site.home.url.as_str();
    macro_rules! run {
        ($connection:ty) => {{
            let mut connection = <$connection>::connect(url).await.unwrap();
            let rows = connection.fetch_all(raw_sql(AssertSqlSafe(sql.to_owned())));
            let rows = rows.await.unwrap_or_else(|error| panic!("{sql}: {error}"));
            let text = |row: &_, at| Row::try_get_unchecked(row, at).unwrap();
            let texts = |row| (0..Row::len(row)).map(|at| text(row, at)).collect();
            rows.iter().map(texts).collect()
        }};
    }
    let run = async {
        if url.starts_with("postgres") {
            run!(PgConnection)
        } else if url.starts_with("mysql") {
            run!(MySqlConnection)
        } else {
            run!(SqliteConnection)
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread();
    { runtime }.enable_all().build().unwrap().block_on(run)
}

/// The only column of the only row.
pub(super) fn one(site: &Site, text: &str) -> Option<String> {
    let rows = sql(site, text);
    assert_eq!((rows.len(), rows[0].len()), (1, 1), "{text}");
    rows[0][0].clone()
}
