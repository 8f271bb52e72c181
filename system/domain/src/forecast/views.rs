//! What the HTTP layer brings: the ready forms that the caches hold.

use coherence::{Incarnation, Render};

use crate::model::{CompanyId, Forecast};

/// One page of a list, about to be rendered.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// How many forecasts match, on all pages.
    pub total: u64,
    /// The page's items.
    pub items: Vec<Forecast>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
    /// The database's incarnation.
    pub incarnation: Incarnation,
}

/// Ready forms of forecasts and of lists. The form of one forecast is built once per fill ([`Render::render`], from the
/// document's JSON; a document without a body is an absence) and must still tell its company, since every hit compares it
/// with the caller's scope (ruling 16).
pub trait Views: Render + Clone {
    /// The ready form of a list. Clones must be cheap.
    type List: Clone + Send + Sync + 'static;

    /// The company of the forecast that `view` shows; `None` for an absence.
    fn company_id(&self, view: &Self::View) -> Option<CompanyId>;

    /// Builds the ready form of a list, once per fill.
    ///
    /// # Errors
    /// A text, if it cannot be built.
    fn render_list(&self, page: &Listed) -> Result<Self::List, String>;

    /// About how many bytes of memory the ready form of a list takes.
    fn list_weight_bytes(&self, list: &Self::List) -> usize;
}
