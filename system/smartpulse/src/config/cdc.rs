//! Section `[cdc]`.

use super::reader::Reader;

/// What the change feed of SQL Server reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CdcMode {
    /// `CHANGETABLE`.
    ChangeTracking,
    /// Capture instances.
    Cdc,
}

const MODES: [(&str, CdcMode); 2] = [("change_tracking", CdcMode::ChangeTracking), ("cdc", CdcMode::Cdc)];

/// The settings of the change feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CdcConfig {
    /// What it reads.
    pub mode: CdcMode,
}

impl CdcConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        Self { mode: r.choice("cdc.mode", &MODES).unwrap_or(CdcMode::ChangeTracking) }
    }
}
