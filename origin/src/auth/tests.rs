use super::{
    Auth,
    lockout::LADDER,
    new_user,
    refresh::RefreshToken,
    session::{Method, Refreshed, SessionError},
};
use crate::{
    config::{self, Database},
    db::{Attempt, Changed, Db, DbError, Device, End, GoodLogin, Locks, LoginAttempt, Rung, User},
    engines::{Engine, Home, on_every_engine},
};
use gapura_shared::{seal::Keys, secret::Secret, time::UnixMillis};
use std::time::Duration;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

on_every_engine!(async
    reuse_after_the_grace_ends_the_session,
    within_the_grace_the_successor_is_the_same,
    refuses_what_has_expired_and_what_nobody_was_given,
    a_theft_shows_though_the_row_of_its_token_was_swept,
    reuse_in_one_session_leaves_the_others,
    a_session_ends_by_its_age_however_it_is_used,
    no_token_outlives_its_session,
    an_idle_session_is_listed_no_more,
    sessions_are_swept_when_nobody_asks_for_them_any_more,
    a_ban_ends_what_it_did_not_know_of,
    a_rehash_never_undoes_a_change_of_password,
    a_login_that_waited_sees_what_changed_meanwhile,
);

pub(super) fn seal_keys() -> Keys {
    Keys::parse(&format!("k1:{}", "A".repeat(43))).unwrap()
}

struct Fixture {
    _home: Home,
    auth: Auth,
    db: Db,
    user: User,
}

async fn fixture(engine: Engine) -> Fixture {
    let text = "[auth]\nargon2_memory_kib = 128\nargon2_iterations = 1\nrefresh_lifetime_s = 3600\nsession_lifetime_s = 7200";
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
        auth: Auth::new(config.auth, &Secret::new(vec![1; 32]), &seal_keys()).unwrap(),
        db,
        user,
    }
}

impl Fixture {
    async fn open(&self) -> RefreshToken {
        let (db, user, device) = (&self.db, self.user.clone(), Device::default());
        let opened = self
            .auth
            .open(db, user, Method::Password, None, &device, NOW);
        opened.await.unwrap().session.refresh_token
    }

    /// A refresh `later_ms` after the login.
    async fn refresh(&self, token: &RefreshToken, later_ms: u64) -> Refreshed {
        let now = UnixMillis(NOW.0 + later_ms);
        let device = Device::default();
        let refreshed = self.auth.refresh(&self.db, token, &device, now);
        refreshed.await.unwrap()
    }
}

