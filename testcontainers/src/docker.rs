//! Whether a Docker engine answers.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use crate::Absence;

/// Whether containers can be started here.
///
/// # Errors
/// `DOCKER_HOST` is not set, and nobody listens on the usual sockets.
pub fn engine() -> Result<(), Absence> {
    if std::env::var_os("DOCKER_HOST").is_some() {
        // Whoever sets it means it: what fails from here on is broken, not missing.
        return Ok(());
    }
    let of_user = std::env::var_os("XDG_RUNTIME_DIR").map(|folder| PathBuf::from(folder).join("docker.sock"));
    let mut sockets = of_user.into_iter().chain([PathBuf::from("/var/run/docker.sock")]);
    match sockets.any(|socket| UnixStream::connect(socket).is_ok()) {
        true => Ok(()),
        false => Err(Absence::Missing("no Docker engine answers".to_owned())),
    }
}
