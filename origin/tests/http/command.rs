//! The commands of an operator, by running the program.

use crate::{
    client::Answer,
    engines::{Engine, on_every_engine},
    harness::{BINARY, CONFIG, Origin, Site},
    person::Person,
};
use serde_json::{Value, json};
use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    process::{Command, Output, Stdio},
};

on_every_engine!(
    a_reset_ends_sessions_and_locks_and_tells_the_password_once,
    another_role_ends_sessions,
    a_disabled_account_is_out_until_it_is_enabled,
    one_session_ends_and_the_others_go_on,
    accounts_are_listed_in_pages,
    an_import_takes_what_is_good_and_names_the_line_of_what_is_not,
    a_dry_run_says_the_same_and_changes_nothing,
    an_export_with_hashes_is_an_import,
    doctor_says_what_is_wrong_and_how_bad,
    init_makes_an_installation_with_an_administrator,
);

const EMAIL: &str = "made@example.com";
const PASSWORD: &str = "correct horse";
/// Of "correct horse", by PHP's `password_hash` with cost 4, and by Django 5 with 1000 rounds.
const BCRYPT: &str = "$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";
const DJANGO: &str = "pbkdf2_sha256$1000$salt$boRToEKoQr22LeDTyHDsEkHpDsDOTyWJq16HknEiweU=";

struct Told {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Told {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Of a command that succeeded.
    fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.err);
        serde_json::from_str(&self.out).unwrap()
    }
}

fn run(site: &Site, args: &[&str]) -> Told {
    Told::of(site.command(args).output().unwrap())
}

fn run_with(site: &Site, args: &[&str], input: &str) -> Told {
    let mut child = site
        .command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    Told::of(child.wait_with_output().unwrap())
}

fn post(origin: &Origin, target: &str, body: &Value) -> Answer {
    origin.post(target, &body.to_string())
}

fn login(origin: &Origin, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password });
    post(origin, "/auth/v1/token?grant_type=password", &body)
}

fn refresh(origin: &Origin, session: &Value) -> u16 {
    let body = json!({ "refresh_token": session["refresh_token"] });
    post(origin, "/auth/v1/token?grant_type=refresh_token", &body).status
}

fn add(site: &Site, email: &str) -> Value {
    let args = [
        "users",
        "add",
        "--json",
        "--password-stdin",
        "--email",
        email,
    ];
    run_with(site, &args, &format!("{PASSWORD}\n")).json()
}

fn a_reset_ends_sessions_and_locks_and_tells_the_password_once(engine: Engine) {
    let site = Site::on(engine, CONFIG);
    let origin = site.start();
    let id = add(&site, EMAIL)["id"].clone();
    let session = login(&origin, EMAIL, PASSWORD).json();
    for _ in 0..5 {
        assert_eq!(login(&origin, EMAIL, "wrong horse").status, 400);
    }
    let told = run(&site, &["users", "reset", "--json", "--email", EMAIL]).json();
    assert_eq!((&told["id"], &told["sessions_ended"]), (&id, &json!(1)));
    assert_eq!(told["edge_told"], false);
    let password = told["password"].as_str().unwrap();
    assert_eq!(login(&origin, EMAIL, PASSWORD).status, 400);
    assert_eq!(login(&origin, EMAIL, password).status, 200);
    assert_eq!(refresh(&origin, &session), 400);
    // A password of one's own is judged, and not told.
    let args = [
        "users",
        "reset",
        "--json",
        "--password-stdin",
        "--email",
        EMAIL,
    ];
    let weak = run_with(&site, &args, "12345678\n");
    assert_eq!((weak.code, weak.out.as_str()), (Some(64), ""));
    let told = run_with(&site, &args, "another horse\n").json();
    assert_eq!(told["password"], Value::Null);
    assert_eq!(login(&origin, EMAIL, "another horse").status, 200);
    // Or a link, by which its owner chooses one; of two the second.
    let args = ["users", "reset", "--json", "--link", "--email", EMAIL];
    let [first, link] = [(); 2].map(|()| {
        let told = run(&site, &args).json();
        assert_eq!(told["password"], Value::Null);
        told["link"].as_str().unwrap().to_owned()
    });
    assert_eq!(login(&origin, EMAIL, "another horse").status, 400);
    let follow = |link: &str| {
        let target = link.strip_prefix("http://127.0.0.1:8787").unwrap();
        origin.get(target).headers["location"].clone()
    };
    assert!(follow(&first).contains("otp_expired"));
    let followed = follow(&link);
    assert!(followed.contains("access_token=") && followed.ends_with("type=recovery"));
    assert!(follow(&link).contains("otp_expired"), "once");
    let none = run(&site, &["users", "reset", "--email", "nobody@example.com"]);
    assert_eq!(none.code, Some(64));
}

