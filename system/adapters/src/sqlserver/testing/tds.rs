//! The tokens of TDS (MS-TDS 2.2) that the scripted server sends, and the packets of both sides.

use std::io;

use coherence::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(super) const PRELOGIN: u8 = 0x12;
pub(super) const LOGIN: u8 = 0x10;
pub(super) const LOAD: u8 = 0x07;
/// What a packet carries beside its header.
const PACKET_BODY: usize = 4_096 - 8;
const COLLATION: [u8; 5] = [0x09, 0x04, 0xd0, 0x00, 0x34];
const NULL: u16 = 0xffff;
/// Days from the first day of year 1 to 1970.
const DAYS_BEFORE_1970: i64 = 719_162;
const DAY_US: i64 = 86_400_000_000;

/// A value of a row. A column has the type of its first row's.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// `bigint`.
    Int(Option<i64>),
    /// `float`.
    Float(Option<f64>),
    /// `nvarchar(4000)`.
    Text(Option<String>),
    /// `varbinary(8000)`.
    Bytes(Option<Vec<u8>>),
    /// `uniqueidentifier`.
    Id(Option<uuid::Uuid>),
    /// `datetime2(6)`.
    Time(Option<Timestamp>),
}

impl Cell {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Some(text.into()))
    }

    /// A whole number.
    pub const fn int(value: i64) -> Self {
        Self::Int(Some(value))
    }

    fn kind(&self) -> Vec<u8> {
        match self {
            Self::Int(_) => vec![0x26, 8],
            Self::Float(_) => vec![0x6d, 8],
            Self::Text(_) => [&[0xe7, 0x40, 0x1f][..], &COLLATION].concat(),
            Self::Bytes(_) => vec![0xa5, 0x40, 0x1f],
            Self::Id(_) => vec![0x24, 16],
            Self::Time(_) => vec![0x2a, 6],
        }
    }

    fn value(&self) -> Vec<u8> {
        let short = |bytes: Option<Vec<u8>>| match bytes {
            Some(bytes) => [&[u8::try_from(bytes.len()).unwrap_or(u8::MAX)][..], &bytes].concat(),
            None => vec![0],
        };
        let long = |bytes: Option<Vec<u8>>| match bytes {
            Some(bytes) => [&length(bytes.len())[..], &bytes].concat(),
            None => NULL.to_le_bytes().to_vec(),
        };
        match self {
            Self::Int(value) => short(value.map(|value| value.to_le_bytes().to_vec())),
            Self::Float(value) => short(value.map(|value| value.to_le_bytes().to_vec())),
            Self::Text(value) => long(value.as_deref().map(utf16)),
            Self::Bytes(value) => long(value.clone()),
            Self::Id(value) => short(value.map(|value| value.to_bytes_le().to_vec())),
            Self::Time(value) => short(value.map(time)),
        }
    }
}

/// Microseconds of the day in five bytes, the day in three.
fn time(at: Timestamp) -> Vec<u8> {
    let us = at.as_microsecond();
    let (day, of_day) = (us.div_euclid(DAY_US) + DAYS_BEFORE_1970, us.rem_euclid(DAY_US));
    [&of_day.to_le_bytes()[..5], &day.to_le_bytes()[..3]].concat()
}

/// One answer: rows of as many values each. Without a row it is no answer at all.
pub type Table = Vec<Vec<Cell>>;

/// Appends what a packet carries; answers of which type it is, and whether it is its message's last.
pub(super) async fn packet(stream: &mut TcpStream, body: &mut Vec<u8>) -> io::Result<(u8, bool)> {
    let mut header = [0; 8];
    stream.read_exact(&mut header).await?;
    let whole = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let length = whole.checked_sub(header.len()).ok_or_else(|| io::Error::other("a packet shorter than its head"))?;
    let start = body.len();
    body.resize(start + length, 0);
    stream.read_exact(&mut body[start..]).await?;
    Ok((header[0], header[1] & 1 == 1))
}

pub(super) async fn send(stream: &mut TcpStream, body: &[u8]) -> io::Result<()> {
    let mut packets = Vec::with_capacity(body.len() + 64);
    let parts = body.chunks(PACKET_BODY).count().max(1);
    for (n, part) in (1_usize..).zip(body.chunks(PACKET_BODY)) {
        let length = u16::try_from(part.len() + 8).map_err(io::Error::other)?.to_be_bytes();
        let (is_last, number) = (u8::from(n == parts), u8::try_from(n % 256).unwrap_or_default());
        packets.extend([0x04, is_last, length[0], length[1], 0, 0, number, 0]);
        packets.extend_from_slice(part);
    }
    stream.write_all(&packets).await
}

