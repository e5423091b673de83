//! Owns: what the binary track format is held to: the reference's vectors and those recorded from the original.
//! Never knows: how the codec works inside.

use super::*;
use proptest::prelude::*;
use serde_json::json;
use sha2::{Digest, Sha256};

const REFERENCE: &str = include_str!("../../tests/data/tracks_reference.json");
const ORACLE: &str = include_str!("../../tests/data/tracks_oracle.json");

fn reference() -> Vec<Value> {
    serde_json::from_str(REFERENCE).expect("an array")
}

fn oracle(part: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(ORACLE).expect("JSON");
    all[part].as_array().expect("a list").clone()
}

fn text<'a>(vector: &'a Value, key: &str) -> Option<&'a str> {
    vector.get(key).and_then(Value::as_str)
}

/// All that a vector says of a track, from a track.
fn shown(track: &Track) -> Value {
    let info = &track.info;
    let mut all = json!({
        "title": info.title, "author": info.author, "length": info.length, "identifier": info.identifier,
        "isStream": info.is_stream, "isSeekable": info.is_seekable, "uri": info.uri, "artworkUrl": info.artwork_url,
        "isrc": info.isrc, "sourceName": info.source_name, "position": info.position,
    });
    let fields = all.as_object_mut().expect("an object");
    fields.extend(track.plugin_info.clone());
    all
}

fn assert_shows(track: &Track, vector: &Value) {
    let shown = shown(track);
    for (key, expected) in vector["decoded"].as_object().expect("an object") {
        if !["flags", "size", "version"].contains(&key.as_str()) {
            assert_eq!(&shown[key], expected, "{key} of {}", vector["id"]);
        }
    }
}

#[test]
fn reference_vectors_decode_and_encode_to_the_same_bytes() {
    for vector in reference() {
        let encoded = text(&vector, "encoded").expect("text");
        let track = decode(encoded).expect("a good vector");
        assert_shows(&track, &vector);
        if vector["decoded"]["version"] == 3 {
            assert_eq!(encode(&track, track.info.position).expect("fits"), encoded);
        }
    }
}

#[test]
fn recorded_tracks_decode_and_encode_to_the_same_bytes() {
    for vector in [oracle("files"), oracle("constructed")].concat() {
        let (Some(encoded), false) = (text(&vector, "encoded"), vector["decoded"].is_null()) else {
            continue;
        };
        let track = decode(encoded).expect("a good vector");
        assert_shows(&track, &vector);
        assert_eq!(
            encode(&track, track.info.position).expect("fits"),
            encoded,
            "{}",
            vector["id"]
        );
    }
}

#[test]
fn old_and_damaged_tracks_are_taken_or_refused_as_the_original_does() {
    // ours take what the original refuses: real UTF-8, and names of sources and probes that only others know
    let more = ["four-byte-utf8", "unknown-source", "unknown-probe"];
    for vector in oracle("decoding") {
        let id = text(&vector, "id").expect("text");
        let encoded = text(&vector, "encoded").expect("text");
        let decoded = decode(encoded);
        if more.contains(&id) {
            assert!(decoded.is_ok(), "{id}");
        } else if vector["decoded"].is_null() {
            assert!(decoded.is_err(), "{id}");
        } else {
            let track = decoded.expect(id);
            assert_shows(&track, &vector);
            let again = encode(&track, track.info.position).expect("fits");
            match text(&vector, "reencoded").expect("text") {
                "identical" => assert_eq!(again, encoded, "{id}"),
                expected => assert_eq!(again, expected, "{id}"),
            }
        }
    }
}

#[test]
fn texts_of_65535_bytes_are_written_and_longer_ones_refused() {
    let mut track = decode(text(&oracle("decoding")[0], "encoded").expect("text")).expect("good");
    track.info.author = "a".into();
    track.info.length = 1000;
    track.info.uri = Some("https://example.com/a.mp3".into());
    let titles = [
        ("title-65535", "x".repeat(65_535)),
        ("title-65536", "x".repeat(65_536)),
        ("title-21845-times-3-bytes", "\u{4E16}".repeat(21_845)),
        ("title-21846-times-3-bytes", "\u{4E16}".repeat(21_846)),
        ("title-10923-astral", "\u{1F3B5}".repeat(10_923)),
    ];
    let vectors = oracle("constructed");
    for (id, title) in titles {
        let vector = vectors.iter().find(|v| v["id"] == id).expect("recorded");
        track.info.title = title;
        match text(vector, "encoded_sha256") {
            Some(expected) => {
                let encoded = encode(&track, 0).expect("fits");
                let digest = Sha256::digest(&encoded);
                let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                assert_eq!(hex, expected, "{id}");
                assert_eq!(decode(&encoded).expect("good").info.title, track.info.title);
            }
            None => assert!(matches!(
                encode(&track, 0),
                Err(EncodeError::TextTooLong { field: "title", .. })
            )),
        }
    }
}

