//! What the server counted of the same run.

use super::traffic::TAKE;
use crate::engine::Measured;
use crate::http::Level;
use crate::scrape::Scrape;

/// The route of a forecast, as the server labels it.
const ROUTE: &str = "route=\"/api/forecasts/{id}\"";
/// Rows that fills read from the store.
const LOADS: &str = "smartpulse_cache_loads_total";
/// That of a list.
const LISTS: &str = "route=\"/api/forecasts\"";

/// The server's counters over a whole run, warm-up included, beside the client's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSide {
    /// Reads answered by L1 to L4, as the server counts them.
    pub answers: [i64; 4],
    /// The same as the client counts them, 304s included.
    pub seen: [u64; 4],
    /// Documents that lists may have been made of: they are read through the tiers, which no reply tells the client.
    pub listed_max: u64,
    /// GETs of a forecast answered with 200 and 304.
    pub ok: i64,
    /// The 304s of them.
    pub not_modified: i64,
    /// The client's 304s.
    pub seen_not_modified: u64,
    /// Rows that fills read from the store.
    pub loads: i64,
    /// Reads that waited for another's fill.
    pub joins: i64,
    /// Reads that the tiers answered, and rows that fills read from the store for them, both since the end of the warm-up; nothing
    /// where the counters were not read then.
    pub since_warm: Option<[i64; 2]>,
    /// Entries in L1 and in L2 at the end, of all instances.
    pub entries: [i64; 2],
    /// Requests that the client knows no answer of.
    pub unanswered: u64,
    /// Requests on forecasts and lists that each target answered, with whatever status; of all together where the metrics of
    /// some targets are not known.
    pub requests: Vec<i64>,
    /// Those that the client sent there.
    pub sent: Vec<u64>,
    /// By how much the client's own replies and errors are not what it sent.
    pub unaccounted: u64,
}

impl ServerSide {
    pub(super) fn of(before: &Scrape, warm: Option<&Scrape>, after: &Scrape, measured: &Measured) -> Self {
        let since = |name: &str, labels: &[&str]| after.since(before, name, labels);
        let tier = |level: Level| since("smartpulse_cache_answers_total", &[&format!("tier=\"{}\"", level.name())]);
        let of_status = |status| since("smartpulse_http_requests_total", &[ROUTE, "method=\"GET\"", status]);
        let sum = |count: &dyn Fn(&crate::engine::LevelCounts) -> u64| measured.whole_levels.iter().map(count).sum();
        let mut requests = after.since_each(before, "smartpulse_http_requests_total", &[ROUTE]);
        let lists = after.since_each(before, "smartpulse_http_requests_total", &[LISTS]);
        let answered = since("smartpulse_http_requests_total", &[LISTS, "status=\"200\""]);
        requests.iter_mut().zip(lists).for_each(|(requests, lists)| *requests += lists);
        let mut sent: Vec<u64> = measured.whole_targets.iter().map(|counts| counts.sent).collect();
        if requests.len() != sent.len() {
            (requests, sent) = (vec![requests.iter().sum()], vec![sent.iter().sum()]);
        }
        Self {
            answers: Level::ALL.map(tier),
            seen: Level::ALL.map(|level| sum(&|levels| levels.answers(level))),
            listed_max: u64::try_from(answered).unwrap_or_default() * TAKE as u64,
            ok: of_status("status=\"200\""),
            not_modified: of_status("status=\"304\""),
            seen_not_modified: sum(&|levels| levels.not_modified.iter().sum()),
            loads: since(LOADS, &[]),
            since_warm: warm
                .map(|warm| ["smartpulse_cache_answers_total", LOADS].map(|name| after.since(warm, name, &[]))),
            joins: since("smartpulse_cache_joins_total", &[]),
            entries: ["l1", "l2"].map(|tier| after.sum(&format!("smartpulse_cache_{tier}_entries"), &[]) as i64),
            unanswered: measured.whole_failures.values().sum(),
            requests,
            sent,
            unaccounted: measured.unaccounted(),
        }
    }

    /// How many reads there were for each row that was read from the store, after the warm-up. What many readers waited for
    /// together was read once, so that the share of L4 does not say it.
    pub fn load_reduction(&self) -> Option<f64> {
        let [reads, loads] = self.since_warm?;
        (reads > 0 && loads >= 0).then(|| reads as f64 / loads.max(1) as f64)
    }

