//! Classes' subjects, jails, the Guard and who operates it.

use super::{refuses, shown, with, with_route};
use crate::{
    guard::jail::MAX_JAILS,
    policy::{ChallengeMode, GuardMode, StrikeKind, SubjectKind, parse},
};
use gapura_shared::ids::RequestId;

#[test]
fn every_rule_of_the_guard_refuses() {
    for (lines, wanted) in [
        ("[guard]\nshards = 0", "must be 1 to 1024, is 0"),
        ("[guard]\nshards = 1025", "must be 1 to 1024, is 1025"),
        ("[guard]\nregional = 1", "must be true or false"),
        ("[guard]\nmode = \"off\"", "one of \"enforce\", \"detect\""),
        (
            "[guard]\nnever_ban = [\"10.0.0.1/8\"]",
            "guard.never_ban[0] must be a network",
        ),
        ("[guard]\nledger_ms = 99", "must be 100 to 60000, is 99"),
        ("[guard]\nbudget_ms = 4", "must be 5 to 5000, is 4"),
        (
            "[admin]\nallow = [\"a\"]",
            "admin.allow[0] must be a network",
        ),
        ("[admin]\nroles = []", "admin.roles must not be empty"),
        ("admin = true", "admin must be a table"),
        (
            "[challenge]\nmode = \"on\"",
            "one of \"off\", \"attack\", \"always\"",
        ),
        ("[challenge]\nbits = 0", "must be 1 to 24, is 0"),
        ("[challenge]\nbits = 25", "must be 1 to 24, is 25"),
        (
            "[challenge]\nlifetime_s = 299",
            "must be 300 to 86400, is 299",
        ),
        (
            "[challenge]\nexempt = [\"feed\"]",
            "challenge.exempt[0] must start with `/`",
        ),
    ] {
        refuses(with(lines), wanted);
    }
}

#[test]
fn every_rule_of_a_jail_refuses() {
    let whole = [
        ("kinds", "[\"probe\"]"),
        ("strikes", "2"),
        ("window_s", "60"),
        ("ban_s", "600"),
    ];
    let jail = |key: &str, value: &str| {
        let mut lines: Vec<_> = whole.iter().filter(|(name, _)| *name != key).collect();
        let own = (key, value);
        lines.push(&own);
        let lines: Vec<_> = lines
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        with(&format!("[jails.a]\n{}", lines.join("\n")))
    };
    for (key, _) in whole {
        refuses(jail(key, ""), &format!("jails.a.{key} is missing"));
    }
    for (key, value, wanted) in [
        ("kinds", "[\"spam\"]", "must be one of login-failed"),
        ("kinds", "[\"waf:nothing\"]", "is \"waf:nothing\""),
        ("kinds", "[\"waf:\"]", "is \"waf:\""),
        ("strikes", "0", "must be 1 to 1000, is 0"),
        ("window_s", "604801", "must be 1 to 604800, is 604801"),
        ("ban_s", "31536001", "must be 1 to 31536000, is 31536001"),
        ("cap_s", "599", "must be 600 to 31536000, is 599"),
        ("forget_s", "-1", "must be 0 to 31536000, is -1"),
    ] {
        refuses(jail(key, value), wanted);
    }
    refuses(
        with("[jails.\"a b\"]\nkinds = []\nstrikes = 1\nwindow_s = 1\nban_s = 1"),
        "must have a name of",
    );
    let one =
        |n: usize| format!("[jails.j{n}]\nkinds = []\nstrikes = 1\nwindow_s = 1\nban_s = 1\n");
    let many = |count: usize| (0..count).map(one).collect::<String>();
    refuses(with(&many(17)), "jails must be at most 16 jails, is 17");
    assert_eq!(with(&many(16)).unwrap().jails.len(), MAX_JAILS);
}

