//! Owns: what the fetch task of HLS is held to.
//! Never knows: containers.

use super::*;
use crate::{
    error::Severity,
    media::{testing::Reader, window::Stop},
    net::testing::{Asked, Server, Step as Do, clients, quick, ranged, response, whole},
};
use cbc::cipher::{BlockEncryptMut, KeyIvInit, block_padding::Pkcs7};

mod ahead;
mod live;

type Section = (u64, Vec<u8>);

/// Bytes that are different in each segment.
fn segment(number: usize) -> Vec<u8> {
    (0..20_000).map(|at| (at * 7 + number * 31) as u8).collect()
}

fn send(bytes: Vec<u8>) -> Vec<Do> {
    vec![Do::Send(bytes)]
}

fn nothing() -> Vec<Do> {
    send(response(404, &[("Content-Length", "0")], b""))
}

/// A list of segments with these numbers, of half a second each.
fn list(head: &str, segments: &[usize], is_ended: bool) -> String {
    let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n{head}");
    for number in segments {
        text += &format!("#EXTINF:0.5,\ns{number}\n");
    }
    if is_ended {
        text += "#EXT-X-ENDLIST\n";
    }
    text
}

/// The segments that these paths name; lists as they are made for a request.
async fn serve(lists: impl Fn(&Asked) -> Option<String> + Send + Sync + 'static) -> Server {
    Server::start(move |asked| {
        if let Some(text) = lists(asked) {
            return send(whole(text.as_bytes(), &[]));
        }
        let name = asked.path.rsplit('/').next();
        match name.and_then(|name| name.strip_prefix('s')?.parse().ok()) {
            Some(number) => send(ranged(asked, &segment(number))),
            None => nothing(),
        }
    })
    .await
}

/// How often the fetch was taken up again.
fn retries(reader: &mut Reader) -> u64 {
    reader.window().gauge().retries().total()
}

fn reader(server: &Server, path: &str) -> Reader {
    Reader::new(fetch(&clients(), server.address(path), &Handle::current()))
}

/// All sections up to the end.
async fn sections(reader: &mut Reader) -> Result<Vec<Section>, Stop> {
    let mut all = Vec::new();
    loop {
        match reader.section().await {
            Ok(section) => all.push(section),
            Err(Stop::End) => return Ok(all),
            Err(stop) => return Err(stop),
        }
    }
}

async fn all(server: &Server, path: &str) -> Vec<Section> {
    let mut reader = reader(server, path);
    sections(&mut reader).await.expect("to its end")
}

