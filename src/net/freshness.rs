//! Owns: how long the answers may be kept that a piece of work has asked for: the least of them all (RFC 9111).
//! Never knows: what is kept, or where.

use http::{HeaderMap, header};
use std::{cell::Cell, time::Duration};

tokio::task_local! {
    static LEAST: Cell<Said>;
}

/// How long what came of a piece of work may be kept; [`Duration::MAX`] where nobody has said anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// By those who did the work.
    pub by_work: Duration,
    /// By the headers of answers.
    pub by_headers: Duration,
}

/// Does a piece of work, and tells how long what came of it may be kept. What the work spawns is not heard.
pub async fn collect<T>(work: impl Future<Output = T>) -> (T, Said) {
    let all = async {
        let done = work.await;
        (done, LEAST.with(Cell::get))
    };
    let nothing = Said {
        by_work: Duration::MAX,
        by_headers: Duration::MAX,
    };
    LEAST.scope(Cell::new(nothing), all).await
}

/// What comes of the work that this is a part of may be kept for no longer than this.
pub fn at_most(time: Duration) {
    say(|said| said.by_work = said.by_work.min(time));
}

/// The work that this is a part of has got an answer with these headers.
pub(super) fn answered(headers: &HeaderMap) {
    if let Some(time) = of(headers) {
        say(|said| said.by_headers = said.by_headers.min(time));
    }
}

fn say(what: impl FnOnce(&mut Said)) {
    // nobody wants to know, outside of `collect`
    let _ = LEAST.try_with(|least| {
        let mut said = least.get();
        what(&mut said);
        least.set(said);
    });
}

/// How long an answer may be kept by its headers; `None` when they do not say. What has to be asked again before each use
/// may not be kept at all.
#[must_use]
pub fn of(headers: &HeaderMap) -> Option<Duration> {
    let mut of_shared = None;
    let mut of_any = None;
    let values = headers.get_all(header::CACHE_CONTROL).iter();
    let directives = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    for directive in directives {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        // a number that is none counts as over (RFC 9111, 4.2.1)
        let seconds = || Duration::from_secs(value.trim().trim_matches('"').parse().unwrap_or(0));
        match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => return Some(Duration::ZERO),
            "s-maxage" => of_shared = Some(seconds()),
            "max-age" => of_any = Some(seconds()),
            _ => {}
        }
    }
    let lifetime = of_shared.or(of_any).or_else(|| expires(headers))?;
    let age = headers
        .get(header::AGE)
        .and_then(|age| age.to_str().ok()?.trim().parse().ok())
        .map_or(Duration::ZERO, Duration::from_secs);
    Some(lifetime.saturating_sub(age))
}

/// From `Date` to `Expires`; nothing when the latter is no date, as `0` is none.
fn expires(headers: &HeaderMap) -> Option<Duration> {
    let date = |name| {
        let text = headers.get(name)?.to_str().ok()?;
        httpdate::parse_http_date(text).ok()
    };
    headers.get(header::EXPIRES)?;
    let from = date(header::DATE);
    let until = date(header::EXPIRES);
    let both = from.zip(until);
    Some(both.map_or(Duration::ZERO, |(from, until)| {
        until.duration_since(from).unwrap_or_default()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(lines: &[(&'static str, &'static str)]) -> Option<u64> {
        let headers = lines.iter().map(|(name, value)| {
            (
                name.parse().expect("a name"),
                value.parse().expect("a value"),
            )
        });
        of(&headers.collect()).map(|time| time.as_secs())
    }

    // RFC 9111, sections 4.2.1, 5.2.2 and 5.3
    #[test]
    fn headers_say_how_long_an_answer_may_be_kept() {
        assert_eq!(seconds(&[]), None);
        assert_eq!(seconds(&[("cache-control", "public")]), None);
        for (value, wanted) in [
            ("max-age=60", 60),
            ("private, Max-Age=\"60\"", 60),
            ("max-age=60, s-maxage=9", 9),
            ("max-age=60, no-store", 0),
            ("no-cache", 0),
            ("max-age=soon", 0),
        ] {
            assert_eq!(
                seconds(&[("cache-control", value)]),
                Some(wanted),
                "{value}"
            );
        }
        let aged = [("cache-control", "max-age=60"), ("age", "45")];
        assert_eq!(seconds(&aged), Some(15));
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let expires = ("expires", "Sun, 06 Nov 1994 08:50:00 GMT");
        assert_eq!(seconds(&[date, expires]), Some(23));
        assert_eq!(seconds(&[date, ("expires", "0")]), Some(0));
        let both = [date, expires, ("cache-control", "max-age=5")];
        assert_eq!(seconds(&both), Some(5));
    }

    #[tokio::test]
    async fn the_least_of_all_counts_and_only_for_its_own_work() {
        let (inner, outer) = collect(async {
            at_most(Duration::from_secs(7));
            let (_, inner) = collect(async { at_most(Duration::from_secs(2)) }).await;
            at_most(Duration::from_secs(9));
            inner
        })
        .await;
        let seconds = |said: Said| said.by_work.as_secs();
        assert_eq!((seconds(inner), seconds(outer)), (2, 7));
        assert_eq!(outer.by_headers, Duration::MAX);
        at_most(Duration::ZERO);
    }
}
