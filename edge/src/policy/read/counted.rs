//! What a route counts in, and whom.

use super::section;
use crate::policy::{
    Class, Counted, SubjectKind, keys,
    syntax::is_label,
    table::{Item, Table, quoted},
};

/// Most fields that may name the account.
const MAX_ACCOUNT_FIELDS: usize = 8;

/// The named classes with their costs; by default `general`, if there is one.
pub(super) fn classes(route: &Table<'_>, classes: &[Class]) -> Vec<Counted> {
    let Some(item) = route.get("classes") else {
        let general = classes.iter().position(|class| class.name == "general");
        let counted = |class| Counted { class, cost: 1 };
        return general.map(counted).into_iter().collect();
    };
    let mut all: Vec<Counted> = Vec::new();
    item.list(|item| {
        let counted = counted(item, classes)?;
        let class = classes.get(counted.class)?;
        if all.iter().any(|earlier| earlier.class == counted.class) {
            item.fault(format!("is listed twice: {}", quoted(&class.name)));
        }
        if class.subjects == [SubjectKind::Account] && route.get("account").is_none() {
            item.fault(format!(
                "needs account: the class {} counts accounts alone",
                quoted(&class.name)
            ));
        }
        all.push(counted);
        Some(())
    });
    all
}

/// A class by its name, or a table with its name and a cost.
fn counted(item: &Item<'_>, classes: &[Class]) -> Option<Counted> {
    if !item.is_table() {
        let class = class(item, classes)?;
        return Some(Counted { class, cost: 1 });
    }
    let table = item.table(keys::COUNTED)?;
    let class = table.require("class", |item| class(item, classes));
    // What costs more than may ever be spent would never be admitted.
    let spent = |class: &Class| {
        let limits = [Some(class.limit), class.burst, class.attack_limit];
        limits.into_iter().flatten().min().unwrap_or(class.limit)
    };
    let most = class.and_then(|index| classes.get(index)).map(spent);
    let cost = table.read("cost", |item| {
        item.number_up_to(1..=most.unwrap_or(u32::MAX), " (the class's lowest limit)")
    });
    Some(Counted {
        class: class?,
        cost: cost.unwrap_or(1),
    })
}

fn class(item: &Item<'_>, classes: &[Class]) -> Option<usize> {
    let known: Vec<_> = classes.iter().map(|class| class.name.as_str()).collect();
    let must = format!("one of the classes ({})", known.join(", "));
    let name = item.text_where(|name| known.contains(&name), &must)?;
    known.iter().position(|known| *known == name)
}

/// The fields of the body that name the account: the gate must have read it.
pub(super) fn account(item: &Item<'_>, route: &Table<'_>) -> Option<Vec<String>> {
    let fields = item.some_texts(is_label, section::LABEL)?;
    if fields.len() > MAX_ACCOUNT_FIELDS {
        item.fault(format!(
            "must be at most {MAX_ACCOUNT_FIELDS} fields, is {}",
            fields.len()
        ));
    }
    let streams = |body: &Item<'_>| body.text().is_some_and(|text| text == "stream");
    if route.get("body").is_some_and(|body| streams(&body)) {
        item.fault("needs body = \"read\": of a stream no field is known in time");
    }
    Some(fields)
}
