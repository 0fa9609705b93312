//! `NoSQL` injection: operators where names or JSON stand, JavaScript and queries of document
//! stores behind the quote that ends a value, and commands of key-value stores on lines of their own.

mod command;
mod key;
mod script;

pub(super) use self::key::may_be_member;
pub(in crate::waf) use self::key::updates;

use super::{Hit, Hits, Text};
use crate::waf::Part;
use crate::waf::meter::price;
use crate::waf::rules::nosql as rules;
use crate::waf::scan::{
    Absent, Needles, at, before, from, is_space, is_word, last_before, position, skip_space, span,
    trim, word,
};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &[
    "$",
    "return",
    "this.",
    "db.",
    "function",
    "while",
    "sleep(",
    "'//",
    "\"//",
    ")//",
    "}//",
    "]//",
    "call db",
    "call apoc",
    "load csv",
    "detach delete",
    "allow filtering",
    "config set",
    "config get ",
    "config re",
    "bgrewriteaof",
    "bgsave",
    "debug s",
    "client kill",
    "shutdown nosave",
    "acl setuser",
    "keys *",
    "migrate ",
    "cachedump",
    "\nset ",
    "\nget ",
    "\nadd ",
    "\nstats ",
    "\ndelete ",
    "\ndel ",
    "\nstats",
    "emit(",
    "or true",
    "|| true",
    "&& true",
    "===",
    "!==",
    "object.keys(",
    "mapreduce(",
    "merge (",
    "\nincr ",
    "\nversion",
    "\nkeys ",
    "\ninfo",
    "\\r\\nset ",
    "\\r\\nstats ",
    "\\r\\nflush",
    "%0d%0aset",
    "%0d%0astats",
    "%0d%0aflush",
    "foreach",
    "unwind",
    "create (",
    " set ",
    "throw",
    "_all_d",
    "_design/",
    "_config/",
    "_node/",
    "_cat/",
    "_cluster/",
    "_nodes",
    "_search?",
    "_users/",
    "_changes?",
    "_snapshot",
    ";for(",
    " return ",
    "r.db(",
    "json.stringify(",
    " //",
    "slaveof",
    "replicaof",
    "flushall",
    "flush_all",
    "flushdb",
    "module load",
    "\n$",
    "eval \"",
    "new date",
    "yield",
    "startnode",
    "match (",
    "tojson(",
    "db['",
    "db[\"",
    "object.keys(",
    "ctx._source",
    "ctx.op",
    "doc['",
    "doc[\"",
    "g.v()",
    "script",
    "scanfilter",
    "scripted_metric",
    "conditionexpression",
    "filterexpression",
    "attributevaluelist",
    "mapreduce",
    "__startswith",
    "__istartswith",
    "__regex",
    "__iregex",
    "__contains",
    "__icontains",
    "_start",
    "_cont",
    "_matches",
    "_not_null",
    "startswith",
    "[contains",
    "[regexp",
    "_like",
    "_ilike",
    "[like]",
    "constructor",
    "__globals__",
    "__subclasses__",
    "__builtins__",
    "__init__",
    "__base__",
    "__mro__",
    "__dict__",
    "__qualname__",
    "classloader",
];

/// `MongoDB`'s operators that change what a query selects or runs, unmistakable even without quotes.
const OPERATORS: &[&[u8]] = &[
    b"ne",
    b"eq",
    b"gt",
    b"gte",
    b"lt",
    b"lte",
    b"in",
    b"nin",
    b"and",
    b"or",
    b"nor",
    b"not",
    b"exists",
    b"regex",
    b"where",
    b"expr",
    b"elemmatch",
    b"lookup",
    b"function",
    b"accumulator",
    b"jsonschema",
    b"func",
    b"unionwith",
    b"graphlookup",
];

/// Those that style sheets, schemas or analytics also spell with a dollar: they count where JSON
/// quotes them or a name brackets them. (`$set` and `$comment` do not: `PostHog` and JSON Schema.)
const QUOTED_OPERATORS: &[&[u8]] = &[
    b"all", b"size", b"mod", b"rand", b"type", b"text", b"options",
];

