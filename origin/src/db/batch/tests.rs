use super::{Arc, Job, MAX_SCRIPTS, Row, Script};
use crate::{
    db::{
        Db, DbError, Statement,
        group::{Group, MAX_AGE, Member, Place},
        pool::{Pool, Sqlites},
        query::query,
        tests::fresh,
    },
    engines::Engine,
};
use futures_util::future::join_all;
use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};
use tokio::{sync::oneshot, time::timeout};

const TABLES: &str = "CREATE TABLE n (n INTEGER PRIMARY KEY) STRICT;\
    CREATE TABLE later (n INTEGER REFERENCES n DEFERRABLE INITIALLY DEFERRED) STRICT";

fn sqlites(db: &Db) -> &Sqlites {
    match &db.pool {
        Pool::Sqlite(pools) => pools,
        _ => unreachable!("it is SQLite"),
    }
}

/// A number that is to be added, and is told.
fn add(n: i64) -> Script {
    Script::of(&[
        query("INSERT INTO n VALUES ($1)").bind(n),
        query("SELECT $1 AS n WHERE changes() = 1").bind(n),
    ])
}

fn refused(n: i64) -> Script {
    let sql = format!("INSERT INTO n VALUES ({n}) RETURNING n");
    let values = Vec::new();
    Script::holding(Statement { sql, values }, |_| false)
}

fn told(rows: &[Row]) -> Vec<i64> {
    rows.iter().map(|row| row.get("n").unwrap()).collect()
}

/// The numbers that each got, when they are run as one.
async fn run(db: &Db, scripts: Vec<Script>) -> Result<Option<Vec<Vec<i64>>>, DbError> {
    let job = |script| Job {
        script,
        told: oneshot::channel().0,
    };
    let jobs: Vec<_> = scripts.into_iter().map(job).collect();
    let all = sqlites(db).batch.0.run(&jobs).await?;
    Ok(all.map(|all| all.iter().map(|rows| told(rows)).collect()))
}

async fn there(db: &Db) -> Vec<i64> {
    let mut connection = db.connection().await.unwrap();
    let rows = query("SELECT n FROM n ORDER BY n").all(connection.on());
    told(&rows.await.unwrap())
}

#[tokio::test]
async fn all_or_none_of_what_is_run_together_is_done() {
    let (db, _home) = fresh(Engine::Sqlite).await;
    db.run_script(TABLES).await.unwrap();
    // Twice the same, and one that must not be done, among those that could be.
    for (spoilt, by) in [(add(0), 5), (refused(90), 6), (refused(91), 7)] {
        let scripts = (0..by).map(add).chain([spoilt]).collect();
        assert_eq!(run(&db, scripts).await.unwrap(), None);
        assert_eq!(there(&db).await, [0; 0]);
    }
    // Of each size there is.
    let (mut next, mut all) = (0, Vec::new());
    for size in 1..40 {
        let some: Vec<i64> = (next..next + size).collect();
        next += size;
        let done = run(&db, some.iter().copied().map(add).collect()).await;
        let expected = some.iter().map(|n| vec![*n]).collect();
        assert_eq!(done.unwrap(), Some(expected));
        all.extend(some);
        assert_eq!(there(&db).await, all);
    }
}

/// Whoever comes, and however many: each is told its own.
#[tokio::test]
async fn each_gets_its_own_rows() {
    let (db, _home) = fresh(Engine::Sqlite).await;
    db.run_script(TABLES).await.unwrap();
    let batch = &sqlites(&db).batch;
    let most = i64::try_from(MAX_SCRIPTS * 3).unwrap();
    let one = async |n: i64| {
        // One of another kind between them.
        let script = if n % 3 == 0 {
            Script::of(&[
                query("INSERT INTO n VALUES ($1) RETURNING n").bind(n),
                query("SELECT n FROM n WHERE n = $1").bind(n),
            ])
        } else {
            add(n)
        };
        let rows = batch.run(script).await.unwrap().unwrap();
        let expected = vec![n; if n % 3 == 0 { 2 } else { 1 }];
        assert_eq!(told(&rows), expected);
    };
    join_all((0..most).map(one)).await;
    assert_eq!(there(&db).await, (0..most).collect::<Vec<_>>());
}

/// Who asked may have left: what waits with it is done.
#[tokio::test]
async fn one_that_leaves_holds_nobody_up() {
    let (db, _home) = fresh(Engine::Sqlite).await;
    db.run_script(TABLES).await.unwrap();
    let batch = sqlites(&db).batch.clone();
    let held = db.write().await.unwrap();
    for n in 0..4 {
        let batch = batch.clone();
        let task = tokio::spawn(async move { batch.run(add(n)).await.map(drop) });
        tokio::task::yield_now().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }
    drop(held);
    let rows = batch.run(add(9)).await.unwrap().unwrap();
    assert_eq!(told(&rows), [9]);
    assert!(there(&db).await.contains(&9));
}

