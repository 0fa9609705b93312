//! SQL injection by token folding: the text is read in three contexts (as it stands, inside
//! single and inside double quotes), and each reading is searched for shapes that are SQL and
//! not prose: a keyword alone never counts, its operands must be there too.
//!
//! Prose survives because a statement must start where a statement can, lists must be lists, and
//! what follows a complete condition must be the end, a comment or another clause.

mod boolean;
mod breakout;
mod call;
mod expression;
mod hidden;
mod keyword;
mod lexeme;
mod names;
mod probe;
mod query;
mod shape;
mod statement;
mod tail;
mod token;
mod triggers;

use std::cell::Cell;

use self::shape::{closing, is_leaf, is_listing, is_value, opens_string, prose};
use self::tail::Lead;
use self::token::{Kind, MAX_TOKENS, OVERLAP, Token, tokens};
pub(super) use self::triggers::TRIGGERS;
use super::{Hit, Hits, Text};
use crate::waf::Part;
use crate::waf::meter::price;
use crate::waf::scan::{at, from, is_word, trim};

/// One reading of a text.
struct Sql<'a> {
    text: &'a [u8],
    tokens: Vec<Token>,
    /// Index of the closing parenthesis for each opening one, the number of tokens elsewhere.
    closing: Vec<usize>,
    /// The quote inside which the text is read.
    quote: Option<u8>,
    /// The text of a last string that only the application's quote would close.
    open: Option<&'a [u8]>,
    /// Whether the string before the break-out is a value: up to three words on one line.
    value: bool,
    /// Whether the text ends as an injection does that is written to work.
    terminated: bool,
    /// Index of the token from which on the text is prose: words that no query puts side by side
    /// have been read.
    prose: usize,
    /// The value that the text starts with, and what closes what it stands in.
    lead: Lead,
    /// Whether the text is a listing of several lines, which somebody shows or keeps.
    listing: bool,
    /// Steps taken in expressions that have not been charged yet.
    steps: Cell<usize>,
}

/// Tokens of a listing that may still belong to an attack put before it.
const LISTING_HEAD: usize = 6;
/// Tokens of a break-out that a comment ends, whatever the comment says.
const MAX_BREAKOUT: usize = 48;
/// Tokens of a clause that are searched for a condition.
const MAX_CLAUSE: usize = 32;
/// Tokens at the start of a window whose context was the window's before it.
const WINDOW_HEAD: usize = 16;
/// Longest rest of a query string behind a comment sign.
const MAX_REST: usize = 40;
/// Longest text read as if it stood inside backticks: longer ones are Markdown.
const MAX_BACKTICKED: usize = 256;

/// Names the rules that any of the readings breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Hits) {
    // A file name with a bracket or a user agent with semicolons is no query.
    if matches!(text.part, Part::File) {
        return;
    }
    if let Some(hidden) = hidden::text(text.lower) {
        let text = Text {
            lower: &hidden,
            ..*text
        };
        read(&text, hits);
    }
    let first = hits.len();
    read(text, hits);
    if text.part == Part::Path && text.name.is_empty() {
        // What stands in the last segment alone is judged there.
        let last = text.lower.iter().rposition(|byte| *byte == b'/');
        let mut index = 0;
        hits.found.retain(|hit| {
            index += 1;
            index <= first || last.is_none_or(|last| hit.start <= last)
        });
    }
}

/// Each reading in turn.
fn read(text: &Text<'_>, hits: &mut Hits) {
    let is_leaf = is_leaf(text);
    windows(text.lower, None, is_leaf, hits);
    for quote in *b"'\"`" {
        let is_short = quote != b'`' || text.lower.len() <= MAX_BACKTICKED;
        if is_short && !hits.meter.is_spent() && text.lower.contains(&quote) {
            windows(text.lower, Some(quote), false, hits);
        }
    }
}

/// One reading, in windows of so many tokens; only the first has a break-out and a start.
fn windows(text: &[u8], quote: Option<u8>, is_leaf: bool, hits: &mut Hits) {
    let mut sql = Sql::new(text, quote);
    sql.charge(hits);
    sql.listing |= is_leaf;
    sql.detect(0, hits);
    if hits.meter.is_spent() {
        return;
    }
    sql.whole(hits);
    hits.meter.charge(sql.steps.take(), price::STEP);
    let mut offset = 0;
    while let Some(next) = sql.next_window().filter(|_| !hits.meter.is_spent()) {
        offset += next;
        sql = Sql::new(from(text, offset), None);
        sql.charge(hits);
        sql.listing |= is_leaf;
        let first = hits.len();
        sql.detect(WINDOW_HEAD, hits);
        for hit in hits.iter_mut().skip(first) {
            hit.start += offset;
            hit.end += offset;
        }
    }
}