/// What Rust's macros match, each behind a name with a dollar.
const FRAGMENTS: &[&[u8]] = &[
    b"expr", b"ident", b"ty", b"tt", b"path", b"pat", b"literal", b"block", b"vis", b"meta",
];

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Hits) {
    if text.part == Part::File {
        return;
    }
    if text.part.is_name() {
        let end = text.lower.len();
        let path = if text.part == Part::JsonKey {
            text.name
        } else {
            ""
        };
        if key::leaks(path, text.lower) {
            hits.push(Hit::new(&rules::OPERATOR, 0, end));
        }
        hits.extend(
            key::member(text.part, text.name, text.lower).map(|rule| Hit::new(rule, 0, end)),
        );
    }
    if !text.part.is_name()
        && let Some(start) = key::document(text.lower)
    {
        hits.push(Hit::new(&rules::OPERATOR_TEXT, start, start + 12));
    }
    if text.part != Part::JsonKey || !key::is_query_of_own(text.name, text.lower) {
        operators(text, hits);
    }
    let found = script::code(text.lower).or_else(|| command::command(text.lower, text.part));
    let found = found.or_else(|| endpoint(text, hits.absent));
    hits.extend(found.map(|start| Hit::new(&rules::CODE, start, start + 12)));
}

/// What is looked for in a whole view.
pub(super) static SETS: &[&Needles<'static>] = &[&ENDPOINTS];

/// What `CouchDB`'s and Elasticsearch's own paths begin with.
static ENDPOINTS: Needles<'static> = Needles::numbered(
    11,
    &[
        b"_all_docs",
        b"_all_dbs",
        b"_design/",
        b"_config/",
        b"_node/",
        b"_users/",
        b"_changes?",
        b"_cat/",
        b"_cluster/",
        b"_nodes",
        b"_search?",
        b"_snapshot",
    ],
);

/// `_all_docs?include_docs=true` as a value, or in a segment of a path that holds its query too: an application that
/// builds the URL of its store's from it asks for something else.
fn endpoint(text: &Text<'_>, absent: Absent) -> Option<usize> {
    let lower = text.lower;
    let (start, known) = absent.find(&ENDPOINTS, lower, 0)?;
    let end = start + known.len();
    let ends = matches!(at(lower, end), 0 | b'?' | b'/') || !is_word(before(lower, end));
    let is_due = if text.part == Part::Path {
        before(lower, start) == b'/' && from(lower, end - 1).contains(&b'?')
    } else {
        start <= usize::from(at(lower, 0) == b'/') && !text.part.is_name()
    };
    let is_path = !trim(from(lower, start)).contains(&b' ');
    (is_path && ends && is_due).then_some(start)
}

fn operators(text: &Text<'_>, hits: &mut Hits) {
    let lower = text.lower;
    // Once for all: a name may hold many dollars.
    let is_declared = text.part.is_name()
        && key::filters(if text.part == Part::JsonKey {
            text.name.as_bytes()
        } else {
            lower
        });
    let mut index = 0;
    while let Some(dollar) = position(lower, index, |byte| byte == b'$')
        && hits.meter.pays(price::PLACE)
    {
        index = dollar + 1;
        let operator = word(lower, index);
        // `' } ], $comment:'x'` closes the query that it stands in.
        let is_plain = OPERATORS.contains(&operator)
            || (matches!(operator, b"comment" | b"set" | b"unset" | b"inc" | b"push")
                && matches!(at(lower, 0), b'\'' | b'"'));
        if !is_plain && !QUOTED_OPERATORS.contains(&operator) {
            continue;
        }
        let end = index + operator.len();
        let is_path = text.part.is_name() || is_member(lower, dollar, end);
        if is_path
            && stands_in_name(lower, dollar, end)
            && is_plain
            && !is_declared
            && !key::measures(text, operator)
        {
            hits.push(Hit::new(&rules::OPERATOR, dollar, end));
            return;
        }
        if is_pair(lower, dollar, end, operator) {
            hits.push(Hit::new(&rules::OPERATOR_TEXT, dollar, end));
            return;
        }
        let stands_in_text =
            stands_in_brackets(lower, dollar, end) || stands_in_json(lower, dollar, end, is_plain);
        if stands_in_text && !is_introduced(lower) && !is_declared {
            hits.push(Hit::new(&rules::OPERATOR_TEXT, dollar, end));
            return;
        }
    }
}

/// Words before the first bracket from which on a sentence introduces a query.
const MIN_INTRODUCTION: usize = 3;

