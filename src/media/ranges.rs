//! Owns: what an HTTP answer says of the bytes in it, and how often to ask again. Pure decisions.
//! Never knows: connections, clocks.

use super::backoff::{self, PROGRESS};
use crate::net::NetError;
use http::{HeaderMap, header};
use std::time::Duration;

/// What an answer holds, for a request of the bytes from an offset on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Bytes.
    Body(Body),
    /// The resource ends at or before the offset.
    PastTheEnd,
    /// No success, with this status.
    Refused(u16),
}

/// The bytes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body {
    /// Offset of the first of them.
    pub starts_at: u64,
    /// Offset behind the last of them, when it is announced.
    pub ends_at: Option<u64>,
    /// Length of the whole resource in bytes, when it is announced.
    pub length: Option<u64>,
    /// Whether the server can answer from any offset; `None` when it does not say.
    pub has_ranges: Option<bool>,
}

/// Reads status and headers (RFC 9110, sections 14 and 15). `asked` is the offset of the `Range` header, `None` without one.
#[must_use]
pub fn interpret(asked: Option<u64>, status: u16, headers: &HeaderMap) -> Answer {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let content_length: Option<u64> =
        text(header::CONTENT_LENGTH).and_then(|text| text.trim().parse().ok());
    match status {
        206 => {
            let range = text(header::CONTENT_RANGE).and_then(content_range);
            let starts_at = range.map_or(asked.unwrap_or(0), |range| range.first);
            Answer::Body(Body {
                starts_at,
                ends_at: range
                    .map(|range| range.last.saturating_add(1))
                    .or_else(|| content_length.map(|len| starts_at.saturating_add(len))),
                length: range.and_then(|range| range.total),
                has_ranges: Some(true),
            })
        }
        // what the original takes for a success
        200 | 203 => Answer::Body(Body {
            starts_at: 0,
            ends_at: content_length,
            length: content_length,
            has_ranges: match (asked, text(header::ACCEPT_RANGES)) {
                // a range was asked for and not given
                (Some(1..), _) => Some(false),
                (_, Some(unit)) => Some(!unit.trim().eq_ignore_ascii_case("none")),
                (_, None) => None,
            },
        }),
        416 => Answer::PastTheEnd,
        _ => Answer::Refused(status),
    }
}

#[derive(Clone, Copy)]
struct ContentRange {
    first: u64,
    last: u64,
    total: Option<u64>,
}

/// `bytes 5-9/10`, the total may be `*`.
fn content_range(text: &str) -> Option<ContentRange> {
    let rest = text.trim().strip_prefix("bytes")?.trim_start();
    let (range, total) = rest.split_once('/')?;
    let (first, last) = range.trim().split_once('-')?;
    let range = ContentRange {
        first: first.trim().parse().ok()?,
        last: last.trim().parse().ok()?,
        total: match total.trim() {
            "*" => None,
            total => Some(total.parse().ok()?),
        },
    };
    let is_sane = range.first <= range.last && range.total.is_none_or(|total| range.last < total);
    is_sane.then_some(range)
}

/// How often a connection is taken up again: counts tries that brought nothing to speak of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Retry {
    tries: u32,
    delivered: u64,
}

impl Retry {
    /// Tries in a row before it is given up.
    pub const MAX_TRIES: u32 = 3;

    /// Bytes were delivered.
    pub const fn progressed(&mut self, len: u64) {
        self.delivered = self.delivered.saturating_add(len);
        if self.delivered >= PROGRESS {
            self.tries = 0;
        }
    }

    /// The longest time that a server may ask to be left alone for. A listener hears nothing meanwhile; and who asks sooner
    /// than he was told is refused again.
    pub const MAX_WAIT: Duration = Duration::from_secs(30);

    /// A connection failed with this error: how long to wait before the next, no shorter than the server has asked for
    /// (`Retry-After`), or `None` to give up. For `chance` see [`backoff::delay`].
    pub fn after(&mut self, error: &NetError, chance: u64) -> Option<Duration> {
        let asked = error.retry_after().unwrap_or_default();
        if !error.is_retryable() || asked > Self::MAX_WAIT {
            return None;
        }
        let delay = self.failed(chance)?;
        Some(match asked.is_zero() {
            true => delay,
            // no sooner, and not all at once
            false => asked + delay,
        })
    }

