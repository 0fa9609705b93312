//! JavaScript and queries of graph and column stores where a value ended.

use crate::waf::scan::{
    at, before, find, find_any, from, is_space, is_word, skip_space, skip_while, span, stands,
    trim, word,
};

/// What JavaScript stands behind the quote, number or bracket that ends a value.
const AFTER_VALUE: &[&[u8]] = &[
    b"return",
    b"while(",
    b"while (",
    b"sleep(",
    b"do{",
    b"do {",
    b"throw ",
    b"db.",
    b"this.",
    b"object.keys(this",
    b"var ",
    b"let ",
    b"for(",
    b"it=new",
    b"function",
    b"emit(",
    b"tojson(",
    b"g.v()",
];
/// What other query languages put there.
const QUERIES: &[&[u8]] = &[
    b"call db.",
    b"call dbms.",
    b"call apoc.",
    b"load csv ",
    b"detach delete",
    b"match (",
    b"return ",
    b"with 1 ",
    b"allow filtering",
    b"yield ",
];
/// Methods that `db.collection` has.
const METHODS: &[&[u8]] = &[
    b"insert",
    b"find",
    b"drop",
    b"remove",
    b"update",
    b"delete",
    b"aggregate",
    b"mapreduce",
    b"save",
    b"count",
    b"distinct",
    b"replace",
    b"create",
    b"runcommand",
    b"admincommand",
    b"getcollection",
    b"getmongo",
    b"getsiblingdb",
    b"getusers",
    b"eval",
    b"stats",
    b"version",
    b"shutdown",
    b"copydatabase",
    b"rename",
    b"currentop",
    b"loadserver",
    b"hostinfo",
    b"serverstatus",
    b"killop",
];
/// What no text but such a query holds, wherever it stands behind the quote.
const SIGNS: &[&[u8]] = &[
    b"detach delete",
    b"load csv from",
    b"call db.",
    b"call dbms.",
    b"call apoc.",
    b" allow filtering;",
    b"; g.v(",
];
/// Clauses of Cypher before a comment that cuts the rest off.
const CLAUSES: &[&[u8]] = &[
    b" return ",
    b" match (",
    b" match(",
    b" create (",
    b" merge (",
    b" delete ",
    b" remove ",
    b" foreach (",
    b" unwind ",
    b" or true ",
    b" xor true ",
    b"|| true ",
    b"&& true ",
];
/// Bytes behind the quote that are searched for them.
const MAX_QUERY: usize = 300;
/// Longest value before the break-out.
const MAX_HEAD: usize = 64;

/// JavaScript or another query's text where a value ended.
pub(super) fn code(text: &[u8]) -> Option<usize> {
    let whole = trim(text);
    let is_line = !whole.contains(&b'\n');
    if is_line
        && (stands(whole, 0, b"this.") || stands(whole, 0, b"return this."))
        && compares(whole)
    {
        return Some(0);
    }
    if is_line && (whole_query(whole) || inner_function(whole)) {
        return Some(0);
    }
    if let Some(end) = closed(whole) {
        return Some(end);
    }
    let end = value_end(text)?;
    let breaks_out = matches!(before(text, end), b'\'' | b'"');
    let next = skip_while(text, end, |byte| {
        is_space(byte) || matches!(byte, b')' | b'}' | b']')
    });
    // `admin'//`: the rest of the line is a comment.
    let rest = from(text, next);
    if breaks_out && (trim(rest) == b"//" || stands(rest, 0, b"//+%00")) {
        return Some(end);
    }
    if breaks_out && find_any(span(rest, 0, MAX_QUERY), SIGNS).is_some() {
        return Some(end);
    }
    // `' or true with n match (m) return m//`
    if breaks_out
        && trim(rest).ends_with(b"//")
        && (find_any(span(text, end, end + MAX_QUERY), CLAUSES).is_some() || sets_member(rest))
    {
        return Some(end);
    }
    // `1}) return 1 //`: out of a node's pattern.
    let is_closed = span(text, end, next).contains(&b'}') && trim(rest).ends_with(b"//");
    if is_closed && stands(rest, 0, b"return ") {
        return Some(end);
    }
    // `'||''==='`: SQL has no such operator.
    if breaks_out && is_strict(rest) {
        return Some(end);
    }
    let operator = at(text, next);
    let after = skip_while(text, next, |byte| {
        is_space(byte) || matches!(byte, b';' | b'|' | b'&' | b'+' | b'-' | b'(' | b'!' | b',')
    });
    let code = from(text, after);
    let is_apart = after > next;
    let is_script = is_apart
        && AFTER_VALUE.iter().any(|start| code.starts_with(start))
        && (operator == b';' || breaks_out)
        && is_script(code);
    // `x=new Date();do{...}while(...)`.
    let loops = operator == b';'
        && find_any(
            span(code, 0, 120),
            &[b"do{", b"do {", b"while(", b"while ("],
        )
        .is_some();
    let queries =
        breaks_out && QUERIES.iter().any(|start| code.starts_with(start)) && is_query(code);
    (is_script || loops || queries).then_some(end)
}

