//! Messages of `cdc:forecasts` under Zstd, each alone, at the level and with the encoder that the bus on Pulsar uses: how much
//! smaller they get, and what that costs. Claim of the specification (6.1): 20-30 %.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::hint::black_box;

use bench::documents::cdc_message;
use bench::figures::{Figure, Sheet, Unit, is_measuring};
use bench::turns::{Operation, criterion, turns};
use criterion::Criterion;

const MESSAGES: u64 = 1_000;
/// The default of Zstd, and so of the client of Pulsar.
const LEVEL: i32 = 0;

fn compressed(message: &[u8]) -> Vec<u8> {
    zstd::encode_all(message, LEVEL).unwrap()
}

fn main() {
    let mut sheet = Sheet::new("wire", "messages of cdc:forecasts under Zstd, each alone");
    let messages: Vec<_> = (0..MESSAGES).map(cdc_message).collect();
    let (mut before, mut after) = (0, 0);
    for message in &messages {
        let small = compressed(message);
        assert_eq!(&zstd::decode_all(small.as_slice()).unwrap(), message);
        before += message.len();
        after += small.len();
    }
    let saved = 100.0 * (1.0 - after as f64 / before as f64);
    sheet.put(
        Figure::new("cdc_saved", "saved by Zstd", saved, Unit::Percent).at_least(20.0, "specification 6.1: 20-30 %"),
    );
    sheet.put(Figure::new("cdc_bytes", "a message, plain", before as f64 / MESSAGES as f64, Unit::Bytes));
    sheet.put(Figure::new("cdc_bytes_zstd", "a message, compressed", after as f64 / MESSAGES as f64, Unit::Bytes));
    let [one, small] = [messages[7].clone(), compressed(&messages[7])];
    let mut operations = [
        Operation::new("compress", || drop(black_box(compressed(&one)))),
        Operation::new("decompress", || drop(black_box(zstd::decode_all(small.as_slice()).unwrap()))),
    ];
    if is_measuring() {
        let [compress, decompress] = turns(&mut operations)[..] else { panic!("two operations") };
        sheet.put(Figure::new("compress_us", "to compress one", compress / 1e3, Unit::Us));
        sheet.put(Figure::new("decompress_us", "to decompress one", decompress / 1e3, Unit::Us));
    }
    let mut runner = Criterion::default().configure_from_args();
    criterion(&mut runner, "wire", &mut operations);
    runner.final_summary();
    sheet.finish();
}