    /// A connection failed: how long to wait before the next, or `None` to give up. For `chance` see [`backoff::delay`].
    pub fn failed(&mut self, chance: u64) -> Option<Duration> {
        self.delivered = 0;
        if self.tries == Self::MAX_TRIES {
            return None;
        }
        let delay = backoff::delay(self.tries, Duration::MAX, chance);
        self.tries += 1;
        Some(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (
                header::HeaderName::from_static(name),
                header::HeaderValue::from_static(value),
            )
        };
        pairs.iter().map(pair).collect()
    }

    fn body(asked: Option<u64>, status: u16, pairs: &[(&'static str, &'static str)]) -> Body {
        match interpret(asked, status, &headers(pairs)) {
            Answer::Body(body) => body,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_whole_answer_tells_its_length_and_whether_it_has_ranges() {
        let plain = body(None, 200, &[("content-length", "10")]);
        assert_eq!((plain.length, plain.has_ranges), (Some(10), None));
        let with = body(None, 200, &[("accept-ranges", "bytes")]);
        assert_eq!((with.length, with.has_ranges), (None, Some(true)));
        let without = body(None, 200, &[("accept-ranges", "none")]);
        assert_eq!(without.has_ranges, Some(false));
    }

    #[test]
    fn a_range_that_is_answered_in_full_shows_that_there_are_none() {
        let all = body(Some(5), 200, &[("content-length", "10")]);
        assert_eq!((all.starts_at, all.has_ranges), (0, Some(false)));
    }

    #[test]
    fn a_partial_answer_tells_where_it_stands() {
        let part = body(Some(5), 206, &[("content-range", "bytes 5-8/10")]);
        assert_eq!(
            (part.starts_at, part.ends_at, part.length, part.has_ranges),
            (5, Some(9), Some(10), Some(true))
        );
        let unknown = body(Some(5), 206, &[("content-range", "bytes 5-8/*")]);
        assert_eq!((unknown.ends_at, unknown.length), (Some(9), None));
    }

    #[test]
    fn an_offset_behind_the_end_is_no_failure() {
        assert_eq!(interpret(Some(10), 416, &headers(&[])), Answer::PastTheEnd);
        assert_eq!(interpret(None, 404, &headers(&[])), Answer::Refused(404));
    }

    #[test]
    fn three_tries_in_a_row_are_enough() {
        let mut retry = Retry::default();
        let delays: Vec<_> = (0..5).map(|_| retry.failed(0)).collect();
        let millis = |ms| Some(Duration::from_millis(ms));
        assert_eq!(delays, [millis(100), millis(200), millis(400), None, None]);
    }

    #[test]
    fn a_server_is_left_alone_for_as_long_as_it_asks_up_to_a_limit() {
        let refused = |status, after: &'static str| {
            NetError::refused(status, &headers(&[("retry-after", after)]))
        };
        let wait = |error: &NetError| Retry::default().after(error, 0);
        let first = Duration::from_millis(100);
        let seconds = Duration::from_secs;
        assert_eq!(wait(&refused(429, "2")), Some(seconds(2) + first));
        assert_eq!(wait(&refused(503, " 30 ")), Some(seconds(30) + first));
        assert_eq!(wait(&refused(503, "31")), None);
        assert_eq!(wait(&refused(503, "0")), Some(first));
        // a date is not read, and what is refused for good stays so
        assert_eq!(
            wait(&refused(503, "Fri, 31 Dec 1999 23:59:59 GMT")),
            Some(first)
        );
        assert_eq!(wait(&refused(403, "1")), None);
        let mut retry = Retry::default();
        let tries = std::iter::from_fn(|| retry.after(&refused(429, "1"), 0)).count();
        assert_eq!(tries, Retry::MAX_TRIES as usize);
    }

    #[test]
    fn only_real_progress_starts_the_count_anew() {
        let mut retry = Retry::default();
        for _ in 0..3 {
            assert!(retry.failed(0).is_some());
            retry.progressed(1);
        }
        assert_eq!(retry.failed(0), None);
        retry.progressed(PROGRESS);
        let delay = retry.failed(u64::MAX - 1).expect("counted anew");
        assert!((100..=150).contains(&delay.as_millis()), "{delay:?}");
    }

    proptest! {
        #[test]
        fn any_content_range_is_sane_or_none(text in "bytes [0-9]{0,21}-[0-9]{0,21}/([0-9]{0,21}|\\*)|\\PC{0,30}") {
            if let Some(range) = content_range(&text) {
                prop_assert!(range.first <= range.last);
            }
        }
    }
}
