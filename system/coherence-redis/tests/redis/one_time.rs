//! Things that are good once, also where everybody wants them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use coherence_redis::Kept;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::conformance::{block_on, open};
use super::harness::{Backend, Cluster, Options, Reply, Server};
use super::suite::{Needs, Test};

pub(crate) const TESTS: &[&Test] = &[
    &Test { name: "one_time::a_thing_is_taken_once_by_whomever", needs: Needs::Processes, run: once },
    &Test { name: "one_time::an_owner_has_so_many_and_no_more", needs: Needs::Processes, run: bounded },
    &Test { name: "one_time::an_answer_that_is_lost_is_not_a_no", needs: Needs::Processes, run: lost_answer },
];

const LIFE: Duration = Duration::from_secs(30);

fn once(_: &Backend) {
    let cluster = Cluster::start(0);
    block_on(async {
        let things = open(&cluster.url()).one_time("ticket");
        for n in 0..20 {
            let name = format!("name-{n}");
            assert_eq!(things.keep(&name, "owner", b"a\nvalue", LIFE, 5).await.unwrap(), Kept::Done);
            let takers = (0..8).map(|_| {
                let (things, name) = (open(&cluster.url()).one_time("ticket"), name.clone());
                tokio::spawn(async move { things.take(&name).await.unwrap() })
            });
            let mut taken = 0;
            for taker in takers.collect::<Vec<_>>() {
                if let Some(value) = taker.await.unwrap() {
                    assert_eq!(value, Bytes::from_static(b"a\nvalue"));
                    taken += 1;
                }
            }
            assert_eq!(taken, 1, "and a place is free again");
        }
        assert_eq!(things.take("another").await.unwrap(), None);
        assert!(things.keep("name", "two\nlines", b"", LIFE, 5).await.is_err());
    });
}

fn bounded(_: &Backend) {
    let server = Server::start(Options::default());
    block_on(async {
        let things = open(&server.url()).one_time("ticket");
        let keep = async |name: &str, life| things.keep(name, "owner", b"value", life, 3).await.unwrap();
        for name in ["one", "two"] {
            assert_eq!(keep(name, LIFE).await, Kept::Done);
        }
        let short = Duration::from_millis(200);
        assert_eq!(keep("three", short).await, Kept::Done);
        assert_eq!(keep("three", short).await, Kept::Done, "the same again");
        assert_eq!(keep("four", LIFE).await, Kept::TooMany);
        assert_eq!(things.keep("five", "another", b"", LIFE, 3).await.unwrap(), Kept::Done);
        tokio::time::sleep(Duration::from_millis(250)).await;
        assert_eq!(things.take("three").await.unwrap(), None, "its life is over");
        assert_eq!(keep("four", LIFE).await, Kept::Done);
        let mut plain = server.plain();
        let Reply::Int(left) = plain.must(&["PTTL", "tickets-of:owner"]) else { panic!("a number") };
        assert!(left > 29_000, "the list lives as long as its last name: {left}");
    });
}

/// Redis took the thing, and the connection ended before it could say so: asked again it would say that there is none, and a
/// good ticket would be called a bad one.
fn lost_answer(_: &Backend) {
    let server = Server::start(Options::default());
    block_on(async {
        let cuts = Arc::new(AtomicBool::new(false));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("redis://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let (port, armed) = (server.port(), Arc::clone(&cuts));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(client, port, Arc::clone(&armed)));
            }
        });
        let things = open(&url).one_time("ticket");
        for name in ["one", "two"] {
            assert_eq!(things.keep(name, "owner", b"value", LIFE, 5).await.unwrap(), Kept::Done);
        }
        assert_eq!(things.take("two").await.unwrap(), Some(Bytes::from_static(b"value")), "the script is known");
        cuts.store(true, Ordering::SeqCst);
        let taken = things.take("one").await;
        assert!(taken.is_err(), "{taken:?}");
        assert!(!cuts.load(Ordering::SeqCst), "the answer was lost");
        let Reply::Nil = server.plain().must(&["GET", "ticket:one"]) else { panic!("it was taken") };
        assert_eq!(things.take("one").await.unwrap(), None);
    });
}

/// Passes bytes on, until it is to cut: then the next answer to a script is read, and goes nowhere.
async fn relay(mut client: TcpStream, port: u16, cuts: Arc<AtomicBool>) {
    let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (mut asked, mut answered, mut is_script) = (vec![0; 65_536], vec![0; 65_536], false);
    loop {
        tokio::select! {
            biased;
            read = client.read(&mut asked) => match read {
                Ok(n @ 1..) => {
                    is_script = asked[..n].windows(7).any(|seen| seen == b"EVALSHA");
                    server.write_all(&asked[..n]).await.unwrap();
                }
                _ => return,
            },
            read = server.read(&mut answered) => match read {
                Ok(1..) if is_script && cuts.swap(false, Ordering::SeqCst) => return,
                Ok(n @ 1..) if client.write_all(&answered[..n]).await.is_ok() => {}
                _ => return,
            },
        }
    }
}
