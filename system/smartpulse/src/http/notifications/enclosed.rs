//! Bodies with files. They are large, so few are read at a time: what one holds in memory is several times its length.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use bytes::Bytes;
use domain::notification::model::ATTACHMENTS_BYTES_MAX;
use http::{HeaderMap, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::code::Code;
use crate::http::extract::{BodyLimit, read_json};
use crate::http::problem::Problem;

/// Large bodies that are read and stored at the same time; beyond that they are refused.
pub(super) const LARGE_BODIES_MAX: usize = 4;
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What bodies with files may weigh, and how many there are.
pub(super) struct Enclosed {
    /// Of those without.
    small: BodyLimit,
    large: BodyLimit,
    room: Arc<Semaphore>,
}

/// A body, and the room that it takes until it is stored.
pub(super) struct Read {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) room: Option<OwnedSemaphorePermit>,
}

impl Enclosed {
    /// Beside files in base64 there is as much room as bodies have without.
    pub(super) fn new(small: BodyLimit) -> Self {
        let files = ATTACHMENTS_BYTES_MAX.div_ceil(3) * 4;
        let large = BodyLimit { bytes: small.bytes + files, ..small };
        Self { small, large, room: Arc::new(Semaphore::new(LARGE_BODIES_MAX)) }
    }

    /// Reads a JSON body. It may be large if its `Content-Length` says so, and there is room.
    pub(super) async fn read(&self, request: Request) -> Result<Read, Problem> {
        let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let is_large =
            length.and_then(|text| text.parse::<usize>().ok()).is_some_and(|length| length > self.small.bytes);
        if !is_large {
            let (headers, body) = read_json(request, self.small).await?;
            return Ok(Read { headers, body, room: None });
        }
        let room = Arc::clone(&self.room).try_acquire_owned();
        let room = room.map_err(|_| Problem::new(Code::Overloaded).retry_after(RETRY_AFTER))?;
        let (headers, body) = read_json(request, self.large).await?;
        Ok(Read { headers, body, room: Some(room) })
    }
}
