use super::{KeyError, KeyState, LEAD, list, retire, rotate};
use crate::{
    auth::{
        Auth,
        tests::seal_keys,
        token::{Algorithm, TokenKey},
    },
    config,
    db::{Db, tests::fresh},
    engines::{Engine, on_every_engine},
};
use gapura_shared::{push, secret::Secret, time::UnixMillis};
use serde_json::Value;
use std::time::Duration;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

on_every_engine!(async
    a_new_key_is_published_before_it_signs,
    a_key_is_retired_when_its_tokens_have_expired,
    keys_are_of_the_configured_algorithm,
    nobody_else_opens_the_keys,
    keys_are_bounded,
    a_key_that_never_signed_can_be_taken_back,
);

fn settings(algorithm: Algorithm) -> config::Auth {
    let mut settings = config::parse("", &|_| None).unwrap().auth;
    settings.token_algorithm = algorithm;
    settings
}

fn token_key(byte: u8) -> Secret {
    Secret::new(vec![byte; 32])
}

async fn origin(db: &Db, settings: &config::Auth) -> Auth {
    let mut auth = Auth::new(settings.clone(), &token_key(1), &seal_keys()).unwrap();
    auth.use_keys(db, None, NOW).await.unwrap();
    auth
}

fn signing(auth: &Auth, now: UnixMillis) -> String {
    auth.keys().signing(now).unwrap().kid().to_owned()
}

fn published(auth: &Auth) -> Vec<String> {
    let keys = auth.keys();
    let set: Value = serde_json::from_slice(keys.jwks().0).unwrap();
    let kid = |key: &Value| key["kid"].as_str().unwrap().to_owned();
    set["keys"].as_array().unwrap().iter().map(kid).collect()
}

fn after(duration: Duration) -> UnixMillis {
    UnixMillis(NOW.0 + u64::try_from(duration.as_millis()).unwrap())
}

async fn a_new_key_is_published_before_it_signs(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    let settings = settings(Algorithm::EdDsa);
    let (one, two) = (origin(&db, &settings).await, origin(&db, &settings).await);
    // Every origin begins with the key of the token key itself.
    let first = TokenKey::from_seed(&token_key(1)).kid().to_owned();
    assert_eq!(published(&one), [first.as_str()]);
    assert_eq!(published(&two), published(&one));
    let etag = one.keys().jwks().1.clone();

    let next = rotate(&db, &settings, &token_key(1), LEAD, NOW)
        .await
        .unwrap();
    assert_eq!((next.state, next.signs_from), (KeyState::Next, after(LEAD)));
    for auth in [&one, &two] {
        auth.reload_keys(&db).await.unwrap();
        assert_eq!(published(auth), [first.as_str(), &next.kid]);
        assert_eq!(signing(auth, UnixMillis(after(LEAD).0 - 1)), first);
        assert_eq!(signing(auth, after(LEAD)), next.kid);
    }
    assert_ne!(one.keys().jwks().1, &etag);
    let listed = list(&db, &settings, after(LEAD)).await.unwrap();
    let states: Vec<_> = listed.iter().map(|key| key.state).collect();
    assert_eq!(states, [KeyState::Previous, KeyState::Signing]);
}

async fn a_key_is_retired_when_its_tokens_have_expired(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    let settings = settings(Algorithm::EdDsa);
    let auth = origin(&db, &settings).await;
    let first = signing(&auth, NOW);
    let try_retire = async |kid: &str, force, now| retire(&db, &settings, kid, force, now).await;
    let only = try_retire(&first, true, NOW).await;
    assert!(matches!(only, Err(KeyError::Signing(_))), "{only:?}");
    let lead = Duration::from_secs(1);
    let next = rotate(&db, &settings, &token_key(1), lead, NOW).await;
    let next = next.unwrap().kid;
    let early = after(lead + settings.access_lifetime);
    let refused = try_retire(&first, false, early).await;
    assert!(
        matches!(refused, Err(KeyError::InUse { seconds: 120, .. })),
        "{refused:?}"
    );
    let unknown = try_retire("other", true, early).await;
    assert!(matches!(unknown, Err(KeyError::Unknown(_))), "{unknown:?}");

    let late = UnixMillis(early.0 + 120_000);
    let told = try_retire(&first, false, late).await.unwrap();
    assert_eq!(
        (told.kind, told.id.as_str()),
        (push::Kind::Key, first.as_str())
    );
    assert!(told.not_before.unwrap() > late.seconds());
    auth.reload_keys(&db).await.unwrap();
    assert_eq!(published(&auth), [next.as_str()]);
    let kept = db.token_keys().await.unwrap();
    assert_eq!(
        (kept[0].secret.as_str(), kept[0].retired_at),
        ("", Some(late))
    );
    let again = try_retire(&first, true, late).await;
    assert!(matches!(again, Err(KeyError::Unknown(_))), "{again:?}");
    // And an origin that starts now does not bring the first one back.
    assert_eq!(published(&origin(&db, &settings).await), [next.as_str()]);
}

async fn keys_are_of_the_configured_algorithm(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    let es256 = settings(Algorithm::Es256);
    origin(&db, &es256).await;
    let eddsa = settings(Algorithm::EdDsa);
    rotate(&db, &eddsa, &token_key(1), LEAD, NOW).await.unwrap();
    let listed = list(&db, &eddsa, NOW).await.unwrap();
    let names: Vec<_> = listed.iter().map(|key| key.algorithm.as_str()).collect();
    assert_eq!(names, ["ES256", "EdDSA"]);

    let hs256 = settings(Algorithm::Hs256);
    let mut auth = Auth::new(hs256, &token_key(1), &seal_keys()).unwrap();
    let without = auth.use_keys(&db, None, NOW).await;
    assert!(
        matches!(without, Err(KeyError::NoSharedSecret)),
        "{without:?}"
    );
    auth.use_keys(&db, Some(&token_key(9)), NOW).await.unwrap();
    assert_eq!(signing(&auth, NOW), "hs256");
    assert_eq!(published(&auth).len(), 2, "ready for the day after");
}

async fn nobody_else_opens_the_keys(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    let settings = settings(Algorithm::EdDsa);
    origin(&db, &settings).await;
    let mut stranger = Auth::new(settings, &token_key(2), &seal_keys()).unwrap();
    let refused = stranger.use_keys(&db, None, NOW).await;
    assert!(matches!(refused, Err(KeyError::Sealed)), "{refused:?}");
}

async fn keys_are_bounded(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    let settings = settings(Algorithm::EdDsa);
    origin(&db, &settings).await;
    for _ in 1..super::MOST {
        rotate(&db, &settings, &token_key(1), LEAD, NOW)
            .await
            .unwrap();
    }
    let full = rotate(&db, &settings, &token_key(1), LEAD, NOW).await;
    assert!(matches!(full, Err(KeyError::TooMany)), "{full:?}");
}

async fn a_key_that_never_signed_can_be_taken_back(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    let settings = settings(Algorithm::EdDsa);
    origin(&db, &settings).await;
    let (key, lead) = (token_key(1), Duration::from_mins(1));
    let wrong = rotate(&db, &settings, &key, lead, NOW).await.unwrap();
    retire(&db, &settings, &wrong.kid, false, NOW)
        .await
        .unwrap();
    rotate(&db, &settings, &key, LEAD, NOW).await.unwrap();
    // The first one went on signing until the last one began.
    let listed = list(&db, &settings, after(LEAD)).await.unwrap();
    let until = after(LEAD + settings.access_lifetime + Duration::from_mins(2));
    assert_eq!(listed[0].unused_from, Some(until));
}
