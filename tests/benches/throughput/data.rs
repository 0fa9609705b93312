//! `./scripts/bench origin data`: rows of SQLite through the sealed interface, beside bare hyper and
//! sqlx; what policies and encryption cost; pages of a million rows. Then rows of the other engines.

use crate::{
    connection::Connection,
    engines::Engine,
    load::{self, Row},
    origin::{Floor, Sealer},
    process, table,
};
use gapura_shared::{claims::Assurance, identity::Principal};
use gapura_tests::Origin;
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

/// Whose notes they are.
const OWNER: &str = "00000000-0000-4000-8000-00000000000a";
/// Notes that are read, one after the other.
const NOTES: u64 = 1000;
/// Writers at once.
const WRITERS: usize = 64;
const MILLION: u64 = 1_000_000;
/// Rows of the streamed answer.
const LINES: u64 = 100_000;
const SETTINGS: [(&str, &str); 3] = [
    crate::NONCES,
    ("\ndurable = false", "\ndurable = true"),
    ("\nmax_rows = 1000", "\nmax_rows = 200000"),
];

pub(crate) fn run() {
    let bench = Bench::new("");
    bench.reads();
    bench.inserts("SQLite");
    println!("Goal 10,000/s at {WRITERS} in flight.\n");
    bench.million();
    drop(bench);
    for (name, engine) in [("PostgreSQL", Engine::Postgres), ("MariaDB", Engine::MySql)] {
        let bench = Bench::new(&engine.home().url);
        let rows = bench.sealed();
        let figures = load::measure(&rows);
        let title = format!("Rows by key, {name}");
        table::print(&title, &rows, &figures, None);
        bench.inserts(name);
    }
}

struct Bench {
    origin: Origin,
    owner: Sealer,
    admin: Sealer,
    process: u32,
    ids: Vec<String>,
    numbers: AtomicU64,
}

fn somebody(role: &str) -> Principal {
    Principal {
        subject: Some(OWNER.to_owned()),
        role: role.to_owned(),
        tenant: None,
        session: None,
        token_id: None,
        assurance: Assurance::Aal1,
    }
}

