//! A server on a thread of its own, whose processor time can be read.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;

/// A server with one worker: one thread does all its work, so that its time is the cost of its requests.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    thread_id: String,
}

impl Server {
    /// Starts `serve` on a new thread with its own runtime. `serve` gets a listener on a free port of this machine.
    pub fn start<F>(name: &str, serve: impl FnOnce(std::net::TcpListener) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()>,
    {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, told) = mpsc::channel();
        // Named, so that a profiler can tell the servers apart.
        let body = move || {
            let link = std::fs::read_link("/proc/thread-self").ok();
            let id = link.and_then(|path| Some(path.file_name()?.to_str()?.to_owned())).unwrap_or_default();
            tell.send(id).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(serve(listener));
        };
        thread::Builder::new().name(name.to_owned()).spawn(body).unwrap();
        Self { address, thread_id: told.recv().unwrap() }
    }

    /// Nanoseconds that the server's thread has run on a processor; `None` where the system does not tell.
    pub fn processor_ns(&self) -> Option<u64> {
        let path = format!("/proc/self/task/{}/schedstat", self.thread_id);
        std::fs::read_to_string(path).ok()?.split(' ').next()?.parse().ok()
    }
}
