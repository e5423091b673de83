//! Owns: what the playlist reader is held to: RFC 8216, section 4, and its examples (section 8).
//! Never knows: HTTP.

use super::*;
use proptest::prelude::*;

fn media(text: &str) -> Media {
    match parse(text) {
        Ok(Playlist::Media(media)) => media,
        other => panic!("{other:?}"),
    }
}

fn uris(media: &Media) -> Vec<&str> {
    media.segments.iter().map(|s| &*s.uri).collect()
}

/// RFC 8216, 8.1.
#[test]
fn a_simple_list_is_read() {
    let media = media(
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXT-X-VERSION:3\n#EXTINF:9.009,\n\
         http://media.example.com/first.ts\n#EXTINF:9.009,\nhttp://media.example.com/second.ts\n\
         #EXTINF:3.003,\nhttp://media.example.com/third.ts\n#EXT-X-ENDLIST\n",
    );
    assert!(media.is_ended && media.first == 0 && media.target == Duration::from_secs(10));
    let outline = media.outline().expect("it has an end");
    let starts: Vec<u64> = outline.places.iter().map(|place| place.start).collect();
    assert_eq!(
        (starts, outline.length),
        (vec![0, 9_009_000, 18_018_000], 21_021_000)
    );
}

/// RFC 8216, 8.2 and 8.3.
#[test]
fn a_live_list_with_keys_is_read() {
    let media = media(
        "#EXTM3U\r\n#EXT-X-VERSION:3\r\n#EXT-X-MEDIA-SEQUENCE:7794\r\n#EXT-X-TARGETDURATION:15\r\n\
         #EXT-X-KEY:METHOD=AES-128,URI=\"https://priv.example.com/key.php?r=52,a=b\"\r\n\
         #EXTINF:2.833,\r\n52-A.ts\r\n#EXTINF:15.0,a title\r\n52-B.ts\r\n\
         #EXT-X-KEY:METHOD=AES-128,URI=\"53\",IV=0x000102030405060708090a0b0c0d0e0F\r\n\
         #EXTINF:15,\r\n53-A.ts\r\n#EXT-X-KEY:METHOD=NONE\r\n#EXTINF:1,\r\nplain.ts\r\n",
    );
    assert_eq!(
        (media.first, media.end(), media.is_ended),
        (7794, 7798, false)
    );
    assert_eq!(media.outline(), None);
    let key = |index: usize| media.segments[index].key.as_deref();
    let first = Key {
        uri: "https://priv.example.com/key.php?r=52,a=b".to_owned(),
        iv: None,
    };
    assert_eq!((key(0), key(1)), (Some(&first), Some(&first)));
    let iv: [u8; 16] = std::array::from_fn(|i| i as u8);
    assert_eq!(key(2).map(|key| key.iv), Some(Some(iv)));
    assert_eq!(key(3), None);
    assert_eq!(media.segment(7795).map(|s| &*s.uri), Some("52-B.ts"));
    assert!(media.segment(7793).is_none() && media.segment(7798).is_none());
}

#[test]
fn byte_ranges_go_on_where_the_last_one_ended() {
    let media = media(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MAP:URI=\"a.mp4\",BYTERANGE=\"765@0\"\n\
         #EXTINF:1,\n#EXT-X-BYTERANGE:100@765\na.mp4\n#EXTINF:1,\n#EXT-X-BYTERANGE:50\na.mp4\n\
         #EXTINF:1,\n#EXT-X-BYTERANGE:7\nb.mp4\n#EXTINF:1,\nc.mp4\n",
    );
    let ranges: Vec<_> = media.segments.iter().map(|s| s.range).collect();
    let range = |from, until| Some(ByteRange { from, until });
    assert_eq!(
        ranges,
        [range(765, 865), range(865, 915), range(0, 7), None]
    );
    let map = media.segments[3].map.as_deref().expect("for all");
    assert_eq!((&*map.uri, map.range), ("a.mp4", range(0, 765)));
}

#[test]
fn gaps_and_discontinuities_belong_to_what_follows() {
    let media = media(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-DISCONTINUITY-SEQUENCE:3\n#EXTINF:1,\na\n\
         #EXT-X-GAP\n#EXTINF:1,\nb\n#EXT-X-DISCONTINUITY\n#EXTINF:1,\nc\n#EXT-X-ENDLIST\n",
    );
    let seen: Vec<_> = media.segments.iter().map(|s| (s.is_gap, s.clock)).collect();
    assert_eq!(seen, [(false, 3), (true, 3), (false, 4)]);
    assert_eq!(
        media.outline().map(|outline| outline.length),
        Some(2_000_000)
    );
}

