//! A client that knows nothing of ours: RESP2 over a bare TCP connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// What a server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// Nothing.
    Nil,
    /// A number.
    Int(i64),
    /// Text, simple or not.
    Text(String),
    /// An error.
    Error(String),
    /// A list.
    List(Vec<Reply>),
}

impl Reply {
    /// The text; nothing else is expected.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            other => panic!("text expected, found {other:?}"),
        }
    }

    /// The list; nothing else is expected.
    pub(crate) fn list(&self) -> &[Self] {
        match self {
            Self::List(elements) => elements,
            other => panic!("a list expected, found {other:?}"),
        }
    }
}

/// One connection.
pub(crate) struct Plain {
    reader: BufReader<TcpStream>,
}

impl Plain {
    /// Connects to a server on 127.0.0.1.
    pub(crate) fn connect(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(Self { reader: BufReader::new(stream) })
    }

    /// Sends a command and reads its answer.
    pub(crate) fn ask(&mut self, command: &[&str]) -> std::io::Result<Reply> {
        let mut text = format!("*{}\r\n", command.len());
        for word in command {
            text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.reader.get_mut().write_all(text.as_bytes())?;
        self.read()
    }

    /// Sends a command that must succeed.
    pub(crate) fn must(&mut self, command: &[&str]) -> Reply {
        match self.ask(command) {
            Ok(Reply::Error(error)) => panic!("{command:?}: {error}"),
            Ok(reply) => reply,
            Err(error) => panic!("{command:?}: {error}"),
        }
    }

    /// The next thing that the server sends.
    pub(crate) fn read(&mut self) -> std::io::Result<Reply> {
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        let (kind, rest) = line.split_at(1);
        let number = || rest.parse::<i64>().map_err(|_| std::io::Error::other(format!("{line:?}")));
        Ok(match kind {
            "+" => Reply::Text(rest.to_owned()),
            "-" => Reply::Error(rest.to_owned()),
            ":" => Reply::Int(number()?),
            "$" => match usize::try_from(number()?) {
                Err(_) => Reply::Nil,
                Ok(length) => {
                    let mut bytes = vec![0; length + 2];
                    self.reader.read_exact(&mut bytes)?;
                    bytes.truncate(length);
                    Reply::Text(String::from_utf8_lossy(&bytes).into_owned())
                }
            },
            "*" => match usize::try_from(number()?) {
                Err(_) => Reply::Nil,
                Ok(length) => Reply::List((0..length).map(|_| self.read()).collect::<Result<_, _>>()?),
            },
            _ => return Err(std::io::Error::other(format!("{line:?}"))),
        })
    }
}
