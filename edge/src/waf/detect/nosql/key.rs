//! Names of JSON members and fields that are an attack by themselves: operators of pipelines and
//! updates, members of other stores' queries, and the roads to what all objects inherit.

use crate::waf::Part;
use crate::waf::body::json;
use crate::waf::detect::Text;
use crate::waf::rules::{Rule, nosql as rules};
use crate::waf::scan::{
    Needles, at, find, find_any, from, is_word, skip_space, skip_while, span, stands, trim,
};

/// Operators of queries, updates and pipelines that nothing else spells with a dollar as the name
/// of a member. (`$set`, `$unset` and `$type` are spelled so by analytics and design tokens;
/// `$filter`, `$select`, `$sort`, `$limit`, `$skip`, `$count`, `$search`, `$orderby` by `OData`.)
const OPERATORS: &[&[u8]] = &[
    b"$inc",
    b"$mul",
    b"$min",
    b"$max",
    b"$push",
    b"$pushall",
    b"$pull",
    b"$pullall",
    b"$pop",
    b"$query",
    b"$orderby",
    b"$rename",
    b"$addtoset",
    b"$setoninsert",
    b"$currentdate",
    b"$bit",
    b"$all",
    b"$size",
    b"$mod",
    b"$slice",
    b"$near",
    b"$nearsphere",
    b"$geowithin",
    b"$geointersects",
    b"$bitsallset",
    b"$bitsanyset",
    b"$bitsallclear",
    b"$match",
    b"$project",
    b"$group",
    b"$out",
    b"$merge",
    b"$facet",
    b"$sample",
    b"$bucket",
    b"$bucketauto",
    b"$addfields",
    b"$replaceroot",
    b"$replacewith",
    b"$unwind",
    b"$redact",
    b"$geonear",
    b"$sortbycount",
    b"$setwindowfields",
    b"$collstats",
    b"$indexstats",
    b"$currentop",
    b"$listsessions",
    b"$listlocalsessions",
    b"$changestream",
    b"$eval",
];

/// Members of queries to `DynamoDB` and of scripts within queries to Elasticsearch.
const MEMBERS: &[&[u8]] = &[
    b"scanfilter",
    b"filterexpression",
    b"keyconditionexpression",
    b"attributevaluelist",
    b"script_fields",
    b"scripted_metric",
];

/// Whether the name of a JSON member is one of those that are plain words.
pub(in crate::waf::detect) fn may_be_member(name: &[u8]) -> bool {
    let is = |member: &&[u8]| name.eq_ignore_ascii_case(member);
    matches!(name.len(), 6 | 9 | 10 | 16)
        && [
            &b"script"[..],
            b"mapreduce",
            b"scanfilter",
            b"filterexpression",
        ]
        .iter()
        .any(is)
}

/// Operators that a document holds by the side of other members when analytics sent it, and alone
/// when it is an update.
pub(in crate::waf) fn updates(key: &[u8]) -> bool {
    key == b"$set" || key == b"$unset"
}

/// What is measured, and no attack looks up.
const MEASURES: &[&[u8]] = &[
    b"price",
    b"harga",
    b"total",
    b"amount",
    b"stock",
    b"stok",
    b"qty",
    b"quantity",
    b"size",
    b"views",
    b"rating",
    b"score",
    b"date",
    b"tanggal",
    b"createdat",
    b"created_at",
    b"updatedat",
    b"updated_at",
    b"year",
    b"tahun",
    b"weight",
    b"likes",
    b"downloads",
];

/// `filter.price.$gte`, `price[$lte]`: how much of something, by its name.
pub(super) fn measures(text: &Text<'_>, operator: &[u8]) -> bool {
    let name = if text.part == Part::JsonKey {
        text.name.as_bytes()
    } else {
        text.lower
    };
    let is_range = matches!(operator, b"gte" | b"lte" | b"gt" | b"lt");
    let mut names = name.rsplit(|byte| matches!(byte, b'.' | b'[')).skip(1);
    is_range
        && name.len() <= MAX_PATH
        && names.next().is_some_and(|name| {
            let name = name.strip_suffix(b"]").unwrap_or(name);
            MEASURES
                .iter()
                .any(|measure| name.eq_ignore_ascii_case(measure))
        })
}

/// Operators that run code or reach other collections.
const REACHING: &[&[u8]] = &[
    b"$where",
    b"$function",
    b"$accumulator",
    b"$expr",
    b"$lookup",
    b"$graphlookup",
    b"$unionwith",
    b"$out",
    b"$merge",
    b"$regex",
    b"$ne",
];

