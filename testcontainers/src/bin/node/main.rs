//! `smartpulse`, built with the backends of production, for suites that run it as a process of its own.

fn main() -> std::process::ExitCode {
    smartpulse::cli::main()
}