impl Bench {
    fn new(database_url: &str) -> Self {
        let origin = Origin::configured(database_url, &SETTINGS);
        let mut bench = Self {
            owner: Sealer::of(&origin, Some(somebody("user"))),
            admin: Sealer::of(&origin, Some(somebody("admin"))),
            process: process::child("gapura-origin"),
            origin,
            ids: Vec::new(),
            numbers: AtomicU64::new(0),
        };
        let rows: Vec<Value> = (0..NOTES)
            .map(|n| json!({ "title": format!("Note {n}"), "body": "Select a date.", "phone": "+62 812" }))
            .collect();
        let body = json!(rows).to_string();
        let mut connection = Connection::open(bench.origin.address);
        let target = "/rest/v1/notes?select=id";
        let request = bench.owner.post(target, &body, bench.number());
        assert_eq!(connection.exchange(&request).0, 201);
        let request = bench.owner.get(target, bench.number());
        let (status, answer) = connection.exchange(&request);
        assert_eq!(status, 200);
        let text = String::from_utf8_lossy(answer);
        let (_, rows) = text.split_once("\r\n\r\n").expect("a body");
        let rows: Value = serde_json::from_str(rows).expect("JSON");
        let rows = rows.as_array().expect("rows").iter();
        bench.ids = rows
            .map(|row| row["id"].as_str().expect("an id").to_owned())
            .collect();
        bench
    }

    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) | 1 << 62
    }

    fn id(&self, number: u64) -> &str {
        let at = usize::try_from(number).unwrap_or_default() % self.ids.len();
        &self.ids[at]
    }

    fn row<'a>(&'a self, name: &'static str, of: &'a Sealer, select: &'static str) -> Row<'a> {
        Row {
            name,
            server: self.origin.address,
            process: self.process,
            status: 200,
            request: Box::new(move |n| {
                let target = format!("/rest/v1/notes?id=eq.{}&select={select}", self.id(n));
                of.get(&target, n)
            }),
        }
    }

    /// Rows by their keys through the sealed interface.
    fn sealed(&self) -> [Row<'_>; 3] {
        const PLAIN: &str = "id,user_id,title,body,created_at";
        [
            self.row("sealed, no condition", &self.admin, PLAIN),
            self.row("sealed, row policy", &self.owner, PLAIN),
            self.row(
                "sealed, row policy, an encrypted field",
                &self.owner,
                "id,user_id,title,phone,created_at",
            ),
        ]
    }

    fn reads(&self) {
        let file = self.origin.database_file();
        let floor = Floor::start("floor_rows", &[file.as_os_str()]);
        let bare = Row {
            name: "hyper and sqlx: a row by its key",
            server: floor.address,
            process: floor.child.id(),
            status: 200,
            request: Box::new(|n| self.owner.get(&format!("/{}", self.id(n)), n)),
        };
        let rows: Vec<Row<'_>> = [bare].into_iter().chain(self.sealed()).collect();
        let figures = load::measure(&rows);
        table::print("Rows by key, SQLite", &rows, &figures, Some("CPU × floor"));
        let rate = |at: usize| figures[at].per_second;
        println!(
            "Row policy: {:.0} % of the floor's rate (goal 60 %). It costs {:.1} % (goal 15 %), the \
             encrypted field {:.1} % more (goal 25 %).\n",
            rate(2) / rate(0) * 100.0,
            (1.0 - rate(2) / rate(1)) * 100.0,
            (1.0 - rate(3) / rate(2)) * 100.0,
        );
    }

    fn inserts(&self, engine: &str) {
        let body = r#"{"title":"A note","body":"Select a date."}"#;
        let rows = [Row {
            name: "sealed insert, durable",
            server: self.origin.address,
            process: self.process,
            status: 201,
            request: Box::new(|n| self.owner.post("/rest/v1/notes", body, n | 1 << 60)),
        }];
        let figures = load::measure_by(&rows, WRITERS);
        let title = format!("Inserts, {engine}");
        table::print_by(&title, &rows, &figures, WRITERS, None);
    }

    fn million(&self) {
        self.fill();
        let row = Row {
            name: "a filtered page of 50 of 1,000,000 rows",
            server: self.origin.address,
            process: self.process,
            status: 200,
            request: Box::new(|n| {
                let user = (n * 7919) % 1000;
                let target = format!(
                    "/rest/v1/notes?user_id=eq.00000000-0000-4000-8000-{user:012}&order=created_at.desc&limit=50"
                );
                self.admin.get(&target, n | 1 << 61)
            }),
        };
        let rows = [row];
        let figures = load::measure(&rows);
        table::print("Pages of a million rows, SQLite", &rows, &figures, None);
        println!("Goal p99 under 5 ms.\n");
        let before = process::rss_mb(self.process);
        let target = format!("/rest/v1/notes?select=id,title,created_at&limit={LINES}");
        let number = self.number();
        let request = self.admin.get_as(&target, "text/csv", number);
        let began = Instant::now();
        let mut connection = Connection::open(self.origin.address);
        let (status, answer) = connection.exchange(&request);
        let lines = String::from_utf8_lossy(answer).lines().count();
        let megabytes = answer.len() / 1_000_000;
        assert_eq!(status, 200);
        println!(
            "{lines} lines of CSV and its head ({megabytes} MB) in {:.2} s; RSS {before:.0} MB before, {:.0} MB after.\n",
            began.elapsed().as_secs_f64(),
            process::rss_mb(self.process),
        );
    }

    /// Straight into the file: a thousand people with a thousand notes each.
    fn fill(&self) {
        let url = format!("sqlite:{}", self.origin.database_file().display());
        let sql = format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MILLION}) \
             INSERT INTO notes (id, user_id, title, body, created_at) \
             SELECT printf('00000000-0000-4000-9000-%012d', i), printf('00000000-0000-4000-8000-%012d', i % 1000), \
             'Note ' || i, 'Select a date.', datetime(1700000000 + i, 'unixepoch') FROM n"
        );
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let mut connection = SqliteConnection::connect(&url)
                .await
                .expect("the file opens");
            let sql = sqlx::raw_sql(sqlx::AssertSqlSafe(sql));
            connection.execute(sql).await.expect("rows");
        });
    }
}