#[test]
fn a_jail_has_defaults_and_takes_its_kinds() {
    let policy = with(
        "[jails.a]\nkinds = [\"waf:sqli\", \"probe\"]\nstrikes = 2\nwindow_s = 60\nban_s = 600\n\
         [jails.b]\nkinds = [\"waf\"]\nstrikes = 2\nwindow_s = 60\nban_s = 1000000",
    )
    .unwrap();
    let [a, b] = &policy.jails[..] else { panic!() };
    assert_eq!((a.cap_s, a.forget_s), (604_800, 604_800));
    assert_eq!(b.cap_s, 1_000_000);
    let takes = |text: &str| {
        let kind = StrikeKind::parse(text).unwrap();
        assert_eq!(kind.to_string(), text);
        (a.takes(&kind), b.takes(&kind))
    };
    assert_eq!(takes("waf:sqli"), (true, true));
    assert_eq!(takes("waf:xss"), (false, true));
    assert_eq!(takes("waf"), (false, true));
    assert_eq!(takes("probe"), (true, false));
    assert_eq!(takes("bad-token"), (false, false));
}

#[test]
fn an_overlay_switches_a_jail_off() {
    let base = "version = 1\n[jails.a]\nkinds = [\"probe\"]\nstrikes = 2\nwindow_s = 60\nban_s = 6";
    let policy = shown(parse(base, Some("version = 1\n[jails.a]\nkinds = []"))).unwrap();
    assert_eq!(policy.jails[0].kinds, []);
    assert_eq!(policy.jails[0].strikes, 2);
}

#[test]
fn a_class_says_whom_it_counts() {
    let class = |lines: &str| with(&format!("[classes.a]\nlimit = 9\nwindow_s = 9\n{lines}"));
    let usual = class("").unwrap().classes.remove(0);
    assert_eq!(usual.subjects, [SubjectKind::Ip]);
    assert_eq!((usual.burst, usual.attack_limit), (None, None));
    let full = class("subject = \"ip+account\"\nburst = 2\nattack_limit = 3").unwrap();
    assert_eq!(
        full.classes[0].subjects,
        [SubjectKind::Ip, SubjectKind::Account]
    );
    assert_eq!(full.classes[0].burst, Some(2));
    assert_eq!(full.classes[0].attack_limit, Some(3));
    for bad in ["", "ip+", "ip+ip", "mail", "ip,user", "IP"] {
        refuses(
            class(&format!("subject = \"{bad}\"")),
            "must be different ones of ip, user, tenant, key, account, joined by `+`",
        );
    }
    let lowered = parse(
        "version = 1\n[classes.a]\nlimit = 9\nattack_limit = 5\nwindow_s = 9",
        Some("version = 1\n[classes.a]\nlimit = 3"),
    );
    let lowered = shown(lowered).unwrap().classes.remove(0);
    assert_eq!((lowered.limit, lowered.attack_limit), (3, Some(3)));
    refuses(class("burst = 10"), "must be 1 to 9 (limit), is 10");
    refuses(class("attack_limit = 0"), "must be 1 to 9 (limit), is 0");
}

#[test]
fn a_class_may_cost_more_on_a_route() {
    let policy = with_route("classes = [\"login\", { class = \"general\", cost = 5 }]").unwrap();
    let counted: Vec<_> = policy.routes[0]
        .classes
        .iter()
        .map(|c| (policy.classes[c.class].name.as_str(), c.cost))
        .collect();
    assert_eq!(counted, [("login", 1), ("general", 5)]);
    for (classes, wanted) in [
        ("{ cost = 1 }", "route[0].classes[0].class is missing"),
        (
            "{ class = \"general\", cost = 10 }",
            "must be 1 to 9 (the class's lowest limit), is 10",
        ),
        ("{ class = \"general\", cost = 0 }", "is 0"),
        ("{ class = \"x\" }", "must be one of the classes"),
        ("1", "must be a string, is of type integer"),
        (
            "\"general\", { class = \"general\" }",
            "is listed twice: \"general\"",
        ),
    ] {
        refuses(with_route(&format!("classes = [{classes}]")), wanted);
    }
}

