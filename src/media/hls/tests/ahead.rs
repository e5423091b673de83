//! Owns: what the fetch task of HLS is held to while segments come slowly.
//! Never knows: containers.

use super::*;
use std::sync::Arc;
use tokio::sync::Notify;

/// Who waits for a segment for longer than it takes to begin with the next.
fn patient() -> Clients {
    Clients::new(crate::net::Settings {
        stream_idle_timeout: Some(Duration::from_secs(10)),
        ..quick()
    })
}

#[tokio::test]
async fn the_next_segment_is_begun_while_the_one_at_hand_is_slow() {
    // the first goes on when the second has been asked for; the third is not asked for before that
    let asked_for_next = Arc::new(Notify::new());
    let server = faulty(move |asked, body| {
        let answer = ranged(asked, &body);
        if asked.path != "/s0" {
            asked_for_next.notify_one();
            return send(answer);
        }
        let (begin, rest) = answer.split_at(answer.len() - 15_000);
        vec![
            Do::Send(begin.to_vec()),
            Do::Until(asked_for_next.clone()),
            Do::Send(rest.to_vec()),
        ]
    })
    .await;
    let mut reader = Reader::new(fetch(&patient(), server.address("/l"), &Handle::current()));
    let there = sections(&mut reader).await.expect("to its end");
    assert_eq!(there, expected(0..3));
    let paths: Vec<_> = server.seen().into_iter().map(|asked| asked.path).collect();
    assert_eq!(paths, ["/l", "/s0", "/s1", "/s2"]);
}

#[tokio::test]
async fn what_was_begun_too_soon_is_asked_for_in_its_turn() {
    // the second is not there yet when it is asked for first
    let asked_for_next = Arc::new(Notify::new());
    let server = faulty(move |asked, body| match (&*asked.path, asked.before) {
        ("/s1", 0) => {
            asked_for_next.notify_one();
            nothing()
        }
        ("/s0", _) => vec![
            Do::Send(whole(&body, &[])[..5000].to_vec()),
            Do::Until(asked_for_next.clone()),
            // long enough for the answer to be seen
            Do::Wait(Duration::from_millis(100)),
            Do::Send(whole(&body, &[])[5000..].to_vec()),
        ],
        _ => send(ranged(asked, &body)),
    })
    .await;
    let mut reader = Reader::new(fetch(&patient(), server.address("/l"), &Handle::current()));
    let there = sections(&mut reader).await.expect("to its end");
    assert_eq!(there, expected(0..3));
}

#[tokio::test]
async fn a_jump_forgets_the_segment_that_was_begun() {
    let asked_for_next = Arc::new(Notify::new());
    let server = faulty(move |asked, body| {
        let answer = ranged(asked, &body);
        match &*asked.path {
            "/s0" if asked.before == 0 => {
                let begin = answer[..answer.len() - 15_000].to_vec();
                vec![Do::Send(begin), Do::Hang]
            }
            "/s1" => {
                asked_for_next.notify_one();
                send(answer)
            }
            _ => send(answer),
        }
    })
    .await;
    let mut reader = Reader::new(fetch(&patient(), server.address("/l"), &Handle::current()));
    reader.until(ByteWindow::next_section).await.expect("there");
    reader.take(1000).await.expect("there");
    crate::media::testing::until(|| server.seen().iter().any(|asked| asked.path == "/s1")).await;
    for to in [2, 0] {
        reader.window().jump_to_section(to);
        let there = sections(&mut reader).await.expect("to its end");
        assert_eq!(there, expected(to as usize..3));
    }
}
