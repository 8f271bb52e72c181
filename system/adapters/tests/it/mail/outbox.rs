//! Mails as files.

use std::path::Path;
use std::sync::Arc;

use adapters::outbox_files::{OutboxFiles, OutboxFilesConfig};
use domain::ports::{MailError, MailTransport};
use futures_util::future::try_join_all;

use super::parts::read;
use super::support::{Standing, attachment, mail, sender};

fn open(config: OutboxFilesConfig) -> OutboxFiles {
    OutboxFiles::open(config, sender(), Arc::new(Standing)).unwrap()
}

async fn send(outbox: &OutboxFiles, n: u32) -> String {
    outbox.connect().await.unwrap().send(&mail(n)).await.unwrap().answer
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = entries.collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_mail_is_a_private_file_that_a_mail_program_opens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/outbox");
    let outbox = open(OutboxFilesConfig::new(&path));
    let mut session = outbox.connect().await.unwrap();
    let mut with_file = mail(1);
    with_file.attachments = vec![attachment("a.csv", "text/csv", b"1;2\n".to_vec())];
    let name = session.send(&with_file).await.unwrap().answer;
    session.quit().await;
    assert_eq!(name, "1763021551500000-00000000-0000-7000-8000-000000000001.eml");
    assert_eq!(names(&path), [name.as_str()]);
    #[cfg(unix)]
    {
        let mode = |path: &Path| std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(path).unwrap()) & 0o777;
        assert_eq!((mode(&path.join(&name)), mode(&path)), (0o600, 0o700));
    }
    let Some(read) = read(&path.join(&name)) else { return };
    assert_eq!(
        (read.people("to"), read.part(4)),
        (vec![("John", "john@example.com")], (Some("a.csv"), b"1;2\n".to_vec()))
    );
}

#[tokio::test]
async fn the_oldest_go_when_it_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let foreign = ["notes.eml", "1763021551500000.eml", "keep.txt"];
    for name in foreign {
        std::fs::write(folder.path().join(name), vec![0; 100_000]).unwrap();
    }
    let mut config = OutboxFilesConfig::new(folder.path());
    config.mails_max = 20;
    let outbox = open(config.clone());
    for n in 0..57 {
        send(&outbox, n).await;
        assert!(names(folder.path()).len() <= 20 + foreign.len());
    }
    let left = names(folder.path());
    assert!(foreign.iter().all(|name| left.contains(&(*name).to_owned())), "what is not ours stays");
    assert!(left.len() >= 18 + foreign.len(), "{}", left.len());
    assert!(left.iter().any(|name| name.ends_with("0056.eml")) && !left.iter().any(|name| name.ends_with("0030.eml")));
    // Another opening counts what is there.
    let mut by_bytes = config;
    by_bytes.mails_max = 1_000;
    by_bytes.bytes_max = 10_000;
    let outbox = open(by_bytes);
    send(&outbox, 100).await;
    let sizes = names(folder.path()).into_iter().filter(|name| !foreign.contains(&name.as_str()));
    let bytes: u64 = sizes.map(|name| std::fs::metadata(folder.path().join(name)).unwrap().len()).sum();
    assert!((1..=9_000).contains(&bytes), "{bytes}");
}

#[tokio::test]
async fn a_mail_larger_than_the_folder_stays_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = OutboxFilesConfig::new(folder.path());
    config.bytes_max = 10;
    let outbox = open(config);
    send(&outbox, 1).await;
    let last = send(&outbox, 2).await;
    assert_eq!(names(folder.path()), [last]);
}

#[tokio::test]
async fn many_at_once_and_the_same_one_twice() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = open(OutboxFilesConfig::new(folder.path()));
    let sent = try_join_all((0..40).map(|n| {
        let outbox = outbox.clone();
        async move { tokio::spawn(async move { send(&outbox, n % 20).await }).await }
    }))
    .await
    .unwrap();
    let mut sent = sent;
    sent.sort();
    assert_eq!(names(folder.path()), sent, "each has a name of its own");
    assert_eq!(sent.iter().collect::<std::collections::BTreeSet<_>>().len(), 40);
}

#[tokio::test]
async fn what_a_crash_left_is_removed_and_a_folder_that_went_is_a_trouble() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outbox");
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("1763021551500000-x.eml.partial"), "half").unwrap();
    std::fs::write(path.join("other.partial"), "not ours").unwrap();
    let outbox = open(OutboxFilesConfig::new(&path));
    assert_eq!(names(&path), ["other.partial"]);
    std::fs::remove_dir_all(&path).unwrap();
    let error = outbox.connect().await.unwrap().send(&mail(1)).await.unwrap_err();
    assert!(matches!(error, MailError::Unreachable(Some(_))) && error.is_retryable(), "{error:?}");
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(OutboxFiles::open(OutboxFilesConfig::new(file), sender(), Arc::new(Standing)).is_err());
}
