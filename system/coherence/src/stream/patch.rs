//! Patches: JSON Patch (RFC 6902) with the three operations of the specification, on JSON Pointer paths (RFC 6901).

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The most operations that a patch may have; a longer one is refused, and the document fetched instead.
pub const PATCH_ITEMS_MAX: usize = 10_000;

/// One operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "Op", rename_all = "lowercase")]
pub enum PatchItem {
    /// Puts a value where none was (in an array: before the one that is there).
    Add {
        /// Where.
        #[serde(rename = "Path")]
        path: String,
        /// What.
        #[serde(rename = "Value")]
        value: Value,
    },
    /// Puts a value in the place of one.
    Replace {
        /// Where.
        #[serde(rename = "Path")]
        path: String,
        /// What.
        #[serde(rename = "Value")]
        value: Value,
    },
    /// Takes a value away.
    Remove {
        /// Where.
        #[serde(rename = "Path")]
        path: String,
    },
}

/// Why a patch does not apply. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// It has more than [`PATCH_ITEMS_MAX`] operations.
    #[error("the patch has {0} operations")]
    TooLong(usize),
    /// An operation does not fit the document.
    #[error("operation {index} does not apply: {reason}")]
    Unfit {
        /// Which, from 0.
        index: usize,
        /// Why.
        reason: String,
    },
}

impl PatchItem {
    /// Where it applies.
    pub fn path(&self) -> &str {
        match self {
            Self::Add { path, .. } | Self::Replace { path, .. } | Self::Remove { path } => path,
        }
    }

    fn operation(&self) -> Result<json_patch::PatchOperation, String> {
        use json_patch::{AddOperation, PatchOperation, RemoveOperation, ReplaceOperation};
        let path = json_patch::jsonptr::PointerBuf::parse(self.path()).map_err(|error| error.to_string())?;
        Ok(match self {
            Self::Add { value, .. } => PatchOperation::Add(AddOperation { path, value: value.clone() }),
            Self::Replace { value, .. } => PatchOperation::Replace(ReplaceOperation { path, value: value.clone() }),
            Self::Remove { .. } => PatchOperation::Remove(RemoveOperation { path }),
        })
    }
}

/// The patch that makes `before` into `after`: whole documents where one of them is absent.
pub fn diff(before: Option<&Value>, after: Option<&Value>) -> Vec<PatchItem> {
    use json_patch::PatchOperation;
    match (before, after) {
        (None, None) => Vec::new(),
        (Some(_), None) => vec![PatchItem::Remove { path: String::new() }],
        (None, Some(after)) => vec![PatchItem::Add { path: String::new(), value: after.clone() }],
        (Some(before), Some(after)) => json_patch::diff(before, after)
            .0
            .into_iter()
            .filter_map(|operation| match operation {
                PatchOperation::Add(add) => Some(PatchItem::Add { path: add.path.to_string(), value: add.value }),
                PatchOperation::Replace(replace) => {
                    Some(PatchItem::Replace { path: replace.path.to_string(), value: replace.value })
                }
                PatchOperation::Remove(remove) => Some(PatchItem::Remove { path: remove.path.to_string() }),
                // The library's diff makes none of these.
                PatchOperation::Move(_) | PatchOperation::Copy(_) | PatchOperation::Test(_) => None,
            })
            .collect(),
    }
}

/// Applies a patch to a copy of `base`, in order; all of it or nothing.
///
/// # Errors
/// [`PatchError`].
pub fn apply(base: Option<&Value>, items: &[PatchItem]) -> Result<Option<Value>, PatchError> {
    if items.len() > PATCH_ITEMS_MAX {
        return Err(PatchError::TooLong(items.len()));
    }
    // A patch that begins with the whole document needs no copy of what was.
    let replaces_all = items.first().is_some_and(|item| item.path().is_empty());
    let mut document =
        if replaces_all && matches!(items.first(), Some(PatchItem::Add { .. })) { None } else { base.cloned() };
    for (index, item) in items.iter().enumerate() {
        let unfit = |reason: String| PatchError::Unfit { index, reason };
        match (item, &mut document) {
            (PatchItem::Add { path, value }, place) if path.is_empty() => *place = Some(value.clone()),
            (PatchItem::Replace { path, value }, Some(present)) if path.is_empty() => *present = value.clone(),
            (PatchItem::Remove { path }, place @ Some(_)) if path.is_empty() => *place = None,
            (_, None) => return Err(unfit("there is no document".to_owned())),
            (item, Some(present)) => {
                let operation = item.operation().map_err(unfit)?;
                json_patch::patch(present, &[operation]).map_err(|error| unfit(error.to_string()))?;
            }
        }
    }
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e12..1e12f64).prop_map(Value::from),
            "[a-z/~ é]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a-z/~]{0,3}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_diff_applied_to_its_base_gives_its_target(
            before in prop::option::of(any_json()),
            after in prop::option::of(any_json()),
        ) {
            let items = diff(before.as_ref(), after.as_ref());
            prop_assert_eq!(apply(before.as_ref(), &items).unwrap(), after.clone());
            let text = serde_json::to_string(&items).unwrap();
            prop_assert_eq!(serde_json::from_str::<Vec<PatchItem>>(&text).unwrap(), items);
        }

        #[test]
        fn no_patch_panics(base in prop::option::of(any_json()), paths in prop::collection::vec("[/~01a-b-]{0,6}", 0..6)) {
            for kind in 0..3 {
                let items: Vec<PatchItem> = paths
                    .iter()
                    .cloned()
                    .map(|path| match kind {
                        0 => PatchItem::Add { path, value: json!(1) },
                        1 => PatchItem::Replace { path, value: json!(1) },
                        _ => PatchItem::Remove { path },
                    })
                    .collect();
                let _ = apply(base.as_ref(), &items);
            }
        }
    }

    #[test]
    fn a_patch_that_fails_half_way_changes_nothing() {
        let base = json!({ "demand": 1.0, "tags": ["a"] });
        let items = [
            PatchItem::Replace { path: "/demand".into(), value: json!(2.0) },
            PatchItem::Replace { path: "/absent".into(), value: json!(3.0) },
        ];
        assert!(matches!(apply(Some(&base), &items), Err(PatchError::Unfit { index: 1, .. })));
        assert_eq!(base, json!({ "demand": 1.0, "tags": ["a"] }));
    }

    #[test]
    fn replace_and_remove_need_their_target() {
        let base = json!({ "a": [1] });
        for item in [
            PatchItem::Remove { path: "/b".into() },
            PatchItem::Replace { path: "/a/1".into(), value: json!(2) },
            PatchItem::Add { path: "/a/3".into(), value: json!(2) },
            PatchItem::Remove { path: "no pointer".into() },
        ] {
            assert!(apply(Some(&base), std::slice::from_ref(&item)).is_err(), "{item:?}");
            assert!(apply(None, &[item]).is_err());
        }
    }

    #[test]
    fn a_null_is_a_value() {
        let items: Vec<PatchItem> =
            serde_json::from_str(r#"[{"Op":"replace","Path":"/supply","Value":null}]"#).unwrap();
        assert_eq!(apply(Some(&json!({ "supply": 1 })), &items).unwrap(), Some(json!({ "supply": null })));
    }

    #[test]
    fn endless_patches_are_refused() {
        let items = vec![PatchItem::Add { path: "/a".into(), value: json!(1) }; PATCH_ITEMS_MAX + 1];
        assert_eq!(apply(Some(&json!({})), &items), Err(PatchError::TooLong(PATCH_ITEMS_MAX + 1)));
    }
}