/// `pipeline.$match`, `selector.year.$gt`: the interface of a store that takes whole queries, which names them so.
/// What an application looks up by itself has its own names.
pub(super) fn is_query_of_own(name: &str, operator: &[u8]) -> bool {
    let takes_query = ["pipeline.", "selector."]
        .iter()
        .any(|head| name.starts_with(head))
        && !REACHING.contains(&operator);
    // `nestjsx/crud`.
    takes_query || name.starts_with("s.$and") && matches!(operator, b"$and" | b"$or")
}

/// The rule that the name breaks by what it is and where it stands.
pub(super) fn member(part: Part, name: &str, lower: &[u8]) -> Option<&'static Rule> {
    if part == Part::JsonKey {
        // Names grow by a member at a time: the last ones decide.
        let ends = |tail: &str| {
            let start = name.len().saturating_sub(tail.len());
            name.get(start..)
                .is_some_and(|end| end.eq_ignore_ascii_case(tail))
        };
        let searches = lower == b"$search" && ends("$text.$search");
        // Whoever filters or sums up may compute.
        let runs = lower == b"script"
            && ends("script.script")
            && !ends("filter.script.script")
            && !ends("bucket_script.script");
        let is_operator = OPERATORS.contains(&lower) && !is_query_of_own(name, lower);
        // Elsewhere it names a class.
        let guesses = lower == b"$type"
            && (ends("password.$type") || ends("username.$type") || ends("email.$type"));
        if searches || runs || guesses || is_operator || MEMBERS.contains(&lower) {
            return Some(&rules::OPERATOR);
        }
        // Of a map of functions: `{"mapReduce":"users","map":"function(){...}"}`.
        if lower == b"mapreduce" {
            return Some(&rules::CODE);
        }
        let inherits = matches!(lower, b"__globals__" | b"__subclasses__" | b"__builtins__")
            || ends("__class__.__init__")
            || ends("__class__.__base__")
            || ends("__class__.__mro__")
            || ends("__class__.__dict__")
            || ends("__class__.__qualname__")
            || ends("class.module.classloader");
        return inherits.then_some(&rules::POLLUTION);
    }
    pollutes(lower).then_some(&rules::POLLUTION)
}

/// Scripts within queries, which stores run.
static SCRIPTS: Needles<'static> = Needles::new(&[
    b"\"painless\"",
    b"\"ctx._source",
    b"\"ctx.op",
    b"\"script\":{\"script\"",
    b"\"script\": {\"script\"",
    b"\"script\":{\"source\"",
    b"\"scripted_metric\"",
    b"\"eval\":\"function",
]);

/// Where a text that is one JSON document names such a member: in a header, a path or behind an
/// encoding, it is not read as JSON.
pub(super) fn document(text: &[u8]) -> Option<usize> {
    let whole = trim(text);
    if !json::is_json(whole) {
        return None;
    }
    let names = |start: usize, lists: &[&[&[u8]]]| {
        let end = skip_while(text, start, |byte| byte == b'$' || is_word(byte));
        let is_key = at(text, end) == b'"' && at(text, skip_space(text, end + 1)) == b':';
        is_key
            && lists
                .iter()
                .any(|list| list.contains(&span(text, start, end)))
    };
    let mut index = 0;
    while let Some(quote) = from(text, index).iter().position(|byte| *byte == b'"') {
        index += quote + 1;
        if names(index, &[OPERATORS, MEMBERS, &[b"mapreduce"]]) {
            return Some(index);
        }
    }
    if let Some((start, _)) = SCRIPTS.find(text, 0) {
        return Some(start);
    }
    // What analytics sets, it sets for somebody.
    let first = find(text, b"\"", 0)? + 1;
    let is_update = stands(whole, 0, b"{") && names(first, &[&[b"$set", b"$unset"]]);
    (is_update && find_any(text, &[b"\"$token", b"distinct_id\"", b"\"event\""]).is_none())
        .then_some(first)
}

/// `constconstructorructor[protoprototypetype]`, `constructor/prototype/a`: what a filter that
/// deletes or splits at something would leave.
fn pollutes(name: &[u8]) -> bool {
    let Some(end) = find(name, b"constructor", 0).map(|start| start + 11) else {
        return false;
    };
    let tail = from(name, end);
    find(tail, b"prototype", 0).is_some_and(|start| start <= MAX_BETWEEN && !stands(tail, 0, b" "))
        && at(tail, 0) != b' '
}