impl<'a> Sql<'a> {
    fn new(text: &'a [u8], quote: Option<u8>) -> Self {
        let mut tokens = tokens(text, quote);
        if quote.is_some() && opens_string(text, tokens.first()) {
            tokens.truncate(1);
        }
        let closing = closing(&tokens);
        let last = tokens.last().filter(|_| tokens.len() > 1);
        let open = quote
            .zip(last)
            .and_then(|(quote, last)| token::open_string(text, last, quote));
        let mut sql = Self {
            text,
            value: quote.is_some() && is_value(text, tokens.first()),
            terminated: false,
            lead: Lead::default(),
            open,
            prose: prose(&tokens),
            listing: is_listing(text, tokens.len()),
            steps: Cell::default(),
            tokens,
            closing,
            quote,
        };
        sql.terminated = sql.is_terminated();
        sql.lead = sql.lead();
        sql
    }

    /// Charges for what was read.
    fn charge(&self, hits: &mut Hits) {
        let is_name = |token: &&Token| is_word(at(self.text, token.start));
        let is_quoted = |token: &&Token| token.kind == Kind::Str;
        let read = self.tokens.last().map_or(0, |token| token.end);
        hits.meter.charge(read, price::LEXED);
        hits.meter.charge(self.tokens.len(), price::TOKEN);
        let names = self.tokens.iter().filter(is_name).count();
        hits.meter.charge(names, price::NAME);
        let strings = self.tokens.iter().filter(is_quoted).count();
        hits.meter.charge(strings, price::QUOTED);
    }

    /// Where the window after this one starts, when there is more text than tokens are read.
    fn next_window(&self) -> Option<usize> {
        let overlap = self.tokens.len().checked_sub(OVERLAP)?;
        (self.tokens.len() >= MAX_TOKENS)
            .then(|| self.tokens.get(overlap))
            .flatten()
            .map(|token| token.start)
            .filter(|start| *start > 0)
    }

    /// What may stand anywhere.
    fn detect(&self, first: usize, hits: &mut Hits) {
        for index in first..self.tokens.len() {
            hits.meter.charge(self.steps.take(), price::STEP);
            if hits.meter.is_spent() {
                return;
            }
            let kind = self.kind(index);
            if kind.is_sign() {
                // Nothing but a statement that is told by its place begins with one.
                if index <= 2 || self.previous(index) == Kind::Semi {
                    self.statement(index, hits);
                }
                continue;
            }
            self.union(index, hits);
            self.inner(index, hits);
            self.statement(index, hits);
            self.condition(index, hits);
            self.function(index, hits);
            self.clause(index, hits);
            self.choice(index, hits);
        }
    }

    /// What is known of the text as a whole.
    fn whole(&self, hits: &mut Hits) {
        self.columns(hits);
        self.tail(hits);
        self.comment(hits);
        self.breakout(hits);
        self.probe(hits);
        self.computes(hits);
    }

    /// Whether SQL at this token may be meant for a database: not after a sentence's worth of
    /// words, nor far into a listing.
    fn is_anchored(&self, index: usize) -> bool {
        index < self.prose
            && !self.is_clause()
            && (!self.listing || index <= LISTING_HEAD)
            && (self.quote.is_none() || self.value || self.terminated)
    }

    /// Whether the text starts with a clause that can follow no value: a line of a longer query.
    fn is_clause(&self) -> bool {
        let is_tried = || (2..MAX_CLAUSE).any(|index| self.kind(index) == Kind::Logic);
        self.quote.is_none()
            && (self.kind(0) == Kind::Where
                || (self.kind(0) == Kind::From && self.kind(1) != Kind::Open && !is_tried())
                || (self.kind(0) == Kind::Keyword
                    && matches!(
                        self.word(0),
                        b"join" | b"left" | b"right" | b"inner" | b"cross" | b"values" | b"on"
                    )
                    && self.kind(1) != Kind::Open))
    }

    /// A comment at the end that says nothing, or a short string that the application closes; or any
    /// comment at all behind a break-out that is read to its end: what it says is never run.
    fn is_terminated(&self) -> bool {
        self.is_cut_short()
            || self
                .open
                .is_some_and(|tail| tail.len() <= 16 && !tail.contains(&b' '))
            || self
                .tokens
                .len()
                .checked_sub(1)
                .is_some_and(|last| self.is_cut(last))
    }