/// `||''===`, `&& this.a === '`.
fn is_strict(rest: &[u8]) -> bool {
    let operand = skip_space(rest, 2);
    let end = skip_while(rest, operand, |byte| {
        is_word(byte) || matches!(byte, b'\'' | b'"' | b'.')
    });
    matches!(span(rest, 0, 2), b"||" | b"&&")
        && matches!(
            span(rest, skip_space(rest, end), skip_space(rest, end) + 3),
            b"===" | b"!=="
        )
}

/// `set n.admin = true`.
fn sets_member(rest: &[u8]) -> bool {
    let node = word(rest, 4);
    let member = 5 + node.len();
    let equals = skip_space(rest, member + word(rest, member).len());
    stands(rest, 0, b"set ")
        && !node.is_empty()
        && at(rest, member - 1) == b'.'
        && at(rest, equals) == b'='
}

/// Longest function that is no more than a question to a document.
const MAX_FUNCTION: usize = 48;
/// Longest text whose first quote may end a value of sentences.
const MAX_VALUE: usize = 4096;

/// `... and thanks'; return true; var a='`: the first quote ends the statement that the value stands in, and the
/// last opens a string that the application closes.
fn closed(text: &[u8]) -> Option<usize> {
    let text = span(text, 0, MAX_VALUE);
    let quote = text.iter().position(|byte| matches!(byte, b'\'' | b'"'))?;
    let code = skip_space(text, quote + 2);
    let is_due = at(text, quote + 1) == b';'
        && (text.last() == text.get(quote) || text.ends_with(b"//"))
        && text.len() > quote + 2;
    let rest = from(text, code);
    let known = || AFTER_VALUE.iter().any(|start| rest.starts_with(start));
    (is_due && !rest.contains(&b'\n') && known() && is_script(rest)).then_some(quote + 1)
}

/// What is a query of some store from its first word on.
fn whole_query(text: &[u8]) -> bool {
    let starts = |starts: &[&[u8]]| starts.iter().any(|start| stands(text, 0, start));
    let holds = |needles: &[&[u8]]| find_any(span(text, 0, MAX_QUERY), needles).is_some();
    if stands(text, 0, b"db.") {
        return names_method(text, 3);
    }
    if stands(text, 0, b"return db.") {
        return names_method(text, 10);
    }
    // Cypher's `create (n:admin {name:'x'})`.
    if starts(&[b"create (", b"merge ("]) {
        let node = find(text, b"(", 0).unwrap_or(0) + 1;
        let label = node + word(text, node).len();
        return at(text, label) == b':' && is_word(at(text, label + 1)) && text.contains(&b')');
    }
    if starts(&[b"db['", b"db[\""]) {
        return holds(&[b"'].", b"\"]."]);
    }
    if starts(&[
        b"tojson(",
        b"object.keys(",
        b"return object.keys(",
        b"json.stringify(",
        b"return json.stringify(",
        b"array.isarray(",
        b"print(tojson(",
        b"tojsononeline(",
        b"run(db.",
        b"mapreduce(",
        b"printjson(",
        b"emit(this",
    ]) {
        return holds(&[b"(this)", b"(db)", b"(db.", b"(this.", b"(function"]);
    }
    // Gremlin, Cypher, AQL, ReQL.
    if starts(&[b"g.v()."]) || starts(&[b"r.db('", b"r.db(\""]) && holds(&[b").table("]) {
        return true;
    }
    if starts(&[b"for "]) {
        let item = word(text, 4);
        let source = 4 + item.len();
        return stands(text, source, b" in ")
            && holds(&[b" return ", b" remove "])
            && (text.ends_with(item) || holds(&[b" remove "]) && holds(&[b" filter "]))
            && !item.is_empty()
            && text.len() < 120;
    }
    if starts(&[b"match (", b"optional match ("]) {
        let next = skip_space(text, find(text, b")", 0).unwrap_or(0) + 1);
        return ["return ", "detach ", "delete ", "where ", "set ", "-", "<-"]
            .iter()
            .any(|clause| stands(text, next, clause.as_bytes()))
            && holds(&[b"return ", b"delete ", b"set "]);
    }
    if starts(&[b"call db", b"call apoc.", b"load csv "]) {
        return starts(&[b"call db.", b"call dbms.", b"call apoc."]) && text.contains(&b'(')
            || holds(&[
                b" from 'http",
                b" from 'file",
                b" from \"http",
                b" from \"file",
            ]);
    }
    // Painless, where a document is updated or read by a script.
    starts(&[b"ctx._source", b"ctx.op"])
        || holds(&[b";ctx._source", b"; ctx._source"])
        || (starts(&[b"doc['", b"doc[\"", b"return doc["])
            && holds(&[b"].value", b"].size()"])
            && !holds(&[b"params."]))
}

