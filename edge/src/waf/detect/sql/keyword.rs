//! The words that SQL reserves, and how filters that delete words are made to produce them.

use super::token::Kind;

/// What a word is; [`Kind::Ident`] when SQL does not reserve it.
pub(super) fn keyword(word: &[u8]) -> Kind {
    match plain(word) {
        Kind::Ident => nested(word).map_or(Kind::Ident, plain),
        kind => kind,
    }
}

fn plain(word: &[u8]) -> Kind {
    match word {
        b"or" | b"and" | b"xor" => Kind::Logic,
        b"not" | b"binary" => Kind::Not,
        b"like" | b"rlike" | b"regexp" | b"ilike" | b"glob" | b"is" | b"in" | b"between"
        | b"similar" | b"sounds" => Kind::Cmp,
        b"div" | b"mod" => Kind::Arith,
        b"null" | b"true" | b"false" => Kind::Const,
        b"select" => Kind::Select,
        b"union" | b"intersect" | b"except" | b"minus" => Kind::Union,
        b"all" | b"distinct" | b"distinctrow" => Kind::All,
        b"from" => Kind::From,
        b"where" => Kind::Where,
        b"having" => Kind::Having,
        b"order" | b"group" => Kind::Order,
        b"by" => Kind::By,
        b"limit" | b"offset" | b"fetch" => Kind::Limit,
        b"insert" | b"replace" | b"upsert" => Kind::Insert,
        b"into" => Kind::Into,
        b"update" => Kind::Update,
        b"set" => Kind::Set,
        b"delete" => Kind::Delete,
        b"drop" | b"truncate" | b"alter" | b"create" => Kind::Schema,
        b"table" | b"database" | b"schema" | b"view" | b"index" | b"procedure" | b"function"
        | b"trigger" | b"user" | b"role" | b"column" | b"login" | b"keyspace" => Kind::Object,
        b"exec" | b"execute" | b"declare" | b"shutdown" | b"waitfor" => Kind::Exec,
        b"as" | b"then" | b"else" | b"when" | b"case" | b"join" | b"on" | b"values" | b"if"
        | b"exists" | b"cascade" | b"inner" | b"left" | b"right" | b"cross" | b"using"
        | b"desc" | b"asc" | b"begin" | b"end" | b"try" | b"catch" | b"goto" | b"handler" => {
            Kind::Keyword
        }
        _ => Kind::Ident,
    }
}

/// Keywords worth hiding, for [`nested`] and [`joined`].
const HIDDEN: &[&[u8]] = &[
    b"union", b"select", b"or", b"and", b"from", b"where", b"insert", b"update", b"delete",
    b"drop", b"order", b"having", b"all", b"by", b"not", b"null", b"like",
];

/// Longest of them.
const MAX_HIDDEN: usize = 6;

/// `selselectect`: a filter that deletes the inner word leaves the outer one.
fn nested(word: &[u8]) -> Option<&'static [u8]> {
    let ends = (word.first()?, word.last()?);
    // Most words end here.
    if !matches!(
        ends,
        (b'u' | b'd' | b'w' | b'l', b'e')
            | (b'u', b'n')
            | (b's' | b'i' | b'n', b't')
            | (b'o', b'r')
            | (b'a', b'd' | b'l')
            | (b'f', b'm')
            | (b'd', b'p')
            | (b'h', b'g')
            | (b'b', b'y')
            | (b'n', b'l')
    ) || !word.len().is_multiple_of(2)
        || word.len() > 2 * MAX_HIDDEN
    {
        return None;
    }
    let find = |keyword: &&'static [u8]| {
        let length = keyword.len();
        word.len() == 2 * length
            && (keyword.first(), keyword.last()) == (Some(ends.0), Some(ends.1))
            && (1..length).any(|cut| {
                let (head, tail) = keyword.split_at_checked(cut).unwrap_or_default();
                word.starts_with(head)
                    && word.ends_with(tail)
                    && word.get(cut..cut + length) == Some(*keyword)
            })
    };
    HIDDEN.iter().find(|keyword| find(keyword)).copied()
}

/// `uni/**/on`: a filter that deletes comments leaves the keyword.
pub(super) fn joined(head: &[u8], tail: &[u8]) -> Option<Kind> {
    let find = |keyword: &&&[u8]| {
        keyword.len() == head.len() + tail.len()
            && keyword.starts_with(head)
            && keyword.ends_with(tail)
    };
    HIDDEN.iter().find(find).map(|keyword| plain(keyword))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_hidden_keyword_ends_early() {
        for keyword in HIDDEN {
            let (head, tail) = keyword.split_at(1);
            let word = [head, keyword, tail].concat();
            assert_eq!(nested(&word), Some(*keyword));
        }
    }

    #[test]
    fn finds_words_that_filters_would_leave() {
        assert_eq!(keyword(b"selselectect"), Kind::Select);
        assert_eq!(keyword(b"ununionion"), Kind::Union);
        assert_eq!(keyword(b"oorr"), Kind::Logic);
        assert_eq!(keyword(b"oror"), Kind::Ident);
        assert_eq!(joined(b"uni", b"on"), Some(Kind::Union));
        assert_eq!(joined(b"on", b"ion"), None);
    }
}