#[test]
fn an_account_is_read_from_a_body_that_is_read() {
    let policy = with_route(
        "account = [\"email\", \"phone\"]\nrevocation = \"strict\"\n\
         refused = { status = 400, body = \"{request_id}!\" }",
    )
    .unwrap();
    let route = &policy.routes[0];
    assert_eq!(route.account, ["email", "phone"]);
    assert!(route.strict_revocation);
    let id = RequestId::from_random([1; 16]);
    let refused = route.refused.as_ref().unwrap();
    assert_eq!(refused.body_for(&id), format!("{id}!"));
    for (lines, wanted) in [
        ("account = []", "route[0].account must not be empty"),
        (
            "account = [\"a\"]\nbody = \"stream\"",
            "needs body = \"read\"",
        ),
        (
            "refused = { status = 400 }",
            "has no effect without account",
        ),
        (
            "account = [\"a\"]\nrefused = { status = 200 }",
            "must be 400 to 499, is 200",
        ),
        (
            "revocation = \"off\"",
            "must be one of \"copy\", \"strict\"",
        ),
    ] {
        refuses(with_route(lines), wanted);
    }
    refuses(
        with(
            "[classes.a]\nlimit = 1\nwindow_s = 1\nsubject = \"account\"\n\
             [[route]]\nname = \"r\"\npath = \"/\"\nclasses = [\"a\"]",
        ),
        "needs account: the class \"a\" counts accounts alone",
    );
}

#[test]
fn the_gates_own_paths_reach_no_route() {
    refuses(
        with("[[route]]\nname = \"r\"\npath = \"/_gapura/v1/bans\""),
        "route[0].path is the gate's own",
    );
}

#[test]
fn the_shipped_policy_has_the_reference_figures() {
    let policy = shown(parse(include_str!("../../../policy.toml"), None)).unwrap();
    assert_eq!(policy.guard.mode, GuardMode::Enforce);
    let jails: Vec<_> = policy
        .jails
        .iter()
        .map(|jail| (jail.name.as_str(), jail.strikes, jail.window_s, jail.ban_s))
        .collect();
    let wanted = [
        ("limit", 10, 600, 600),
        ("login", 5, 600, 1_800),
        ("probe", 2, 86_400, 86_400),
        ("token", 20, 600, 600),
        ("waf", 5, 600, 3_600),
    ];
    assert_eq!(jails, wanted);
    let login = policy.classes.iter().find(|c| c.name == "login").unwrap();
    assert_eq!(login.subjects, [SubjectKind::Ip]);
    let account = policy.classes.iter().find(|c| c.name == "account").unwrap();
    assert_eq!(account.subjects, [SubjectKind::Account]);
    let route = policy.routes.iter().find(|r| r.name == "login").unwrap();
    assert_eq!(route.account, ["email", "phone"]);
    assert_eq!(
        route.refused.as_ref().map(|answer| answer.status),
        Some(400)
    );
}

#[test]
fn nobody_is_challenged_by_default_and_programs_find_what_is_well_known() {
    let usual = with("").unwrap().challenge;
    assert_eq!(usual.mode, ChallengeMode::Off);
    assert_eq!((usual.bits, usual.lifetime_s), (16, 1_800));
    let exempt = |path: &str| usual.exempt.iter().any(|p| p.matches(path));
    assert!(exempt("/.well-known/security.txt"));
    assert!(exempt("/auth/v1/.well-known/jwks.json"));
    assert!(!exempt("/auth/v1/token"));
    let none = with("[challenge]\nmode = \"attack\"\nexempt = []").unwrap();
    assert_eq!(none.challenge.mode, ChallengeMode::Attack);
    assert_eq!(none.challenge.exempt, []);
}
