//! Owns: what holds for every playlist: it is read to its end, and gives no more than went in; lists of
//! segments too.
//! Never knows: where its links lead.
//!
//! Input: the playlist. A dictionary helps: `cargo fuzz run playlist -- -dict=fuzz/playlist.dict`.

#![no_main]

use lavalink_rust::{
    media::hls::{
        choose::choose,
        playlist::{Playlist, parse},
    },
    source::playlist::{self, Content, Kind},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = playlist::detect(data);
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match parse(text) {
        Ok(Playlist::Media(list)) => {
            assert!(list.segments.len() <= text.len());
            let outline = list.outline();
            assert!(outline.is_none_or(|outline| outline.places.len() == list.segments.len()));
        }
        Ok(Playlist::Master(list)) => {
            let _ = choose(&list);
        }
        Err(_) => {}
    }
    for kind in [Kind::M3u, Kind::Pls, Kind::Xspf, Kind::Plain] {
        let Content::Links(links) = playlist::read(kind, text) else {
            assert_eq!(kind, Kind::M3u, "only this kind knows segments");
            continue;
        };
        let title = |link: &playlist::Link| link.title.as_ref().map_or(0, String::len);
        let bytes: usize = links
            .iter()
            .map(|link| link.target.len() + title(link))
            .sum();
        assert!(bytes <= text.len(), "more comes out than went in");
    }
});
