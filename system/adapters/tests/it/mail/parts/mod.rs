//! Against parts that are not ours: aiosmtpd and Postfix's smtp-sink take our mails, Python's email package reads them.
//! `.ci/parts-mail.sh` installs them. Where one is missing its test says so, unless `SMARTPULSE_REQUIRE` names it.

mod aiosmtpd;
mod programs;
mod reader;
mod smtp_sink;

pub(crate) use programs::{Running, python, smtp_sink};
pub(crate) use reader::read;
