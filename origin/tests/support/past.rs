//! The database, past the origin.

use crate::harness::Site;
use sqlx::{
    AssertSqlSafe, Connection, Executor, MySqlConnection, PgConnection, Row, SqliteConnection,
    raw_sql,
};
use std::{
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
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

/// What a statement with one column and row finds, again and again on one connection until told to end.
pub(super) fn seen(site: &Site, sql: &str, done: &AtomicBool) -> Vec<String> {
    let url = site.home.url.as_str();
    let mut seen = Vec::new();
    let run = async {
        macro_rules! look {
            ($connection:ty) => {{
                let mut connection = <$connection>::connect(url).await.unwrap();
                while !done.load(Ordering::Relaxed) {
                    let found = raw_sql(AssertSqlSafe(sql.to_owned()));
                    let row = connection.fetch_one(found).await.unwrap();
                    seen.push(row.try_get_unchecked(0).unwrap());
                    thread::sleep(Duration::from_millis(5));
                }
            }};
        }
        if url.starts_with("postgres") {
            look!(PgConnection);
        } else {
            look!(MySqlConnection);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread();
    { runtime }.enable_all().build().unwrap().block_on(run);
    seen
}

/// Keeps everybody else from writing an account until it is dropped.
pub(super) struct Held {
    release: Option<mpsc::Sender<()>>,
    holder: Option<thread::JoinHandle<()>>,
}

impl Held {
    pub(super) fn account(site: &Site, id: &str) -> Self {
        let url = site.home.url.clone();
        let begin = if url.starts_with("sqlite") {
            "BEGIN IMMEDIATE".to_owned()
        } else {
            format!("BEGIN; SELECT * FROM user_account WHERE user_account_id = '{id}' FOR UPDATE")
        };
        let (release, released) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let holder = thread::spawn(move || {
            macro_rules! hold {
                ($connection:ty) => {{
                    let mut connection = <$connection>::connect(&url).await.unwrap();
                    let begin = raw_sql(AssertSqlSafe(begin));
                    connection.fetch_all(begin).await.unwrap();
                    tell.send(()).unwrap();
                    let _ = released.recv();
                    connection.execute("ROLLBACK").await.unwrap();
                }};
            }
            let run = async {
                if url.starts_with("postgres") {
                    hold!(PgConnection);
                } else if url.starts_with("mysql") {
                    hold!(MySqlConnection);
                } else {
                    hold!(SqliteConnection);
                }
            };
            let runtime = tokio::runtime::Builder::new_current_thread();
            { runtime }.enable_all().build().unwrap().block_on(run);
        });
        told.recv().unwrap();
        Self {
            release: Some(release),
            holder: Some(holder),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.release.take());
        let ended = self.holder.take().map(thread::JoinHandle::join);
        assert!(thread::panicking() || ended.is_some_and(|ended| ended.is_ok()));
    }
}
