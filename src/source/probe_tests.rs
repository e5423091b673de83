//! Owns: what probing is held to, with demuxers that misbehave on purpose.
//! Never knows: any real container.

use super::*;
use crate::{
    error::Severity,
    media::{
        demux::{Codec, Demuxer, Packet, StreamInfo},
        window::lane,
    },
};
use bytes::Bytes;

const PLAYLIST_BYTES: usize = 4096;

struct Known(StreamInfo);

impl Demuxer for Known {
    fn info(&self) -> &StreamInfo {
        &self.0
    }

    fn next_packet(&mut self, _: &mut ByteWindow) -> Result<Packet, Stop> {
        Err(Stop::End)
    }

    fn seek(&mut self, _: u64, _: &mut ByteWindow) -> Result<(), Stop> {
        Ok(())
    }
}

/// Wants `wants` bytes, then finds a stream of that container and length, at 44.1 kHz.
struct Fake {
    wants: usize,
    container: &'static str,
    length: Option<u64>,
}

impl Opening for Fake {
    fn advance(&mut self, bytes: &mut ByteWindow) -> Result<Opened, Stop> {
        bytes.peek(self.wants)?;
        Ok(Opened {
            demuxer: Box::new(Known(StreamInfo {
                codec: Codec::Mp3,
                rate: 44_100,
                channels: 2,
                length: self.length,
                is_seekable: true,
                preroll: 0,
            })),
            container: self.container,
            tags: Tags::default(),
        })
    }
}

/// Takes so many calls more.
struct InSlices(usize, Fake);

impl Opening for InSlices {
    fn advance(&mut self, bytes: &mut ByteWindow) -> Result<Opened, Stop> {
        if let Some(left) = self.0.checked_sub(1) {
            self.0 = left;
            return Err(Stop::Again);
        }
        self.1.advance(bytes)
    }
}

struct Panics;

impl Opening for Panics {
    fn advance(&mut self, _: &mut ByteWindow) -> Result<Opened, Stop> {
        panic!("a bug in a demuxer")
    }
}

async fn length_of(
    container: &'static str,
    samples: Option<u64>,
    window: ByteWindow,
) -> Option<i64> {
    let fake = Fake {
        wants: 1,
        container,
        length: samples,
    };
    match probe_with(window, Box::new(fake), PLAYLIST_BYTES).await {
        Ok(Found::Stream(stream)) => stream.length,
        other => panic!("{other:?}"),
    }
}

/// A window whose length nobody knows.
fn endless() -> ByteWindow {
    let (mut writer, window) = lane(4096);
    writer.push(Bytes::from_static(&[7; 2000]));
    writer.finish();
    window
}

#[tokio::test]
async fn lengths_are_exact_milliseconds() {
    let whole = || ByteWindow::of(vec![7; 2000]);
    assert_eq!(length_of("mp4", Some(529_200), whole()).await, Some(12_000));
    assert_eq!(length_of("mp4", Some(529_199), whole()).await, Some(11_999));
    assert_eq!(length_of("mp4", None, whole()).await, None);
    assert_eq!(
        length_of("mp4", Some(u64::MAX), whole()).await,
        Some(418_293_516_410_647_428)
    );
}

#[tokio::test]
async fn what_the_original_calls_a_stream_is_one() {
    let samples = Some(529_200);
    let whole = ByteWindow::of(vec![7; 2000]);
    assert_eq!(length_of("adts", samples, whole).await, None);
    assert_eq!(length_of("mp3", samples, endless()).await, None);
    assert_eq!(length_of("ogg", samples, endless()).await, None);
    assert_eq!(length_of("flac", samples, endless()).await, Some(12_000));
}

#[tokio::test]
async fn probing_waits_for_what_it_needs() {
    let (mut writer, window) = lane(1024 * 1024);
    let fake = Fake {
        wants: 5000,
        container: "wav",
        length: Some(1),
    };
    let probing = tokio::spawn(probe_with(window, Box::new(fake), PLAYLIST_BYTES));
    for _ in 0..100 {
        tokio::task::yield_now().await;
        writer.push(Bytes::from_static(&[7; 50]));
    }
    let found = probing.await.expect("no panic").expect("enough came");
    assert!(matches!(found, Found::Stream(_)));
}

#[tokio::test]
async fn what_takes_more_than_one_call_is_called_again() {
    let fake = Fake {
        wants: 1,
        container: "mod",
        length: Some(44_100),
    };
    let window = ByteWindow::of(vec![7; 2000]);
    let found = probe_with(window, Box::new(InSlices(3, fake)), PLAYLIST_BYTES).await;
    let Ok(Found::Stream(stream)) = found else {
        panic!("{found:?}");
    };
    assert_eq!(stream.length, Some(1000));
}