/// `function(){return this.a==1}`, `return(this.a=='b')`: a function that a document store is to
/// call, by what only there is at hand.
fn inner_function(text: &[u8]) -> bool {
    let is_function = stands(text, 0, b"function") && matches!(at(text, 8), b'(' | b' ');
    if is_function && !text.ends_with(b"}") {
        return false;
    }
    if is_function {
        let body = span(text, 0, MAX_QUERY);
        let waits = find_any(body, &[b"sleep(", b"while("]).is_some() && text.len() <= MAX_QUERY;
        return waits
            || find_any(body, &[b"emit(", b"db.getcollection", b"tojson("]).is_some()
            || matches!(body, b"function(){return true}" | b"function(){return 1}")
            || matches!(
                body,
                b"function() { return true; }" | b"function() { return 1; }"
            )
            || matches!(body, b"function(){return true;}" | b"function(){return 1;}")
            || find(body, b"return", 0).is_some_and(|start| {
                let operand = skip_while(body, start + 6, |byte| is_space(byte) || byte == b'(');
                stands(body, operand, b"db.") && names_method(body, operand + 3)
                    || stands(body, operand, b"this.")
                        && (compares(from(body, operand)) || text.len() <= MAX_FUNCTION)
            });
    }
    let operand = skip_while(text, 6, |byte| is_space(byte) || byte == b'(');
    stands(text, 0, b"return") && stands(text, operand, b"this.") && compares(from(text, operand))
}

/// Index after the first quote, or after a number that starts the text: where a value may end.
fn value_end(text: &[u8]) -> Option<usize> {
    let digits = skip_while(text, 0, |byte| byte.is_ascii_digit());
    if digits > 0 && (at(text, digits) == b';' || stands(text, digits, b"})")) {
        return Some(digits);
    }
    let head = span(text, 0, MAX_HEAD);
    let quote = head.iter().position(|byte| matches!(byte, b'\'' | b'"'))?;
    let is_value = span(head, 0, quote)
        .iter()
        .all(|byte| !matches!(byte, b'(' | b'=' | b'{' | b'<' | b'[' | b'\n' | b':'));
    is_value.then_some(quote + 1)
}

/// `return true`, `var x='`, `this.password.match(`, `db.users.find(`: not `return to sender`.
fn is_script(code: &[u8]) -> bool {
    let name = word(code, 0);
    let after = skip_space(code, name.len());
    match name {
        b"return" => {
            !is_word(at(code, after))
                || matches!(
                    word(code, after),
                    b"true" | b"false" | b"this" | b"db" | b"new" | b"function" | b"tojson"
                )
                || find_any(
                    span(code, after, after + 40),
                    &[b"(db.", b"(this)", b"(this."],
                )
                .is_some()
                || at(code, after).is_ascii_digit()
        }
        b"var" | b"let" => at(code, skip_space(code, after + word(code, after).len())) == b'=',
        b"db" => names_method(code, 3),
        b"this" => compares(code),
        b"function" => matches!(at(code, after), b'('),
        b"throw" => {
            stands(code, after, b"new ")
                || stands(code, after, b"'")
                || find_any(code, &[b"(this)", b"(db"]).is_some()
        }
        _ => true,
    }
}

/// `this.a == `, `this.a.match(`, `this.a[`.
fn compares(code: &[u8]) -> bool {
    let start = if stands(code, 0, b"return ") { 7 } else { 0 };
    let field = skip_while(code, start, |byte| {
        is_word(byte) || matches!(byte, b'.' | b'[' | b']')
    });
    let operator = skip_space(code, field);
    let is_comparison = matches!(at(code, operator), b'=' | b'!' | b'<' | b'>')
        && at(code, operator + 1) == b'='
        || matches!(at(code, operator), b'<' | b'>');
    is_comparison
        || span(code, start, field).ends_with(b".match")
        || span(code, start, field).ends_with(b".charat")
        || span(code, start, field).ends_with(b".startswith")
        || span(code, start, field).ends_with(b".endswith")
        || span(code, start, field).ends_with(b".constructor")
        || (at(code, operator) == b'&' || at(code, operator) == b'|')
}

/// `users.find(`, `getCollection(`.
fn names_method(text: &[u8], start: usize) -> bool {
    let first = word(text, start);
    let dot = start + first.len();
    let method = if at(text, dot) == b'.' {
        word(text, dot + 1)
    } else {
        first
    };
    let end = dot
        + if at(text, dot) == b'.' {
            1 + method.len()
        } else {
            0
        };
    at(text, end) == b'('
        && (METHODS.iter().any(|known| method.starts_with(known)) || first == b"getcollection")
}

/// Queries of graph and column stores end in a comment or name their own procedures.
fn is_query(code: &[u8]) -> bool {
    !stands(code, 0, b"return ") && !stands(code, 0, b"match (")
        || trim(code).ends_with(b"//")
        || find_any(code, &[b"detach delete", b"//", b"load csv"]).is_some()
}
