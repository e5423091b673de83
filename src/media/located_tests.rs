//! Owns: what streams are held to whose links expire, against a server that refuses them.
//! Never knows: sites.

use super::*;
use crate::{
    error::Severity,
    media::{
        demux::{
            Opening,
            probe::{Hint, Prober},
        },
        testing::{Reader, until},
        window::Stop,
    },
    net::testing::{Asked, Server, Step, clients, ranged, response, whole},
};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

const LEN: usize = 1_000_000;

fn data() -> Vec<u8> {
    (0..LEN).map(|i| (i * 31 % 251) as u8).collect()
}

fn refused() -> Vec<u8> {
    response(403, &[("Content-Length", "0")], b"")
}

/// An answer to a plain request that breaks off after so many bytes of its body.
fn cut(asked: &Asked, body: &[u8], after: usize) -> Vec<u8> {
    let mut answer = ranged(asked, body);
    answer.truncate(answer.len() - body.len() + after);
    answer
}

async fn serve(answer: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> Server {
    Server::start(move |asked| vec![Step::Send(answer(asked))]).await
}

/// Finds the links `/0`, `/1`, … one after another.
fn located(server: &Server, kind: fn(Link) -> Located) -> Reader {
    let (first, next) = (server.address("/"), AtomicUsize::new(0));
    let locate: Locate = Box::new(move |_| {
        let link = next.fetch_add(1, Ordering::Relaxed).to_string();
        let address = first.join(&link).ok_or_else(|| Failure::fault("no link"));
        Box::pin(async move { address.map(|address| kind(address.into())) })
    });
    Reader::new(fetch(&clients(), locate, &Handle::current()))
}

fn asked(server: &Server) -> Vec<(String, Option<usize>)> {
    let seen = server.seen().into_iter();
    seen.map(|asked| (asked.path.clone(), asked.from()))
        .collect()
}

fn request(path: &str, from: Option<usize>) -> (String, Option<usize>) {
    (path.to_owned(), from)
}

fn failure<T: std::fmt::Debug>(result: Result<T, Stop>) -> Failure {
    match result {
        Err(Stop::Failed(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_file_goes_on_at_the_same_byte_of_a_new_link() {
    let server = serve(|asked| match (&*asked.path, asked.before) {
        ("/0", 0) => cut(asked, &data(), 400_000),
        ("/1", _) => ranged(asked, &data()),
        _ => refused(),
    })
    .await;
    let mut reader = located(&server, Located::File);
    assert!(reader.rest().await.expect("all") == data());
    assert!(!reader.window().has_sections());
    let from = Some(400_000);
    let requests = [("/0", None), ("/0", from), ("/1", from)];
    assert_eq!(
        asked(&server),
        requests.map(|(path, from)| request(path, from))
    );
}

#[tokio::test]
async fn links_that_never_work_are_sought_a_few_times() {
    for kind in [Located::File, Located::Hls] {
        let server = serve(|_| refused()).await;
        let failure = failure(located(&server, kind).rest().await);
        assert_eq!(failure.root_cause(), "Not success status code: 403");
        assert!(failure.message.contains("blocking this node's address"));
        let links = ["/0", "/1", "/2", "/3", "/4"];
        assert_eq!(asked(&server), links.map(|path| request(path, None)));
    }
}

#[tokio::test]
async fn several_links_in_a_row_may_be_refused_before_a_byte_and_in_the_middle() {
    let server = serve(|asked| match &*asked.path {
        "/0" | "/1" | "/3" | "/4" => refused(),
        "/2" if asked.before == 0 => cut(asked, &data(), 400_000),
        "/2" => refused(),
        _ => ranged(asked, &data()),
    })
    .await;
    let (first, sought) = (server.address("/"), Arc::new(Mutex::new(Vec::new())));
    let told = sought.clone();
    let locate: Locate = Box::new(move |why| {
        let mut told = told.lock().expect("whole");
        told.push(why);
        let link = (told.len() - 1).to_string();
        let address = first.join(&link).ok_or_else(|| Failure::fault("no link"));
        Box::pin(async move { address.map(|it| Located::File(it.into())) })
    });
    let mut reader = Reader::new(fetch(&clients(), locate, &Handle::current()));
    assert!(reader.rest().await.expect("all") == data());
    let expected = [
        Sought::First,
        Sought::Unheard,
        Sought::Unheard,
        Sought::Heard,
        Sought::Heard,
        Sought::Heard,
    ];
    assert_eq!(*sought.lock().expect("whole"), expected);
}

#[tokio::test]
async fn a_link_may_expire_again_and_again() {
    // each holds for as much as makes it a usual one
    const HOLDS: usize = 300_000;
    let server = serve(|asked| match asked.before {
        0 => {
            let mut answer = ranged(asked, &data());
            let len = LEN - asked.from().unwrap_or(0);
            answer.truncate(answer.len() - len + len.min(HOLDS));
            answer
        }
        _ => refused(),
    })
    .await;
    let mut reader = located(&server, Located::File);
    assert!(reader.rest().await.expect("all") == data());
    let links = LEN.div_ceil(HOLDS);
    let last = asked(&server).pop().expect("asked");
    let expected = format!("/{}", links - 1);
    assert_eq!(last, (expected, Some((links - 1) * HOLDS)));
    let retries = reader.window().gauge().retries();
    assert_eq!(retries.resolves, links as u64 - 1);
    assert_eq!((retries.fragments, retries.requests), (links as u64 - 1, 0));
}

#[tokio::test]
async fn a_server_that_is_gone_is_left_for_another_at_last() {
    let server = serve(|asked| match &*asked.path {
        "/0" if asked.before == 0 => cut(asked, &data(), 400_000),
        "/0" => response(503, &[("Content-Length", "0")], b""),
        _ => ranged(asked, &data()),
    })
    .await;
    let mut reader = located(&server, Located::File);
    assert!(reader.rest().await.expect("all") == data());
    let from = Some(400_000);
    let mut expected = vec![request("/0", None)];
    // what had begun, and the three tries that follow
    expected.extend((0..3).map(|_| request("/0", from)));
    expected.push(request("/1", from));
    assert_eq!(asked(&server), expected);
}

fn locator() -> Locator {
    let locate: Locate = Box::new(|_| Box::pin(std::future::pending()));
    Locator::new(locate, Duration::from_secs(1))
}

#[test]
fn links_that_hold_for_a_moment_are_sought_more_and_more_slowly() {
    let mut locator = locator();
    let mut waits = Vec::new();
    for _ in 0..12 {
        let wait = locator.renew(&NetError::Status(403), false, 0);
        waits.push(wait.expect("it had worked").as_millis());
        locator.progressed(backoff::PROGRESS);
    }
    assert_eq!(waits[..5], [0, 100, 200, 400, 800]);
    assert_eq!(waits[11], MAX_DELAY.as_millis());
    locator.progressed(GOOD);
    let wait = locator.renew(&NetError::Status(410), false, 0);
    assert_eq!(wait, Some(Duration::ZERO));
    let next = || locator.renew(&NetError::Status(403), false, 0);
    assert_eq!(std::iter::from_fn(next).count(), MAX_FRUITLESS as usize - 1);
}

#[test]
fn only_what_another_link_may_mend_is_a_reason_to_seek_one() {
    let renews = |error: &NetError, is_last| locator().renew(error, is_last, 0).is_some();
    for status in [401, 403, 404, 410] {
        assert!(renews(&NetError::Status(status), false), "{status}");
    }
    for error in [
        NetError::Status(503),
        NetError::CutShort { missing: 1 },
        NetError::Timeout(Duration::ZERO),
    ] {
        assert!(!renews(&error, false) && renews(&error, true), "{error}");
    }
    assert!(!renews(&NetError::Changed, true) && !renews(&NetError::Status(400), true));
}

#[tokio::test(start_paused = true)]
async fn the_search_has_a_limit() {
    let locate: Locate = Box::new(|_| Box::pin(std::future::pending()));
    let window = fetch(&clients(), locate, &Handle::current());
    let mut reader = Reader::new(window);
    let limit = clients().settings().resolve_timeout;
    let before = tokio::time::Instant::now();
    let failure = failure(reader.take(1).await);
    assert_eq!(before.elapsed(), limit);
    assert_eq!(failure.severity, Severity::Suspicious);
}

#[tokio::test]
async fn a_track_that_stands_for_another_is_fetched_in_its_sources_manner() {
    let server = serve(|asked| ranged(asked, &data())).await;
    let address = server.address("/a");
    let locate: Locate = Box::new(move |_| {
        let found = Located::File(address.clone().into());
        Box::pin(async move { Ok(found) })
    });
    let mut settings = crate::net::testing::quick();
    let differs = crate::net::manner::Differs {
        request_bytes: Some(600_000),
        ..Default::default()
    };
    settings.fetching.sites.insert("some".to_owned(), differs);
    let clients = Clients::new(settings).of_source("another");
    let window = fetch(&clients, of_source(locate, "some"), &Handle::current());
    assert!(Reader::new(window).rest().await.expect("all") == data());
    let ranges: Vec<_> = server.seen().iter().map(|a| (a.from(), a.last())).collect();
    assert_eq!(ranges, [(Some(0), Some(599_999)), (Some(600_000), None)]);
}

#[tokio::test]
async fn who_finds_nothing_says_why() {
    let locate: Locate = Box::new(|_| Box::pin(async { Err(Failure::common("It is gone.")) }));
    let window = fetch(&clients(), locate, &Handle::current());
    let failure = failure(Reader::new(window).rest().await);
    assert_eq!(
        (failure.severity, &*failure.message),
        (Severity::Common, "It is gone.")
    );
}

/// Bytes that are different in each segment.
fn segment(number: usize) -> Vec<u8> {
    let bytes = (0..20_000).map(|at| (at * 7 + number * 31) as u8);
    bytes.collect()
}

/// A list of three segments, whose links hold as long as its own.
fn list(link: &str) -> Vec<u8> {
    let segments = (0..3).map(|number| format!("#EXTINF:1,\n{link}/s{number}\n"));
    let segments: String = segments.collect();
    let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n{segments}#EXT-X-ENDLIST\n");
    whole(text.as_bytes(), &[])
}

#[tokio::test]
async fn segments_go_on_at_the_same_byte_of_a_new_list() {
    // the links of the first list expire in the middle of a segment, or between two
    for after in [0, 5000] {
        let server = serve(move |asked| match (&*asked.path, asked.before) {
            ("/0" | "/1", _) => list(&asked.path),
            ("/0/s0", _) => ranged(asked, &segment(0)),
            ("/0/s1", 0) if after > 0 => cut(asked, &segment(1), after),
            ("/1/s1", _) => ranged(asked, &segment(1)),
            ("/1/s2", _) => ranged(asked, &segment(2)),
            _ => refused(),
        })
        .await;
        let mut reader = located(&server, Located::Hls);
        for number in 0..3 {
            let section = reader.section().await.expect("there");
            assert!(section == (number as u64, segment(number)), "{number}");
        }
        assert!(matches!(reader.section().await, Err(Stop::End)));
        let lists = ["/0", "/1"].map(|path| request(path, None));
        let mut seen = asked(&server);
        seen.retain(|asked| lists.contains(asked));
        assert_eq!(seen, lists);
    }
}

/// A proxy answers for all hosts here.
#[tokio::test]
async fn a_links_headers_go_along_to_lists_keys_and_segments_of_its_site() {
    let server = serve(|asked| {
        let list = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n\
            #EXT-X-MAP:URI=\"http://b.cdn.example/map\"\n#EXTINF:1,\nhttp://c.cdn.example/s0\n\
            #EXT-X-KEY:METHOD=AES-128,URI=\"http://keys.example/k\",IV=0x1\n\
            #EXTINF:1,\nhttp://elsewhere.example/s1\n#EXT-X-ENDLIST\n";
        let master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://a.cdn.example/list\n";
        match asked.path.rsplit('/').next() {
            Some("master") => whole(master.as_bytes(), &[]),
            Some("list") => whole(list.as_bytes(), &[]),
            Some("k") => whole(&[7; 16], &[]),
            _ => whole(&[1; 32], &[]),
        }
    })
    .await;
    let clients = Clients::new(crate::net::Settings {
        proxy: Some(crate::net::Proxy {
            host: server.address.ip().to_string(),
            port: server.address.port(),
            credentials: None,
        }),
        ..crate::net::testing::quick()
    });
    let locate: Locate = Box::new(|_| {
        let address = Address::parse("http://a.cdn.example/master").expect("an address");
        let mut headers = HeaderMap::new();
        headers.insert("cookie", "k".parse().expect("a value"));
        // that the neighbours of this host are one site's is known of some of them only
        let own = ["c.cdn.example".to_owned()];
        let found = Located::Hls(Link::new(address, headers).trusting(&own));
        Box::pin(async move { Ok(found) })
    });
    let mut reader = Reader::new(fetch(&clients, locate, &Handle::current()));
    for _ in 0..2 {
        reader.section().await.expect("there");
    }
    let seen = server.seen();
    let mut got: Vec<_> = seen
        .iter()
        .map(|a| (&*a.path, a.header("cookie")))
        .collect();
    got.sort_unstable();
    let expected = [
        ("http://a.cdn.example/list", Some("k")),
        ("http://a.cdn.example/master", Some("k")),
        ("http://b.cdn.example/map", None),
        ("http://c.cdn.example/s0", Some("k")),
        ("http://elsewhere.example/s1", None),
        ("http://keys.example/k", None),
    ];
    assert_eq!(got, expected);
}

#[tokio::test]
async fn a_stream_that_becomes_another_kind_is_given_up() {
    let server = serve(|_| refused()).await;
    let address = server.address("/");
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    let locate: Locate = Box::new(move |_| {
        let found = match counter.fetch_add(1, Ordering::Relaxed) {
            0 => Located::File(address.clone().into()),
            _ => Located::Hls(address.clone().into()),
        };
        Box::pin(async move { Ok(found) })
    });
    let window = fetch(&clients(), locate, &Handle::current());
    let failure = failure(Reader::new(window).rest().await);
    assert_eq!(failure.root_cause(), "the file at the address has changed");
    assert_eq!(count.load(Ordering::Relaxed), 2);
}

/// Whoever opens a stream does not know which kind it will be.
#[tokio::test]
async fn either_kind_is_opened_by_the_same_prober() {
    const ADTS: &[u8] = include_bytes!("../../tests/data/tone.aac");
    for (kind, container) in [
        (Located::File as fn(Link) -> Located, "adts"),
        (Located::Hls, "m3u"),
    ] {
        let server = serve(move |asked| match &*asked.path {
            "/0" if container == "m3u" => list("/0"),
            _ => ranged(asked, ADTS),
        })
        .await;
        let mut reader = located(&server, kind);
        let mut prober = Prober::new(Hint::default());
        let opened = reader.until(|window| prober.advance(window)).await;
        assert_eq!(opened.expect("sound").container, container);
        assert_eq!(reader.window().has_sections(), container == "m3u");
    }
}

#[tokio::test]
async fn the_search_ends_with_its_window() {
    let before = Handle::current().metrics().num_alive_tasks();
    let locate: Locate = Box::new(|_| Box::pin(std::future::pending()));
    let window = fetch(&clients(), locate, &Handle::current());
    tokio::task::yield_now().await;
    drop(window);
    until(|| Handle::current().metrics().num_alive_tasks() <= before).await;
}
