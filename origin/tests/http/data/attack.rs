//! Attacks that must fail: SQL where names and values stand, ways around the row policies, bombs.

use super::{ADA, BOB, Who, notes};
use crate::engines::{Engine, on_every_engine};
use serde_json::{Value, json};

pub(super) const INJECTIONS: [&str; 8] = [
    "' OR '1'='1",
    "x\" OR 1=1 --",
    "x` OR 1=1 -- ",
    "1); DROP TABLE notes; --",
    "x' UNION SELECT email FROM user_account --",
    "\\' OR 1=1 -- ",
    "$1",
    "?",
];

fn sql_is_a_value_or_no_name(engine: Engine) {
    let (_site, origin) = notes(engine);
    let (ada, bob) = (Who::user(&origin, ADA), Who::user(&origin, BOB));
    ada.note("of ada");
    bob.note("of bob");
    for attack in INJECTIONS {
        // As a value it is compared, and equal to nothing.
        for filter in [
            "title=eq.",
            "title=like.",
            "title=ilike.",
            "title=gt.~",
            "body=neq.",
        ] {
            let answer = ada.get(&format!("/rest/v1/notes?select=title&{filter}{attack}"));
            assert_eq!(answer.status, 200, "{filter}{attack}: {answer:?}");
            assert!(
                !String::from_utf8_lossy(&answer.body).contains("of bob"),
                "{filter}{attack}"
            );
        }
        let quoted = attack.replace('\\', "\\\\").replace('"', "\\\"");
        let rows = ada.rows(&format!(
            "/rest/v1/notes?select=title&title=in.(\"{quoted}\")"
        ));
        assert_eq!(rows, json!([]), "{attack}");
        // As a name it names nothing.
        let name = format!("\"{}\"", attack.replace('"', "\\\""));
        for target in [
            format!("/rest/v1/notes?select={name}"),
            format!("/rest/v1/notes?{name}=eq.1"),
            format!("/rest/v1/notes?order={name}"),
            format!("/rest/v1/notes?select={name}(*)"),
            format!("/rest/v1/notes?select=note_tags!{name}(*)"),
            format!("/rest/v1/notes?select=title::{name}"),
            format!("/rest/v1/notes?select=title->{name}"),
        ] {
            let answer = ada.get(&target);
            assert_eq!(answer.status, 400, "{target}: {answer:?}");
        }
        for target in [
            format!("/rest/v1/notes?on_conflict={name}"),
            format!("/rest/v1/notes?columns={name}"),
        ] {
            let row = json!({ "title": "x" });
            let answer = ada.ask(
                "POST",
                &target,
                &row,
                &[("prefer", "resolution=merge-duplicates")],
            );
            assert_eq!(answer.status, 400, "{target}: {answer:?}");
        }
        ada.refused(
            "POST",
            "/rest/v1/notes",
            &json!({ attack: "x" }),
            400,
            "PGRST204",
        );
        // The name of a member is the client's own, and nothing but a name.
        let rows = ada.rows(&format!("/rest/v1/notes?select={name}:title"));
        assert_eq!(rows[0].as_object().unwrap().len(), 1, "{attack}");
        // What is written is read again as it was.
        let written = ada.add(
            "notes",
            &json!({ "title": attack, "body": attack, "phone": attack }),
        );
        assert_eq!(written[0]["title"], *attack);
        assert_eq!(written[0]["phone"], *attack);
    }
    assert_eq!(
        bob.rows("/rest/v1/notes?select=title"),
        json!([{ "title": "of bob" }])
    );
}