fn another_role_ends_sessions(engine: Engine) {
    let site = Site::on(engine, CONFIG);
    let origin = site.start();
    add(&site, EMAIL);
    let session = login(&origin, EMAIL, PASSWORD).json();
    let role = |role| {
        run(
            &site,
            &["users", "role", "--json", "--email", EMAIL, "--role", role],
        )
    };
    let unknown = role("premium");
    assert_eq!(unknown.code, Some(64), "{}", unknown.out);
    assert_eq!(refresh(&origin, &session), 200, "nothing has changed");
    let session = login(&origin, EMAIL, PASSWORD).json();
    let args = ["users", "role", "--json", "--email", EMAIL, "--role"];
    let told = run(&site, &[&args[..], &["premium", "--make-missing"]].concat()).json();
    assert_eq!(
        (&told["role_before"], &told["role"]),
        (&json!("user"), &json!("premium"))
    );
    assert_eq!(refresh(&origin, &session), 400);
    let session = login(&origin, EMAIL, PASSWORD).json();
    assert_eq!(session["user"]["role"], "premium");
    assert_eq!(role("two words").code, Some(64));
    assert_eq!(role("premium").code, Some(0), "it is there now");
    let session = login(&origin, EMAIL, PASSWORD).json();
    let stranger = run(
        &site,
        &["users", "add", "--email", "b@x.id", "--role", "nosuch"],
    );
    assert_eq!(stranger.code, Some(64));
    let users = run(&site, &["users", "list", "--json"]).json();
    assert_eq!(users["users"].as_array().unwrap().len(), 1);
    assert_eq!(refresh(&origin, &session), 200);
}

fn a_disabled_account_is_out_until_it_is_enabled(engine: Engine) {
    let site = Site::on(engine, CONFIG);
    let origin = site.start();
    add(&site, EMAIL);
    let session = login(&origin, EMAIL, PASSWORD).json();
    let disable = |flags: &[&str]| {
        run(
            &site,
            &[&["users", "disable", "--json", "--email", EMAIL], flags].concat(),
        )
    };
    assert_eq!(disable(&["--until", "2001-01-01T00:00:00Z"]).code, Some(64));
    assert_eq!(refresh(&origin, &session), 200);
    let told = disable(&[]).json();
    assert_eq!(
        (&told["sessions_ended"], &told["edge_told"]),
        (&json!(1), &json!(false))
    );
    assert_eq!(refresh(&origin, &session), 400);
    let refused = login(&origin, EMAIL, PASSWORD);
    assert_eq!(refused.json()["code"], "user_banned");
    run(&site, &["users", "enable", "--json", "--email", EMAIL]).json();
    assert_eq!(login(&origin, EMAIL, PASSWORD).status, 200);
}

fn one_session_ends_and_the_others_go_on(engine: Engine) {
    let site = Site::on(engine, CONFIG);
    let origin = site.start();
    add(&site, EMAIL);
    let first = login(&origin, EMAIL, PASSWORD).json();
    let open = || run(&site, &["users", "sessions", "--json", "--email", EMAIL]).json();
    let id = open()["sessions"][0]["id"].as_str().unwrap().to_owned();
    let second = login(&origin, EMAIL, PASSWORD).json();
    assert_eq!(open()["sessions"].as_array().unwrap().len(), 2);
    let end = || {
        run(
            &site,
            &[
                "users", "sessions", "--json", "--email", EMAIL, "--end", &id,
            ],
        )
    };
    assert_eq!(end().json()["ended"], id.as_str());
    assert_eq!(end().code, Some(64), "it has ended");
    assert_eq!(
        (refresh(&origin, &first), refresh(&origin, &second)),
        (400, 200)
    );
}