async fn failure(server: &Server, path: &str) -> Failure {
    match sections(&mut reader(server, path)).await {
        Err(Stop::Failed(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

fn expected(numbers: impl IntoIterator<Item = usize>) -> Vec<Section> {
    let section = |number| (number as u64, segment(number));
    numbers.into_iter().map(section).collect()
}

#[tokio::test]
async fn segments_become_sections_in_order() {
    let server = serve(|asked| {
        (asked.path == "/l.m3u8").then(|| list("#EXT-X-MEDIA-SEQUENCE:3\n", &[3, 4, 5], true))
    })
    .await;
    let mut reader = reader(&server, "/l.m3u8");
    assert_eq!(sections(&mut reader).await.expect("all"), expected(3..6));
    let outline = reader.window().outline().expect("it has an end");
    assert_eq!((outline.first, outline.length), (3, 1_500_000));
    // again, from the middle; and from behind the end
    for (to, left) in [(4, 4..6), (5, 5..6), (9, 0..0)] {
        reader.window().jump_to_section(to);
        assert_eq!(sections(&mut reader).await.expect("all"), expected(left));
    }
    assert_eq!(
        server
            .seen()
            .iter()
            .filter(|asked| asked.path == "/l.m3u8")
            .count(),
        1
    );
}

#[tokio::test]
async fn going_back_in_a_segment_fetches_it_again() {
    let server = serve(|asked| (asked.path == "/l.m3u8").then(|| list("", &[0, 1], true))).await;
    let mut reader = reader(&server, "/l.m3u8");
    reader.until(ByteWindow::next_section).await.expect("there");
    reader.take(15_000).await.expect("there");
    reader.window().seek(100);
    assert_eq!(reader.rest().await.expect("there"), segment(0)[100..]);
    assert_eq!(reader.section().await.expect("there"), (1, segment(1)));
}

#[tokio::test]
async fn the_best_form_of_a_master_playlist_is_played_from_where_it_lies() {
    let server = Server::start(|asked| match &*asked.path {
        "/m.m3u8" => send(response(
            302,
            &[("Location", "/deep/m.m3u8"), ("Content-Length", "0")],
            b"",
        )),
        "/deep/m.m3u8" => send(whole(
            b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9,CODECS=\"avc1.4d401f\"\nmute\n\
            #EXT-X-STREAM-INF:BANDWIDTH=9,CODECS=\"mp4a.40.2\"\nsound/l?x=1\n#EXTINF:1,\n",
            &[],
        )),
        "/deep/sound/l?x=1" => send(whole(list("", &[7], true).as_bytes(), &[])),
        "/deep/sound/s7" => send(whole(&segment(7), &[])),
        _ => nothing(),
    })
    .await;
    assert_eq!(all(&server, "/m.m3u8").await, [(0, segment(7))]);
}

#[tokio::test]
async fn init_sections_and_byte_ranges_are_parts_of_files() {
    for has_ranges in [true, false] {
        let server = Server::start(move |asked| {
            let text = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n\
                #EXT-X-MAP:URI=\"s1\",BYTERANGE=\"100@50\"\n\
                #EXT-X-BYTERANGE:1000@0\n#EXTINF:1,\ns2\n#EXT-X-BYTERANGE:19000\n#EXTINF:1,\ns2\n\
                #EXT-X-MAP:URI=\"data:application/octet-stream;base64,AAEC\"\n#EXTINF:1,\ns3\n#EXT-X-ENDLIST\n";
            match &*asked.path {
                "/l" => send(whole(text.as_bytes(), &[])),
                path if has_ranges => send(ranged(asked, &segment(path[2..].parse().expect("a number")))),
                path => send(whole(&segment(path[2..].parse().expect("a number")), &[])),
            }
        })
        .await;
        let init = &segment(1)[50..150];
        assert_eq!(
            all(&server, "/l").await,
            [
                (0, [init, &segment(2)[..1000]].concat()),
                (1, [init, &segment(2)[1000..20_000]].concat()),
                (2, [&[0, 1, 2][..], &segment(3)].concat()),
            ]
        );
        let asked: Vec<_> = server
            .seen()
            .iter()
            .map(|a| (a.path.clone(), a.header("range").map(str::to_owned)))
            .collect();
        let range = |path: &str, range: &str| (path.to_owned(), Some(range.to_owned()));
        assert_eq!(
            asked[1..4],
            [
                range("/s1", "bytes=50-149"),
                range("/s2", "bytes=0-999"),
                range("/s2", "bytes=1000-19999")
            ]
        );
        assert_eq!(asked[4], ("/s3".to_owned(), None));
    }
}

fn encrypted(key: u8, iv: [u8; 16], number: usize) -> Vec<u8> {
    let mut bytes = segment(number);
    let len = bytes.len();
    bytes.resize(len + 16, 0);
    let cipher = cbc::Encryptor::<aes::Aes128>::new(&[key; 16].into(), &iv.into());
    let encrypted = cipher.encrypt_padded_mut::<Pkcs7>(&mut bytes, len);
    encrypted.expect("room for the padding").to_vec()
}

#[tokio::test]
async fn encrypted_segments_come_out_plain() {
    let server = Server::start(|asked| {
        let text = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:258\n\
            #EXT-X-KEY:METHOD=AES-128,URI=\"k1\"\n#EXTINF:1,\nc0\n#EXTINF:1,\nc1\n\
            #EXT-X-KEY:METHOD=AES-128,URI=\"k2\",IV=0x09090909090909090909090909090909\n#EXTINF:1,\nc2\n\
            #EXT-X-KEY:METHOD=NONE\n#EXTINF:1,\ns3\n#EXT-X-ENDLIST\n";
        // without a vector of its own: the segment's number, 258 and 259
        let numbered = |low| {
            let mut iv = [0; 16];
            (iv[14], iv[15]) = (1, low);
            iv
        };
        match &*asked.path {
            "/l" => send(whole(text.as_bytes(), &[])),
            "/k1" => send(whole(&[1; 16], &[])),
            "/k2" => send(whole(&[2; 16], &[])),
            "/c0" => send(whole(&encrypted(1, numbered(2), 0), &[])),
            "/c1" => send(whole(&encrypted(1, numbered(3), 1), &[])),
            "/c2" => send(whole(&encrypted(2, [9; 16], 2), &[])),
            _ => send(whole(&segment(3), &[])),
        }
    })
    .await;
    let plain: Vec<Section> = (0..4).map(|n| (258 + n as u64, segment(n))).collect();
    assert_eq!(all(&server, "/l").await, plain);
    // each key once
    assert_eq!(server.seen().len(), 1 + 2 + 4);
}

#[tokio::test]
async fn without_its_key_there_is_nothing() {
    let server = Server::start(|asked| {
        let segments = "#EXTINF:1,\ns1\n".repeat(5);
        let text =
            format!("#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n{segments}#EXT-X-ENDLIST\n");
        match &*asked.path {
            "/l" => send(whole(text.as_bytes(), &[])),
            "/k" => send(whole(b"<html>no</html>", &[])),
            _ => send(whole(&segment(1), &[])),
        }
    })
    .await;
    let failure = failure(&server, "/l").await;
    assert_eq!(failure.severity, Severity::Common);
    assert_eq!(failure.root_cause(), "the key has 15 bytes instead of 16");
}

#[tokio::test]
async fn a_missing_segment_is_passed_over_and_three_are_the_end() {
    let missing = |segments: &'static str| {
        move |asked: &Asked| {
            let text = || {
                let segments = segments.replace(' ', "\n#EXTINF:1,\n");
                format!("#EXTM3U\n#EXT-X-TARGETDURATION:1{segments}\n#EXT-X-ENDLIST")
            };
            (asked.path == "/l").then(text)
        }
    };
    let server = serve(missing(" s0 gone gone s3 gone gone s6")).await;
    let mut reader = reader(&server, "/l");
    let there = sections(&mut reader).await.expect("to its end");
    assert_eq!(there, expected([0, 3, 6]));
    assert_eq!(retries(&mut reader), 4);
    let server = serve(missing(" s0 gone gone gone s4")).await;
    let failure = failure(&server, "/l").await;
    assert_eq!(failure.root_cause(), "Not success status code: 404");
}

/// Answers segment requests with this, and requests for anything else as usual.
async fn faulty(answer: impl Fn(&Asked, Vec<u8>) -> Vec<Do> + Send + Sync + 'static) -> Server {
    Server::start(move |asked| match asked.path.strip_prefix("/s") {
        Some(number) => answer(asked, segment(number.parse().expect("a number"))),
        None => send(whole(list("", &[0, 1, 2], true).as_bytes(), &[])),
    })
    .await
}

/// An answer that breaks off after so many bytes of the body, and then does this.
fn broken(body: &[u8], after: usize, then: impl FnOnce() -> Option<Do>) -> Vec<Do> {
    let mut answer = whole(body, &[]);
    answer.truncate(answer.len() - body.len() + after);
    let mut steps = send(answer);
    steps.extend(then());
    steps
}

#[tokio::test]
async fn a_broken_segment_is_taken_up_again() {
    // reset, and stalled, with ranges and without
    for (stalls, has_ranges) in [(false, true), (true, true), (false, false)] {
        let server = faulty(move |asked, body| {
            if asked.before == 0 {
                return broken(&body, 9999, || stalls.then_some(Do::Hang));
            }
            send(if has_ranges {
                ranged(asked, &body)
            } else {
                whole(&body, &[])
            })
        })
        .await;
        let mut reader = reader(&server, "/l");
        let there = sections(&mut reader).await.expect("to its end");
        assert_eq!(there, expected(0..3));
        assert_eq!(retries(&mut reader), 3);
        let again = server
            .seen()
            .iter()
            .filter(|asked| asked.from() == Some(9999))
            .count();
        assert_eq!(again, 3);
    }
}

#[tokio::test]
async fn what_is_asked_for_again_counts_whatever_it_is() {
    let server = Server::start(|asked| {
        let head = "#EXT-X-MAP:URI=\"s1\"\n#EXT-X-KEY:METHOD=AES-128,URI=\"key\",IV=0x2\n";
        let body = match &*asked.path {
            "/m" => b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nl\n".to_vec(),
            "/l" => list(head, &[0], true).into_bytes(),
            "/key" => vec![7; KEY_BYTES],
            "/s1" => segment(1),
            _ => encrypted(7, 2u128.to_be_bytes(), 0),
        };
        match asked.before {
            0 => broken(&body, 5, || None),
            _ => send(ranged(asked, &body)),
        }
    })
    .await;
    let mut reader = reader(&server, "/m");
    let there = sections(&mut reader).await.expect("to its end");
    assert_eq!(there, [(0, [segment(1), segment(0)].concat())]);
    assert_eq!(retries(&mut reader), 5);
}

#[tokio::test]
async fn a_segment_that_stays_cut_off_ends_there() {
    let server = faulty(|asked, body| match &*asked.path {
        "/s1" if asked.from().is_some() => nothing(),
        "/s1" => broken(&body, 5000, || None),
        _ => send(ranged(asked, &body)),
    })
    .await;
    let mut expected = expected(0..3);
    expected[1].1.truncate(5000);
    assert_eq!(all(&server, "/l").await, expected);
}

#[tokio::test]
async fn one_byte_at_a_time_is_enough() {
    let server = faulty(|asked, body| {
        let head = whole(&body, &[]).len() - body.len();
        let answer = ranged(asked, &body);
        let mut steps = send(answer[..head].to_vec());
        steps.extend(
            answer[head..]
                .chunks(1)
                .take(3000)
                .map(|byte| Do::Send(byte.to_vec())),
        );
        steps.push(Do::Send(answer[head + 3000..].to_vec()));
        steps
    })
    .await;
    assert_eq!(all(&server, "/l").await, expected(0..3));
}

#[tokio::test]
async fn there_are_limits_to_what_is_read() {
    let server = Server::start(|asked| {
        let master = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n/nested\n";
        match &*asked.path {
            "/nested" => send(whole(master, &[])),
            "/huge" => send(whole(&vec![b'#'; playlist::MAX_BYTES + 1], &[])),
            "/drm" => send(whole(
                list("#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k\"\n", &[0], true).as_bytes(),
                &[],
            )),
            "/elsewhere" => send(whole(
                b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nfile:///etc/passwd\n",
                &[],
            )),
            _ => send(whole(b"<html>", &[])),
        }
    })
    .await;
    for (path, cause) in [
        ("/nested", "a variant of the stream is no list of segments"),
        ("/huge", "the playlist is larger than is accepted"),
        (
            "/drm",
            "the stream is encrypted by a method that is not supported",
        ),
        ("/elsewhere", "a link in the playlist is no HTTP address"),
        ("/html", "the playlist has neither segments nor variants"),
    ] {
        let failure = failure(&server, path).await;
        assert_eq!(
            (failure.severity, &*failure.root_cause()),
            (Severity::Common, cause)
        );
    }
}

#[tokio::test]
async fn private_addresses_are_refused_wherever_they_are_linked() {
    let server = serve(|_| Some(list("", &[0], true))).await;
    let blocking = Clients::new(crate::net::Settings {
        block_private_addresses: true,
        ..quick()
    });
    let window = fetch(&blocking, server.address("/l"), &Handle::current());
    let stop = sections(&mut Reader::new(window))
        .await
        .expect_err("refused");
    assert!(matches!(stop, Stop::Failed(failure) if failure.severity == Severity::Common));
    let text = format!(
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{}\n",
        server.url("/l")
    );
    let public = Address::parse("http://192.0.2.1/l").expect("an address");
    let refused = inspect(&blocking, &public, &text).await;
    assert!(matches!(refused, Err(HlsError::Net(NetError::Blocked(_)))));
    assert!(server.seen().is_empty());
}
