//! Owns: what the HTTP fetch task is held to with radio stations that stop, stall, come back, and send titles.
//! Never knows: how the task works inside.

use super::*;
use crate::{
    media::{
        icy::Title,
        live::{Lost, Rejoined},
        testing::{Reader, until},
        window::{Notice, Stop},
    },
    net::testing::{Asked, Server, Step, clients, quick, response},
};
use std::time::Duration;

/// So much has each answer of a station: more than makes a connection count as one that worked.
const LEN: usize = 5000;

/// The bytes of a station's answer number `n`.
fn sound(n: usize) -> Vec<u8> {
    vec![n as u8; LEN]
}

/// An answer without a length, which ends with the connection.
fn station(body: &[u8]) -> Vec<u8> {
    response(200, &[("icy-name", "x")], body)
}

fn reader(server: &Server) -> Reader {
    let address = server.address("/radio");
    Reader::new(fetch(&clients(), address, &Handle::current()))
}

/// The rest of this section, and what is told up to the next one's beginning, which is gone to.
async fn section(reader: &mut Reader) -> (Vec<u8>, Vec<Notice>) {
    let bytes = reader.rest().await.expect("bytes and an end");
    let window = reader.window();
    window.next_section().expect("only stations end so");
    window.available();
    let notices = std::iter::from_fn(|| window.notice()).collect();
    (bytes, notices)
}

