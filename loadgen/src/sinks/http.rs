//! Push services over HTTP: `POST /push/<person>` is a browser's, `POST /token` gives tokens, any other is FCM's.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use serde_json::Value;

use super::arrivals::{Arrivals, Channel};

/// The longest request.
const REQUEST_BYTES_MAX: usize = 64 << 10;
const HEADERS_MAX: usize = 48;

/// One request.
struct Request<'a> {
    method: &'a str,
    path: &'a str,
    body: &'a [u8],
    /// How many bytes it takes.
    length: usize,
}

/// Serves for as long as the program runs.
pub(super) fn serve(listener: TcpListener, arrivals: Arrivals) {
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let arrivals = arrivals.clone();
            // A connection that breaks is the client's matter: what it has not sent has not arrived.
            thread::spawn(move || drop(connection(stream, &arrivals)));
        }
    });
}

fn connection(mut stream: TcpStream, arrivals: &Arrivals) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut buffer, mut chunk) = (Vec::new(), [0; 16 << 10]);
    loop {
        while let Some(request) = parse(&buffer)? {
            let (reply, length) = (answer(&request, arrivals), request.length);
            stream.write_all(reply.as_bytes())?;
            buffer.drain(..length);
        }
        if buffer.len() > REQUEST_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        match stream.read(&mut chunk)? {
            0 => return Ok(()),
            read => buffer.extend_from_slice(&chunk[..read]),
        }
    }
}

/// The first request, once it is whole. One without a length has no body.
fn parse(buffer: &[u8]) -> io::Result<Option<Request<'_>>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Request::new(&mut headers);
    let at = match head.parse(buffer) {
        Ok(httparse::Status::Complete(at)) => at,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(io::ErrorKind::InvalidData.into()),
    };
    let (method, path) = (head.method.unwrap_or_default(), head.path.unwrap_or_default());
    let told = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let body = match told {
        Some(header) => std::str::from_utf8(header.value).ok().and_then(|text| text.trim().parse().ok()),
        None => Some(0_usize),
    };
    let body = body.filter(|length| *length <= REQUEST_BYTES_MAX).ok_or(io::ErrorKind::InvalidData)?;
    Ok(buffer.get(at..at + body).map(|bytes| Request { method, path, body: bytes, length: at + body }))
}

fn answer(request: &Request<'_>, arrivals: &Arrivals) -> String {
    let json = |status: &str, body: &str| {
        format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    if request.method != "POST" {
        return json("405 Method Not Allowed", "{}");
    }
    if let Some(person) = request.path.strip_prefix("/push/").and_then(|text| text.parse().ok()) {
        arrivals.note(Channel::WebPush, person);
        return "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n".to_owned();
    }
    if request.path == "/token" {
        return json("200 OK", r#"{"access_token":"loadgen","expires_in":3599,"token_type":"Bearer"}"#);
    }
    let message: Value = serde_json::from_slice(request.body).unwrap_or_default();
    match message["message"]["token"].as_str().and_then(person_of_token) {
        Some(person) => {
            arrivals.note(Channel::Fcm, person);
            json("200 OK", r#"{"name":"projects/loadgen/messages/1"}"#)
        }
        None => json("404 Not Found", "{}"),
    }
}

/// What an app of this person is called.
pub(super) fn token_of_person(person: usize) -> String {
    format!("loadgen-{person}-{:064}", person)
}

fn person_of_token(token: &str) -> Option<usize> {
    token.strip_prefix("loadgen-")?.split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_a_message_is_for_is_read_from_it() {
        let arrivals = Arrivals::default();
        let ask = |text: &str| {
            let request = parse(text.as_bytes()).unwrap().unwrap();
            assert_eq!(request.length, text.len());
            answer(&request, &arrivals)
        };
        assert!(ask("POST /push/17 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc").starts_with("HTTP/1.1 201"));
        let body = format!("{{\"message\":{{\"token\":\"{}\"}}}}", token_of_person(5));
        let length = body.len();
        let fcm = format!("POST /v1/projects/loadgen/messages:send HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}");
        assert!(ask(&fcm).starts_with("HTTP/1.1 200"));
        assert!(ask("POST /token HTTP/1.1\r\n\r\n").contains("access_token"));
        assert!(ask("POST /push/nobody HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
        let all: Vec<_> = arrivals.all().iter().map(|landed| (landed.channel, landed.person)).collect();
        assert_eq!(all, [(Channel::WebPush, 17), (Channel::Fcm, 5)]);
        assert!(parse(b"POST /push/1 HTTP/1.1\r\nContent-Length: 3\r\n\r\nab").unwrap().is_none(), "not whole");
        assert!(parse(b"POST /push/1 HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n").is_err());
    }
}