/// Beside the query and the body: headers, and the names of what comes as lines or as a form.
fn sql_in_a_header_is_none(engine: Engine) {
    let (_site, origin) = notes(engine);
    let (ada, bob) = (Who::user(&origin, ADA), Who::user(&origin, BOB));
    ada.note("of ada");
    bob.note("of bob");
    let all = "/rest/v1/notes?select=title&title=not.like.written*";
    let own = json!([{ "title": "of ada" }]);
    for (at, attack) in INJECTIONS.into_iter().enumerate() {
        for (name, value) in [
            ("prefer", format!("count={attack}")),
            ("prefer", attack.to_owned()),
            ("range", attack.to_owned()),
            ("range-unit", attack.to_owned()),
            ("if-none-match", format!("\"{attack}\"")),
        ] {
            let answer = ada.ask("GET", all, &Value::Null, &[(name, &value)]);
            assert_eq!(
                (answer.status, answer.json()),
                (200, own.clone()),
                "{name}: {value}"
            );
        }
        for (method, name, value, status) in [
            (
                "GET",
                "prefer",
                format!("handling=strict, count={attack}"),
                400,
            ),
            ("GET", "accept-profile", attack.to_owned(), 406),
            ("POST", "content-profile", attack.to_owned(), 406),
            ("POST", "content-type", attack.to_owned(), 400),
            ("PATCH", "if-match", format!("\"{attack}\""), 412),
            ("DELETE", "if-match", attack.to_owned(), 412),
        ] {
            let body = if matches!(method, "GET" | "DELETE") {
                ""
            } else {
                "{\"title\":\"x\"}"
            };
            let answer = ada.send(method, all, body, &[(name, &value)]);
            assert_eq!(
                answer.status, status,
                "{method} {name}: {value}: {answer:?}"
            );
        }
        // A key is remembered as it is, and never run.
        let key = attack.replace(' ', "/**/");
        let row = json!({ "title": format!("written {at}") });
        for replayed in [false, true] {
            let answer = ada.ask("POST", "/rest/v1/notes", &row, &[("idempotency-key", &key)]);
            assert_eq!(answer.status, 201, "{key}: {answer:?}");
            assert_eq!(
                answer.headers.contains_key("idempotency-replayed"),
                replayed,
                "{key}"
            );
        }
        let name = attack.replace('"', "\"\"");
        for (form, body) in [
            ("text/csv", format!("title,\"{name}\"\nx,y\n")),
            (
                "application/x-www-form-urlencoded",
                format!("title=x&{}=y", attack.replace('=', "%3D")),
            ),
        ] {
            let answer = ada.send("POST", "/rest/v1/notes", &body, &[("content-type", form)]);
            assert_eq!(
                (answer.status, answer.json()["code"].as_str()),
                (400, Some("PGRST204")),
                "{form}: {body}"
            );
        }
        // As a value it is what it says.
        let line = format!("title,body\nwritten,\"{name}\"\n");
        let headers = [
            ("content-type", "text/csv"),
            ("prefer", "return=representation"),
        ];
        let written = ada.send("POST", "/rest/v1/notes", &line, &headers);
        assert_eq!(written.json()[0]["body"], attack, "{written:?}");
    }
    assert_eq!(ada.rows(all), own);
    assert_eq!(bob.rows(all), json!([{ "title": "of bob" }]));
}

fn no_way_of_asking_leads_around_a_policy(engine: Engine) {
    let (_site, origin) = notes(engine);
    let (ada, bob) = (Who::user(&origin, ADA), Who::user(&origin, BOB));
    let of_ada = ada.note("secret");
    ada.add(
        "note_tags",
        &json!({ "note_id": of_ada, "tag": "secret tag" }),
    );
    let of_bob = bob.note("of bob");
    for query in [
        format!("user_id=eq.{ADA}"),
        format!("or=(user_id.eq.{ADA},title.eq.x)"),
        format!("or=(id.not.is.null,user_id.eq.{ADA})"),
        "not.and=(title.eq.x,title.eq.y)".to_owned(),
        "title=neq.nothing".to_owned(),
        "select=*,note_tags(*)".to_owned(),
    ] {
        let answer = bob.get(&format!("/rest/v1/notes?{query}"));
        assert_eq!(answer.status, 200);
        assert!(
            !String::from_utf8_lossy(&answer.body).contains("secret"),
            "{query}"
        );
        let counted = bob.ask(
            "HEAD",
            &format!("/rest/v1/notes?{query}"),
            &Value::Null,
            &[("prefer", "count=exact")],
        );
        let counted = &counted.headers["content-range"];
        assert!(
            counted.ends_with("/1") || counted.ends_with("/0"),
            "{query}: {counted}"
        );
    }
    for query in [
        "select=tag",
        "select=tag,notes(*)",
        "select=tag,notes!inner(title)",
        "tag=like.*secret*",
    ] {
        assert_eq!(
            bob.rows(&format!("/rest/v1/note_tags?{query}")),
            json!([]),
            "{query}"
        );
    }
    // A tag on somebody else's note, or moved there.
    bob.refused(
        "POST",
        "/rest/v1/note_tags",
        &json!({ "note_id": of_ada, "tag": "x" }),
        403,
        "42501",
    );
    bob.add("note_tags", &json!({ "note_id": of_bob, "tag": "mine" }));
    bob.refused(
        "PATCH",
        "/rest/v1/note_tags?tag=eq.mine",
        &json!({ "note_id": of_ada }),
        403,
        "42501",
    );
    assert_eq!(
        ada.rows("/rest/v1/note_tags?select=tag"),
        json!([{ "tag": "secret tag" }])
    );
}