/// Whether a sentence leads to the text's first bracket: what begins with words is read as no query, and no quote
/// ends a value before it.
fn is_introduced(text: &[u8]) -> bool {
    let is_opening = |byte: &u8| matches!(byte, b'{' | b'[' | b'"' | b'\'' | b'(' | b'}' | b']');
    let Some(length) = text.iter().position(is_opening) else {
        return false;
    };
    let words = span(text, 0, length).split(|byte| is_space(*byte));
    let is_word = |word: &&[u8]| word.len() > 1 && word.iter().all(u8::is_ascii_alphabetic);
    matches!(at(text, length), b'{' | b'(') && words.filter(is_word).count() >= MIN_INTRODUCTION
}

/// `user.$ne`, and a JSON key that is an operator throughout.
fn stands_in_name(text: &[u8], dollar: usize, end: usize) -> bool {
    matches!(before(text, dollar), 0 | b'[' | b'.')
        && matches!(at(text, end), 0 | b']' | b'.' | b'[')
}

/// `user.$ne`, all of it.
fn is_member(text: &[u8], dollar: usize, end: usize) -> bool {
    before(text, dollar) == b'.'
        && dollar > 1
        && end == text.len()
        && span(text, 0, dollar)
            .iter()
            .all(|byte| is_word(*byte) || *byte == b'.')
}

/// `user.$ne=1`, `$where=1`, all of it: a parameter whose name a parser will split.
fn is_pair(text: &[u8], dollar: usize, end: usize, operator: &[u8]) -> bool {
    let is_name = span(text, 0, dollar)
        .iter()
        .all(|byte| is_word(*byte) || *byte == b'.');
    let value = from(text, end + 1);
    is_name
        && (dollar == 0 || before(text, dollar) == b'.')
        && at(text, end) == b'='
        && matches!(
            operator,
            b"ne" | b"nin" | b"gt" | b"gte" | b"lt" | b"lte" | b"regex" | b"where" | b"exists"
        )
        && !value.is_empty()
        && (value.starts_with(b"function")
            || value
                .iter()
                .all(|byte| is_word(*byte) || matches!(byte, b'.' | b'*' | b'^')))
}

/// `user[$ne]`.
fn stands_in_brackets(text: &[u8], dollar: usize, end: usize) -> bool {
    before(text, dollar) == b'['
        && at(text, end) == b']'
        && matches!(at(text, end + 1), 0 | b'=' | b'[' | b':' | b'&' | b'.')
}

