//! The outbox of a store whose bus is elsewhere. A row that is sent is forgotten.

use std::collections::BTreeMap;

use async_trait::async_trait;
use coherence::Timestamp;
use domain::ports::{Outbox, OutboxEvent, OutboxId, OutboxRow, StoreError};

use super::MemoryStore;

/// The events that are not sent.
#[derive(Debug, Clone, Default)]
pub(super) struct OutboxTable {
    last: u128,
    bytes: u64,
    rows: BTreeMap<OutboxId, OutboxRow>,
}

fn bytes_of(event: &OutboxRow) -> u64 {
    let properties: usize = event.message.properties.iter().map(|(name, value)| name.len() + value.len()).sum();
    (event.message.key.len() + event.message.payload.len() + properties) as u64
}

impl OutboxTable {
    /// Appends all or nothing.
    pub(super) fn append(&mut self, events: &[OutboxEvent], at: Timestamp, bytes_max: u64) -> Result<(), StoreError> {
        let rows: Vec<OutboxRow> = (self.last + 1..)
            .zip(events)
            .map(|(id, event)| {
                let OutboxEvent { topic, message } = event.clone();
                OutboxRow { id: OutboxId(id), topic, message, born_at: at }
            })
            .collect();
        let added: u64 = rows.iter().map(bytes_of).sum();
        if added > 0 && self.bytes + added > bytes_max {
            return Err(StoreError::Full(format!("the outbox holds {} of {bytes_max} bytes", self.bytes)));
        }
        self.bytes += added;
        self.last += rows.len() as u128;
        self.rows.extend(rows.into_iter().map(|row| (row.id, row)));
        Ok(())
    }

    fn forget(&mut self, id: OutboxId) {
        if let Some(row) = self.rows.remove(&id) {
            self.bytes -= bytes_of(&row);
        }
    }
}

#[async_trait]
impl Outbox for MemoryStore {
    async fn pending(&self, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(self.tables().outbox.rows.values().take(limit).cloned().collect())
    }

    async fn mark_sent(&self, ids: &[OutboxId]) -> Result<(), StoreError> {
        let mut tables = self.tables();
        ids.iter().for_each(|id| tables.outbox.forget(*id));
        Ok(())
    }
}