fn rows_are_written_for_oneself_alone(engine: Engine) {
    let (_site, origin) = notes(engine);
    let (ada, bob) = (Who::user(&origin, ADA), Who::user(&origin, BOB));
    let of_ada = ada.note("a");
    let of_bob = bob.note("b");
    bob.refused(
        "POST",
        "/rest/v1/notes",
        &json!({ "title": "x", "user_id": ADA }),
        403,
        "42501",
    );
    bob.refused(
        "POST",
        "/rest/v1/notes",
        &json!([{ "title": "x", "user_id": BOB }, { "title": "y", "user_id": ADA }]),
        403,
        "42501",
    );
    bob.refused(
        "PATCH",
        &format!("/rest/v1/notes?id=eq.{of_bob}"),
        &json!({ "user_id": ADA }),
        403,
        "42501",
    );
    for resolution in ["merge-duplicates", "ignore-duplicates"] {
        let prefer = format!("resolution={resolution},return=representation");
        let row = json!({ "id": of_ada, "title": "stolen" });
        let answer = bob.ask("POST", "/rest/v1/notes", &row, &[("prefer", &prefer)]);
        match resolution {
            "merge-duplicates" => assert_eq!(
                (answer.status, answer.json()["code"].as_str()),
                (403, Some("42501"))
            ),
            _ => assert_eq!((answer.status, answer.json()), (201, json!([]))),
        }
        assert!(!String::from_utf8_lossy(&answer.body).contains(ADA));
    }
    // A key that is taken is all that a collision tells: nothing of whose it is.
    let answer = bob.ask(
        "POST",
        "/rest/v1/notes",
        &json!({ "id": of_ada, "title": "x" }),
        &[],
    );
    assert_eq!(answer.status, 409);
    let told = String::from_utf8_lossy(&answer.body);
    assert!(
        !told.contains(ADA) && !told.contains(&of_ada) && !told.contains("notes"),
        "{told}"
    );
    assert_eq!(
        ada.rows("/rest/v1/notes?select=id,title,user_id"),
        json!([{ "id": of_ada, "title": "a", "user_id": ADA }])
    );
    assert_eq!(
        bob.rows("/rest/v1/notes?select=id"),
        json!([{ "id": of_bob }])
    );
    Who::anon(&origin).refused(
        "POST",
        "/rest/v1/notes",
        &json!({ "title": "x" }),
        401,
        "42501",
    );
    // The administrator sees all, and changes what is theirs alone.
    let admin = Who::admin(&origin);
    let answer = admin.ask(
        "PATCH",
        "/rest/v1/notes?title=not.is.null",
        &json!({ "title": "x" }),
        &[("prefer", "return=representation")],
    );
    assert_eq!((answer.status, answer.json()), (200, json!([])));
}

fn bombs_are_refused_with_their_limit(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let deep = "[".repeat(200_000);
    let answer = ada.send("POST", "/rest/v1/notes", &deep, &[]);
    assert_eq!(
        (answer.status, answer.json()["code"].as_str()),
        (400, Some("PGRST102"))
    );
    let large = json!({ "title": "x".repeat(1 << 20) }).to_string();
    let answer = ada.send("POST", "/rest/v1/notes", &large, &[]);
    assert_eq!(answer.status, 413, "{answer:?}");
    assert!(
        answer.json()["message"]
            .as_str()
            .unwrap()
            .contains("1048576")
    );
    let many: Vec<Value> = (0..1001).map(|_| json!({ "title": "x" })).collect();
    let answer = ada.ask("POST", "/rest/v1/notes", &json!(many), &[]);
    assert_eq!(answer.status, 400);
    assert!(answer.json()["message"].as_str().unwrap().contains("1000"));
    // A line of names that each row would repeat.
    let names = format!("{}\n{}", "a".repeat(400_000), "1\n".repeat(3_000));
    let csv = ("content-type", "text/csv");
    let before = origin.peak_memory_kib();
    for method in ["POST", "PATCH"] {
        let answer = ada.send(method, "/rest/v1/notes?title=eq.a", &names, &[csv]);
        assert_eq!(answer.status, 400, "{answer:?}");
        let answer = Who::anon(&origin).send(method, "/rest/v1/notes?title=eq.a", "{", &[]);
        assert_eq!(answer.status, 401, "{answer:?}");
    }
    let grown = origin.peak_memory_kib() - before;
    assert!(grown < 64 * 1024, "{grown} KiB");
    for query in [
        "select=note_tags(notes(note_tags(*)))".to_owned(),
        format!("select={}", vec!["title"; 101].join(",")),
        format!("title=in.({})", vec!["x"; 1001].join(",")),
        format!("or=({})", vec!["title.eq.x"; 101].join(",")),
        format!("or={}title.eq.x{}", "(or".repeat(11), ")".repeat(11)),
        format!("title=eq.{}", "x".repeat(8193)),
    ] {
        let answer = ada.get(&format!("/rest/v1/notes?{query}"));
        assert_eq!(answer.status, 400, "{query:.60}: {answer:?}");
    }
    // A limit above the table's own is the table's own.
    assert_eq!(
        ada.get("/rest/v1/notes?limit=9223372036854775807").status,
        200
    );
    assert_eq!(ada.rows("/rest/v1/notes"), json!([]));
}

on_every_engine!(
    sql_is_a_value_or_no_name,
    sql_in_a_header_is_none,
    no_way_of_asking_leads_around_a_policy,
    rows_are_written_for_oneself_alone,
    bombs_are_refused_with_their_limit,
);