#[test]
fn every_truncation_is_an_error_that_names_a_field() {
    let vectors = [reference(), oracle("files"), oracle("constructed")].concat();
    for vector in vectors {
        let Some(encoded) = text(&vector, "encoded") else {
            continue;
        };
        let message = BASE64.decode(encoded).expect("base64");
        for len in 0..message.len() {
            let cut = BASE64.encode(&message[..len]);
            assert!(
                matches!(decode(&cut), Err(DecodeError::Truncated { .. })),
                "{} at {len}",
                vector["id"]
            );
        }
    }
}

#[test]
fn a_message_that_is_honest_about_being_short_names_the_missing_field() {
    let encoded = text(&reference()[8], "encoded").expect("text").to_owned();
    let message = BASE64.decode(encoded).expect("base64");
    let field_at = |len: usize| {
        let mut cut = message[..len].to_vec();
        let size = u32::try_from(len - 4).expect("short") | FLAG_VERSIONED;
        cut[..4].copy_from_slice(&size.to_be_bytes());
        decode(&BASE64.encode(cut))
    };
    let expected = [
        (5, "title"),
        (8, "title"),
        (20, "author"),
        (40, "length"),
        (50, "identifier"),
        (message.len() - 17, "sourceName"),
        (message.len() - 10, "probeInfo"),
        (message.len() - 1, "position"),
    ];
    for (len, field) in expected {
        assert_eq!(
            field_at(len),
            Err(DecodeError::Truncated { field }),
            "{len}"
        );
    }
}

#[test]
fn details_of_an_unknown_source_are_kept_byte_for_byte() {
    let mut track = decode(text(&reference()[0], "encoded").expect("text")).expect("good");
    track.info.source_name = "elsewhere".into();
    track.details = vec![0, 1, 0xFF, 0xC0, 7, 7, 7, 7, 7, 7, 7, 7, 7];
    let encoded = encode(&track, 42).expect("fits");
    let again = decode(&encoded).expect("good");
    assert_eq!(
        (&again.details, again.info.position),
        (&track.details, 42),
        "all but the position is details"
    );
    assert_eq!(encode(&again, 42).expect("fits"), encoded);
}

#[test]
fn a_changed_text_is_written_and_not_the_one_that_was_read() {
    let lone = oracle("constructed")
        .into_iter()
        .find(|vector| vector["id"] == "unicode-lone-surrogate")
        .expect("recorded");
    let mut track = decode(text(&lone, "encoded").expect("text")).expect("good");
    track.info.title = "new".into();
    let again = decode(&encode(&track, 0).expect("fits")).expect("good");
    assert_eq!(
        (again.info.title.as_str(), again.info.author.as_str()),
        ("new", "?")
    );
}

#[test]
fn query_strings_are_repaired() {
    assert_eq!(repair(" QA A\n+/=\t"), "+QA+A+/=");
}

#[test]
fn input_that_is_too_long_is_refused_before_it_is_decoded() {
    let len = MAX_ENCODED_LEN + 1;
    assert_eq!(decode(&"A".repeat(len)), Err(DecodeError::TooLong { len }));
}

proptest! {
    #[test]
    fn any_bytes_are_an_error_or_a_track(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&BASE64.encode(bytes));
    }

    #[test]
    fn any_track_survives(
        texts in proptest::array::uniform4("\\PC{0,40}|[\\x00-\\xFF]{0,20}"),
        optional in proptest::array::uniform3(proptest::option::of("\\PC{0,40}")),
        (length, position, is_stream) in (any::<i64>(), any::<i64>(), any::<bool>()),
        details in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let [title, author, identifier, source] = texts;
        let [uri, artwork_url, isrc] = optional;
        let track = Track {
            info: TrackInfo {
                identifier, is_seekable: !is_stream, author, length, is_stream, position, title, uri, artwork_url, isrc,
                source_name: format!("x-{source}"),
            },
            details,
            plugin_info: Map::new(),
            originals: Vec::new(),
        };
        let encoded = encode(&track, position).expect("fits");
        prop_assert_eq!(decode(&encoded).expect("good"), track);
    }
}