/// `"$ne":`, `{$gt:`, `$where: '1'`.
fn stands_in_json(text: &[u8], dollar: usize, end: usize, is_plain: bool) -> bool {
    let quoted =
        matches!(before(text, dollar), b'"' | b'\'') && before(text, dollar) == at(text, end);
    let opener = last_before(text, dollar).map_or(0, |last| at(text, last));
    let bare = is_plain && matches!(opener, 0 | b'{' | b',' | b'[');
    let after = skip_space(text, end + usize::from(quoted));
    if at(text, after) != b':' || is_word(at(text, end)) || !(quoted || bare) {
        return false;
    }
    let value = skip_space(text, after + 1);
    // Rust's macros: `{ $expr:expr }`.
    if !quoted && FRAGMENTS.contains(&word(text, after + 1)) {
        return false;
    }
    // `"$type": "https://..."` is linked data, `"$text": "x"` is converted XML.
    is_plain || matches!(at(text, value), b'{' | b'[' | b'0'..=b'9')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fires(text: &str) -> bool {
        let lower = text.to_ascii_lowercase();
        let mut hits = Hits::default();
        let text = Text {
            lower: lower.as_bytes(),
            part: Part::Json,
            name: "q",
        };
        detect(&text, &mut hits);
        !hits.is_empty()
    }

    #[test]
    fn finds_operators_code_and_commands() {
        for attack in [
            "{ $ne: 1 }",
            "$where: '1 == 1'",
            "true, $where: '1 == 1'",
            "', $or: [ {}, { 'a':'a",
            "[$ne]=1",
            "{\"$type\": 2}",
            "[{\"$match\":{}},{\"$out\":\"x\"}]",
            "{\"$set\":{\"admin\":true}}",
            "{\"mapReduce\":\"a\",\"map\":\"x\"}",
            "'}, {$set:{role:'admin'}},{multi:true})//",
            "db['users'].find()",
            "'; return '' == '",
            "'; return true; var x='",
            "1;return(true)",
            "a'; return db.a.findOne(); var x='",
            "'+(function(){sleep(5000)})()+'",
            "\"; while(true){}; \"",
            "0;var date=new Date(); do{x = new Date();}while(x-date<10000)",
            "';it=new Date();do{pt=new Date();}while(pt-it<5000);",
            "' && this.password.match(/.*/)//",
            "' || this.role == 'admin' || 'a'=='b",
            "admin'//",
            "db.injection.insert({success:1});return 1;",
            "this.password.match(/^a/)",
            "'}) CALL db.labels() YIELD label RETURN 1//",
            "admin' ALLOW FILTERING; --",
            "\r\nSLAVEOF 203.0.113.5 6379\r\n",
            "*1\r\n$8\r\nFLUSHALL\r\n",
            "x\r\nset a 0 0 1\r\nb\r\n",
            "CONFIG SET dir /var/www/html",
            "FLUSHALL ASYNC",
            "stats cachedump 1 100",
            "' SET n.admin=true //",
            "' CREATE (u:User {admin:true}) //",
            "';throw JSON.stringify(this);//",
            "this.password.startsWith('a')",
            "r.db('a').table('b').run()",
            "FOR u IN users RETURN u",
            "_all_docs?include_docs=true",
            "user.$ne=1",
            "$where=1",
            "CREATE (n:Admin {name:'x'})",
            "return db.a.find()",
            "print(tojson(db))",
            "function(){return this.a}",
            "_design/x/_view/y?include_docs=true",
        ] {
            assert!(fires(attack), "{attack}");
        }
    }

    #[test]
    fn nobody_looks_a_secret_up_by_its_letters() {
        for (path, name, is_leak) in [
            ("", "author__password__startswith", true),
            ("", "q[user_reset_password_token_start]", true),
            ("", "filters[createdby][password][$startswith]", true),
            ("where.password.startsWith", "startswith", true),
            ("", "password", false),
            ("", "title__startswith", false),
            ("", "filter[title][contains]", false),
            ("where.name.startsWith", "startswith", false),
        ] {
            assert_eq!(key::leaks(path, name.as_bytes()), is_leak, "{path} {name}");
        }
    }

    #[test]
    fn conditions_that_an_interface_asks_for_are_honest() {
        for (name, is_honest) in [
            ("filters[$and][0][title][$containsi]", true),
            ("filter.age.$gte", true),
            ("where.$or", true),
            ("filter[$ne]", false),
            ("user[$ne]", false),
            ("filters[password][$startswith]", false),
            ("filter.a.$where", false),
        ] {
            assert_eq!(key::filters(name.as_bytes()), is_honest, "{name}");
        }
    }

    #[test]
    fn spares_code_and_prose() {
        for honest in [
            "{\"$schema\":\"https://json-schema.org\",\"$comment\":\"x\",\"$type\":\"object\"}",
            "{\"$set\":{\"email\":\"a@example.com\"},\"$token\":\"t\",\"$distinct_id\":\"1\"}",
            "see {\"$group\": {\"_id\": 1}} in the manual",
            "$size: 10px; $text: #333;",
            ".a { $all: 1px; }",
            "$in the bank: 5",
            "const s = 'abc'; return s;",
            "class A { constructor(password) { this.password = password; } }",
            "say 'no'; return to sender",
            "it's $5 or $10",
            "in PHP you write $this->db->where('id', 1)",
            "this.name = 'x'",
            "5; while you wait",
            "see https://example.com/a'//b",
            "Dear all,\r\nplease flush the cache\r\nthanks",
            "let us know 'when'; let me check",
            "const { $expr:expr } => { $in:ident }",
            "function toJSON(object) {",
            "milk\r\nset of 2 spoons\r\nbread",
            "keys *and* locks",
            "config set to dark mode",
            "for a in the list return b",
            "see https://example.com/db/_all_docs?limit=1",
            "a_nodes/b",
            "$lt=5; $gt=7",
            "create (or edit) a page",
            "merge (see: below)",
            "throw 'it' away",
        ] {
            assert!(!fires(honest), "{honest}");
        }
    }
}