#[tokio::test]
async fn a_panic_in_a_demuxer_is_a_fault_and_no_more() {
    let window = ByteWindow::of(vec![7; 2000]);
    let failure = probe_with(window, Box::new(Panics), PLAYLIST_BYTES)
        .await
        .expect_err("failed");
    assert_eq!(failure.severity, Severity::Fault);
}

#[tokio::test]
async fn nothing_and_broken_files_are_of_unknown_format() {
    let fake = Fake {
        wants: 10,
        container: "wav",
        length: None,
    };
    let failure = probe_with(ByteWindow::of(&b"abc"[..]), Box::new(fake), PLAYLIST_BYTES)
        .await
        .err();
    let failure = failure.expect("too short");
    assert_eq!(
        (failure.message.as_str(), failure.severity),
        ("Unknown file format.", Severity::Common)
    );
    let broken = refusal(DemuxError::Broken("no frames").into());
    assert_eq!(broken.message, "Unknown file format.");
    assert_eq!(broken.root_cause(), "no frames");
}

#[tokio::test]
async fn playlists_are_found_before_sound() {
    let probe_text = |text: &'static str| {
        probe_with(
            ByteWindow::of(text.as_bytes()),
            Box::new(Panics),
            PLAYLIST_BYTES,
        )
    };
    match probe_text("#EXTM3U\nhttp://h/a\n").await {
        Ok(Found::Links(links)) => assert_eq!(links[0].target, "http://h/a"),
        other => panic!("{other:?}"),
    }
    let empty = probe_text("#EXTM3U\n").await.expect_err("no links");
    assert_eq!(empty.message, "The playlist file contains no links.");
    let text = "#EXTM3U\n#EXT-X-TARGETDURATION:3\n";
    assert!(matches!(probe_text(text).await, Ok(Found::Hls(found)) if found == text));
}

#[tokio::test]
async fn only_the_beginning_of_a_huge_playlist_is_read() {
    let mut text = b"#EXTM3U\nhttp://h/a\n".to_vec();
    text.resize(4 * PLAYLIST_BYTES, b'#');
    let mut waiting = Waiting::new(ByteWindow::of(text));
    assert_eq!(
        waiting.text(PLAYLIST_BYTES).await.expect("readable").len(),
        PLAYLIST_BYTES
    );
}

#[test]
fn tags_win_over_the_source_and_the_source_over_nothing() {
    let make = |title: Option<&str>, other: Option<&str>| {
        let stream = Stream {
            container: "mp3",
            length: Some(1000),
            tags: Tags {
                title: title.map(str::to_owned),
                ..Tags::default()
            },
        };
        let origin = Origin {
            source: "http",
            identifier: "http://h/a",
            title: other.map(str::to_owned),
            author: None,
        };
        track(stream, origin)
    };
    assert_eq!(make(Some("tag"), Some("other")).info.title, "tag");
    assert_eq!(make(Some(" "), Some("other")).info.title, "other");
    let bare = make(None, None);
    assert_eq!(
        (bare.info.title.as_str(), bare.info.author.as_str()),
        ("Unknown title", "Unknown artist")
    );
    assert_eq!(bare.details, b"\0\x03mp3");
    assert_eq!(bare.plugin_info["probeInfo"], "mp3");
    let again = codec::decode(&codec::encode(&bare, 0).expect("fits")).expect("good");
    assert_eq!(again, bare);
}

/// Opens once another task of the runtime has run meanwhile.
struct Long(std::sync::mpsc::Receiver<()>);

impl Opening for Long {
    fn advance(&mut self, bytes: &mut ByteWindow) -> Result<Opened, Stop> {
        let limit = std::time::Duration::from_secs(10);
        self.0.recv_timeout(limit).expect("others run meanwhile");
        Fake {
            wants: 1,
            container: "mp3",
            length: Some(44_100),
        }
        .advance(bytes)
    }
}

#[tokio::test]
async fn reading_long_headers_leaves_the_runtime_to_others() {
    let (tell, told) = std::sync::mpsc::channel();
    let probed = tokio::spawn(probe_with(
        ByteWindow::of("headers"),
        Box::new(Long(told)),
        PLAYLIST_BYTES,
    ));
    let other = tokio::spawn(async move { tell.send(()) });
    assert!(matches!(probed.await, Ok(Ok(Found::Stream(_)))));
    assert!(matches!(other.await, Ok(Ok(()))));
}