    /// By how much the accounts are off: the tiers' answers and the 304s between server and client, the requests of each target
    /// (whatever became of them) between server and client, and the client's replies and errors against what it sent. Where
    /// there were lists, the tiers' answers may be more than the client saw by the documents of all lists.
    pub fn difference(&self) -> u64 {
        let off = |(server, client): (&i64, &u64)| server.abs_diff(i64::try_from(*client).unwrap_or(i64::MAX));
        let surplus =
            |(server, client): (&i64, &u64)| u64::try_from(*server).unwrap_or_default().saturating_sub(*client);
        let tiers = || self.answers.iter().zip(&self.seen);
        let more: u64 = tiers().map(surplus).sum();
        let tiers = tiers().map(off).sum::<u64>() - more.min(self.listed_max);
        let requests: u64 = self.requests.iter().zip(&self.sent).map(off).sum();
        tiers + off((&self.not_modified, &self.seen_not_modified)) + requests + self.unaccounted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scrape::Page;

    /// Two targets: 3 replies of L1 and a 304 of L2 here, a list, a write and an error there.
    fn measured() -> Measured {
        let mut measured = Measured::new(&["get"], 2, 0);
        measured.whole_levels[0].good[0] = 3;
        measured.whole_levels[0].not_modified[1] = 1;
        measured.whole_levels[1].unnamed = 2;
        measured.whole_targets[0].sent = 4;
        (measured.whole_targets[1].sent, measured.whole_targets[1].failed) = (3, 1);
        measured.whole_failures.insert("status_500".to_owned(), 1);
        measured
    }

    const HERE: &str = "smartpulse_cache_answers_total{tier=\"L1\"} 13\nsmartpulse_cache_answers_total{tier=\"L2\"} 1\n\
        smartpulse_http_requests_total{route=\"/api/forecasts/{id}\",method=\"GET\",status=\"200\"} 13\n\
        smartpulse_http_requests_total{route=\"/api/forecasts/{id}\",method=\"GET\",status=\"304\"} 1\n\
        smartpulse_http_requests_total{route=\"/api/forecasts/changes\",method=\"GET\",status=\"200\"} 1\n";
    const THERE: &str = "smartpulse_http_requests_total{route=\"/api/forecasts\",method=\"GET\",status=\"200\"} 1\n\
        smartpulse_http_requests_total{route=\"/api/forecasts/{id}\",method=\"PATCH\",status=\"200\"} 1\n\
        smartpulse_http_requests_total{route=\"/api/forecasts/{id}\",method=\"GET\",status=\"500\"} 1\n";

    fn of(pages: &[&str], measured: &Measured) -> ServerSide {
        let before = "smartpulse_cache_answers_total{tier=\"L1\"} 10\n\
            smartpulse_http_requests_total{route=\"/api/forecasts/{id}\",method=\"GET\",status=\"200\"} 10\n";
        let before = Scrape(pages.iter().map(|page| Page::parse(if *page == HERE { before } else { "" })).collect());
        ServerSide::of(&before, None, &Scrape(pages.iter().map(|page| Page::parse(page)).collect()), measured)
    }

    #[test]
    fn accounts_that_agree_are_off_by_nothing() {
        let server = of(&[HERE, THERE], &measured());
        assert_eq!((server.requests.clone(), server.sent.clone()), (vec![4, 3], vec![4, 3]));
        assert_eq!(server.difference(), 0, "{server:?}");
    }

    #[test]
    fn a_request_that_only_one_side_counted_is_told_whatever_its_status() {
        let more = THERE.replace("500\"} 1", "500\"} 2");
        assert_eq!(
            of(&[HERE, &more], &measured()).difference(),
            1,
            "the server failed twice, and the client knows of one"
        );
        let mut lost = measured();
        lost.whole_targets[1].sent += 1;
        assert_eq!(of(&[HERE, THERE], &lost).difference(), 2, "neither a reply nor an error, and not counted there");
        let mut swapped = measured();
        swapped.whole_targets.swap(0, 1);
        assert_eq!(of(&[HERE, THERE], &swapped).difference(), 6, "the sum is right, and each target's is not");
    }

    #[test]
    fn documents_that_lists_are_made_of_are_not_held_against_the_tiers() {
        // Neither of these pages is `HERE`: there was nothing before.
        let mut measured = measured();
        measured.whole_levels[0].good[0] += 10;
        measured.whole_targets[0].sent += 10;
        let more = HERE.replace("{tier=\"L1\"} 13", "{tier=\"L1\"} 18");
        assert_eq!(of(&[&more, THERE], &measured).difference(), 0, "a list was made of five of them");
        let fewer = HERE.replace("{tier=\"L1\"} 13", "{tier=\"L1\"} 12");
        assert_eq!(of(&[&fewer, THERE], &measured).difference(), 1, "the client saw an answer more");
        let many = HERE.replace("{tier=\"L1\"} 13", "{tier=\"L1\"} 34");
        assert_eq!(of(&[&many, THERE], &measured).difference(), 1, "a list has 20 at most");
        let no_list = THERE.replace("/api/forecasts\",", "/api/forecasts/{id}\",");
        assert_eq!(of(&[&more, &no_list], &measured).difference(), 5);
    }

    #[test]
    fn the_load_is_what_the_store_was_asked_after_the_warm_up() {
        let page = |l1: u64, l4: u64, loads: u64| {
            let text = format!(
                "smartpulse_cache_answers_total{{tier=\"L1\"}} {l1}\nsmartpulse_cache_answers_total{{tier=\"L4\"}} {l4}\n\
                 smartpulse_cache_loads_total {loads}\n"
            );
            Scrape(vec![Page::parse(&text)])
        };
        let of = |warm| ServerSide::of(&page(0, 0, 0), warm, &page(1_500, 540, 310), &measured());
        let warm = page(540, 500, 300);
        // 960 by L1 and 40 by L4, which waited for 10 rows; the warm-up read 300.
        assert_eq!(of(Some(&warm)).load_reduction(), Some(100.0));
        assert_eq!(of(None).load_reduction(), None, "without the counters of that moment nobody knows");
        assert_eq!(of(Some(&page(1_500, 540, 310))).load_reduction(), None, "nothing was read");
    }

    #[test]
    fn where_not_every_target_has_metrics_the_sum_is_compared() {
        let all = format!("{HERE}{THERE}");
        let mut one = measured();
        one.whole_levels[0].good[0] += 10;
        one.whole_targets[0].sent += 10;
        assert_eq!(of(&[&all], &one).sent, [17]);
        assert_eq!(of(&[&all], &one).difference(), 0);
    }
}