fn reason(notices: &[Notice]) -> (Lost, u32) {
    match notices {
        [
            Notice::Rejoined(Rejoined {
                reason, attempts, ..
            }),
        ] => (*reason, *attempts),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_station_that_hangs_up_is_joined_again_each_time() {
    let server = Server::start(|asked| vec![Step::Send(station(&sound(asked.before)))]).await;
    let mut reader = reader(&server);
    for n in 0..5 {
        let (bytes, notices) = section(&mut reader).await;
        assert!(bytes == sound(n));
        assert_eq!(reason(&notices), (Lost::Ended, 1));
    }
    assert!(reader.window().is_station());
    assert!(
        server
            .seen()
            .iter()
            .all(|asked| asked.header("range").is_none())
    );
}

#[tokio::test]
async fn a_station_that_is_away_for_a_while_is_waited_for() {
    let server = Server::start(|asked| {
        vec![Step::Send(match asked.before {
            1 => response(404, &[], b""),
            2 => response(403, &[], b""),
            3 => b"garbage".to_vec(),
            n => station(&sound(n)),
        })]
    })
    .await;
    let mut reader = reader(&server);
    let (bytes, notices) = section(&mut reader).await;
    assert!(bytes == sound(0));
    assert_eq!(reason(&notices), (Lost::Ended, 4));
    assert!(reader.take(LEN).await.expect("there") == sound(4));
}

#[tokio::test]
async fn a_station_that_stays_away_is_given_up() {
    let server = Server::start(|asked| {
        vec![Step::Send(match asked.before {
            0 => station(&sound(0)),
            _ => response(404, &[], b""),
        })]
    })
    .await;
    let settings = crate::net::Settings {
        give_up_after: Duration::from_millis(500),
        ..quick()
    };
    let window = fetch(
        &Clients::new(settings),
        server.address("/"),
        &Handle::current(),
    );
    let mut reader = Reader::new(window);
    match reader.rest().await {
        Err(Stop::Failed(failure)) => {
            assert_eq!(failure.root_cause(), "Not success status code: 404");
        }
        other => panic!("{other:?}"),
    }
    // 100, 200 and 400 ms, each up to a half longer
    assert!((3..=5).contains(&server.seen().len()));
}

#[tokio::test]
async fn a_station_that_falls_silent_is_joined_again() {
    let server =
        Server::start(|asked| vec![Step::Send(station(&sound(asked.before))), Step::Hang]).await;
    let mut reader = reader(&server);
    let (bytes, notices) = section(&mut reader).await;
    assert!(bytes == sound(0));
    assert_eq!(reason(&notices), (Lost::Stalled, 1));
    assert!(reader.take(LEN).await.expect("there") == sound(1));
}

#[tokio::test]
async fn what_cannot_be_read_is_left_for_something_else() {
    let server =
        Server::start(|asked| vec![Step::Send(station(&sound(asked.before))), Step::Hang]).await;
    let mut reader = reader(&server);
    assert!(reader.take(LEN).await.expect("there") == sound(0));
    reader.window().reject_section();
    until(|| reader.window().next_section().is_ok()).await;
    assert!(reader.take(LEN).await.expect("there") == sound(1));
}

/// A paused station is read on: it is asked once more, by request number `n`, and what was read ahead of the bytes 0 is left
/// out, but for little, for the bytes of that answer.
async fn assert_goes_on_live(server: &Server, mut reader: Reader, n: u8) {
    reader.take(1).await.expect("what was read ahead");
    until(|| server.seen().len() == usize::from(n) + 1).await;
    let mut old = 0;
    while reader.take(1).await.is_ok_and(|byte| byte[0] == 0) {
        old += 1;
        tokio::task::yield_now().await;
    }
    assert!(old < 32 * 1024, "the rest is left out, and not {old}");
    let window = reader.window();
    window.next_section().expect("begun");
    window.available();
    let notices: Vec<_> = std::iter::from_fn(|| window.notice()).collect();
    assert_eq!(reason(&notices).0, Lost::Paused);
    assert_eq!(reader.take(1).await.expect("there")[0], n);
}

#[tokio::test]
async fn a_station_that_nobody_reads_is_left_and_joined_where_it_is_now() {
    let server = Server::start(|asked| {
        let n = asked.before;
        vec![Step::Send(station(&vec![n as u8; 4_000_000])), Step::Hang]
    })
    .await;
    let mut reader = reader(&server);
    reader.take(1).await.expect("there");
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let connected = tasks();
    // nobody takes anything until connection and handler are gone
    until(|| tasks() < connected).await;
    assert_eq!(server.seen().len(), 1);
    assert_goes_on_live(&server, reader, 1).await;
}

/// A body of 1000 bytes of sound, and texts behind each of the hundreds.
fn with_texts(texts: &[&str]) -> Vec<u8> {
    let mut body = Vec::new();
    for n in 0..10 {
        body.extend_from_slice(&[n; 1000]);
        let mut text = texts
            .get(usize::from(n))
            .copied()
            .unwrap_or("")
            .as_bytes()
            .to_vec();
        text.resize(text.len().div_ceil(16) * 16, 0);
        body.push((text.len() / 16) as u8);
        body.extend_from_slice(&text);
    }
    body
}

fn title(text: &str) -> Notice {
    Notice::Title(Title {
        text: text.to_owned(),
        url: None,
    })
}

#[tokio::test]
async fn titles_are_taken_out_and_told_at_their_place() {
    let server = Server::start(|asked| {
        let first = "StreamTitle='A';";
        let texts = match asked.before {
            0 => vec![first, first, "", "", "", "", "StreamTitle='B';"],
            _ => vec!["StreamTitle='B';"],
        };
        let headers = [("icy-metaint", "1000"), ("Content-Length", "99999999")];
        let answer = response(200, &headers, &with_texts(&texts));
        // in two parts, the first ending in a text
        let cut = answer.len() - 10_000 - 5;
        vec![
            Step::Send(answer[..cut].to_vec()),
            Step::Wait(Duration::from_millis(20)),
            Step::Send(answer[cut..].to_vec()),
        ]
    })
    .await;
    let mut reader = reader(&server);
    let sound: Vec<u8> = (0..10).flat_map(|n| [n; 1000]).collect();
    let mut told = Vec::new();
    for n in 0..10 {
        assert!(reader.take(1000).await.expect("there") == sound[n * 1000..][..1000]);
        while let Some(notice) = reader.window().notice() {
            told.push((n + 1, notice));
        }
    }
    assert_eq!(told, [(1, title("A")), (7, title("B"))]);
    assert_eq!(reader.window().length(), None);
    // the same title is no news after a new connection
    let (rest, notices) = section(&mut reader).await;
    assert!(rest.is_empty());
    assert_eq!(reason(&notices), (Lost::Broken, 1));
    assert!(reader.take(10_000).await.expect("there") == sound);
    assert_eq!(reader.window().notice(), None);
}

#[tokio::test]
async fn a_station_cannot_fill_the_memory_with_titles() {
    let server = Server::start(|_| {
        let mut answer = response(200, &[("icy-metaint", "1")], b"");
        for n in 0..2000 {
            let mut text = format!("StreamTitle='{n}';").into_bytes();
            text.resize(32, 0);
            answer.extend_from_slice(&[7, 2]);
            answer.extend_from_slice(&text);
        }
        vec![Step::Send(answer), Step::Hang]
    })
    .await;
    let mut reader = reader(&server);
    reader.take(2000).await.expect("there");
    let window = reader.window();
    let told = std::iter::from_fn(|| window.notice()).count();
    assert_eq!(told, 1);
}

/// What a server gives that says nothing of a length: a break after some bytes, and then a whole answer.
async fn unsure(first: &'static [u8], then: &'static [u8]) -> Reader {
    let server = Server::start(move |asked: &Asked| {
        let mut body = Vec::new();
        let bytes = if asked.before == 0 { first } else { then };
        for chunk in bytes.chunks(2) {
            body.extend(format!("{:x}\r\n", chunk.len()).bytes());
            body.extend_from_slice(chunk);
            body.extend_from_slice(b"\r\n");
        }
        if asked.before > 0 {
            body.extend_from_slice(b"0\r\n\r\n");
        }
        let headers = [("Transfer-Encoding", "chunked")];
        vec![Step::Send(response(200, &headers, &body))]
    })
    .await;
    reader(&server)
}

#[tokio::test]
async fn a_file_without_a_length_goes_on_at_the_same_byte_because_it_begins_the_same() {
    let mut reader = unsure(b"abcd", b"abcdefgh").await;
    assert_eq!(reader.rest().await.expect("all"), b"abcdefgh");
    assert!(!reader.window().is_station());
}

#[tokio::test]
async fn what_begins_otherwise_the_second_time_is_a_station() {
    let mut reader = unsure(b"abcd", b"abXY").await;
    let (bytes, notices) = section(&mut reader).await;
    assert_eq!(bytes, b"abcd");
    assert_eq!(reason(&notices), (Lost::Broken, 1));
    assert!(reader.window().is_station());
    assert_eq!(reader.take(4).await.expect("there"), "abXY");
}

/// The body of an answer that says nothing of a length, in one chunk of which `missing` bytes do not come.
fn chunked(body: &[u8], missing: usize) -> Vec<u8> {
    let mut answer = response(200, &[("Transfer-Encoding", "chunked")], b"");
    answer.extend(format!("{:x}\r\n", body.len()).bytes());
    answer.extend_from_slice(&body[..body.len() - missing]);
    if missing == 0 {
        answer.extend(b"\r\n0\r\n\r\n");
    }
    answer
}

#[tokio::test]
async fn what_may_be_a_station_is_asked_again_in_a_pause_and_left_if_it_is_one() {
    let server = Server::start(|asked| {
        let n = asked.before;
        vec![
            Step::Send(chunked(&vec![n as u8; 4_000_000], 1)),
            Step::Hang,
        ]
    })
    .await;
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let mut reader = reader(&server);
    reader.take(1).await.expect("there");
    assert!(!reader.window().is_station());
    until(|| reader.window().is_station()).await;
    assert_eq!(server.seen().len(), 2);
    // the fetch task is left, and no connection
    until(|| tasks() == before + 1).await;
    assert_goes_on_live(&server, reader, 2).await;
}

#[tokio::test]
async fn a_file_without_a_length_is_kept_in_a_pause() {
    let file: Vec<u8> = (0..4_000_000_u32).map(|at| (at / 7) as u8).collect();
    let body = file.clone();
    let server = Server::start(move |_| vec![Step::Send(chunked(&body, 0))]).await;
    let mut reader = reader(&server);
    let mut all = reader.take(1).await.expect("there").to_vec();
    until(|| server.seen().len() == 2).await;
    all.extend(reader.rest().await.expect("all"));
    assert!(all == file);
    assert_eq!(server.seen().len(), 2);
    assert!(!reader.window().is_station());
}

#[tokio::test]
async fn a_break_after_a_long_pause_is_not_the_end() {
    let server = Server::start(|asked| {
        vec![Step::Send(match asked.before {
            // as much as the window takes
            0 => chunked(&[0; 64 * 1024 + 1], 1),
            1 => response(404, &[], b""),
            n => chunked(&[n as u8; 1000], 1),
        })]
    })
    .await;
    // the pause is longer, because it is looked at after 300 ms
    let settings = crate::net::Settings {
        give_up_after: Duration::from_millis(200),
        ..quick()
    };
    let clients = Clients::new(settings);
    let window = fetch(&clients, server.address("/"), &Handle::current());
    let mut reader = Reader::new(window);
    until(|| server.seen().len() == 2).await;
    let (bytes, notices) = section(&mut reader).await;
    assert_eq!(bytes.len(), 64 * 1024);
    assert_eq!(reason(&notices).0, Lost::Paused);
    assert_eq!(reader.take(1).await.expect("there")[0], 2);
}
