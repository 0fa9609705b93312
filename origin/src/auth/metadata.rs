//! What a person or an application keeps about an account: JSON, merged member by member.

use crate::http::ApiError;
use serde_json::{Map, Value};

/// Longest metadata as JSON; it travels with every session.
const MAX_BYTES: usize = 16 * 1024;

/// Puts the members of `change` in the place of those of the same name; `null` removes one.
///
/// # Errors
/// [`ApiError::Invalid`] when it becomes too long; `kept` is not to be kept then.
pub(super) fn merge(
    kept: &mut Map<String, Value>,
    change: &Map<String, Value>,
) -> Result<(), ApiError> {
    for (name, value) in change {
        if value.is_null() {
            kept.remove(name);
        } else {
            kept.insert(name.clone(), value.clone());
        }
    }
    let length = serde_json::to_vec(kept).map_or(usize::MAX, |json| json.len());
    if length > MAX_BYTES {
        return Err(ApiError::Invalid("Metadata may have 16,384 bytes as JSON."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::merge;
    use serde_json::{Value, json};

    fn merged(kept: Value, change: Value) -> Option<Value> {
        let (Value::Object(mut kept), Value::Object(change)) = (kept, change) else {
            panic!("objects");
        };
        merge(&mut kept, &change).ok().map(|()| Value::Object(kept))
    }

    #[test]
    fn replaces_adds_and_removes_members() {
        let found = merged(
            json!({"a": 1, "b": {"c": 2}, "d": 3}),
            json!({"b": {"e": 4}, "d": null, "f": []}),
        );
        assert_eq!(found, Some(json!({"a": 1, "b": {"e": 4}, "f": []})));
    }

    #[test]
    fn has_a_limit_that_pieces_cannot_get_around() {
        let half = "x".repeat(9_000);
        assert!(merged(json!({}), json!({"a": half})).is_some());
        assert_eq!(merged(json!({"a": half}), json!({"b": half})), None);
        assert!(merged(json!({"a": half}), json!({"a": null, "b": half})).is_some());
    }
}
