use super::{
    Auth, new_user,
    refresh::RefreshToken,
    session::{Method, Refreshed},
};
use crate::{
    config::{self, Database},
    db::{Db, User},
    engines::{Engine, Home, on_every_engine},
};
use gapura_shared::{secret::Secret, time::UnixMillis};

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

on_every_engine!(async
    reuse_after_the_grace_ends_the_session,
    within_the_grace_the_successor_is_the_same,
    refuses_what_has_expired_and_what_nobody_was_given,
    reuse_in_one_session_leaves_the_others,
    a_rehash_never_undoes_a_change_of_password,
);

struct Fixture {
    _home: Home,
    auth: Auth,
    db: Db,
    user: User,
}

async fn fixture(engine: Engine) -> Fixture {
    let text = "[auth]\nargon2_memory_kib = 128\nargon2_iterations = 1\nrefresh_lifetime_s = 3600";
    let config = config::parse(text, &|_| None).unwrap();
    let home = engine.home();
    let database = Database {
        url: home.url.clone(),
        ..config.database
    };
    let db = Db::open(&database).await.unwrap();
    let user = new_user("a@b.co".into(), "$x".into(), "user", NOW);
    assert!(db.insert_user(&user).await.unwrap());
    Fixture {
        _home: home,
        auth: Auth::new(config.auth, &Secret::new(vec![1; 32])).unwrap(),
        db,
        user,
    }
}

impl Fixture {
    async fn open(&self) -> RefreshToken {
        let (db, user) = (&self.db, self.user.clone());
        let opened = self.auth.open(db, user, Method::Password, NOW).await;
        opened.unwrap().refresh_token
    }

    /// A refresh `later_ms` after the login.
    async fn refresh(&self, token: &RefreshToken, later_ms: u64) -> Refreshed {
        let now = UnixMillis(NOW.0 + later_ms);
        self.auth.refresh(&self.db, token, now).await.unwrap()
    }
}

fn exchanged(refreshed: Refreshed) -> RefreshToken {
    match refreshed {
        Refreshed::Session(session) => session.refresh_token,
        Refreshed::Reused { .. } => panic!("reused"),
        Refreshed::Expired => panic!("expired"),
        Refreshed::Unknown => panic!("unknown"),
    }
}

async fn reuse_after_the_grace_ends_the_session(engine: Engine) {
    let fixture = fixture(engine).await;
    let first = fixture.open().await;
    let second = exchanged(fixture.refresh(&first, 1_000).await);
    assert!(matches!(
        fixture.refresh(&first, 11_001).await,
        Refreshed::Reused { .. }
    ));
    // Whoever holds the newest token, thief or owner, logs in again.
    assert!(matches!(
        fixture.refresh(&second, 11_002).await,
        Refreshed::Expired
    ));
    assert!(matches!(
        fixture.refresh(&first, 11_003).await,
        Refreshed::Expired
    ));
}

async fn within_the_grace_the_successor_is_the_same(engine: Engine) {
    let fixture = fixture(engine).await;
    let first = fixture.open().await;
    let second = exchanged(fixture.refresh(&first, 1_000).await);
    assert_eq!(exchanged(fixture.refresh(&first, 11_000).await), second);
    let third = exchanged(fixture.refresh(&second, 11_000).await);
    assert_ne!(third, second);
}

async fn refuses_what_has_expired_and_what_nobody_was_given(engine: Engine) {
    let fixture = fixture(engine).await;
    let token = fixture.open().await;
    assert!(matches!(
        fixture.refresh(&token, 3_600_000).await,
        Refreshed::Expired
    ));
    let unknown = RefreshToken::new([9; 32]);
    assert!(matches!(
        fixture.refresh(&unknown, 0).await,
        Refreshed::Unknown
    ));
}

async fn reuse_in_one_session_leaves_the_others(engine: Engine) {
    let fixture = fixture(engine).await;
    let (stolen, other) = (fixture.open().await, fixture.open().await);
    exchanged(fixture.refresh(&stolen, 0).await);
    fixture.refresh(&stolen, 20_000).await;
    exchanged(fixture.refresh(&other, 20_000).await);
}

async fn a_rehash_never_undoes_a_change_of_password(engine: Engine) {
    let fixture = fixture(engine).await;
    let (db, id) = (&fixture.db, &fixture.user.id);
    assert!(db.set_password_hash(id, "$x", "$changed").await.unwrap());
    // Of a login that read the old one.
    assert!(!db.set_password_hash(id, "$x", "$x-rehashed").await.unwrap());
    let kept = db.user_by_id(id).await.unwrap().unwrap();
    assert_eq!(kept.password_hash, "$changed");
}
