//! Owns: what the HTTP fetch task is held to with servers that give a single connection too little, and with parts of files.
//! Never knows: how the task works inside.

use super::*;
use crate::{
    error::Failure,
    media::{testing::Reader, window::Stop},
    net::{
        Settings,
        manner::Manner,
        testing::{Asked, Server, Step, quick, ranged, response, whole},
    },
};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

const LEN: usize = 300_000;
/// What the first connection brings before it waits for another.
const FIRST: usize = 20_000;

fn data() -> Vec<u8> {
    (0..LEN).map(|i| (i * 31 % 251) as u8).collect()
}

fn manner(fragments: usize) -> Manner {
    Manner {
        fragments,
        chunk_bytes: 16 * 1024,
        request_bytes: None,
    }
}

/// Who waits for a slow server for longer than it takes to open another connection.
fn patient(manner: Manner) -> Clients {
    let mut settings = Settings {
        read_timeout: Duration::from_secs(10),
        ..quick()
    };
    settings.fetching.manner = manner;
    Clients::new(settings)
}

fn reader(clients: &Clients, server: &Server) -> Reader {
    let address = server.address("/a");
    Reader::new(fetch(clients, address, &Handle::current()))
}

fn failure<T: std::fmt::Debug>(result: Result<T, Stop>) -> Failure {
    match result {
        Err(Stop::Failed(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

/// The first connection waits until another comes that asks for a part; what that one is answered.
async fn stuck(answer: fn(&Asked) -> Vec<Step>) -> Server {
    let helped = Arc::new(Notify::new());
    Server::start(move |asked| {
        if asked.before > 0 {
            helped.notify_one();
            return answer(asked);
        }
        let mut first = ranged(asked, &data());
        let rest = first.split_off(first.len() - LEN + FIRST);
        vec![
            Step::Send(first),
            Step::Until(helped.clone()),
            // long enough for what helps to begin
            Step::Wait(Duration::from_millis(300)),
            Step::Send(rest),
        ]
    })
    .await
}

#[tokio::test]
async fn a_slow_connection_is_helped_by_another_and_all_comes_in_order() {
    let server = stuck(|asked| vec![Step::Send(ranged(asked, &data()))]).await;
    let clients = patient(manner(2));
    let mut reader = reader(&clients, &server);
    assert!(reader.rest().await.expect("all") == data());
    // behind what the first connection still has to bring: what it has brought in half a second, four times
    let (from, last) = (server.seen()[1].from(), server.seen()[1].last());
    let from = from.expect("a part");
    assert!((FIRST + 16 * 1024..=FIRST * 5).contains(&from), "{from}");
    assert_eq!(last, Some(from + 16 * 1024 - 1));
    assert_eq!(reader.window().gauge().retries().total(), 0);
}

#[tokio::test]
async fn later_chunks_may_come_before_earlier_ones() {
    // the first of two chunks comes when the second has been asked for
    let (order, first) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let server = Server::start(move |asked| {
        let answer = Step::Send(ranged(asked, &data()));
        match (asked.before, asked.last()) {
            (0, _) => {
                let mut begun = ranged(asked, &data());
                let rest = begun.split_off(begun.len() - LEN + FIRST);
                vec![
                    Step::Send(begun),
                    Step::Until(first.clone()),
                    Step::Send(rest),
                ]
            }
            (2, Some(_)) => {
                first.notify_one();
                order.notify_one();
                vec![answer]
            }
            (1, Some(_)) => vec![Step::Until(order.clone()), answer],
            _ => vec![answer],
        }
    })
    .await;
    let clients = patient(manner(3));
    assert!(reader(&clients, &server).rest().await.expect("all") == data());
    let starts: Vec<_> = server
        .seen()
        .iter()
        .filter_map(Asked::from)
        .take(2)
        .collect();
    assert_eq!(starts[1] - starts[0], 16 * 1024);
}

#[tokio::test]
async fn one_connection_has_to_do_where_only_one_is_given() {
    for refuses in [
        |_: &Asked| vec![Step::Send(response(403, &[("Content-Length", "0")], b""))],
        |_: &Asked| vec![Step::Send(whole(&data(), &[]))],
    ] {
        let server = stuck(refuses).await;
        let clients = patient(manner(4));
        assert!(reader(&clients, &server).rest().await.expect("all") == data());
        // several may be on their way before the first is answered
        assert!((2..=4).contains(&server.seen().len()));
    }
}

#[tokio::test]
async fn one_connection_does_where_the_site_may_have_no_more() {
    let server = Server::start(|asked| {
        let mut first = ranged(asked, &data());
        let rest = first.split_off(first.len() - LEN + FIRST);
        vec![
            Step::Send(first),
            Step::Wait(Duration::from_millis(1200)),
            Step::Send(rest),
        ]
    })
    .await;
    let clients = patient(manner(1));
    assert!(reader(&clients, &server).rest().await.expect("all") == data());
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_chunk_that_breaks_off_goes_on_at_its_byte() {
    let server = stuck(|asked| {
        let mut answer = ranged(asked, &data());
        if asked.before == 1 {
            answer.truncate(answer.len() - 6000);
        }
        vec![Step::Send(answer)]
    })
    .await;
    let clients = patient(manner(2));
    let mut reader = reader(&clients, &server);
    assert!(reader.rest().await.expect("all") == data());
    let seen = server.seen();
    let last = seen[1].last().expect("a part");
    let rest = (Some(last + 1 - 6000), Some(last));
    assert!(
        seen.iter()
            .any(|asked| (asked.from(), asked.last()) == rest)
    );
    assert_eq!(reader.window().gauge().retries().fragments, 1);
}

#[tokio::test]
async fn a_jump_leaves_what_was_fetched_ahead() {
    let server = stuck(|asked| vec![Step::Send(ranged(asked, &data()))]).await;
    let clients = patient(manner(2));
    let mut reader = reader(&clients, &server);
    // both connections are at work
    reader.take(FIRST + 1).await.expect("there");
    for to in [250_000, 5] {
        reader.window().seek(to);
        let expected = &data()[to as usize..][..1000];
        assert_eq!(reader.take(1000).await.expect("there"), expected);
    }
    assert!(reader.rest().await.expect("all") == data()[1005..]);
}

#[tokio::test]
async fn a_site_that_wants_it_is_asked_for_a_part_at_a_time() {
    for has_length in [true, false] {
        let server = Server::start(move |asked| {
            let answer = ranged(asked, &data());
            let answer = match has_length {
                true => answer,
                false => {
                    let total = format!("/{LEN}\r\n");
                    let at = answer
                        .windows(total.len())
                        .position(|bytes| bytes == total.as_bytes());
                    match at {
                        Some(at) => {
                            [&answer[..at], b"/*\r\n", &answer[at + total.len()..]].concat()
                        }
                        None => answer,
                    }
                }
            };
            vec![Step::Send(answer)]
        })
        .await;
        let clients = patient(Manner {
            request_bytes: Some(100_000),
            ..manner(1)
        });
        assert!(reader(&clients, &server).rest().await.expect("all") == data());
        let seen = server.seen();
        let mut ranges: Vec<_> = seen.iter().filter_map(|a| a.header("range")).collect();
        if !has_length {
            // only the answer to this tells that there is no more
            assert_eq!(ranges.pop(), Some("bytes=300000-399999"));
        }
        let last = if has_length {
            "bytes=200000-"
        } else {
            "bytes=200000-299999"
        };
        assert_eq!(ranges, ["bytes=0-99999", "bytes=100000-199999", last]);
    }
}

#[tokio::test]
async fn a_server_that_wants_to_be_left_alone_for_long_is() {
    let server = Server::start(|_| {
        let headers = [("Retry-After", "3600"), ("Content-Length", "0")];
        vec![Step::Send(response(429, &headers, b""))]
    })
    .await;
    let failure = failure(reader(&patient(manner(2)), &server).take(1).await);
    assert_eq!(failure.root_cause(), "Not success status code: 429");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn sound_that_does_not_begin_is_not_waited_for_longer_than_it_may_take() {
    let server = Server::start(|asked| match asked.before {
        0 => vec![Step::Hang],
        _ => vec![Step::Send(ranged(asked, &data()))],
    })
    .await;
    let clients = Clients::new(Settings {
        read_timeout: Duration::from_secs(10),
        stream_connect_timeout: Some(Duration::from_millis(100)),
        ..quick()
    });
    let mut reader = reader(&clients, &server);
    assert!(reader.rest().await.expect("all") == data());
    assert_eq!(reader.window().gauge().retries().requests, 1);
    assert_eq!(clients.tally().count(crate::net::tally::Layer::Request), 1);
}

#[tokio::test]
async fn a_silence_within_sound_has_a_limit_of_its_own() {
    let server = Server::start(|asked| {
        let mut first = ranged(asked, &data());
        if asked.before > 0 {
            return vec![Step::Send(first)];
        }
        first.truncate(first.len() - LEN + FIRST);
        vec![Step::Send(first), Step::Hang]
    })
    .await;
    let clients = Clients::new(Settings {
        read_timeout: Duration::from_secs(10),
        stream_idle_timeout: Some(Duration::from_millis(100)),
        ..quick()
    });
    let mut reader = reader(&clients, &server);
    assert!(reader.rest().await.expect("all") == data());
    let ranges: Vec<_> = server.seen().iter().map(Asked::from).collect();
    assert_eq!(ranges, [None, Some(FIRST)]);
    assert_eq!(reader.window().gauge().retries().fragments, 1);
}