/// The letters of a message in UTF-16; the rest is in between.
pub(super) fn text(body: &[u8]) -> String {
    let ascii = |pair: &[u8]| match pair {
        [letter, 0] if letter.is_ascii_graphic() || *letter == b' ' || *letter == b'\n' => char::from(*letter),
        _ => '\u{fffd}',
    };
    body.chunks(2).map(ascii).collect()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn length(bytes: usize) -> [u8; 2] {
    u16::try_from(bytes).unwrap_or(u16::MAX).to_le_bytes()
}

fn named(name: &str) -> Vec<u8> {
    [&[u8::try_from(name.len()).unwrap_or(u8::MAX)][..], &utf16(name)].concat()
}

/// The version, and no encryption.
pub(super) fn prelogin() -> Vec<u8> {
    vec![0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 16, 0, 0, 0, 0, 0, 2]
}

pub(super) fn login_ack() -> Vec<u8> {
    let body = [&[1, 0x74, 0, 0, 4][..], &named("Fake"), &[16, 0, 0, 0]].concat();
    token(0xad, &body)
}

fn token(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &length(body.len()), body].concat()
}

pub(super) fn done() -> Vec<u8> {
    done_with(0)
}

/// The end of an answer, with its status.
fn done_with(status: u8) -> Vec<u8> {
    [&[0xfd, status, 0, 0, 0][..], &[0; 8]].concat()
}

pub(super) fn failed() -> Vec<u8> {
    done_with(2)
}

pub(super) fn error(number: u32, class: u8) -> Vec<u8> {
    let message = "as the script wants it";
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX).to_le_bytes();
    let body =
        [&number.to_le_bytes()[..], &[1, class], &length, &utf16(message), &named("fake"), &named(""), &[1, 0, 0, 0]];
    token(0xaa, &body.concat())
}

/// What changes by a request about transactions, which stands after 22 bytes of headers: the transaction's name comes, or
/// goes.
pub(super) fn transaction(request: &[u8]) -> Vec<u8> {
    const BEGIN: u8 = 5;
    match request.get(22) {
        Some(&BEGIN) => token(0xe3, &[8, 8, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
        _ => token(0xe3, &[9, 0, 8, 1, 0, 0, 0, 0, 0, 0, 0]),
    }
}

/// A column that can be written: its type and its name.
fn column(kind: &[u8], name: &str) -> Vec<u8> {
    [&[0, 0, 0, 0, 0x05, 0][..], kind, &named(name)].concat()
}

pub(super) fn number(value: i64) -> Vec<u8> {
    table(&vec![vec![Cell::int(value)]])
}

/// The columns of a table and its rows.
fn table(rows: &Table) -> Vec<u8> {
    let Some(first) = rows.first() else { return Vec::new() };
    let columns: Vec<u8> = first.iter().flat_map(|cell| column(&cell.kind(), "c")).collect();
    let mut all = [&[0x81][..], &length(first.len()), &columns].concat();
    for row in rows {
        all.push(0xd1);
        all.extend(row.iter().flat_map(Cell::value));
    }
    all
}

/// Answer after answer; each but the last says that more come.
pub(super) fn tables(tables: &[Table]) -> Vec<u8> {
    const MORE: u8 = 1;
    let mut all = Vec::new();
    for one in tables {
        all.extend(table(one));
        all.extend(done_with(MORE));
    }
    all.extend(done());
    all
}

/// The columns of `dbo.NheaMailQueue`, with the types of its migration.
pub(super) fn queue_columns() -> Vec<u8> {
    let id = [0x24, 16].to_vec();
    let time = [0x2a, 6].to_vec();
    let wide = |bytes: u16| [&[0xe7][..], &bytes.to_le_bytes(), &COLLATION].concat();
    let narrow = |bytes: u16| [&[0xa7][..], &bytes.to_le_bytes(), &COLLATION].concat();
    const MAX: u16 = 0xffff;
    let columns = [
        (id.clone(), "Id"),
        (wide(640), "ToAddress"),
        (wide(640), "ToFolded"),
        (wide(800), "ToName"),
        (id, "UserId"),
        (wide(800), "Subject"),
        (wide(400), "TemplateId"),
        (wide(MAX), "BodyText"),
        (wide(MAX), "BodyHtml"),
        (wide(MAX), "Attachments"),
        (narrow(8), "OnUnknown"),
        (time, "CreatedAt"),
    ];
    let columns_count = length(columns.len());
    let columns: Vec<u8> = columns.iter().flat_map(|(kind, name)| column(kind, name)).collect();
    [&[0x81][..], &columns_count, &columns].concat()
}
