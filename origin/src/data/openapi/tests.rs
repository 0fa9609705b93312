use super::document;
use crate::data::{
    kind::Kind,
    policy::Policy,
    table::{Access, Column, Rules, Table},
};
use crate::db::Filling;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn column(name: &str, kind: Kind, access: Access) -> Column {
    Column {
        name: name.into(),
        kind,
        type_name: String::new(),
        nullable: false,
        filling: Filling::Nothing,
        access,
        encrypted: false,
        searchable: false,
        blind_index: None,
        default: None,
    }
}

fn notes(rules: Rules) -> Value {
    let mut phone = column("phone", Kind::Text, Access::Full);
    phone.nullable = true;
    phone.encrypted = true;
    let table = Table {
        name: "notes".into(),
        columns: vec![
            column("id", Kind::Uuid, Access::Full),
            column("title", Kind::Text, Access::Full),
            phone,
            column("pin", Kind::Text, Access::Write),
            column("made", Kind::Timestamp, Access::Read),
            column("extra", Kind::Json, Access::Full),
            column("inner", Kind::Text, Access::Hidden),
        ],
        key: vec!["id".into()],
        unique: Vec::new(),
        foreign_keys: Vec::new(),
        tenant: None,
        max_rows: 7,
        unfiltered: false,
        roles: BTreeMap::from([("user".into(), rules)]),
    };
    document(&BTreeMap::from([("notes".into(), table)]))
}

fn all() -> Rules {
    let policy = Policy::parse("1 = 1").ok();
    Rules {
        select: policy.clone(),
        insert: policy.clone(),
        update: policy.clone(),
        update_check: policy.clone(),
        delete: policy,
    }
}

#[test]
fn names_what_some_role_may_do_alone() {
    let methods = |rules| {
        let document = notes(rules);
        let path = document["paths"]["/notes"].as_object().unwrap();
        path.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(methods(all()), ["get", "head", "post", "patch", "delete"]);
    let rules = Rules {
        delete: None,
        insert: None,
        update: None,
        ..all()
    };
    assert_eq!(methods(rules), ["get", "head"]);
    assert!(methods(Rules::default()).is_empty());
}

#[test]
fn rows_hold_what_may_be_read_and_written() {
    let document = notes(all());
    let schemas = &document["components"]["schemas"];
    let names = |schema: &str| {
        let properties = schemas[schema]["properties"].as_object().unwrap();
        properties.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(names("notes"), ["id", "title", "phone", "made", "extra"]);
    assert_eq!(
        names("notes.insert"),
        ["id", "title", "phone", "pin", "extra"]
    );
    assert_eq!(names("notes.update"), ["title", "phone", "pin", "extra"]);
    let insert = &schemas["notes.insert"];
    assert_eq!(insert["required"], json!(["title", "pin", "extra"]));
    let of = |name: &str| &insert["properties"][name];
    assert_eq!(of("id"), &json!({ "type": "string", "format": "uuid" }));
    assert_eq!(of("phone"), &json!({ "type": ["string", "null"] }));
    assert_eq!(of("pin"), &json!({ "type": "string", "writeOnly": true }));
    assert_eq!(
        schemas["notes"]["properties"]["made"],
        json!({ "type": "string", "format": "date-time", "readOnly": true })
    );
    assert!(!document.to_string().contains("inner"));
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(at: &Value, root: &Value, met: &mut usize) {
        if let Some(to) = at.get("$ref").and_then(Value::as_str) {
            *met += 1;
            assert!(root.pointer(to.trim_start_matches('#')).is_some(), "{to}");
        }
        let members = at
            .as_object()
            .into_iter()
            .flat_map(|object| object.values());
        for inside in members.chain(at.as_array().into_iter().flatten()) {
            walk(inside, root, met);
        }
    }
    let (document, mut met) = (notes(all()), 0);
    walk(&document, &document, &mut met);
    assert!(met > 20, "{met}");
}
