//! The `smartpulse` binary.

fn main() -> std::process::ExitCode {
    smartpulse::cli::main()
}