/// RFC 8216, 8.6 and 8.7.
#[test]
fn a_master_list_is_read() {
    let text = "#EXTM3U\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"aac\",NAME=\"English\",DEFAULT=YES,AUTOSELECT=YES,\
        LANGUAGE=\"en\",URI=\"main/english-audio.m3u8\",CHANNELS=\"2/-/-\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1280000,CODECS=\"avc1.4d401f, mp4a.40.2\",RESOLUTION=640x360,AUDIO=\"aac\"\n\
        low/video-only.m3u8\n#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=86000,URI=\"low/iframe.m3u8\"\n";
    let Ok(Playlist::Master(master)) = parse(text) else {
        panic!("a master list");
    };
    let variant = Variant {
        uri: "low/video-only.m3u8".to_owned(),
        bandwidth: 1_280_000,
        codecs: Some(vec!["avc1.4d401f".to_owned(), "mp4a.40.2".to_owned()]),
        audio: Some("aac".to_owned()),
        has_pictures: true,
    };
    let rendition = Rendition {
        group: "aac".to_owned(),
        uri: Some("main/english-audio.m3u8".to_owned()),
        is_default: true,
        channels: Some(2),
    };
    assert_eq!(
        (master.variants, master.renditions),
        (vec![variant], vec![rendition])
    );
}

#[test]
fn what_cannot_be_decrypted_is_refused() {
    let list = |keys: &str| {
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n{keys}#EXTINF:1,\na.ts\n#EXT-X-ENDLIST\n")
    };
    for keys in [
        "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k\"\n",
        "#EXT-X-KEY:METHOD=AES-128\n",
        "#EXT-X-KEY:METHOD=AES-128,URI=\"skd://x\",KEYFORMAT=\"com.apple.streamingkeydelivery\"\n",
    ] {
        assert_eq!(parse(&list(keys)), Err(PlaylistError::Encryption), "{keys}");
    }
    // another way to the same key
    for keys in [
        "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXT-X-KEY:METHOD=AES-128,URI=\"x\",KEYFORMAT=\"y\"\n",
        "#EXT-X-KEY:METHOD=AES-128,URI=\"x\",KEYFORMAT=\"y\"\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n",
    ] {
        let media = media(&list(keys));
        assert_eq!(
            media.segments[0].key.as_ref().map(|key| &*key.uri),
            Some("k")
        );
    }
}

#[test]
fn what_cannot_be_read_is_passed_over() {
    let media = media(
        "\u{FEFF}#EXTM3U\n#EXT-X-TARGETDURATION:x\n#EXT-X-MEDIA-SEQUENCE:-5\n#EXTINF:1,\n\
         #EXT-X-BYTERANGE:no\n#EXT-X-NEW:1\n# words\n a b \nstray\n#EXTINF:NaN,\nc\n#EXTINF:-1,\nd\n\
         #EXTINF:1e300,\ne\n#EXTINF:5,\nf\n",
    );
    assert_eq!((uris(&media), media.first), (vec!["a b", "f"], 0));
    assert_eq!(
        (media.segments[0].range, media.target),
        (None, USUAL_TARGET)
    );
}

#[test]
fn there_are_limits() {
    let segments = "#EXTINF:1,\na\n".repeat(MAX_SEGMENTS + 1);
    let text = format!("#EXT-X-TARGETDURATION:1\n{segments}");
    assert_eq!(parse(&text), Err(PlaylistError::TooMany("segments")));
    let variants = "#EXT-X-STREAM-INF:BANDWIDTH=1\na\n".repeat(MAX_CHOICES + 1);
    assert_eq!(parse(&variants), Err(PlaylistError::TooMany("variants")));
    let renditions = "#EXT-X-MEDIA:TYPE=AUDIO\n".repeat(MAX_CHOICES + 1);
    assert_eq!(
        parse(&renditions),
        Err(PlaylistError::TooMany("renditions"))
    );
    for empty in [
        "",
        "#EXTM3U\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-ENDLIST\n",
    ] {
        assert_eq!(parse(empty), Err(PlaylistError::Empty));
    }
    // a live list may have nothing yet
    assert_eq!(media("#EXTM3U\n#EXT-X-TARGETDURATION:1\n").end(), 0);
}

#[test]
fn attributes_are_found_by_their_whole_name() {
    let list = "A=1,XURI=2, URI=\"a=b,URI=c\",B=\"\",IV=0xF";
    let found = |name| attribute(list, name);
    assert_eq!(
        [
            found("A"),
            found("URI"),
            found("B"),
            found("IV"),
            found("C")
        ],
        [Some("1"), Some("a=b,URI=c"), Some(""), Some("0xF"), None]
    );
    assert_eq!(initialisation_vector("0xF").map(|iv| iv[15]), Some(15));
    for bad in ["0x", "15", "0x+1", "0x000000000000000000000000000000000001"] {
        let value = initialisation_vector(bad);
        assert!(value.is_none() || bad.ends_with("01"), "{bad}");
    }
}

proptest! {
    #[test]
    fn any_text_can_be_read(text in "(#EXT(INF|-X-(BYTERANGE|MAP|KEY|STREAM-INF|MEDIA|MEDIA-SEQUENCE)):?|[0-9]{1,20}|,|=|\"|@|URI|METHOD|AES-128|\\n|\\PC){0,60}") {
        if let Ok(Playlist::Media(media)) = parse(&text) {
            prop_assert!(media.segments.len() <= text.len());
            let _ = media.outline();
        }
    }
}
