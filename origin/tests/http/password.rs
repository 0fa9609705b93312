//! Passwords over HTTP: weak ones, those of other systems, and many at once.

use crate::{
    client::Answer,
    engines::{Engine, on_every_engine},
    harness::{CONFIG, Origin, Site},
    person::Person,
};
use gapura_origin::{
    auth, clock, config,
    db::{Db, User},
};
use serde_json::{Value, json};
use std::{
    thread,
    time::{Duration, Instant},
};

on_every_engine!(
    hashes_of_other_systems_become_ours_at_the_first_good_login,
    raised_parameters_reach_old_accounts,
    a_hash_that_says_nothing_is_a_failed_login_and_a_warning,
    two_hundred_logins_at_once_neither_starve_others_nor_pass_the_queue,
    weak_passwords_have_their_reason,
    the_lengths_are_settable,
    operators_are_held_to_the_same_rules,
);

const LOGIN: &str = "/auth/v1/token?grant_type=password";
const PLAIN: &str = "correct horse battery";
/// Of [`PLAIN`], by bcrypt 5.0.0, Werkzeug 3.1.9 and Django 5.2.19 with few rounds.
const FOREIGN: [&str; 4] = [
    "$2y$04$/jaEITIYZwPltMLwD5bE6uObYckc2zigh.k3cLVjyG4A8/o0DVoz.",
    "pbkdf2:sha256:1000$GA3XSaLbiLfTohZn$945cdb3a013b1e1887de3c981ab4823d620c7fc3deead896446bf1d51ea6b362",
    "scrypt:1024:8:1$t77k0hsgBe2iADDv$41d38e52b34838f9a7bc4da60d472bbd4f08858234f6b5833e91fd6c74da0f6760b99869ee4a1087add5959ebd73804a8ff9b0e3b7cc0d4acdee3a317d6d1ba1",
    "pbkdf2_sha256$1000$TqCT5pLrJYsSbNEq$hr6iMeEQplm5KbWZnaVslLrDgVvmC0m5KFQCfY4md64=",
];

fn credentials(email: &str, password: &str) -> String {
    json!({ "email": email, "password": password }).to_string()
}

fn login(origin: &Origin, email: &str, password: &str) -> Answer {
    origin.post(LOGIN, &credentials(email, password))
}

/// The site's database, past the origin.
struct Kept {
    runtime: tokio::runtime::Runtime,
    db: Db,
}

impl Kept {
    fn open(site: &Site) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let url = |name: &str| (name == "GAPURA_DATABASE_URL").then(|| site.home.url.clone());
        let settings = config::parse("", &url).unwrap().database;
        let db = runtime.block_on(Db::open(&settings)).unwrap();
        Self { runtime, db }
    }

    fn add(&self, email: &str, hash: &str) {
        let user = auth::new_user(email.into(), hash.into(), "user", clock::now());
        let added = self.db.insert_user(&user);
        assert!(self.runtime.block_on(added).unwrap());
    }

    fn user(&self, email: &str) -> User {
        let user = self.db.user_by_email(email);
        self.runtime.block_on(user).unwrap().unwrap()
    }
}

fn weak_passwords_have_their_reason(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    for (password, reason) in [
        ("kq7 zv!", "length"),
        (&*"xq".repeat(65), "length"),
        ("password123", "pwned"),
        ("Sayangku123", "pwned"),
        ("madewijaya99", "common"),
    ] {
        let body = credentials("made.wijaya@example.com", password);
        let answer = origin.post("/auth/v1/signup", &body);
        let told = answer.json();
        assert_eq!(
            (answer.status, &told["code"], &told["weak_password"]),
            (
                422,
                &json!("weak_password"),
                &json!({ "reasons": [reason] })
            ),
            "{password}"
        );
        assert!(!told.to_string().contains(password));
        assert_eq!(told["msg"], told["detail"]);
        assert_eq!(
            login(&origin, "made.wijaya@example.com", password).status,
            400
        );
    }
}

fn the_lengths_are_settable(engine: Engine) {
    let site = Site::on(
        engine,
        &CONFIG.replace("[auth]", "[auth]\npassword_min_chars = 15"),
    );
    let origin = site.start();
    let told = origin.post("/auth/v1/signup", &credentials("a@b.co", "fourteen chars"));
    assert_eq!(told.json()["msg"], "A password has 15 to 128 characters.");
    let good = origin.post(
        "/auth/v1/signup",
        &credentials("a@b.co", "fifteen of chars"),
    );
    assert_eq!(good.status, 200);
}

fn operators_are_held_to_the_same_rules(engine: Engine) {
    use std::io::Write;
    let site = Site::on(engine, CONFIG);
    let add = |password: &str| {
        let args = ["users", "add", "--email", "a@b.co", "--password-stdin"];
        let mut command = site.command(&args);
        command.stdin(std::process::Stdio::piped());
        command.stdout(std::process::Stdio::null());
        command.stderr(std::process::Stdio::null());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(password.as_bytes())
            .unwrap();
        child.wait().unwrap().code()
    };
    assert_eq!(add("password123"), Some(64));
    assert_eq!(add("sembilan kuda hijau"), Some(0));
}

