//! Lists in the output cache: their key, how they are built, what evicts them (rulings 5, 15, 16).

use std::fmt::Write as _;
use std::sync::Arc;

use async_trait::async_trait;
use coherence::{Build, Built, Key, LoadError, ReadError, Tag, Version};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::manager::load_error;
use super::{Listed, Views};
use crate::model::{ListParams, Scope, forecast_key};
use crate::ports::{ListCursor, ListPage, ListQuery, Store, StoreError};

/// The most companies of a caller that a list's key names; more are named by a hash.
pub const SCOPE_IN_KEY_MAX: usize = 16;

/// `{method}_{path}_{queryString}`, as specified, with the query in its one form and the caller's scope (ruling 16).
pub(super) fn output_key(params: &ListParams, scope: &Scope, seeds: [u64; 2]) -> Result<Key, ReadError> {
    let mut text = format!("GET_/api/forecasts_{}_", params.canonical());
    match scope {
        Scope::All => text.push('*'),
        Scope::Companies(companies) => {
            let names: Vec<String> = companies.iter().map(ToString::to_string).collect();
            let names = names.join(",");
            if companies.len() <= SCOPE_IN_KEY_MAX {
                text.push_str(&names);
            } else {
                // 256 bits under seeds that nobody outside knows: no caller can aim at another one's key.
                for seed in seeds {
                    let _ = write!(text, "~{:032x}", xxh3_128_with_seed(names.as_bytes(), seed));
                }
            }
        }
    }
    Key::new(text).map_err(|error| ReadError::Corrupt(error.to_string()))
}

/// Builds one list.
pub(super) struct ListBuild<R> {
    store: Arc<dyn Store>,
    views: R,
    query: ListQuery,
    tags: Vec<Tag>,
}

impl<R: Views> ListBuild<R> {
    pub(super) fn new(store: Arc<dyn Store>, views: R, params: &ListParams, scope: &Scope) -> Self {
        Self { store, views, query: params.query(scope), tags: params.tags(scope) }
    }
}

#[async_trait]
impl<R: Views> Build<R::List> for ListBuild<R> {
    async fn build(&self) -> Result<Built<R::List>, LoadError> {
        let ListPage { total, items, more, incarnation } = self.store.list(&self.query).await.map_err(load_error)?;
        let shows =
            items.iter().map(|item| (forecast_key(item.id), Version { incarnation, id: item.version_id })).collect();
        let last = items.last().filter(|_| more);
        let next = last.map(|item| ListCursor { forecast_date: item.forecast_date, id: item.id }.to_text());
        let listed = Listed { total, items, next, incarnation };
        let view = self.views.render_list(&listed).map_err(|what| load_error(StoreError::Corrupt(what)))?;
        Ok(Built { weight_bytes: self.views.list_weight_bytes(&view), view, shows, tags: self.tags.clone() })
    }
}
