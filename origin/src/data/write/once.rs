//! `Idempotency-Key`: what is sent again is not written again
//! (draft-ietf-httpapi-idempotency-key-header).
//!
//! Guarantees: a key counts for one caller alone, without an account for one address; an answer that is given again shows the rows as
//! the caller may see them now; a request that failed, or was a rehearsal, uses up no key.

use super::{
    super::{error::DataError, policy::Caller, request::Asked, request::PREFER, statement::Key},
    Done,
};
use crate::{
    admission::Admitted,
    clock,
    db::{DataTransaction, IdempotencyKey},
};
use http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};
use std::net::IpAddr;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Bytes of a key.
const MAX_KEY_BYTES: usize = 255;

/// The key of a request, where it has one.
pub(super) fn key(
    asked: &Asked<'_>,
    request: &Admitted,
    body: &[u8],
) -> Result<Option<IdempotencyKey>, DataError> {
    let headers = request.headers();
    let Some(key) = given(headers)? else {
        return Ok(None);
    };
    let mut parts = vec![
        Some(request.path().as_bytes()),
        Some(request.query().as_bytes()),
        Some(body),
    ];
    parts.extend(headers.get_all(PREFER).iter().map(|p| Some(p.as_bytes())));
    Ok(Some(IdempotencyKey {
        key_hash: of_caller(&asked.caller, request.identity().client, key),
        request_hash: hash(parts),
        now: clock::now(),
    }))
}

fn given(headers: &HeaderMap) -> Result<Option<&[u8]>, DataError> {
    let mut fields = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(field) = fields.next() else {
        return Ok(None);
    };
    let key = field.as_bytes();
    let is_key = (1..=MAX_KEY_BYTES).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    if is_key && fields.next().is_none() {
        Ok(Some(key))
    } else {
        Err(DataError::Unsupported(format!(
            "Idempotency-Key must be one of 1 to {MAX_KEY_BYTES} visible ASCII characters"
        )))
    }
}

/// Visitors without an account share everything but their addresses.
fn of_caller(caller: &Caller, client: IpAddr, key: &[u8]) -> [u8; 32] {
    let text = |text: &Option<String>| text.as_ref().map(String::as_bytes).map(<[u8]>::to_vec);
    let (subject, tenant) = (text(&caller.subject), text(&caller.tenant));
    let visitor = caller.subject.is_none().then(|| client.to_string());
    hash([
        subject.as_deref(),
        visitor.as_ref().map(String::as_bytes),
        tenant.as_deref(),
        Some(caller.role.as_bytes()),
        Some(key),
    ])
}

/// Of parts that cannot be mistaken for others: each with its length before it.
fn hash<'a>(parts: impl IntoIterator<Item = Option<&'a [u8]>>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        let length = part.map_or(u64::MAX, |part| {
            u64::try_from(part.len()).unwrap_or(u64::MAX)
        });
        hasher.update(length.to_be_bytes());
        hasher.update(part.unwrap_or_default());
    }
    hasher.finalize().into()
}

/// The keys of rows, to be remembered.
pub(super) fn stored(keys: &[Key]) -> Result<String, DataError> {
    serde_json::to_string(keys).map_err(|_| DataError::Internal)
}

/// The answer once more, of rows that are still there and seen.
pub(super) async fn again(
    asked: &Asked<'_>,
    mut transaction: DataTransaction,
    row_keys: &str,
) -> Result<Done, DataError> {
    let keys: Vec<Key> = serde_json::from_str(row_keys).map_err(|_| DataError::Internal)?;
    let page = if asked.returns_rows() {
        Some(
            asked
                .found(&mut transaction, &keys)
                .await?
                .page(asked, &keys)?,
        )
    } else {
        None
    };
    transaction.commit().await?;
    Ok(Done {
        keys,
        page,
        is_replayed: true,
    })
}

#[cfg(test)]
mod tests {
    use super::{given, hash, of_caller};
    use crate::data::policy::Caller;
    use http::HeaderMap;

    fn caller(subject: Option<&str>, tenant: Option<&str>, role: &str) -> Caller {
        Caller {
            subject: subject.map(str::to_owned),
            role: role.to_owned(),
            tenant: tenant.map(str::to_owned),
            session: None,
            token_id: None,
            assurance: "aal1",
        }
    }

    #[test]
    fn parts_are_not_mistaken_for_others() {
        let some = |parts: &[&'static str]| hash(parts.iter().map(|part| Some(part.as_bytes())));
        assert_ne!(some(&["ab", "c"]), some(&["a", "bc"]));
        assert_ne!(some(&["a", ""]), some(&["a"]));
        assert_ne!(hash([None]), some(&[""]));
        assert_eq!(some(&["a", "b"]), some(&["a", "b"]));
    }

    #[test]
    fn a_key_counts_for_one_caller() {
        let here = [203, 0, 113, 1].into();
        let of = |subject, tenant, role| of_caller(&caller(subject, tenant, role), here, b"k");
        let ada = of(Some("ada"), None, "user");
        for other in [
            of(Some("bob"), None, "user"),
            of(Some("ada"), None, "admin"),
            of(Some("ada"), Some("t"), "user"),
            of(None, Some("ada"), "user"),
        ] {
            assert_ne!(ada, other);
        }
        assert_eq!(ada, of(Some("ada"), None, "user"));
        let at = |subject, last: u8| {
            let client = [203, 0, 113, last].into();
            of_caller(&caller(subject, None, "anon"), client, b"k")
        };
        assert_ne!(at(None, 1), at(None, 2));
        assert_eq!(at(Some("ada"), 1), at(Some("ada"), 2));
    }

    #[test]
    fn keys_have_their_limits() {
        let read = |keys: &[&str]| {
            let mut headers = HeaderMap::new();
            for key in keys {
                headers.append("idempotency-key", key.parse().unwrap());
            }
            given(&headers).map(|key| key.map(<[u8]>::to_vec))
        };
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["a-1"]), Ok(Some(b"a-1".to_vec())));
        assert!(read(&["x".repeat(255).as_str()]).is_ok());
        for bad in [
            &["x".repeat(256).as_str()][..],
            &[""],
            &["a b"],
            &["é"],
            &["a", "a"],
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
