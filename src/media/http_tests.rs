//! Owns: what the HTTP fetch task is held to, against a server that misbehaves on purpose.
//! Never knows: how the task works inside.

use super::*;
use crate::{
    error::{Failure, Severity},
    media::{
        testing::{Reader, until},
        window::Stop,
    },
    net::{
        Settings,
        guard::Guard,
        testing::{Asked, Server, Step, clients, quick, ranged, response, whole},
    },
};
use std::time::Duration;

const LEN: usize = 1_000_000;

fn data() -> Vec<u8> {
    (0..LEN).map(|i| (i * 31 % 251) as u8).collect()
}

fn reader(server: &Server, path: &str) -> Reader {
    let address = server.address(path);
    Reader::new(fetch(&clients(), address, &Handle::current()))
}

fn failure<T: std::fmt::Debug>(result: Result<T, Stop>) -> Failure {
    match result {
        Err(Stop::Failed(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

/// The first request gets `first` bytes of the whole; all later ones what `then` says.
async fn cutting(first: usize, then: fn(&Asked, &[u8]) -> Vec<u8>) -> Server {
    Server::start(move |asked| {
        let data = data();
        if asked.before > 0 {
            return vec![Step::Send(then(asked, &data))];
        }
        let mut answer = ranged(asked, &data);
        answer.truncate(answer.len() - LEN + first);
        vec![Step::Send(answer)]
    })
    .await
}

#[tokio::test]
async fn a_whole_file_takes_one_plain_request() {
    let server = Server::start(|asked| vec![Step::Send(ranged(asked, &data()))]).await;
    let mut reader = reader(&server, "/a");
    assert!(reader.rest().await.expect("all") == data());
    let window = reader.window();
    assert_eq!(
        (window.length(), window.is_seekable()),
        (Some(LEN as u64), true)
    );
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].header("range"), None);
    assert_eq!(seen[0].header("icy-metadata"), Some("1"));
    assert_eq!(seen[0].header("accept-encoding"), Some("identity"));
    assert_eq!(seen[0].header("user-agent"), Some(crate::net::USER_AGENT));
}

#[tokio::test]
async fn a_jump_asks_for_the_rest_from_there() {
    let server = Server::start(|asked| vec![Step::Send(ranged(asked, &data()))]).await;
    let mut reader = reader(&server, "/a");
    reader.take(10).await.expect("there");
    reader.window().seek(900_000);
    assert_eq!(
        reader.take(100).await.expect("there"),
        data()[900_000..900_100]
    );
    reader.window().seek(5);
    assert_eq!(reader.take(100).await.expect("there"), data()[5..105]);
    let ranges: Vec<_> = server.seen().iter().map(Asked::from).collect();
    assert_eq!(ranges, [None, Some(900_000), Some(5)]);
}

#[tokio::test]
async fn a_jump_behind_the_end_ends_without_a_request() {
    let server = Server::start(|asked| vec![Step::Send(ranged(asked, &data()))]).await;
    let mut reader = reader(&server, "/a");
    reader.take(1).await.expect("there");
    reader.window().seek(LEN as u64 * 9);
    assert!(matches!(reader.take(1).await, Err(Stop::End)));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_server_without_ranges_is_read_through() {
    let server = Server::start(|_| vec![Step::Send(whole(&data(), &[]))]).await;
    let mut reader = reader(&server, "/a");
    reader.take(10).await.expect("there");
    reader.window().seek(900_000);
    assert_eq!(
        reader.take(100).await.expect("there"),
        data()[900_000..900_100]
    );
    assert!(!reader.window().is_seekable());
    reader.window().seek(7);
    assert_eq!(reader.take(100).await.expect("there"), data()[7..107]);
}

#[tokio::test]
async fn a_chunked_body_has_no_length_and_ends() {
    let server = Server::start(|_| {
        let head = response(200, &[("Transfer-Encoding", "chunked")], b"3\r\nabc\r\n");
        vec![
            Step::Send(head),
            Step::Send(b"2\r\nde\r\n0\r\n\r\n".to_vec()),
        ]
    })
    .await;
    let mut reader = reader(&server, "/a");
    assert_eq!(reader.rest().await.expect("all"), b"abcde");
    let window = reader.window();
    assert_eq!((window.length(), window.is_seekable()), (None, false));
}

#[tokio::test]
async fn a_cut_connection_goes_on_at_the_same_byte() {
    let server = cutting(300_000, ranged).await;
    let mut reader = reader(&server, "/a");
    assert!(reader.rest().await.expect("all") == data());
    let ranges: Vec<_> = server.seen().iter().map(Asked::from).collect();
    assert_eq!(ranges, [None, Some(300_000)]);
}

#[tokio::test]
async fn a_cut_connection_without_ranges_is_read_through_to_the_same_byte() {
    let server = cutting(300_000, |_, data| whole(data, &[])).await;
    assert!(reader(&server, "/a").rest().await.expect("all") == data());
}

#[tokio::test]
async fn a_broken_chunked_body_goes_on_at_the_same_byte() {
    let server = Server::start(|asked| {
        let chunk = if asked.before == 0 {
            &b"3\r\nabc\r\n"[..]
        } else {
            b"6\r\nabcdef\r\n0\r\n\r\n"
        };
        vec![Step::Send(response(
            200,
            &[("Transfer-Encoding", "chunked")],
            chunk,
        ))]
    })
    .await;
    assert_eq!(reader(&server, "/a").rest().await.expect("all"), b"abcdef");
}

#[tokio::test]
async fn what_came_before_a_final_failure_is_delivered() {
    let server = cutting(300_000, |_, _| response(404, &[], b"")).await;
    let mut reader = reader(&server, "/a");
    assert!(reader.take(300_000).await.expect("there") == data()[..300_000]);
    let failure = failure(reader.take(1).await);
    assert_eq!(failure.root_cause(), "Not success status code: 404");
    assert_eq!(failure.severity, Severity::Suspicious);
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_file_of_another_length_is_not_mixed_in() {
    let server = cutting(300_000, |_, data| whole(&data[..400_000], &[])).await;
    let mut reader = reader(&server, "/a");
    reader.take(300_000).await.expect("there");
    let failure = failure(reader.take(1).await);
    assert!(failure.root_cause().contains("changed"), "{failure:?}");
}

#[tokio::test]
async fn an_overloaded_server_is_asked_again_and_a_refusing_one_is_not() {
    let server = Server::start(|asked| {
        let status = if asked.path == "/refused" { 403 } else { 503 };
        vec![Step::Send(match asked.before {
            0 => response(status, &[], b""),
            _ => whole(b"abc", &[]),
        })]
    })
    .await;
    assert_eq!(reader(&server, "/busy").rest().await.expect("all"), b"abc");
    let failure = failure(reader(&server, "/refused").take(1).await);
    assert_eq!(failure.root_cause(), "Not success status code: 403");
}

#[tokio::test]
async fn a_silent_connection_is_taken_up_again() {
    let server = Server::start(|asked| {
        let answer = ranged(asked, &data());
        if asked.before > 0 {
            return vec![Step::Send(answer)];
        }
        let first = answer[..answer.len() - LEN + 5000].to_vec();
        vec![Step::Send(first), Step::Hang]
    })
    .await;
    assert!(reader(&server, "/a").rest().await.expect("all") == data());
    let ranges: Vec<_> = server.seen().iter().map(Asked::from).collect();
    assert_eq!(ranges, [None, Some(5000)]);
}

#[tokio::test]
async fn a_dripping_connection_is_kept() {
    let server = Server::start(|_| {
        let mut steps = vec![Step::Send(response(200, &[("Content-Length", "8")], b""))];
        for byte in b"abcdefgh" {
            steps.push(Step::Send(vec![*byte]));
            steps.push(Step::Wait(quick().read_timeout / 6));
        }
        steps
    })
    .await;
    assert_eq!(
        reader(&server, "/a").rest().await.expect("all"),
        b"abcdefgh"
    );
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_full_window_stops_the_reading_and_no_time_limit_runs() {
    let server = Server::start(|_| vec![Step::Send(whole(&vec![7; 20_000_000], &[]))]).await;
    let settings = Settings {
        read_timeout: Duration::from_millis(200),
        ..quick()
    };
    let clients = Clients::new(settings);
    let mut reader = Reader::new(fetch(&clients, server.address("/a"), &Handle::current()));
    reader.take(1).await.expect("there");
    tokio::time::sleep(Duration::from_millis(600)).await;
    // what is read ahead, and the chunk that filled it
    assert!(reader.window().available() <= 64 * 1024 + crate::net::MAX_CHUNK);
    assert_eq!(reader.rest().await.expect("all").len(), 20_000_000 - 1);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_dropped_window_closes_the_connection() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/a" => vec![
            Step::Send(response(200, &[("Content-Length", "9")], b"abc")),
            Step::Hang,
            Step::Send(vec![]),
        ],
        _ => vec![],
    })
    .await;
    let settings = Settings {
        read_timeout: Duration::from_secs(600),
        ..quick()
    };
    let clients = Clients::new(settings);
    let before = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    let mut reader = Reader::new(fetch(&clients, server.address("/a"), &Handle::current()));
    reader.take(3).await.expect("there");
    drop(reader);
    // fetch task, connection and handler end
    until(|| Handle::current().metrics().num_alive_tasks() <= before).await;
}

#[tokio::test]
async fn redirects_are_followed_up_to_a_limit() {
    let server = Server::start(|asked| {
        let n: usize = asked.path[1..].parse().expect("a number");
        let next = format!("/{}", n.saturating_sub(1));
        vec![Step::Send(match n {
            0 => whole(b"abc", &[]),
            _ => response(302, &[("Location", &next), ("Content-Length", "0")], b""),
        })]
    })
    .await;
    assert_eq!(reader(&server, "/5").rest().await.expect("all"), b"abc");
    let failure = failure(reader(&server, "/6").take(1).await);
    assert!(failure.root_cause().contains("redirected"), "{failure:?}");
    let opened = open(&clients(), server.address("/9"))
        .await
        .expect("an answer");
    assert_eq!(
        (opened.status(), opened.redirect().as_deref()),
        (302, Some("/8"))
    );
}

#[tokio::test]
async fn the_password_is_sent_when_asked_for_and_only_there() {
    let elsewhere = Server::start(|_| vec![Step::Send(whole(b"abc", &[]))]).await;
    let target = elsewhere.url("/b");
    let server = Server::start(move |asked| {
        let challenge = [("WWW-Authenticate", "Basic realm=\"x\"")];
        vec![Step::Send(
            match (asked.header("authorization"), &*asked.path) {
                (None, "/a" | "/away") => response(401, &challenge, b""),
                (Some("Basic dTpw"), "/away") => response(307, &[("Location", &target)], b""),
                _ => whole(b"abc", &[]),
            },
        )]
    })
    .await;
    let with_password = |path: &str| {
        let url = server.url(path).replace("http://", "http://u:p@");
        let address = Address::parse(&url).expect("an address");
        Reader::new(fetch(&clients(), address, &Handle::current()))
    };
    assert_eq!(with_password("/a").rest().await.expect("all"), b"abc");
    assert_eq!(with_password("/open").rest().await.expect("all"), b"abc");
    assert_eq!(
        server.seen().last().expect("one").header("authorization"),
        None
    );
    assert_eq!(with_password("/away").rest().await.expect("all"), b"abc");
    assert_eq!(elsewhere.seen()[0].header("authorization"), None);
    let failure = failure(reader(&server, "/a").take(1).await);
    assert_eq!(failure.root_cause(), "Not success status code: 401");
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_not_followed() {
    let secret = Server::start(|_| vec![Step::Send(whole(b"secret", &[]))]).await;
    let by_address = secret.url("/x");
    let by_name = format!("http://localhost:{}/x", secret.address.port());
    let server = Server::start(move |asked| {
        let target = if asked.path == "/address" {
            &by_address
        } else {
            &by_name
        };
        vec![Step::Send(response(302, &[("Location", target)], b""))]
    })
    .await;
    let clients = Clients::with_guard(quick(), Guard::with_exempt(server.address));
    for path in ["/address", "/name"] {
        let window = fetch(&clients, server.address(path), &Handle::current());
        let failure = failure(Reader::new(window).take(1).await);
        assert_eq!(failure.severity, Severity::Common);
        assert!(failure.root_cause().contains("private"), "{failure:?}");
    }
    assert!(secret.seen().is_empty());
}

#[tokio::test]
async fn a_proxy_is_asked_for_what_is_elsewhere() {
    let proxy = Server::start(|_| vec![Step::Send(whole(b"abc", &[]))]).await;
    let settings = Settings {
        proxy: Some(crate::net::Proxy {
            host: "127.0.0.1".into(),
            port: proxy.address.port(),
            credentials: Some(("u".into(), crate::units::Secret::new("p"))),
        }),
        ..quick()
    };
    let address = Address::parse("http://music.invalid/a.mp3").expect("an address");
    let window = fetch(&Clients::new(settings), address, &Handle::current());
    assert_eq!(Reader::new(window).rest().await.expect("all"), b"abc");
    let asked = &proxy.seen()[0];
    assert_eq!(asked.path, "http://music.invalid/a.mp3");
    assert_eq!(asked.header("proxy-authorization"), Some("Basic dTpw"));
}

#[tokio::test]
async fn nobody_there_is_suspicious() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let address = Address::parse(&format!("http://{address}/")).expect("an address");
    let error = open(&clients(), address).await.err().expect("refused");
    let failure = error.into_load_failure();
    assert_eq!(failure.message, "Connecting to the URL failed.");
    assert_eq!(failure.severity, Severity::Suspicious);
}

#[tokio::test]
async fn a_load_reads_the_body_of_its_one_request() {
    let server = Server::start(|asked| vec![Step::Send(ranged(asked, &data()))]).await;
    let opened = open(&clients(), server.address("/a"))
        .await
        .expect("an answer");
    assert_eq!(opened.status(), 200);
    let mut reader = Reader::new(opened.into_window(&Handle::current()));
    assert!(reader.rest().await.expect("all") == data());
    assert_eq!(server.seen().len(), 1);
}