/// What interfaces call the member that takes conditions on fields of a record.
const FILTERS: &[&str] = &["filter", "filters", "where", "criteria", "conditions"];

/// Operators that compare a field or join such comparisons; none runs code or looks elsewhere.
const COMPARISONS: &[&str] = &["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin"];
const JOINTS: &[&str] = &["$and", "$or", "$not", "$nor"];

/// Whether the name is a condition in a query that the interface asks for, on a named field that
/// is no secret: `filters[$and][0][title][$eq]`, `filter.age.$gte`. What is attacked is a value
/// that was meant to be plain.
pub(super) fn filters(name: &[u8]) -> bool {
    let Ok(name) = std::str::from_utf8(name) else {
        return false;
    };
    let name = name.to_ascii_lowercase();
    let mut members = name
        .split(['.', '[', ']'])
        .filter(|member| !member.is_empty());
    if !members.any(|member| FILTERS.contains(&member)) {
        return false;
    }
    let (mut fields, mut is_joined) = (0_usize, false);
    for member in members {
        if member.starts_with('$') {
            is_joined |= JOINTS.contains(&member);
            let is_known = JOINTS.contains(&member)
                || COMPARISONS.contains(&member)
                || OTHER_COMPARISONS.contains(&member);
            if !is_known {
                return false;
            }
        } else if ["pass", "token", "secret", "otp"]
            .iter()
            .any(|secret| member.contains(secret))
        {
            return false;
        } else if !member.bytes().all(|byte| byte.is_ascii_digit()) {
            fields += 1;
        }
    }
    fields > 0 || is_joined
}

/// Comparisons that no store's own query language has (Strapi, Directus).
const OTHER_COMPARISONS: &[&str] = &[
    "$eqi",
    "$nei",
    "$notin",
    "$contains",
    "$containsi",
    "$notcontains",
    "$notcontainsi",
    "$startswith",
    "$startswithi",
    "$endswith",
    "$endswithi",
    "$null",
    "$notnull",
    "$between",
    "$like",
    "$ilike",
    "$regex",
    "$options",
    "$elemmatch",
    "$size",
    "$all",
    "$mod",
];

/// Fields that hold what nobody may look up a letter at a time ("ORM leaks", CWE-943).
static SECRETS: Needles<'static> = Needles::new(&[
    b"password",
    b"passwd",
    b"resettoken",
    b"reset_token",
    b"reset_password",
    b"resetpassword",
    b"recover",
    b"apikey",
    b"api_key",
    b"twofactor",
    b"otp_secret",
    b"passwordhash",
]);
/// What frameworks write behind a field to compare a part of it, without the bracket that closes: Django, Ransack,
/// Strapi, Directus, Prisma, Sequelize, `LoopBack`.
const PARTS: &[&[u8]] = &[
    b"__startswith",
    b"__istartswith",
    b"__regex",
    b"__iregex",
    b"__contains",
    b"__icontains",
    b"__endswith",
    b"__gt",
    b"__lt",
    b"_start",
    b"_cont",
    b"_matches",
    b"_not_null",
    b"_end",
    b"[$startswith",
    b"[_starts_with",
    b"[_contains",
    b"[startswith",
    b"[contains",
    b"[regexp",
    b"[$iregexp",
    b"[$like",
    b"[_like",
    b"[like",
];
/// Members that do so in JSON.
const COMPARING: &[&[u8]] = &[
    b"startswith",
    b"contains",
    b"_like",
    b"_ilike",
    b"_regex",
    b"$startswith",
    b"$like",
    b"_starts_with",
    b"$iregexp",
];

/// Whether the name compares a part of a secret: `author__password__startswith`, `q[user_reset_token_start]`, and in
/// JSON `where.password.startsWith`.
pub(super) fn leaks(path: &str, name: &[u8]) -> bool {
    let bare = name.strip_suffix(b"]").unwrap_or(name);
    let field = PARTS.iter().find_map(|part| bare.strip_suffix(*part));
    field.is_some_and(|field| SECRETS.find(field, 0).is_some())
        || COMPARING.contains(&name)
            && path.len() <= MAX_PATH
            && SECRETS
                .find(&path.as_bytes().to_ascii_lowercase(), 0)
                .is_some()
}

/// Longest path of a member that is read for what it compares, in bytes.
const MAX_PATH: usize = 200;

/// Most bytes between the two names.
const MAX_BETWEEN: usize = 16;