fn accounts_are_listed_in_pages(engine: Engine) {
    let site = Site::on(engine, CONFIG);
    for name in ["b", "a", "c"] {
        add(&site, &format!("{name}@example.com"));
    }
    let list = |args: &[&str]| {
        let told = run(&site, &[&["users", "list", "--json"], args].concat()).json();
        let users = told["users"].as_array().unwrap().clone();
        let emails: Vec<String> = users
            .iter()
            .map(|u| u["email"].as_str().unwrap().into())
            .collect();
        (emails, told["next"].clone())
    };
    let (emails, next) = list(&["--limit", "2"]);
    assert_eq!(emails, ["a@example.com", "b@example.com"]);
    let rest = list(&["--limit", "2", "--after", next.as_str().unwrap()]);
    assert_eq!(rest, (vec!["c@example.com".into()], Value::Null));
    assert_eq!(
        run(&site, &["users", "list", "--limit", "0"]).code,
        Some(64)
    );
}

/// Two good ones, one that is there, and one of every kind of bad.
fn sheet() -> String {
    format!(
        "email,password_hash,role,user_metadata\n\
         laravel@example.com,{BCRYPT},user,\"{{\"\"name\"\":\"\"Ni Luh\"\"}}\"\n\
         nobody,{BCRYPT},user,\n\
         plain@example.com,hunter2,user,\n\
         django@example.com,{DJANGO},editor,\n\
         {EMAIL},{BCRYPT},user,\n\
         laravel@example.com,{BCRYPT},user,\n\
         short@example.com\n"
    )
}

const REFUSED: [&str; 5] = ["line 3:", "line 4:", "line 6:", "line 7:", "line 8:"];

fn import(site: &Site, name: &str, text: &str, flags: &[&str]) -> Told {
    let file = site.dir.path().join(name);
    fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    run(
        site,
        &[&["users", "import", "--json", file], flags].concat(),
    )
}

fn an_import_takes_what_is_good_and_names_the_line_of_what_is_not(engine: Engine) {
    let site = Site::on(engine, CONFIG);
    add(&site, EMAIL);
    let told = import(&site, "users.csv", &sheet(), &["--dry-run"]);
    assert!(
        told.err.contains("line 5: there is no such role"),
        "{}",
        told.err
    );
    let told = import(&site, "users.csv", &sheet(), &["--make-missing"]);
    assert_eq!(told.code, Some(65), "{}", told.err);
    let tally: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!((&tally["added"], &tally["refused"]), (&json!(2), &json!(5)));
    for line in REFUSED {
        assert!(told.err.contains(line), "{line} {}", told.err);
    }
    assert!(!told.err.contains("hunter2"), "no text of the file is told");
    let origin = site.start();
    for email in ["laravel@example.com", "django@example.com"] {
        let session = login(&origin, email, PASSWORD);
        assert_eq!(session.status, 200, "{email}");
    }
    let session = login(&origin, "laravel@example.com", PASSWORD).json();
    assert_eq!(session["user"]["user_metadata"]["name"], "Ni Luh");
    assert_eq!(login(&origin, "plain@example.com", "hunter2").status, 400);
    origin.await_log("rehashed a password");
    // Again, by the same file: all are there.
    let told = import(&site, "users.csv", &sheet(), &["--if-missing"]);
    let tally: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!((&tally["added"], &tally["kept"]), (&json!(0), &json!(4)));
    let unknown = import(
        &site,
        "more.json",
        r#"[{"email":"a@b.co","phone":"1"}]"#,
        &[],
    );
    assert_eq!(unknown.code, Some(65));
    let known = import(
        &site,
        "more.json",
        r#"[{"email":"a@b.co","phone":"1"}]"#,
        &["--ignore-unknown"],
    );
    assert_eq!(known.json()["added"], 1);
    assert_eq!(import(&site, "users.txt", "", &[]).code, Some(64));
    // Who acts for a tenant belongs to it.
    let member = json!([{ "email": "m@b.co", "password_hash": BCRYPT, "tenant_id": "t1" }]);
    let told = import(&site, "m.json", &member.to_string(), &["--make-missing"]);
    assert_eq!(told.json()["added"], 1);
    let member = Person::known(&origin, "m@b.co", PASSWORD);
    let tenants = member.ask("GET", "/auth/v1/tenants", &Value::Null).json();
    assert_eq!(tenants["tenants"][0]["id"], "t1", "{tenants}");
}

