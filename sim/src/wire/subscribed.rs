//! A subscription that survives its connections: it tells of their loss and return, as a driver does.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::conn::{Conn, WireError};
use super::frame::Kind;
use super::net::Net;
use super::server::{Open, OpenAnswer};
use super::slab::Cargo;

const RECONNECT_FIRST: Duration = Duration::from_millis(50);
const RECONNECT_MAX: Duration = Duration::from_millis(800);

/// What a subscription yields.
pub(super) enum Yield {
    /// What the session pushed.
    Item(Cargo),
    /// The connection is lost.
    Lost,
    /// It is back.
    Restored,
}

/// Makes the session anew on each connection.
pub(super) type Opener<T> = Arc<dyn Fn() -> Open<T> + Send + Sync>;

/// A subscription. Dropping it closes its connection.
pub(super) struct Subscribed {
    items: mpsc::UnboundedReceiver<Yield>,
    current: Arc<Mutex<Option<Arc<Conn>>>>,
    driver: AbortHandle,
}

struct Driver<T> {
    net: Net,
    to: &'static str,
    port: u16,
    open: Opener<T>,
    items: mpsc::UnboundedSender<Yield>,
    current: Arc<Mutex<Option<Arc<Conn>>>>,
}

type Pushes = mpsc::UnboundedReceiver<Cargo>;

impl Subscribed {
    /// Subscribes; answers what the backend said to it.
    pub(super) async fn begin<T: 'static>(
        net: Net,
        to: &'static str,
        port: u16,
        open: Opener<T>,
    ) -> Result<(Cargo, Self), WireError> {
        let (items, received) = mpsc::unbounded_channel();
        let current = Arc::new(Mutex::default());
        let driver = Driver { net, to, port, open, items, current: Arc::clone(&current) };
        let (opened, pushes) = driver.connect().await?;
        let driver = tokio::spawn(driver.drive(pushes)).abort_handle();
        // Where it was refused the caller drops this at once.
        Ok((opened.answer, Self { items: received, current, driver }))
    }

    /// What comes next; `None` after its end. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Yield> {
        self.items.recv().await
    }

    /// Tells the session something.
    pub(super) async fn settle(&self, command: Cargo) -> Result<Cargo, WireError> {
        let conn = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        conn.ok_or(WireError::Broken)?.call(Kind::Settle, command, || ("settle".to_owned(), None)).await
    }
}

impl Drop for Subscribed {
    fn drop(&mut self) {
        self.driver.abort();
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl<T: 'static> Driver<T> {
    fn set_current(&self, conn: Option<Arc<Conn>>) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = conn;
    }

    async fn connect(&self) -> Result<(OpenAnswer, Pushes), WireError> {
        let (pushes, pushed) = mpsc::unbounded_channel();
        let conn = Conn::dial(&self.net, self.to, self.port, Some(pushes)).await?;
        let opened = conn.call(Kind::Open, Box::new((self.open)()), || ("subscribe".to_owned(), None)).await?;
        let opened = opened.downcast::<OpenAnswer>().map_err(|_| WireError::Broken)?;
        self.set_current(Some(conn));
        Ok((*opened, pushed))
    }

    async fn drive(self, mut pushes: Pushes) {
        loop {
            while let Some(cargo) = pushes.recv().await {
                if self.items.send(Yield::Item(cargo)).is_err() {
                    return;
                }
            }
            self.set_current(None);
            if self.items.send(Yield::Lost).is_err() {
                return;
            }
            let mut wait = RECONNECT_FIRST;
            pushes = loop {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(RECONNECT_MAX);
                match self.connect().await {
                    Ok((opened, pushed)) if opened.accepted => break pushed,
                    Ok(_) => {
                        tracing::trace!("the backend refuses the subscription");
                        self.set_current(None);
                    }
                    Err(error) => tracing::trace!(%error, "no new subscription yet"),
                }
            };
            if self.items.send(Yield::Restored).is_err() {
                return;
            }
        }
    }
}
