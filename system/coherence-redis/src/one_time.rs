//! Things that are good once, for all processes: tickets.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use coherence::SharedError;
use redis::Value;

use crate::error::Failure;
use crate::reply;
use crate::script;
use crate::servers::Servers;
use crate::shared_tier::millis;

/// Whether a thing was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It waits to be taken.
    Done,
    /// Its owner has as many that nobody took as it may have.
    TooMany,
}

/// Things that wait to be taken, each once, by whichever process is asked. Nothing but Redis counts them: where it lost
/// them, they are gone.
#[derive(Clone)]
pub struct OneTime {
    servers: Arc<Servers>,
    kind: &'static str,
}

impl OneTime {
    pub(crate) fn new(servers: Arc<Servers>, kind: &'static str) -> Self {
        Self { servers, kind }
    }

    /// `<kind>:<name>`.
    fn thing(&self, name: &str) -> String {
        format!("{}:{name}", self.kind)
    }

    /// `<kind>s-of:<owner>`.
    fn names_of(&self, owner: &str) -> String {
        format!("{}s-of:{owner}", self.kind)
    }

    /// Keeps `value` under `name` for `life`, unless `owner` has `max` already that nobody took. `name` is random, and never
    /// used again; `owner` has no line breaks.
    ///
    /// # Errors
    /// Those of a call of Redis. A call that failed may be repeated.
    pub async fn keep(
        &self,
        name: &str,
        owner: &str,
        value: &[u8],
        life: Duration,
        max: usize,
    ) -> Result<Kept, SharedError> {
        if owner.contains('\n') {
            return Err(SharedError::Corrupt("an owner with a line break".to_owned()));
        }
        let (names, life, max) = (self.names_of(owner), millis(life), max.to_string());
        let arguments = [name.as_bytes(), life.as_bytes(), max.as_bytes()];
        let room = self.servers.run(&script::KEEP_ONCE, &[&names], &arguments).await?;
        match reply::text(Some(room))?.as_str() {
            "kept" => {}
            "too many" => return Ok(Kept::TooMany),
            other => return Err(reply::unknown(other).into()),
        }
        let thing = self.thing(name);
        let mut command = redis::cmd("SET");
        command.arg(&thing).arg([owner.as_bytes(), b"\n", value].concat()).arg("PX").arg(&life);
        self.servers.call(&thing, &command).await?;
        Ok(Kept::Done)
    }

    /// Takes what was kept under `name`, if it is there: once.
    ///
    /// # Errors
    /// Those of a call of Redis. Where one failed, the thing may be gone.
    pub async fn take(&self, name: &str) -> Result<Option<Bytes>, SharedError> {
        let thing = self.thing(name);
        let found = match self.servers.run_once(&script::TAKE_ONCE, &[&thing], &[]).await? {
            Value::Nil => return Ok(None),
            found => reply::bytes(Some(found))?,
        };
        let end = found.iter().position(|byte| *byte == b'\n');
        let end = end.ok_or_else(|| Failure::Corrupt("a thing without an owner".to_owned()))?;
        if let Ok(owner) = std::str::from_utf8(&found[..end]) {
            let names = self.names_of(owner);
            let mut command = redis::cmd("ZREM");
            command.arg(&names).arg(name);
            // Its name counts until its end otherwise.
            if let Err(error) = self.servers.call(&names, &command).await {
                tracing::debug!(?error, "a name that was used is counted until its end");
            }
        }
        Ok(Some(found.slice(end + 1..)))
    }
}
