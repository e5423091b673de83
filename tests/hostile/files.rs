//! Owns: files that end and cannot be played.
//! Never knows: how they are refused.

use crate::forms::{
    boxed, claiming, data, element, flac_head, lying, matroska, matroska_head, mp4, noise, page,
    patched, table,
};

/// Files that end, with what their name says they are.
pub(crate) fn files() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    const ALL: u32 = u32::MAX;
    let wav = |format: &[u8]| {
        [
            &b"RIFF\xFF\xFF\xFF\xFFWAVEfmt \x10\0\0\0"[..],
            format,
            b"data\xFF\xFF\xFF\xFF",
            &[0; 4000],
        ]
        .concat()
    };
    let head = |name: &str, len: usize| data(name)[..len].to_vec();
    let encrypted = element(
        0x6D80,
        &element(
            0x6240,
            &[element(0x5033, &[1]), element(0x5035, &[])].concat(),
        ),
    );
    let mut deep = Vec::new();
    for _ in 0..2000 {
        deep = boxed(b"moov", &deep);
    }
    let samples = [
        table(b"stsz", &[1, ALL]),
        table(b"stsc", &[1, 1, ALL, 1]),
        table(b"stco", &[1, 600]),
        table(b"stts", &[1, ALL, 0]),
    ];
    vec![
        ("nothing", "mp3", Vec::new()),
        (
            "a page of HTML",
            "mp3",
            b"<!doctype html><title>404</title>".repeat(3000),
        ),
        (
            "a picture",
            "m4a",
            [b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR", &noise(1 << 20)[..]].concat(),
        ),
        (
            "an archive",
            "flac",
            [b"PK\x03\x04", &noise(1 << 20)[..]].concat(),
        ),
        ("noise as mp3", "mp3", noise(1 << 20)),
        ("noise as aac", "aac", noise(1 << 20)),
        ("noise", "", noise(1 << 20)),
        ("zeros", "mp3", vec![0; 4 << 20]),
        ("the front of an MP4", "mp4", head("boxes-front.m4a", 200)),
        (
            "the front of a Matroska",
            "webm",
            head("boxes-aac.mka", 200),
        ),
        ("the front of a FLAC", "flac", head("tone.flac", 30)),
        ("the front of an Ogg", "ogg", head("tone44.ogg", 100)),
        (
            "the front of an AIFF",
            "aiff",
            b"FORM\0\0\0\x20AIFFCOMM\0\0\0\x12".to_vec(),
        ),
        (
            "a WAV of 65535 channels",
            "wav",
            wav(b"\x01\0\xFF\xFF\x80\xBB\0\0\0\0\0\0\0\0\x08\0"),
        ),
        (
            "a WAV of 4 GHz",
            "wav",
            wav(b"\x01\0\x02\0\xFF\xFF\xFF\xFF\0\0\0\0\x04\0\x10\0"),
        ),
        (
            "a WAV of no rate",
            "wav",
            wav(b"\x01\0\x02\0\0\0\0\0\0\0\0\0\x04\0\x10\0"),
        ),
        (
            "a moov of 4 GB",
            "mp4",
            [boxed(b"ftyp", b"isom\0\0\0\0"), claiming(b"moov", ALL, &[])].concat(),
        ),
        (
            "a moov in a moov, 2000 deep",
            "mp4",
            [boxed(b"ftyp", b"isom\0\0\0\0"), deep].concat(),
        ),
        (
            "a compressed moov",
            "mov",
            [
                boxed(b"ftyp", b"qt  \0\0\0\0"),
                boxed(
                    b"moov",
                    &boxed(
                        b"cmov",
                        &[
                            boxed(b"dcom", b"zlib"),
                            boxed(b"cmvd", &[&ALL.to_be_bytes()[..], &noise(1000)].concat()),
                        ]
                        .concat(),
                    ),
                ),
            ]
            .concat(),
        ),
        (
            "2^32 samples of nothing",
            "mp4",
            mp4(b".mp3", &samples, &[]),
        ),
        (
            "2^32 sizes that are not there",
            "mp4",
            mp4(b".mp3", &[table(b"stsz", &[0, ALL])], &[]),
        ),
        (
            "2^32 chunks that are not there",
            "mp4",
            mp4(
                b".mp3",
                &[table(b"stsz", &[1, 9]), table(b"stco", &[ALL])],
                &[],
            ),
        ),
        ("an encrypted MP4", "mp4", mp4(b"enca", &[], &[])),
        ("an encrypted purchase", "m4p", mp4(b"drms", &[], &[])),
        (
            "MP4 fragments of nothing",
            "mp4",
            [
                mp4(
                    b".mp3",
                    &[table(b"stsz", &[0, 0])],
                    &boxed(b"mvex", &table(b"trex", &[1, 1, 0, 0, 0])),
                ),
                boxed(b"moof", &[]),
            ]
            .concat(),
        ),
        (
            "an encrypted Matroska",
            "webm",
            [matroska(b"A_OPUS", &encrypted), element(0x1F43_B675, &[])].concat(),
        ),
        (
            "Tracks of 2^50 bytes",
            "mka",
            [matroska_head(), lying(0x1654_AE6B, 1 << 50, &[0; 999])].concat(),
        ),
        (
            "a Matroska without tracks",
            "mka",
            [matroska_head(), element(0x1F43_B675, &[])].concat(),
        ),
        (
            "a void of 2^40 bytes",
            "mka",
            [matroska_head(), lying(0xEC, 1 << 40, &[0; 999])].concat(),
        ),
        (
            "a block of 2^40 bytes",
            "mka",
            [
                matroska(b"A_PCM/INT/LIT", &[]),
                lying(
                    0x1F43_B675,
                    1 << 41,
                    &[
                        element(0xE7, &[0]),
                        lying(0xA3, 1 << 40, &[0x81, 0, 0, 0x80]),
                    ]
                    .concat(),
                ),
            ]
            .concat(),
        ),
        (
            "an unknown codec",
            "mka",
            [matroska(b"A_TRUEHD", &[]), element(0x1F43_B675, &[])].concat(),
        ),
        (
            "FLAC metadata of 16 MB",
            "flac",
            [&b"fLaC\x80\xFF\xFF\xFF"[..], &[0; 4000]].concat(),
        ),
        (
            "FLAC of no rate",
            "flac",
            patched(data("tone.flac"), b"fLaC", &[0; 30]),
        ),
        (
            "a FLAC of noise",
            "flac",
            [flac_head(), noise(3 << 20)].concat(),
        ),
        (
            "Vorbis comments by the billion",
            "ogg",
            [
                page(1, 2, 0, &[30], &data("tone44.ogg")[28..58]),
                page(1, 0, 0, &[16], b"\x03vorbis\0\0\0\0\xFF\xFF\xFF\xFF\x01"),
                page(1, 4, 0, &[9], b"\x05vorbisab"),
            ]
            .concat(),
        ),
        (
            "an Ogg of pictures",
            "ogg",
            [
                page(1, 2, 0, &[9], b"\x80theora-x"),
                page(1, 0, 0, &[4], b"more"),
            ]
            .concat(),
        ),
        (
            "Opus of 255 channels",
            "opus",
            [
                page(
                    1,
                    2,
                    0,
                    &[255, 21],
                    &[
                        &b"OpusHead\x01\xFF\0\0\x80\xBB\0\0\0\0\xFF\xFF\xFF"[..],
                        &[0xFE; 255],
                    ]
                    .concat(),
                ),
                page(1, 0, 0, &[16], b"OpusTags\0\0\0\0\0\0\0\0"),
                page(1, 4, 960, &[3], b"\xFC\xFF\xFE"),
            ]
            .concat(),
        ),
        (
            "an ID3 tag of 256 MB",
            "mp3",
            [&b"ID3\x04\0\0\x7F\x7F\x7F\x7F"[..], &[0; 9999]].concat(),
        ),
    ]
}
