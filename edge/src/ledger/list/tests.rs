//! Lists as their makers publish them.

use super::{BadList, Format, List, export, parse};
use crate::ledger::{Ban, Batch, Change, Entry, Ledger, MAX_ENTRIES};
use gapura_shared::time::{UnixMillis, UnixSeconds};
use proptest::prelude::*;

fn targets(list: &List) -> Vec<String> {
    list.decisions
        .iter()
        .map(|d| d.target.to_string())
        .collect()
}

#[track_caller]
fn faults(text: &str) -> Vec<String> {
    match parse(text.as_bytes()) {
        Err(BadList::Faults(faults)) => faults.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn reads_plain_lists_and_netsets() {
    let firehol = "#\n# firehol_level1\n#\n# Entries : 5 subnets\n#\n0.0.0.0/8\n1.10.16.0/20\n\
                   5.188.10.0/23\n224.0.0.0/3\n2001:db8::/32\n";
    let list = parse(firehol.as_bytes()).unwrap();
    assert_eq!(
        targets(&list),
        ["ip:1.10.16.0/20", "ip:5.188.10.0/23", "ip:2001:db8::/32"]
    );
    assert_eq!(list.skipped, 2);
    let drop = "; Spamhaus DROP List\r\n1.10.16.0/20 ; SBL256894\r\n\r\n203.0.113.9 # one\r\n";
    let list = parse(drop.as_bytes()).unwrap();
    assert_eq!(targets(&list), ["ip:1.10.16.0/20", "ip:203.0.113.9"]);
    assert_eq!(parse(b"").unwrap(), List::default());
}

#[test]
fn names_the_lines_that_are_wrong() {
    let text = "1.2.3.4\nexample.org\n\n1.2.3.4/8\n1.2.0.0/33\n1.0.0.0/7\n2000::/12\n";
    let wanted = [
        "line 2: not an IPv4 or IPv6 address",
        "line 4: bits behind the prefix length are set",
        "line 5: prefix length must be 0 to 32 for IPv4, 0 to 128 for IPv6",
        "line 6: bits behind the prefix length are set",
        "line 7: 2000::/12 is too wide: at least /16 is wanted",
    ];
    assert_eq!(faults(text), wanted);
    assert_eq!(faults(&"x\n".repeat(1_000)).len(), 20);
    assert_eq!(
        faults("2.0.0.0/7"),
        ["line 1: 2.0.0.0/7 is too wide: at least /8 is wanted"]
    );
}

#[test]
fn a_comment_makes_no_csv_of_a_plain_list() {
    for text in [
        "192.0.2.1 # a, b\n",
        "192.0.2.1 ; a, b\n",
        "# a, b\n192.0.2.1\n",
    ] {
        assert_eq!(
            targets(&parse(text.as_bytes()).unwrap()),
            ["ip:192.0.2.1"],
            "{text}"
        );
    }
}

#[test]
fn is_bounded() {
    assert_eq!(
        parse(&vec![b'#'; 8 * 1024 * 1024 + 1]),
        Err(BadList::TooLong)
    );
    let line = |n: usize| format!("2001:db8::{:x}:{:x}\n", n >> 16, n & 0xffff);
    let many: String = (0..=MAX_ENTRIES).map(line).collect();
    assert_eq!(parse(many.as_bytes()), Err(BadList::TooMany));
    assert_eq!(parse(b"1.2.3.4\n\xff"), Err(BadList::NotText));
}

#[test]
fn reads_decisions_as_json() {
    let alerts = r#"[{"id":7,"source":{"scope":"Ip"},"decisions":[
        {"duration":"3h59m49s","id":1,"origin":"crowdsec","scenario":"crowdsecurity/ssh-bf","scope":"Ip","type":"ban","value":"203.0.113.7"},
        {"duration":"4h","scope":"Ip","type":"captcha","value":"203.0.113.8"},
        {"duration":"-1s","scope":"Ip","type":"ban","value":"203.0.113.9"}]},
        {"duration":"1h","reason":"by hand","scope":"range","type":"ban","value":"198.51.100.0/24"},
        {"scope":"Country","type":"ban","value":"xx"},{"scope":"AS","type":"ban","value":"AS64500"}]"#;
    let list = parse(alerts.as_bytes()).unwrap();
    assert_eq!(
        targets(&list),
        [
            "ip:203.0.113.7",
            "ip:198.51.100.0/24",
            "country:XX",
            "asn:64500"
        ]
    );
    assert_eq!(list.skipped, 2);
    let first = &list.decisions[0];
    assert_eq!(
        (first.seconds, first.reason.as_deref()),
        (Some(14_389), Some("crowdsecurity/ssh-bf"))
    );
    assert_eq!(list.decisions[1].reason.as_deref(), Some("by hand"));
    let stream = r#"{"new":[{"scope":"Ip","type":"ban","value":"203.0.113.7"}],"deleted":null}"#;
    assert_eq!(
        targets(&parse(stream.as_bytes()).unwrap()),
        ["ip:203.0.113.7"]
    );
    assert_eq!(parse(b"null").unwrap(), List::default());
    let wrong =
        r#"[{"scope":"Ip"},{"scope":"Moon","value":"x"},{"value":"1.2.3.4","duration":"soon"}]"#;
    assert_eq!(
        faults(wrong),
        [
            "decision 1: `value` is missing",
            "decision 2: the scope must be Ip, Range, Country, AS or User",
            "decision 3: the duration must be such as `4h` or `3h59m49s`, is \"soon\"",
        ]
    );
    assert!(matches!(parse(b"[{"), Err(BadList::Json(why)) if why.contains("line 1")));
    assert!(matches!(parse(b"{}"), Err(BadList::Json(_))));
}

