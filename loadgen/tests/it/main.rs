//! The engine against servers that misbehave, and the program as its user meets it.

mod engine;
mod program;
mod report;
mod server;
