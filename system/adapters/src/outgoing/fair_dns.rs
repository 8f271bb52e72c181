//! A name service of which no domain takes more than its share.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::dns::Dns;

/// Look-ups at once of names below one domain. Those beyond wait, and nobody else does.
const LOOKUPS_PER_DOMAIN_MAX: usize = 4;
/// For so long an answer is used again. Whether its addresses are public is judged each time it is.
const KNOWN_FOR: Duration = Duration::from_secs(30);
/// Names, and domains, that are kept in mind.
const NAMES_MAX: usize = 4_096;

type Answer = Result<Arc<[IpAddr]>, Arc<io::Error>>;
type Looking = BoxFuture<'static, Answer>;

/// Whoever registers endpoints chooses their names, and so the name servers that are asked, also such as never answer: a
/// look-up of those occupies a place of the inner service until the system gives up. Here the names below one domain have
/// only a few places together, callers that want the same name share one look-up, and answers are used again for a short
/// while.
///
/// The domain is taken to be the last two labels. Under a public suffix of two (`co.uk`) strangers share it, which only
/// slows them down; and whoever has many domains has the places of each.
pub struct FairDns {
    inner: Arc<dyn Dns>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    known: BTreeMap<String, (Instant, Arc<[IpAddr]>)>,
    looking: BTreeMap<String, WeakShared<Looking>>,
    domains: BTreeMap<String, Weak<Semaphore>>,
}

impl FairDns {
    /// Around a name service.
    pub fn new(inner: Arc<dyn Dns>) -> Self {
        Self { inner, state: Arc::default() }
    }

    /// The look-up of a name, begun or joined; or its answer, if that is known.
    fn look(&self, host: &str) -> Result<Arc<[IpAddr]>, Shared<Looking>> {
        let mut state = lock(&self.state);
        let now = Instant::now();
        if let Some((_, addresses)) = state.known.get(host).filter(|(until, _)| *until > now) {
            return Ok(Arc::clone(addresses));
        }
        if let Some(looking) = state.looking.get(host).and_then(WeakShared::upgrade) {
            return Err(looking);
        }
        let places = state.places(domain(host));
        let looking =
            looking(Arc::clone(&self.inner), Arc::clone(&self.state), places, host.to_owned()).boxed().shared();
        if state.looking.len() >= NAMES_MAX {
            state.looking.retain(|_, looking| looking.upgrade().is_some());
        }
        if let Some(weak) = looking.downgrade() {
            state.looking.insert(host.to_owned(), weak);
        }
        Err(looking)
    }
}

impl State {
    fn places(&mut self, domain: &str) -> Arc<Semaphore> {
        if let Some(places) = self.domains.get(domain).and_then(Weak::upgrade) {
            return places;
        }
        if self.domains.len() >= NAMES_MAX {
            self.domains.retain(|_, places| places.strong_count() > 0);
        }
        let places = Arc::new(Semaphore::new(LOOKUPS_PER_DOMAIN_MAX));
        self.domains.insert(domain.to_owned(), Arc::downgrade(&places));
        places
    }

    fn learn(&mut self, host: &str, addresses: Arc<[IpAddr]>) {
        let now = Instant::now();
        if self.known.len() >= NAMES_MAX {
            self.known.retain(|_, (until, _)| *until > now);
        }
        if self.known.len() < NAMES_MAX || self.known.contains_key(host) {
            self.known.insert(host.to_owned(), (now + KNOWN_FOR, addresses));
        }
    }
}