    /// `... and thanks' or 1=1-- and so on`: the quote ends the value behind a word or a space, what follows can
    /// follow a value, and a comment hides the rest of the text.
    fn is_cut_short(&self) -> bool {
        let last = self.tokens.len().saturating_sub(1);
        self.quote.is_some()
            && (2..=MAX_BREAKOUT).contains(&last)
            && self.kind(last) == Kind::Comment
            && matches!(
                self.kind(1),
                Kind::Logic | Kind::Semi | Kind::Union | Kind::Close | Kind::Having | Kind::Order
            )
    }

    /// Counts steps that are charged for when the next token is looked at.
    fn step(&self, count: usize) {
        self.steps.set(self.steps.get().saturating_add(count));
    }

    /// Kind of the token at `index`, [`Kind::End`] outside.
    fn kind(&self, index: usize) -> Kind {
        self.tokens.get(index).map_or(Kind::End, |token| token.kind)
    }

    /// Kind of the token before `index`, [`Kind::End`] at the start.
    fn previous(&self, index: usize) -> Kind {
        index
            .checked_sub(1)
            .map_or(Kind::End, |index| self.kind(index))
    }

    fn word(&self, index: usize) -> &'a [u8] {
        self.tokens
            .get(index)
            .map_or(&[], |token| token::text_of(self.text, token))
    }

    fn hit(&self, rule: &'static crate::waf::rules::Rule, first: usize, last: usize) -> Hit {
        let start = self.tokens.get(first).map_or(0, |token| token.start);
        let end = self
            .tokens
            .get(last)
            .map_or(self.text.len(), |token| token.end);
        Hit::new(rule, start, end)
    }

    /// Whether the token before `index` (closing parentheses skipped) is the string that the
    /// text's own quote ended: the place where an injection starts.
    fn follows_breakout(&self, index: usize) -> bool {
        if self.quote.is_some() && index == self.lead.end {
            return true;
        }
        let mut index = index;
        while index > 0 && self.kind(index - 1) == Kind::Close {
            index -= 1;
        }
        self.quote.is_some() && index == 1
    }

    /// Whether a comment at this token says nothing, as the one that cuts a query's rest off.
    fn is_cut(&self, index: usize) -> bool {
        if self.kind(index) != Kind::Comment {
            return false;
        }
        let said = self
            .tokens
            .get(index)
            .map_or(&[][..], |token| token::comment_text(self.text, token));
        // MySQL's `#` needs no space, so what follows it is more often a tag than a comment.
        let longest = if self.word(index).starts_with(b"#") {
            0
        } else {
            3
        };
        let said = trim(said);
        // `-- &password=`: the rest of somebody's query string.
        said.len() <= longest || (said.starts_with(b"&") && said.len() <= MAX_REST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fires(text: &str) -> bool {
        let mut hits = Hits::default();
        let text = Text {
            lower: text.as_bytes(),
            part: Part::Json,
            name: "q",
        };
        detect(&text, &mut hits);
        let is_inside = |hit: &Hit| hit.start < hit.end && hit.end <= text.lower.len();
        assert!(hits.iter().all(is_inside), "{hits:?}");
        !hits.is_empty()
    }

    #[test]
    fn no_number_of_tokens_hides_what_follows() {
        for tokens in [
            100,
            MAX_TOKENS - 3,
            MAX_TOKENS,
            MAX_TOKENS + 300,
            3 * MAX_TOKENS,
        ] {
            let padding = ",1".repeat(tokens / 2);
            let attack = format!("1 in (1{padding}) union select password from users");
            assert!(fires(&attack), "{tokens}");
            let quoted = format!("x' in ('1'{padding}) union select password from users where '1");
            assert!(fires(&quoted), "{tokens}");
            assert!(!fires(&format!("1{padding}")), "{tokens}");
        }
    }

    #[test]
    fn reads_what_follows_a_value_that_is_closed() {
        for attack in [
            "1) where 22=22 and 22=22-- xyzw",
            "char(65)+char(66)",
            "1)or(1",
            "1 or-1",
            "1^(1=1)",
            "' '",
            "x','y'),('admin','pw')-- -",
            "a',role='admin' where id=1--",
            "id` from users where 1=1-- -",
            "'::int or 1=1--",
            "admin' limit 1#",
            "1') as abcd where 3=3 order by 3-- -",
            "1)) and 9471=9471-- gxhd",
            "1))) order by 3-- zkyi",
            "1$$ or 1=1--",
            "1' in boolean mode) order by 5-- -",
            "1 ,(case when 6993=6993 then 1 else null end)",
            "elt(8201=8201,7938)",
            "1' ,iif(49=49,1,1/0)-- abcd",
            "-5924*/ or elt(4410=4410,2702)/*",
            "1 or 'a'=regexp_substring(repeat(right(char(1),0),5000),null)",
            "%1%' %o%r %8%7%3%7%=%8%7%3%7%-%-",
            r"1\' or \'a\'=\'a",
            "1 rlike(if(mid(@@version,1,1)=8,1,0x28))",
            "' or select *",
            "'; values (1)--",
            "'))",
            "1 uni<>on sel<>ect 1,2",
            "1' and 1 member of ('[1]')-- -",
            "1' and 1 collate utf8_bin=1#",
            "1 or {d'2020-01-01'}",
            "1 sounds like 1",
            "1' into @,@,@#",
            "1 group by 1,2,3 having 1",
            "' rlike '.*",
            "' or '1' -> '$' --",
            "1 or '{\"a\":1}' ->> '$.a'",
            "1 and '{\"a\":2}'::jsonb ? 'a'",
            "1;while 1=1 begin select 1 end",
            "1;create function sys_exec returns int soname 'x.dll'",
            "1 or true limit 1",
            "users where 1=1--",
            "'; security label on table a is 'b'--",
            "'; drop owned by a--",
            "' and 'a' ~* 'a'--",
            "' and 1 is distinct from 2--",
            "' and locate('a','a')#",
            "' fetch first 1 rows only--",
            ":id or 1=1",
            "[1] or 1=1",
            "a.b or 1=1",
            "null,null from users#",
            "* from users--",
            "x', password='p",
            "'),(1,2,3)-- ",
            "'),('x','y",
            "' returning id;--",
            "1') on duplicate key update a=1#",
            "mysql.user",
            "rand(ascii(left(database(),1))=115)",
            "i would like to have this, and thanks' or 1=1-- dear all of you",
            "thanks a lot for the nice book' union select 1,2# and so on",
            "' and 'x",
            "' <@ '{}",
            "' is unknown or '",
            "' or array[1]=array[1] or '",
            "'='or'",
            "'::text||'",
            "'or current_user--",
            "id is null; select 1",
            "1.,)('(\".,",
            "1 group by concat(version(),floor(rand(0)*2)) having min(0)",
            "cast(@@version as int)",
            "x' order by 1 desc --",
            "x' where id = 1 --",
            "x', password from users --",
            "x' or 1 or 1 --",
            "x'; go --",
            "users where id = 1 --",
            "id asc; select 1",
            "1 = @@foo",
            "$$;select lo_import($$/x$$);--",
            "1 union (with x as (delete from users returning *) select id from x)",
            "{x 1}union{x select}1,2",
            "1 mod 0 is null or 1=1",
            "'} or 1=1 -- {'",
            "' or array[1]<@array[1,2]--",
            "admin' #comment",
            "if(1=1,id,name)",
            "1' or soundex('a')=soundex('a",
        ] {
            assert!(fires(attack), "{attack}");
        }
        for honest in [
            "1) as is, where is: 2) as new",
            "a) where do we go? b) and when?",
            "1) and 2) are right -- note",
            "in case when 3 then 4",
            "case when x = 5 then what?",
            "elt (5 km) = 3 miles",
            "$5$$ or more",
            "50%, 20% or 5% off",
            "1 <> 2 and so on",
            "3 sounds like a good number",
            "a member of (2) is here",
            "the boys'; set it up -- and go",
            ":smile: or so 1=1",
            "greetings from bali --",
            "the teachers' and 2 parents -- a meeting",
            "returning the parents' book -- thanks",
            "places where 5 people sit",
            "5 or more, limit 1 each",
            "hello there it is jp' into @home",
            "rock 'n' roll' -- both",
            "'like' vs 'rlike'",
            "the boys' order by phone -- thanks",
            "dogs', cats from shelters",
            "1, 2 from menu",
            "'+' or '-'",
            "'similar to' this",
            "'in 'n' out' burger",
            "=if(ascii(a1)=65,\"a\",\"b\") in a sheet",
        ] {
            assert!(!fires(honest), "{honest}");
        }
    }
}
