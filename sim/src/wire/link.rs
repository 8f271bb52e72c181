//! Calls to one backend over a connection that is made anew when it breaks.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::conn::{Conn, WireError};
use super::frame::Kind;
use super::net::Net;
use super::slab::Cargo;

/// A call as it travels: what the backend does with itself.
pub(super) type Call<T> = Box<dyn FnOnce(T) -> BoxFuture<'static, Cargo> + Send>;

/// The road to a backend of type `T`.
pub struct Link<T> {
    net: Net,
    to: &'static str,
    port: u16,
    conn: Mutex<Option<Arc<Conn>>>,
    dialling: tokio::sync::Mutex<()>,
    backend: PhantomData<fn(T)>,
}

impl<T: Send + 'static> Link<T> {
    /// A road that is not walked yet.
    pub fn new(net: Net, to: &'static str, port: u16) -> Self {
        Self { net, to, port, conn: Mutex::default(), dialling: tokio::sync::Mutex::default(), backend: PhantomData }
    }

    /// What many versions are, is known late where the weather says so.
    pub(super) async fn dawdle(&self) {
        let by = self.net.weather.versions_late();
        if !by.is_zero() {
            tokio::time::sleep(by).await;
        }
    }

    fn alive(&self) -> Option<Arc<Conn>> {
        let conn = self.conn.lock().unwrap_or_else(PoisonError::into_inner);
        conn.as_ref().filter(|conn| conn.is_alive()).cloned()
    }

    async fn connected(&self) -> Result<Arc<Conn>, WireError> {
        if let Some(conn) = self.alive() {
            return Ok(conn);
        }
        // One dials, the others wait for it.
        let _dialling = self.dialling.lock().await;
        if let Some(conn) = self.alive() {
            return Ok(conn);
        }
        let conn = Conn::dial(&self.net, self.to, self.port, None).await?;
        *self.conn.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&conn));
        Ok(conn)
    }

    /// Has the backend do `work`.
    pub(super) async fn call<R, F, W>(&self, work: W) -> Result<R, WireError>
    where
        R: Send + 'static,
        F: Future<Output = R> + Send + 'static,
        W: FnOnce(T) -> F + Send + 'static,
    {
        self.call_about(work, || None).await
    }

    /// Has the backend do `work`; `about` names the thing that it is about.
    pub(super) async fn call_about<R, F, W>(
        &self,
        work: W,
        about: impl FnOnce() -> Option<String>,
    ) -> Result<R, WireError>
    where
        R: Send + 'static,
        F: Future<Output = R> + Send + 'static,
        W: FnOnce(T) -> F + Send + 'static,
    {
        self.net.weather.walk(&self.net.host, self.to);
        let conn = self.connected().await?;
        let call: Call<T> = Box::new(move |backend| work(backend).map(|answer| Box::new(answer) as Cargo).boxed());
        let answer = conn.call(Kind::Call, Box::new(call), || (method_of::<W>(), about())).await?;
        answer.downcast().map(|answer| *answer).map_err(|_| WireError::Broken)
    }
}

/// The method of a port in which the closure `W` was written.
fn method_of<W>() -> String {
    let path = std::any::type_name::<W>();
    let method = path.split("::{{closure}}").next().unwrap_or_default();
    let method = method.rsplit("::").next().unwrap_or_default();
    // The lifetimes that it is generic over follow.
    method.split('<').next().unwrap_or_default().to_owned()
}