/// Waits for a place, then asks. Once it asks it keeps the place until the answer is there, whoever still wants it.
async fn looking(inner: Arc<dyn Dns>, state: Arc<Mutex<State>>, places: Arc<Semaphore>, host: String) -> Answer {
    let place = places.acquire_owned().await.map_err(|error| Arc::new(io::Error::other(error)))?;
    let asking = tokio::spawn(async move {
        let found = inner.lookup(&host).await;
        let mut state = lock(&state);
        state.looking.remove(&host);
        let found: Arc<[IpAddr]> = found.map_err(Arc::new)?.into();
        state.learn(&host, Arc::clone(&found));
        drop(place);
        Ok(found)
    });
    asking.await.unwrap_or_else(|error| Err(Arc::new(io::Error::other(error))))
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The last two labels of a name.
fn domain(host: &str) -> &str {
    let host = host.trim_end_matches('.');
    let mut dots = host.rmatch_indices('.').map(|(at, _)| at);
    dots.nth(1).map_or(host, |at| &host[at + 1..])
}

#[async_trait]
impl Dns for FairDns {
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let answer = match self.look(host) {
            Ok(known) => Ok(known),
            Err(looking) => looking.await,
        };
        answer.map(|addresses| addresses.to_vec()).map_err(|error| io::Error::new(error.kind(), error))
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    /// The servers of `evil.test` never answer; the service has four times the places of a domain.
    struct Names {
        places: Semaphore,
        asked: Mutex<Vec<String>>,
    }

    impl Names {
        fn new() -> Arc<Self> {
            Arc::new(Self { places: Semaphore::new(4 * LOOKUPS_PER_DOMAIN_MAX), asked: Mutex::default() })
        }

        fn asked(&self, end: &str) -> usize {
            self.asked.lock().unwrap().iter().filter(|host| host.ends_with(end)).count()
        }
    }

    #[async_trait]
    impl Dns for Names {
        async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>> {
            let _place = self.places.acquire().await.unwrap();
            self.asked.lock().unwrap().push(host.to_owned());
            match domain(host) {
                "evil.test" => pending().await,
                "gone.test" => return Err(io::ErrorKind::NotFound.into()),
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
            Ok(vec!["8.8.8.8".parse().unwrap()])
        }
    }

    const PATIENCE: Duration = Duration::from_secs(5);

    async fn ask(dns: &Arc<FairDns>, host: String) -> Option<io::Result<Vec<IpAddr>>> {
        tokio::time::timeout(PATIENCE, dns.lookup(&host)).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn names_whose_servers_never_answer_stop_no_others() {
        let names = Names::new();
        let dns = Arc::new(FairDns::new(Arc::clone(&names) as _));
        let evil: Vec<_> = (0..50).map(|n| ask(&dns, format!("{n}.evil.test"))).collect();
        let good: Vec<_> = (0..50).map(|n| ask(&dns, format!("{n}.good.test"))).collect();
        let (evil, good) = tokio::join!(futures_util::future::join_all(evil), futures_util::future::join_all(good));
        assert!(evil.iter().all(Option::is_none));
        assert!(good.iter().all(|answer| matches!(answer, Some(Ok(found)) if found.len() == 1)), "{good:?}");
        assert_eq!((names.asked("evil.test"), names.asked("good.test")), (LOOKUPS_PER_DOMAIN_MAX, 50));
        // Nobody wants the answers any more, and they keep their places still.
        assert!(ask(&dns, "51.evil.test".to_owned()).await.is_none());
        assert!(ask(&dns, "other.example".to_owned()).await.unwrap().is_ok());
        assert_eq!(names.asked("evil.test"), LOOKUPS_PER_DOMAIN_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_is_looked_up_once_for_all_and_known_for_a_while() {
        let names = Names::new();
        let dns = Arc::new(FairDns::new(Arc::clone(&names) as _));
        let all = futures_util::future::join_all((0..100).map(|_| ask(&dns, "push.good.test".to_owned()))).await;
        assert!(all.iter().all(|answer| matches!(answer, Some(Ok(_)))));
        assert_eq!(names.asked("good.test"), 1);
        ask(&dns, "push.good.test".to_owned()).await;
        assert_eq!(names.asked("good.test"), 1);
        tokio::time::sleep(KNOWN_FOR).await;
        ask(&dns, "push.good.test".to_owned()).await;
        assert_eq!(names.asked("good.test"), 2);
        // That there is none is not kept.
        for asked in 1..=2 {
            let none = ask(&dns, "push.gone.test".to_owned()).await.unwrap().unwrap_err();
            assert_eq!((none.kind(), names.asked("gone.test")), (io::ErrorKind::NotFound, asked));
        }
    }

    #[test]
    fn the_last_two_labels() {
        for (host, last) in [("a.b.c.test", "c.test"), ("c.test", "c.test"), ("a.c.test.", "c.test"), ("one", "one")] {
            assert_eq!(domain(host), last, "{host}");
        }
    }
}
