//! A mail server that takes every mail and keeps none (RFC 5321, with PIPELINING and 8BITMIME).

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::arrivals::{Arrivals, Channel};

/// The longest line; a mail's are shorter.
const LINE_BYTES_MAX: u64 = 64 << 10;

/// Serves for as long as the program runs.
pub(super) fn serve(listener: TcpListener, arrivals: Arrivals) {
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let arrivals = arrivals.clone();
            // A connection that breaks is the client's matter: a mail without its end has not arrived.
            thread::spawn(move || drop(session(stream, &arrivals)));
        }
    });
}

/// The address of a person.
pub(super) fn address_of_person(person: usize) -> String {
    format!("person-{person}@loadgen.example")
}

fn person_of_recipient(line: &str) -> Option<usize> {
    line.split_once("<person-")?.1.split('@').next()?.parse().ok()
}

fn session(stream: TcpStream, arrivals: &Arrivals) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    writer.write_all(b"220 loadgen ESMTP\r\n")?;
    let (mut recipients, mut line) = (Vec::new(), Vec::new());
    loop {
        if read_line(&mut reader, &mut line)? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        let verb = text.get(..4).unwrap_or_default().to_ascii_uppercase();
        let reply: &[u8] = match verb.as_str() {
            "EHLO" => b"250-loadgen\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
            "HELO" | "NOOP" => b"250 yes\r\n",
            "MAIL" | "RSET" => {
                recipients.clear();
                b"250 yes\r\n"
            }
            "RCPT" => {
                recipients.extend(person_of_recipient(&text));
                b"250 yes\r\n"
            }
            "DATA" => {
                writer.write_all(b"354 go on\r\n")?;
                if !read_mail(&mut reader, &mut line)? {
                    return Ok(());
                }
                for person in recipients.drain(..) {
                    arrivals.note(Channel::Mail, person);
                }
                b"250 taken\r\n"
            }
            "QUIT" => {
                writer.write_all(b"221 bye\r\n")?;
                return Ok(());
            }
            _ => b"502 no such command\r\n",
        };
        writer.write_all(reply)?;
    }
}

fn read_line(reader: &mut BufReader<TcpStream>, line: &mut Vec<u8>) -> io::Result<usize> {
    line.clear();
    io::Read::take(reader, LINE_BYTES_MAX).read_until(b'\n', line)
}

/// Reads up to the line with a dot alone; whether it came.
fn read_mail(reader: &mut BufReader<TcpStream>, line: &mut Vec<u8>) -> io::Result<bool> {
    loop {
        if read_line(reader, line)? == 0 {
            return Ok(false);
        }
        if line.trim_ascii_end() == b"." {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_arrives_with_its_end_and_not_before() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let arrivals = Arrivals::default();
        serve(listener, arrivals.clone());
        let stream = TcpStream::connect(address).unwrap();
        let (mut writer, mut reader) = (stream.try_clone().unwrap(), BufReader::new(stream));
        let mut hear = |code: &str| {
            let mut line = String::new();
            loop {
                line.clear();
                reader.read_line(&mut line).unwrap();
                if line.as_bytes().get(3) != Some(&b'-') {
                    assert!(line.starts_with(code), "{line}");
                    return;
                }
            }
        };
        hear("220");
        writer.write_all(b"EHLO me\r\n").unwrap();
        hear("250");
        let recipient = address_of_person(12);
        let head = format!("MAIL FROM:<a@b>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n");
        writer.write_all(head.as_bytes()).unwrap();
        for code in ["250", "250", "354"] {
            hear(code);
        }
        writer.write_all(b"Subject: x\r\n\r\n..dot\r\n").unwrap();
        assert_eq!(arrivals.count(), 0);
        writer.write_all(b".\r\nVRFY x\r\nQUIT\r\n").unwrap();
        for code in ["250", "502", "221"] {
            hear(code);
        }
        let all = arrivals.all();
        assert_eq!((all.len(), all[0].channel, all[0].person), (1, Channel::Mail, 12));
    }
}
