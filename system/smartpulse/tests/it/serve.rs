//! The accept loop on real sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use axum::serve::Listener;
use smartpulse::auth::https_client;
use smartpulse::serve::{Drain, Importance, ServeLimits, Served, Tasks, listen, serve};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

const FOREVER: Duration = Duration::from_secs(600);
const SOON: Duration = Duration::from_secs(10);
const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

struct Server {
    address: SocketAddr,
    drain: Drain,
    task: JoinHandle<Served>,
}

fn limits() -> ServeLimits {
    ServeLimits {
        header_timeout: FOREVER,
        idle_timeout: FOREVER,
        stuck_timeout: FOREVER,
        max_connections: 100,
        max_header_bytes: 8192,
        date_header: false,
    }
}

async fn start(limits: ServeLimits, drain: Drain) -> Server {
    let stream = || async {
        let parts = futures_util::stream::unfold((), |()| async {
            sleep(Duration::from_millis(20)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"tick")), ()))
        });
        Body::from_stream(parts)
    };
    let slow = || async {
        sleep(Duration::from_millis(300)).await;
        "slow answer"
    };
    let router =
        Router::new().route("/", get(|| async { "hello" })).route("/slow", get(slow)).route("/stream", get(stream));
    let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(serve(listener, router, limits, drain.clone()));
    Server { address, drain, task }
}

async fn started(limits: ServeLimits) -> Server {
    start(limits, Drain::new(Duration::ZERO, SOON)).await
}

async fn send(stream: &mut TcpStream, request: &[u8]) -> String {
    stream.write_all(request).await.unwrap();
    answer(stream).await
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut buffer = vec![0; 4096];
    let read = timeout(SOON, stream.read(&mut buffer)).await.expect("an answer").unwrap_or(0);
    String::from_utf8_lossy(&buffer[..read]).into_owned()
}

/// How long until the server closes the connection.
async fn closed_after(stream: &mut TcpStream) -> Duration {
    let since = Instant::now();
    let mut buffer = [0; 64];
    while timeout(SOON, stream.read(&mut buffer)).await.expect("the server closes").is_ok_and(|read| read > 0) {}
    since.elapsed()
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.address).await.unwrap()
}

