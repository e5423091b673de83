//! Owns: what the fetch task of HLS is held to with streams that have no end yet.
//! Never knows: containers.

use super::*;
use crate::media::testing::until;

/// A list of six segments of 50 ms from this number on.
fn live(first: usize, is_ended: bool) -> String {
    let segments: Vec<usize> = (first..first + 6).collect();
    list(
        &format!("#EXT-X-TARGETDURATION:0.05\n#EXT-X-MEDIA-SEQUENCE:{first}\n"),
        &segments,
        is_ended,
    )
    .replace("#EXTINF:0.5", "#EXTINF:0.05")
    .replace("#EXT-X-TARGETDURATION:1\n", "")
}

#[tokio::test]
async fn a_live_stream_is_followed_to_its_end() {
    // one more segment each time; an error in between, then an end
    let server = serve(|asked| {
        let list = match asked.before {
            2 | 3 => return None,
            load @ 0..8 => live(100 + load, false),
            _ => live(108, true),
        };
        (asked.path == "/l").then_some(list)
    })
    .await;
    let mut reader = reader(&server, "/l");
    let there = sections(&mut reader).await.expect("to its end");
    assert_eq!(there, expected(103..114));
    assert_eq!(retries(&mut reader), 2, "for each error");
    assert!(reader.window().outline().is_none());
}

#[tokio::test]
async fn a_live_stream_that_stays_away_is_given_up_when_a_station_would_be() {
    let server =
        serve(|asked| (asked.path == "/l" && asked.before == 0).then(|| live(0, false))).await;
    let impatient = Clients::new(crate::net::Settings {
        give_up_after: Duration::from_millis(200),
        ..quick()
    });
    let window = fetch(&impatient, server.address("/l"), &Handle::current());
    let mut reader = Reader::new(window);
    let stop = sections(&mut reader).await.expect_err("given up");
    assert!(
        matches!(stop, Stop::Failed(failure) if failure.message == "The live stream has stopped.")
    );
    assert!(retries(&mut reader) >= 2);
}

#[tokio::test]
async fn who_is_left_behind_goes_on_at_the_live_edge() {
    let server = serve(|asked| {
        let list = match asked.before {
            0 => live(0, false),
            1 => live(50, false),
            _ => live(51, true),
        };
        (asked.path == "/l").then_some(list)
    })
    .await;
    let played = expected((3..6).chain(53..57));
    assert_eq!(all(&server, "/l").await, played);
}

#[tokio::test]
async fn a_live_list_that_fails_at_first_is_a_failure() {
    let server = serve(|_| None).await;
    let failure = failure(&server, "/l").await;
    assert_eq!(failure.root_cause(), "Not success status code: 404");
}

#[tokio::test]
async fn the_fetch_task_ends_with_its_window() {
    let server = serve(|asked| (asked.path == "/l").then(|| live(0, false))).await;
    let before = Handle::current().metrics().num_alive_tasks();
    let mut reader = reader(&server, "/l");
    reader.section().await.expect("there");
    drop(reader);
    until(|| Handle::current().metrics().num_alive_tasks() <= before).await;
}