#[test]
fn reads_decisions_as_csv() {
    let import = "duration,scope,value,reason\n24h,ip,203.0.113.7,\"a, \"\"b\"\"\"\n,range,198.51.100.0/24,x\n";
    let list = parse(import.as_bytes()).unwrap();
    assert_eq!(targets(&list), ["ip:203.0.113.7", "ip:198.51.100.0/24"]);
    assert_eq!(list.decisions[0].reason.as_deref(), Some("a, \"b\""));
    assert_eq!(
        (list.decisions[0].seconds, list.decisions[1].seconds),
        (Some(86_400), None)
    );
    let raw = "id,source,ip,reason,action,country,as,events_count,expiration,simulated,alert_id\n\
               1,cscli,Ip:203.0.113.7,manual 'ban',ban,,,1,3h59m,false,1\n\
               2,cscli,Range:2001:db8::/32,x,ban,,,1,1h,false,1\n3,cscli,Ip:203.0.113.8,x,ban,,,1,1h,true,1\n";
    let list = parse(raw.as_bytes()).unwrap();
    assert_eq!(targets(&list), ["ip:203.0.113.7", "ip:2001:db8::/32"]);
    assert_eq!(list.skipped, 1);
    assert_eq!(parse(b"a,b\n1,2\n"), Err(BadList::Columns));
    let wrong = "scope,value\nip\nip,\"1.2.3.4\nip,1.2.3\n";
    assert_eq!(
        faults(wrong),
        [
            "line 2: has 1 fields, line 1 has 2",
            "line 3: has a quote that does not end",
            "line 4: not an IPv4 or IPv6 address",
        ]
    );
}

fn bans(ids: &[(String, Option<u64>)]) -> Vec<Ban> {
    let mut ledger = Ledger::default();
    let put = |(id, until): &(String, Option<u64>)| {
        let entry = Entry {
            until: until.map(UnixSeconds),
            ..Entry::default()
        };
        Change::Put(format!("ban:{id}").parse().unwrap(), entry)
    };
    let changes = ids.iter().map(put).collect();
    let batch = Batch {
        changes,
        list: None,
    };
    ledger.apply(batch, UnixMillis(1_000)).unwrap();
    ledger.bans(UnixSeconds(1)).collect()
}

#[test]
fn writes_formats_unchanged() {
    let bans = bans(&[
        ("asn:64500".into(), None),
        ("ip:192.0.2.0/24".into(), Some(3_601)),
        ("ip:192.0.2.1".into(), None),
    ]);
    let text = |format| export(bans.clone(), format, UnixSeconds(1));
    assert_eq!(text(Format::Cidr), "192.0.2.0/24\n192.0.2.1\n");
    assert!(
        text(Format::Firehol)
            .ends_with("# Entries         : 2 subnets\n#\n192.0.2.0/24\n192.0.2.1\n")
    );
    assert_eq!(
        text(Format::CrowdsecCsv),
        "duration,scope,value,type,reason\n87600h0m0s,as,64500,ban,\n1h0m0s,range,192.0.2.0/24,ban,\n\
         87600h0m0s,ip,192.0.2.1,ban,\n"
    );
    assert!(text(Format::Crowdsec).starts_with(
        r#"[{"duration":"87600h0m0s","scope":"as","value":"64500","type":"ban","reason":""},"#
    ));
}

proptest! {
    #[test]
    fn reads_back_what_it_wrote(ids in prop::collection::btree_map("ip:(1[1-9]\\.[1-9]\\.[1-9]\\.0/24|2001:db8:[1-9]::/48|asn:[1-9])", prop::option::of(10u64..99), 0..20)) {
        let ids: Vec<_> = ids.into_iter().map(|(id, until)| (id.replace("ip:asn", "asn"), until)).collect();
        let bans = bans(&ids);
        for (_, format) in Format::NAMED {
            let list = parse(export(bans.clone(), format, UnixSeconds(1)).as_bytes()).unwrap();
            let networks = matches!(format, Format::Cidr | Format::Firehol);
            let wanted: Vec<_> = bans.iter().filter(|b| !networks || b.id.starts_with("ip:")).map(|b| b.id.clone()).collect();
            prop_assert_eq!(targets(&list), wanted);
        }
    }

    #[test]
    fn never_panics(text in "(\\PC|\n|[\\[{\",:]){0,200}") {
        let _ = parse(text.as_bytes());
    }
}