/// Each one that shared a commit is told why there was none.
#[tokio::test]
async fn a_commit_that_fails_says_why() {
    let (db, _home) = fresh(Engine::Sqlite).await;
    db.run_script(TABLES).await.unwrap();
    let dangling = "INSERT INTO later VALUES (1)";
    let scripts = vec![add(5), Script::of(&[query(dangling)])];
    let fault = run(&db, scripts).await.unwrap_err();
    assert!(fault.to_string().contains("FOREIGN KEY"), "{fault}");
    let group = &sqlites(&db).group;
    let mut first = group.join(Place::Any).await.unwrap();
    let lent = first.lent().unwrap();
    let sql = sqlx::query(dangling);
    let done = sql.execute(lent.counting().await.unwrap()).await;
    lent.done(done.map(drop)).unwrap();
    let (first, second) = tokio::join!(first.commit(), async {
        group.join(Place::Any).await.unwrap().commit().await
    });
    for fault in [first.unwrap_err(), second.unwrap_err()] {
        assert!(matches!(&fault, DbError::Shared(cause) if Arc::strong_count(cause) > 0));
        assert!(fault.to_string().contains("FOREIGN KEY"), "{fault}");
    }
    assert_eq!(there(&db).await, [0; 0]);
}

/// One of a group that has written its row.
async fn written(group: &Group) -> Member {
    let mut member = group.join(Place::Any).await.unwrap();
    let lent = member.lent().unwrap();
    let sql = sqlx::query("INSERT INTO n VALUES (1)");
    let done = sql.execute(lent.counting().await.unwrap()).await;
    lent.done(done.map(drop)).unwrap();
    member
}

/// Who is done waits for nobody who may take a while.
#[tokio::test]
async fn one_that_may_take_a_while_comes_first() {
    let (db, _home) = fresh(Engine::Sqlite).await;
    db.run_script(TABLES).await.unwrap();
    let group = &sqlites(&db).group;
    let quick = written(group).await;
    // It stands in line already when the first one ends, and holds its turn.
    let mut next = pin!(group.join(Place::First));
    poll_fn(|context| {
        assert!(next.as_mut().poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
    let (committed, slow) = tokio::join!(quick.commit(), next);
    committed.unwrap();
    assert_eq!(there(&db).await, [1]);
    slow.unwrap().commit().await.unwrap();
}

/// Nor for others to grow a group that is old by then.
#[tokio::test]
async fn an_old_group_commits_before_the_next_turn() {
    let (db, _home) = fresh(Engine::Sqlite).await;
    db.run_script(TABLES).await.unwrap();
    let group = &sqlites(&db).group;
    let quick = written(group).await;
    let mut next = pin!(group.join(Place::Any));
    let mut quick = pin!(quick.commit());
    // One stands in line, so that the first one's end may be left to it.
    poll_fn(|context| {
        assert!(next.as_mut().poll(context).is_pending());
        let _ = quick.as_mut().poll(context);
        Poll::Ready(())
    })
    .await;
    tokio::time::sleep(MAX_AGE).await;
    // It has its turn, and the first one waits for nothing that it may do.
    let next = next.await.unwrap();
    let told = timeout(Duration::from_mins(1), quick).await;
    told.expect("it waits for the next one").unwrap();
    assert_eq!(there(&db).await, [1]);
    next.commit().await.unwrap();
}

/// One that must not be done does not take its neighbours along.
#[tokio::test]
async fn those_beside_one_that_fails_are_done_together() {
    let (db, _home) = fresh(Engine::Sqlite).await;
    db.run_script(TABLES).await.unwrap();
    let batch = &sqlites(&db).batch;
    let most = i64::try_from(MAX_SCRIPTS).unwrap();
    let script = |n| if n == 40 { refused(n) } else { add(n) };
    let (jobs, told): (Vec<_>, Vec<_>) = (0..most)
        .map(|n| {
            let (told, waits) = oneshot::channel();
            let script = script(n);
            (Job { script, told }, waits)
        })
        .unzip();
    batch.0.settle(jobs).await;
    for (n, told) in (0..most).zip(told) {
        let rows = told.await.unwrap().unwrap();
        assert_eq!(rows.is_none(), n == 40, "{n}");
    }
    let expected: Vec<_> = (0..most).filter(|n| *n != 40).collect();
    assert_eq!(there(&db).await, expected);
    // Where most of them fail, they are not tried for ever.
    let (told, waits) = (0..most)
        .map(|_| oneshot::channel())
        .unzip::<_, _, Vec<_>, Vec<_>>();
    let jobs = told.into_iter().map(|told| Job {
        script: refused(100),
        told,
    });
    batch.0.settle(jobs.collect()).await;
    for told in waits {
        assert!(told.await.unwrap().unwrap().is_none());
    }
    assert_eq!(there(&db).await, expected);
}

/// A defect of ours ends what is under way, and nothing after it.
#[tokio::test]
async fn one_that_panics_gives_the_line_back() {
    let (db, _home) = fresh(Engine::Sqlite).await;
    db.run_script(TABLES).await.unwrap();
    let batch = &sqlites(&db).batch;
    let sql = "INSERT INTO n VALUES (1) RETURNING n".into();
    let values = Vec::new();
    let panics = || Script::holding(Statement { sql, values }, |_| panic!("a defect"));
    // The one that is served, and those that wait behind it.
    let others = join_all((2..5).map(|n| batch.run(add(n))));
    let (fault, others) = tokio::join!(batch.run(panics()), others);
    assert!(matches!(fault, Err(DbError::Unavailable(_))));
    assert!(
        others
            .iter()
            .all(|other| matches!(other, Err(DbError::Unavailable(_))))
    );
    assert_eq!(there(&db).await, [0; 0]);
    let rows = batch.run(add(9)).await.unwrap().unwrap();
    assert_eq!(told(&rows), [9]);
}
