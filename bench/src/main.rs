//! `cargo run -p bench --bin claims`: see [`bench::claims`].

use std::process::ExitCode;

fn main() -> ExitCode {
    bench::claims::main()
}
