use super::{Db, DbError};
use crate::{auth::new_user, config, http::ApiError};
use gapura_shared::time::UnixMillis;
use std::{os::unix::fs::PermissionsExt, time::Duration};
use tempfile::TempDir;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

fn settings(dir: &TempDir) -> config::Database {
    config::Database {
        url: format!("sqlite:{}", dir.path().join("g.db").display()),
        max_connections: 2,
        acquire: Duration::from_millis(200),
    }
}

/// An empty database that lives as long as its folder.
pub(super) async fn fresh() -> (Db, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let patient = config::Database {
        acquire: Duration::from_secs(10),
        ..settings(&dir)
    };
    (Db::open(&patient).await.unwrap(), dir)
}

#[tokio::test]
async fn a_locked_database_is_unavailable_for_as_long_as_it_lasts() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(&settings(&dir)).await.unwrap();
    let elsewhere = Db::open(&settings(&dir)).await.unwrap();
    let user = new_user("a@b.co".into(), "$x".into(), "user", NOW);

    let lock = elsewhere.write().await.unwrap();
    let refused = db.insert_user(&user).await.unwrap_err();
    assert!(matches!(refused, DbError::Unavailable(_)), "{refused}");
    assert_eq!(ApiError::from(refused), ApiError::DatabaseUnavailable);
    // Readers do not wait for writers.
    db.ping().await.unwrap();
    drop(lock);
    assert!(db.insert_user(&user).await.unwrap());
}

#[tokio::test]
async fn a_closed_database_is_unavailable() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(&settings(&dir)).await.unwrap();
    db.close().await;
    assert!(matches!(db.ping().await, Err(DbError::Unavailable(_))));
}

#[tokio::test]
async fn a_database_that_cannot_be_made_is_unavailable() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = config::Database {
        url: format!("sqlite:{}", dir.path().join("no/such/g.db").display()),
        ..settings(&dir)
    };
    assert!(matches!(
        Db::open(&nowhere).await,
        Err(DbError::Unavailable(_))
    ));
}

#[tokio::test]
async fn an_address_has_one_account() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(&settings(&dir)).await.unwrap();
    let user = new_user("a@b.co".into(), "$x".into(), "user", NOW);
    assert!(db.insert_user(&user).await.unwrap());
    let again = new_user("a@b.co".into(), "$y".into(), "admin", NOW);
    assert!(!db.insert_user(&again).await.unwrap());
    let kept = db.user_by_email("a@b.co").await.unwrap().unwrap();
    assert_eq!((kept.id, kept.role), (user.id, "user".into()));
}

#[tokio::test]
async fn nobody_else_on_the_machine_reads_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(&settings(&dir)).await.unwrap();
    let user = new_user("a@b.co".into(), "$x".into(), "user", NOW);
    db.insert_user(&user).await.unwrap();
    for name in ["g.db", "g.db-wal", "g.db-shm"] {
        let mode = std::fs::metadata(dir.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
