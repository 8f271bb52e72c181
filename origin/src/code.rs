//! Which code.

use std::path::Path;
use std::process::Command;

/// The last commit of the repository around `folder` that changed something other than `reports/` and texts (`*.md`),
/// twelve digits of it, with `+` where such a thing is not committed (reports are what is being written); `None` outside a
/// repository. A report is of this code if it has the same.
pub fn git_ref(folder: &Path) -> Option<String> {
    const CODE: [&str; 4] = ["--", ":(top)", ":(top,exclude)reports", ":(top,exclude)*.md"];
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(folder).args(arguments).args(CODE).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["log", "-1", "--format=%H"])?;
    let commit = commit.get(..12)?;
    let is_dirty = git(&["status", "--porcelain"]).is_some_and(|text| !text.is_empty());
    Some(if is_dirty { format!("{commit}+") } else { commit.to_owned() })
}