fn a_dry_run_says_the_same_and_changes_nothing(engine: Engine) {
    let site = Site::on(engine, CONFIG);
    add(&site, EMAIL);
    let told = import(
        &site,
        "users.csv",
        &sheet(),
        &["--dry-run", "--make-missing"],
    );
    assert_eq!(told.code, Some(65));
    for line in REFUSED {
        assert!(told.err.contains(line), "{line} {}", told.err);
    }
    let tally: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(
        (&tally["added"], &tally["dry_run"]),
        (&json!(2), &json!(true))
    );
    let left = run(&site, &["users", "list", "--json"]).json();
    assert_eq!(left["users"].as_array().unwrap().len(), 1);
}

fn an_export_with_hashes_is_an_import(engine: Engine) {
    let from = Site::on(engine, CONFIG);
    let id = add(&from, EMAIL)["id"].clone();
    for number in 0..3 {
        let body = json!([{ "email": format!("{number}@example.com"), "role": "free", "tenant_id": "t,\"1\"" }]);
        let body = body.to_string();
        if number == 0 {
            let refused = import(&from, "a.json", &body, &[]);
            assert!(refused.err.contains("no such role"), "{}", refused.err);
            let other = body.replace("free", "user");
            let refused = import(&from, "a.json", &other, &[]);
            assert!(refused.err.contains("no such tenant"), "{}", refused.err);
        }
        let flags: &[&str] = if number == 0 {
            &["--make-missing"]
        } else {
            &[]
        };
        assert_eq!(import(&from, "a.json", &body, flags).code, Some(0));
    }
    let unconfirmed = r#"[{"email":"3@example.com","email_confirmed_at":null}]"#;
    assert_eq!(import(&from, "a.json", unconfirmed, &[]).code, Some(0));
    let formula = r#"[{"email":"=1+1@example.com"}]"#;
    assert_eq!(import(&from, "a.json", formula, &[]).code, Some(0));
    for format in ["csv", "json", "jsonl"] {
        let export = |flags: &[&str]| {
            run(
                &from,
                &[&["users", "export", "--format", format], flags].concat(),
            )
            .out
        };
        assert!(!export(&[]).contains("argon2"), "hashes are asked for");
        let to = Site::on(engine, CONFIG);
        let told = import(
            &to,
            &format!("all.{format}"),
            &export(&["--hashes"]),
            &["--make-missing"],
        );
        assert_eq!(told.json()["added"], 6, "{}", told.err);
        // No spreadsheet computes what somebody chose as an address.
        let quoted = export(&[]).contains("'=1+1@example.com");
        assert_eq!(quoted, format == "csv");
        let again = run(&to, &["users", "export", "--format", format, "--hashes"]).out;
        assert_eq!(
            again,
            export(&["--hashes"]),
            "as they were, unconfirmed ones too"
        );
        let confirmed = again.matches(r#""email_confirmed_at":null"#).count();
        assert_eq!(confirmed, usize::from(format != "csv"));
        let session = login(&to.start(), EMAIL, PASSWORD);
        assert_eq!(session.json()["user"]["id"], id, "{format}");
        let users = run(&to, &["users", "list", "--json"]).json();
        assert_eq!(users["users"][0]["tenant_id"], "t,\"1\"");
    }
}

fn init_makes_an_installation_with_an_administrator(engine: Engine) {
    let (home, dir) = (engine.home(), tempfile::tempdir().unwrap());
    let dir = dir.path().join("new");
    // SQLite's file is made in the folder; a server's URL has a password and comes from the environment.
    let url = (engine != Engine::Sqlite).then_some(("GAPURA_DATABASE_URL", &home.url));
    let init = |flags: &[&str]| {
        let mut command = Command::new(BINARY);
        command.args(["init", "--json", "--dir", dir.to_str().unwrap()]);
        Told::of(command.args(flags).envs(url).output().unwrap())
    };
    let told = init(&["--admin", "root@example.com"]).json();
    assert_eq!(told["admin"]["role"], "admin");
    assert_eq!(told["admin"]["password"].as_str().unwrap().len(), 20);
    let mut files = vec![("gapura.toml", 0o644), ("secrets.env", 0o600)];
    files.extend((engine == Engine::Sqlite).then_some(("gapura.db", 0o600)));
    for (file, mode) in files {
        let file = dir.join(file);
        let kept = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(kept & !mode, 0, "{} {kept:o}", file.display());
    }
    // Nothing that would hurt now, though some of what it may need one day is not there yet.
    let secrets = fs::read_to_string(dir.join("secrets.env")).unwrap();
    let doctor = Command::new(BINARY)
        .args(["doctor", "--json", "--config"])
        .arg(dir.join("gapura.toml"))
        .envs(secrets.lines().filter_map(|line| line.split_once('=')))
        .envs(url)
        .output();
    let doctor = Told::of(doctor.unwrap());
    let page: Value = serde_json::from_str(&doctor.out).unwrap();
    assert_eq!(
        (doctor.code, &page["severity"]),
        (Some(1), &json!("warn")),
        "{page}"
    );
    assert_eq!(init(&[]).code, Some(64));
    let again = init(&["--if-missing", "--admin", "root@example.com"]).json();
    assert_eq!(again["admin"]["added"], false);
    assert_eq!(again["admin"]["password"], Value::Null);
}

#[test]
fn every_command_has_help_and_a_json_form() {
    let help = |args: &[&str]| {
        let told = Told::of(
            Command::new(BINARY)
                .args(args)
                .arg("--help")
                .output()
                .unwrap(),
        );
        assert_eq!(told.code, Some(0), "{args:?}");
        assert!(told.out.contains("--json"), "{args:?}: {}", told.out);
        told.out
    };
    for command in commands(&help(&[])) {
        let nested = help(&[&command]);
        for nested in commands(&nested) {
            help(&[&command, &nested]);
        }
    }
    let wrong = Told::of(
        Command::new(BINARY)
            .args(["users", "dance"])
            .output()
            .unwrap(),
    );
    assert_eq!((wrong.code, wrong.out.as_str()), (Some(64), ""));
    let args = [
        "users",
        "list",
        "--json",
        "--config",
        "/nowhere/gapura.toml",
    ];
    let wrong = Told::of(Command::new(BINARY).args(args).output().unwrap());
    let told: Value = serde_json::from_str(&wrong.err).unwrap();
    assert_eq!((wrong.code, &told["exit_code"]), (Some(64), &json!(64)));
}

/// The names below "Commands:".
fn commands(help: &str) -> Vec<String> {
    let mut lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let named = std::iter::from_fn(|| lines.next().filter(|line| !line.is_empty()));
    named
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .filter(|name| name != "help")
        .collect()
}

fn doctor_says_what_is_wrong_and_how_bad(engine: Engine) {
    let site = Site::on(engine, "");
    let doctor = || {
        let told = run(&site, &["doctor", "--json"]);
        let page: Value = serde_json::from_str(&told.out).unwrap();
        (told.code, page)
    };
    let of = |page: &Value, name: &str| -> Vec<(String, String)> {
        let checks = page["checks"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        checks
            .filter(|check| check["check"] == name)
            .map(|check| (text(&check["severity"]), text(&check["message"])))
            .collect()
    };
    // The schema is not there yet; the keys of these tests are no secret; nobody makes backups.
    let (code, before) = doctor();
    assert_eq!((code, &before["severity"]), (Some(2), &json!("fail")));
    let secrets = of(&before, "secrets");
    assert!(
        secrets.iter().any(|(severity, _)| severity == "fail"),
        "{secrets:?}"
    );
    let backup = of(&before, "backup");
    assert!(backup[0].1.contains("no backup"), "{backup:?}");
    drop(site.start());
    let (_, after) = doctor();
    assert_eq!(of(&after, "migrations")[0].0, "ok", "{after}");
    let expected = if engine == Engine::Sqlite {
        "ok"
    } else {
        "warn"
    };
    assert_eq!(of(&after, "grants")[0].0, expected, "{after}");
    assert!(
        of(&after, "database")
            .iter()
            .all(|(severity, _)| severity == "ok"),
        "{after}"
    );
    assert!(!after.to_string().contains(crate::engines::PASSWORD));
    let page = run(&site, &["doctor"]);
    assert!(
        page.out
            .lines()
            .any(|line| line.starts_with("warn  backup ")),
        "{}",
        page.out
    );
}