fn exchanged(refreshed: Refreshed) -> RefreshToken {
    match refreshed {
        Refreshed::Session(session) => session.refresh_token,
        Refreshed::Reused { .. } => panic!("reused"),
        Refreshed::Expired => panic!("expired"),
        Refreshed::Banned => panic!("banned"),
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
    let unknown = fixture
        .auth
        .refresh_keys
        .token(&crate::random::uuid(), [9; 32]);
    assert!(matches!(
        fixture.refresh(&unknown, 0).await,
        Refreshed::Unknown
    ));
}

async fn a_theft_shows_though_the_row_of_its_token_was_swept(engine: Engine) {
    const HOUR_MS: u64 = 3_600_000;
    let fixture = fixture(engine).await;
    let first = fixture.open().await;
    let second = exchanged(fixture.refresh(&first, 0).await);
    let later = HOUR_MS - 1_000;
    let third = exchanged(fixture.refresh(&second, later).await);
    let now = UnixMillis(NOW.0 + HOUR_MS + 1);
    fixture.auth.sweep(&fixture.db, now).await.unwrap();
    let hash = first.hash();
    let row = fixture.db.session_of_token(&hash, u64::MAX, NOW);
    assert_eq!(row.await.unwrap(), None, "swept");
    assert!(matches!(
        fixture.refresh(&first, HOUR_MS + 2).await,
        Refreshed::Reused { .. }
    ));
    for token in [&third, &first] {
        assert!(matches!(
            fixture.refresh(token, HOUR_MS + 3).await,
            Refreshed::Expired
        ));
    }
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

async fn a_session_ends_by_its_age_however_it_is_used(engine: Engine) {
    let fixture = fixture(engine).await;
    let mut token = fixture.open().await;
    for later_s in [3_000, 6_000, 7_199] {
        token = exchanged(fixture.refresh(&token, later_s * 1000).await);
    }
    let ended = fixture.refresh(&token, 7_200_000).await;
    assert!(matches!(ended, Refreshed::Expired));
}

async fn no_token_outlives_its_session(engine: Engine) {
    let fixture = fixture(engine).await;
    let first = fixture.open().await;
    let second = exchanged(fixture.refresh(&first, 3_500_000).await);
    let Refreshed::Session(session) = fixture.refresh(&second, 7_000_000).await else {
        panic!("refused");
    };
    assert_eq!(session.lifetime, Duration::from_secs(200));
}

async fn an_idle_session_is_listed_no_more(engine: Engine) {
    let fixture = fixture(engine).await;
    let token = fixture.open().await;
    let listed = async |later_ms: u64| {
        let now = UnixMillis(NOW.0 + later_ms);
        let idle_since = fixture.auth.idle_since(now);
        let sessions = fixture.db.sessions(&fixture.user.id, idle_since, now).await;
        sessions.unwrap().len()
    };
    assert_eq!((listed(3_599_000).await, listed(3_600_000).await), (1, 0));
    exchanged(fixture.refresh(&token, 3_000_000).await);
    assert_eq!((listed(6_599_000).await, listed(6_600_000).await), (1, 0));
}

async fn sessions_are_swept_when_nobody_asks_for_them_any_more(engine: Engine) {
    const DAY_MS: u64 = 86_400_000;
    let fixture = fixture(engine).await;
    let (first, other) = (fixture.open().await, fixture.open().await);
    let second = exchanged(fixture.refresh(&first, 0).await);
    let sweep = async |later_ms: u64| {
        let now = UnixMillis(NOW.0 + later_ms);
        fixture.auth.sweep(&fixture.db, now).await.unwrap();
    };
    // What could still be used, or show a theft, stays.
    sweep(3_599_000).await;
    assert!(matches!(
        fixture.refresh(&first, 3_599_000).await,
        Refreshed::Reused { .. }
    ));
    exchanged(fixture.refresh(&other, 3_599_000).await);
    sweep(29 * DAY_MS).await;
    let ended = fixture.refresh(&second, 29 * DAY_MS).await;
    assert!(matches!(ended, Refreshed::Expired), "the record of it");
    sweep(31 * DAY_MS).await;
    let gone = fixture.refresh(&second, 31 * DAY_MS).await;
    assert!(matches!(gone, Refreshed::Unknown));
}

async fn a_ban_ends_what_it_did_not_know_of(engine: Engine) {
    let fixture = fixture(engine).await;
    let token = fixture.open().await;
    let until = UnixMillis(NOW.0 + 10_000);
    let ban = |user: &mut User| -> Result<(), DbError> {
        user.banned_until = Some(until);
        Ok(())
    };
    let changed = fixture.db.change_user(&fixture.user.id, None, NOW, ban);
    assert!(matches!(changed.await, Ok(Changed::Done { ended, .. }) if ended.is_empty()));
    let refused = fixture.refresh(&token, 9_999).await;
    assert!(matches!(refused, Refreshed::Banned));
    // It was not exchanged, so it is good again afterwards.
    exchanged(fixture.refresh(&token, 10_000).await);
}

/// One from `n`.
fn login_attempt() -> LoginAttempt<'static> {
    LoginAttempt {
        account: "a",
        source: "n",
        ladder: &LADDER,
        ceiling: Rung {
            failures: 100,
            lock_ms: 1,
        },
        forget_ms: 1_000,
        known_ms: 1_000,
        counts_refusal: true,
    }
}

/// As a login does that read the account, and then waited for its hash.
async fn a_login_that_waited_sees_what_changed_meanwhile(engine: Engine) {
    let fixture = fixture(engine).await;
    let (db, device) = (&fixture.db, Device::default());
    let later = UnixMillis(NOW.0 + 1);
    // As good as two that failed and one that is right, which is what all of these are.
    for _ in 0..3 {
        let attempt = login_attempt();
        assert!(matches!(
            db.count_login(&attempt, NOW).await,
            Ok(Attempt::Counted(_))
        ));
    }
    let right = GoodLogin {
        account: "a",
        source: "n",
        began: Locks::default(),
    };
    let change = async |change: fn(&mut User)| {
        let change = |user: &mut User| {
            change(user);
            Ok::<(), DbError>(())
        };
        let id = &fixture.user.id;
        let before = db.user_by_id(id).await.unwrap().unwrap();
        let changed = db.change_user(id, Some(End::All), later, change).await;
        assert!(matches!(changed, Ok(Changed::Done { .. })));
        let opened = fixture
            .auth
            .open(db, before, Method::Password, Some(right), &device, later);
        opened.await.map(|opened| opened.session.user.role)
    };
    let metadata = |user: &mut User| user.user_metadata.clear();
    assert_eq!(change(metadata).await.unwrap(), "user");
    let failures = db.login_failures("a", "").await.unwrap();
    assert_eq!(failures, (2, 0), "one less, though it was tried twice");
    let demoted = |user: &mut User| "guest".clone_into(&mut user.role);
    assert_eq!(change(demoted).await.unwrap(), "guest");
    let reset = |user: &mut User| "$y".clone_into(&mut user.password_hash);
    assert!(matches!(change(reset).await, Err(SessionError::Changed)));
    let banned = |user: &mut User| user.banned_until = Some(UnixMillis(NOW.0 * 2));
    assert!(matches!(change(banned).await, Err(SessionError::Changed)));
    let live = db.sessions(&fixture.user.id, UnixMillis(0), later).await;
    assert_eq!(live.unwrap(), [], "the last two opened none");
    let gone = db.user_by_id(&fixture.user.id).await.unwrap().unwrap();
    assert!(db.delete_user(&gone.id, NOW).await.unwrap());
    let opened = fixture
        .auth
        .open(db, gone, Method::Password, None, &device, later);
    assert!(matches!(opened.await, Err(SessionError::Changed)));
}