#[tokio::test]
async fn a_head_that_trickles_in_is_cut_off() {
    let server = started(ServeLimits { header_timeout: Duration::from_millis(200), ..limits() }).await;
    let (mut read, mut write) = connect(&server).await.into_split();
    let trickle = tokio::spawn(async move {
        for byte in GET.iter().cycle().take(26) {
            if write.write_all(&[*byte]).await.is_err() {
                return;
            }
            sleep(Duration::from_millis(40)).await;
        }
    });
    let mut buffer = [0; 64];
    let read = timeout(SOON, read.read(&mut buffer)).await.expect("the server closes");
    assert_eq!(read.unwrap_or(0), 0, "no answer, though the head would have come in the end");
    trickle.abort();
    server.drain.begin();
    assert_eq!(server.task.await.unwrap().too_slow, 1);
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_cut_off() {
    let server = started(ServeLimits { header_timeout: Duration::from_millis(100), ..limits() }).await;
    let waited = closed_after(&mut connect(&server).await).await;
    assert!(waited >= Duration::from_millis(100), "{waited:?}");
}

#[tokio::test]
async fn a_second_head_that_does_not_end_is_cut_off_too() {
    let server = started(ServeLimits { header_timeout: Duration::from_millis(100), ..limits() }).await;
    let mut stream = connect(&server).await;
    assert!(send(&mut stream, GET).await.starts_with("HTTP/1.1 200"));
    sleep(Duration::from_millis(50)).await;
    stream.write_all(b"GET / HT").await.unwrap();
    closed_after(&mut stream).await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_used_one_is_not() {
    let server = started(ServeLimits { idle_timeout: Duration::from_millis(400), ..limits() }).await;
    let (mut idle, mut used) = (connect(&server).await, connect(&server).await);
    assert!(send(&mut idle, GET).await.contains("hello"));
    for _ in 0..10 {
        assert!(send(&mut used, GET).await.contains("hello"));
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(answer(&mut idle).await, "", "closed while the other was used");
    assert!(send(&mut used, GET).await.contains("hello"));
}

#[tokio::test]
async fn a_long_answer_is_not_idle() {
    let short = Duration::from_millis(80);
    let server = started(ServeLimits { idle_timeout: short, header_timeout: short, ..limits() }).await;
    let mut stream = connect(&server).await;
    stream.write_all(b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let until = Instant::now() + Duration::from_millis(600);
    while Instant::now() < until {
        assert_ne!(answer(&mut stream).await, "");
    }
    let mut slow = connect(&server).await;
    assert!(send(&mut slow, b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.contains("slow answer"));
}

#[tokio::test]
async fn the_connection_cap_holds() {
    let server = started(ServeLimits { max_connections: 2, ..limits() }).await;
    let (mut first, mut second) = (connect(&server).await, connect(&server).await);
    assert!(send(&mut first, GET).await.contains("hello"));
    assert!(send(&mut second, GET).await.contains("hello"));
    let mut third = connect(&server).await;
    third.write_all(GET).await.unwrap();
    let mut buffer = [0; 256];
    assert!(timeout(Duration::from_millis(200), third.read(&mut buffer)).await.is_err(), "it waits in the queue");
    drop(first);
    assert!(answer(&mut third).await.contains("hello"), "and is served when there is room");
}

#[tokio::test]
async fn a_head_over_the_limit_is_431() {
    let server = started(limits()).await;
    let mut stream = connect(&server).await;
    let request = format!("GET / HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "x".repeat(10_000));
    assert!(send(&mut stream, request.as_bytes()).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn http2_is_served_too_and_the_date_can_be_left_out() {
    let server = started(limits()).await;
    let response = https_client().unwrap().get(format!("http://{}/", server.address)).send().await.unwrap();
    assert!(!response.headers().contains_key("date"));
    let (mut sender, connection) = hyper::client::conn::http2::handshake(
        hyper_util::rt::TokioExecutor::new(),
        hyper_util::rt::TokioIo::new(connect(&server).await),
    )
    .await
    .unwrap();
    tokio::spawn(connection);
    let request = http::Request::builder().uri("http://x/").body(Body::empty()).unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, http::Version::HTTP_2));
}

/// An HTTP/2 client whose windows are closed: it asks for `/` and lets no byte of the answer's body out.
async fn ask_without_reading(server: &Server) -> TcpStream {
    let mut stream = connect(server).await;
    let settings = [0, 0, 6, 4, 0, 0, 0, 0, 0, /* initial window size */ 0, 4, /* 0 */ 0, 0, 0, 0];
    let headers = [0, 0, 6, 1, /* end of stream and head */ 5, 0, 0, 0, 1, 0x82, 0x86, 0x84, 0x41, 1, b'x'];
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    stream.write_all(&[&settings[..], &headers[..]].concat()).await.unwrap();
    stream
}

#[tokio::test]
async fn who_does_not_take_its_answer_is_dropped_and_makes_room() {
    let bound = Duration::from_millis(300);
    let two = ServeLimits { header_timeout: Duration::from_millis(100), max_connections: 2, ..limits() };
    let server = started(ServeLimits { stuck_timeout: bound, ..two }).await;
    let (mut first, mut second) = (ask_without_reading(&server).await, ask_without_reading(&server).await);
    let mut third = connect(&server).await;
    third.write_all(GET).await.unwrap();
    let waited = closed_after(&mut first).await;
    closed_after(&mut second).await;
    assert!(waited >= bound, "{waited:?}");
    assert!(answer(&mut third).await.contains("hello"), "there is room again");
    drop(third);
    server.drain.begin();
    let served = timeout(SOON, server.task).await.unwrap().unwrap();
    assert_eq!((served.accepted, served.too_slow, served.cut_off), (3, 2, 0));
}

#[tokio::test]
async fn a_slow_handler_and_a_stream_that_flows_are_not_stuck() {
    let short = Duration::from_millis(80);
    let bounds = ServeLimits { idle_timeout: short, header_timeout: short, ..limits() };
    let server = started(ServeLimits { stuck_timeout: Duration::from_millis(600), ..bounds }).await;
    let mut slow = connect(&server).await;
    assert!(send(&mut slow, b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.contains("slow answer"));
    let mut stream = connect(&server).await;
    stream.write_all(b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let until = Instant::now() + Duration::from_millis(1_500);
    while Instant::now() < until {
        assert_ne!(answer(&mut stream).await, "");
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_makes_no_drain_disorderly() {
    let quick = ServeLimits { header_timeout: Duration::from_millis(100), ..limits() };
    let server = start(quick, Drain::new(Duration::ZERO, Duration::from_millis(300))).await;
    let mut stuck = ask_without_reading(&server).await;
    assert_ne!(answer(&mut stuck).await, "");
    sleep(Duration::from_millis(200)).await;
    server.drain.begin();
    let served = timeout(SOON, server.task).await.unwrap().unwrap();
    assert_eq!((served.too_slow, served.cut_off), (1, 0), "it is no request of ours that was cut off");
}

#[tokio::test]
async fn a_drain_waits_for_its_delay_then_lets_running_requests_finish() {
    let server = start(limits(), Drain::new(Duration::from_millis(150), SOON)).await;
    let (mut idle, mut running) = (connect(&server).await, connect(&server).await);
    assert!(send(&mut idle, GET).await.contains("hello"));
    server.drain.begin();
    assert!(server.drain.is_draining());
    sleep(Duration::from_millis(30)).await;
    let mut late = connect(&server).await;
    assert!(send(&mut late, GET).await.contains("hello"), "during the delay everything works");
    running.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    closed_after(&mut idle).await;
    assert!(TcpStream::connect(server.address).await.is_err(), "the listener is closed");
    let text = answer(&mut running).await;
    assert!(text.contains("slow answer"), "{text}");
    assert_eq!(server.task.await.unwrap().cut_off, 0);
}

#[tokio::test]
async fn the_deadline_of_a_drain_cuts_off_what_never_ends() {
    let server = start(limits(), Drain::new(Duration::ZERO, Duration::from_millis(100))).await;
    let mut stream = connect(&server).await;
    stream.write_all(b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_ne!(answer(&mut stream).await, "");
    server.drain.begin();
    assert_eq!(timeout(SOON, server.task).await.unwrap().unwrap().cut_off, 1);
}

#[tokio::test]
async fn the_panic_of_a_critical_job_drains_and_fails() {
    let drain = Drain::new(Duration::ZERO, Duration::ZERO);
    let tasks = Tasks::new(drain.clone());
    tasks.spawn("harmless", Importance::Ordinary, async { panic!("oh") });
    sleep(Duration::from_millis(20)).await;
    assert!(!drain.is_draining(), "an ordinary job's panic is logged and no more");
    tasks.spawn("vital", Importance::Critical, async { panic!("no disk") });
    timeout(SOON, drain.draining()).await.unwrap();
    let report = tasks.shut_down(SOON).await;
    assert_eq!(report.failed["vital"], "panicked: no disk");
    assert!(!report.is_success());
}

#[tokio::test]
async fn jobs_are_told_to_stop_and_the_stubborn_are_aborted() {
    let tasks = Tasks::new(Drain::new(Duration::ZERO, Duration::ZERO));
    let tidy = Arc::new(AtomicBool::new(false));
    let (stop, done) = (tasks.stop_token(), Arc::clone(&tidy));
    tasks.spawn("tidy", Importance::Critical, async move {
        stop.cancelled().await;
        done.store(true, Ordering::SeqCst);
    });
    tasks.spawn("stubborn", Importance::Ordinary, std::future::pending());
    let report = tasks.shut_down(Duration::from_millis(50)).await;
    assert!(tidy.load(Ordering::SeqCst));
    assert_eq!((report.aborted.as_slice(), report.is_success()), (&["stubborn"][..], true));
}

#[tokio::test]
async fn a_critical_job_that_just_ends_is_a_failure() {
    let drain = Drain::new(Duration::ZERO, Duration::ZERO);
    let tasks = Tasks::new(drain.clone());
    tasks.spawn("vital", Importance::Critical, async {});
    timeout(SOON, drain.draining()).await.unwrap();
    assert!(!tasks.shut_down(SOON).await.is_success());
}
