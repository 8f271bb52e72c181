//! A server that answers everything with one canned reply, as fast as one thread can: what the generator's own ceiling is
//! measured against, beside wrk (see the README). `cargo run --release -p loadgen --example canned -- 127.0.0.1:9999`

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use rustix::event::epoll;

const BODY: &str = r#"{"id":"0b5d0000-0000-4000-8000-000000000001","companyId":"0b5d0000-0000-4000-8000-00000000c0de","productionUnitId":"0b5d0000-0000-4000-8000-00000000a0de","forecastDate":"2025-11-12T10:30:00Z","demand":450.5,"supply":480.0,"variance":29.5,"confidenceLevel":0.95,"status":"Completed","versionId":1,"note":"canned"}"#;

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9999".to_owned());
    let listener = TcpListener::bind(&address)?;
    println!("canned replies on {}", listener.local_addr()?);
    let reply = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\ncache-control: max-age=60, public\r\n\
         vary: Authorization, X-Min-Version\r\netag: \"0123456789abcdef0123456789abcdef\"\r\nx-version: 1.1\r\n\
         x-cache-hit: true\r\nx-cache-level: L1\r\ncache-status: SmartPulse; hit; detail=L1\r\nage: 0\r\n\
         x-request-id: 0\r\nx-instance: canned\r\n\r\n{BODY}",
        BODY.len()
    );
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, epoll::EventData::new_u64(u64::MAX), epoll::EventFlags::IN)?;
    let mut streams: Vec<Option<TcpStream>> = Vec::new();
    let mut events = Vec::with_capacity(256);
    let mut buffer = [0; 64 << 10];
    loop {
        epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), None)?;
        for event in events.drain(..) {
            match event.data.u64() {
                u64::MAX => streams.push(Some(accept(&listener, &epoll, streams.len() as u64)?)),
                index => {
                    let slot = &mut streams[index as usize];
                    let Some(stream) = slot else { continue };
                    match stream.read(&mut buffer) {
                        // Requests are small and one at a time: a read is one request.
                        Ok(read) if read > 0 => stream.write_all(reply.as_bytes())?,
                        _ => *slot = None,
                    }
                }
            }
        }
    }
}

fn accept(listener: &TcpListener, epoll: &OwnedFd, name: u64) -> std::io::Result<TcpStream> {
    let (stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    epoll::add(epoll, &stream, epoll::EventData::new_u64(name), epoll::EventFlags::IN)?;
    Ok(stream)
}