fn hashes_of_other_systems_become_ours_at_the_first_good_login(engine: Engine) {
    let (site, origin) = Origin::on(engine);
    let kept = Kept::open(&site);
    for (n, foreign) in FOREIGN.into_iter().enumerate() {
        let email = format!("user{n}@example.com");
        kept.add(&email, foreign);
        assert_eq!(login(&origin, &email, "wrong horse battery").status, 400);
        assert_eq!(
            kept.user(&email).password_hash,
            foreign,
            "after a wrong password"
        );
        assert_eq!(login(&origin, &email, PLAIN).status, 200, "{foreign}");
        let ours = kept.user(&email).password_hash;
        assert!(ours.starts_with("$argon2id$v=19$m=128,t=1,p=1$"), "{ours}");
        assert_eq!(login(&origin, &email, PLAIN).status, 200);
        assert_eq!(login(&origin, &email, "wrong horse battery").status, 400);
        assert_eq!(kept.user(&email).password_hash, ours, "once is enough");
    }
    let log = origin.log();
    for secret in FOREIGN.iter().chain(&[PLAIN]) {
        assert!(!log.contains(secret));
    }
}

fn raised_parameters_reach_old_accounts(engine: Engine) {
    let site = Site::on(engine, CONFIG);
    let body = credentials("a@b.co", PLAIN);
    assert_eq!(site.start().post("/auth/v1/signup", &body).status, 200);
    let raised = CONFIG.replace("argon2_iterations = 1", "argon2_iterations = 3");
    std::fs::write(site.dir.path().join("gapura.toml"), raised).unwrap();
    assert_eq!(login(&site.start(), "a@b.co", PLAIN).status, 200);
    let hash = Kept::open(&site).user("a@b.co").password_hash;
    assert!(hash.starts_with("$argon2id$v=19$m=128,t=3,p=1$"), "{hash}");
}

fn a_hash_that_says_nothing_is_a_failed_login_and_a_warning(engine: Engine) {
    let (site, origin) = Origin::on(engine);
    let kept = Kept::open(&site);
    let costly = format!("scrypt:1073741824:8:1$salt${}", "0".repeat(128));
    for (email, hash, why) in [
        (
            "a@b.co",
            costly.as_str(),
            "scrypt parameters ask for more work",
        ),
        ("c@d.co", "plain text", "it has no form that is known"),
    ] {
        kept.add(email, hash);
        let started = Instant::now();
        let answer = login(&origin, email, "plain text");
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (400, &json!("invalid_credentials"))
        );
        assert!(started.elapsed() < Duration::from_secs(5));
        origin.await_log(why);
        origin.await_log(&kept.user(email).id);
    }
    assert!(!origin.log().contains(&costly));
}

fn two_hundred_logins_at_once_neither_starve_others_nor_pass_the_queue(engine: Engine) {
    const LOGINS: usize = 200;
    const QUEUE: usize = 20;
    const AT_ONCE: u64 = 2;
    const HASH_KIB: u64 = 19_456;
    // Hashes of some 50 ms each.
    let site = Site::on(
        engine,
        &format!(
            "[auth]\nargon2_memory_kib = {HASH_KIB}\nargon2_iterations = 2\n\
             hash_concurrency = {AT_ONCE}\nhash_queue = {QUEUE}\n"
        ),
    );
    let origin = site.start();
    let person = Person::new(&origin, "made@example.com");
    let body = |n: usize| credentials(&format!("user{n}@example.com"), "whatever it is");
    let (statuses, slowest) = thread::scope(|scope| {
        let logins: Vec<_> = (0..LOGINS)
            .map(|n| {
                let origin = &origin;
                scope.spawn(move || {
                    let answer = origin.post(LOGIN, &body(n));
                    if answer.status == 503 {
                        assert_eq!(answer.headers["retry-after"], "1");
                        assert_eq!(answer.json()["code"], "over_request_rate_limit");
                    }
                    answer.status
                })
            })
            .collect();
        // Others, meanwhile, who ask for what is in the database.
        let slowest = (0..40)
            .map(|_| {
                let started = Instant::now();
                assert_eq!(person.user()["email"], person.email);
                started.elapsed()
            })
            .max();
        let statuses: Vec<u16> = logins
            .into_iter()
            .map(|login| login.join().unwrap())
            .collect();
        (statuses, slowest.unwrap())
    });
    let count = |status: u16| statuses.iter().filter(|told| **told == status).count();
    assert_eq!(count(400) + count(503), LOGINS, "{statuses:?}");
    assert!(count(400) > QUEUE, "{statuses:?}");
    assert!(count(503) > 0, "{statuses:?}");
    // Each would have waited behind seconds of hashes; the bound allows for slow machines.
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
    // One memory for each hash at once, however many threads have made one.
    let peak = origin.peak_memory_kib();
    assert!(peak < 120_000 + AT_ONCE * HASH_KIB, "{peak} KiB");
    // And afterwards there is room again.
    assert_eq!(origin.post(LOGIN, &body(LOGINS)).status, 400);
    let told: Value = origin.post(LOGIN, &body(LOGINS)).json();
    assert_eq!(told["code"], "invalid_credentials");
}
