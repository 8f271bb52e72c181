//! A client that costs little: prepared bytes over keep-alive connections, responses counted by their length.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// Connections that each have one request in flight.
#[derive(Debug)]
pub struct Client {
    connections: Vec<TcpStream>,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Client {
    /// Opens `connections` connections that will send `request`.
    pub fn new(address: SocketAddr, connections: usize, request: &str) -> Self {
        let open = |_| {
            let stream = TcpStream::connect(address).unwrap();
            stream.set_nodelay(true).unwrap();
            stream
        };
        Self {
            connections: (0..connections).map(open).collect(),
            request: request.as_bytes().to_vec(),
            buffer: vec![0; 1 << 16],
        }
    }

    /// Sends one request on each connection, then reads each response; answers how many there were.
    pub fn round(&mut self) -> u64 {
        for connection in &mut self.connections {
            connection.write_all(&self.request).unwrap();
        }
        for connection in &mut self.connections {
            read_response(connection, &mut self.buffer);
        }
        self.connections.len() as u64
    }

    /// One response, as text.
    pub fn one(&mut self) -> String {
        let connection = &mut self.connections[0];
        connection.write_all(&self.request).unwrap();
        let length = read_response(connection, &mut self.buffer);
        String::from_utf8_lossy(&self.buffer[..length]).into_owned()
    }
}

fn read_response(connection: &mut TcpStream, buffer: &mut [u8]) -> usize {
    let mut filled = 0;
    loop {
        let read = connection.read(&mut buffer[filled..]).unwrap();
        assert!(read > 0, "the server closed the connection");
        filled += read;
        let Some(head) = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&buffer[..head]).unwrap();
        let length = text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
        });
        // A 304 has no body, and hyper leaves its length out.
        if filled >= head + 4 + length.unwrap_or(0) {
            return filled;
        }
    }
}
