//! Owns: the forms that bytes made to do harm hide in: boxes, elements, pages, with whatever sizes they claim.
//! Never knows: what is wrong with them.

/// A box of an MP4 file that claims a size.
pub(crate) fn claiming(kind: &[u8; 4], size: u32, body: &[u8]) -> Vec<u8> {
    [&size.to_be_bytes(), &kind[..], body].concat()
}

/// A box of an MP4 file.
pub(crate) fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    claiming(kind, body.len() as u32 + 8, body)
}

/// An MP4 file of one track of mp3 sound with these further tables.
pub(crate) fn mp4(entry: &[u8; 4], tables: &[Vec<u8>], behind: &[u8]) -> Vec<u8> {
    let mut head = vec![0; 20];
    head[12..16].copy_from_slice(&1000_u32.to_be_bytes());
    let mut sound = vec![0; 28];
    sound[7] = 1;
    sound[17] = 2;
    sound[24..26].copy_from_slice(&44_100_u16.to_be_bytes());
    let stsd = [&[0, 0, 0, 0, 0, 0, 0, 1][..], &boxed(entry, &sound)].concat();
    let stbl = [boxed(b"stsd", &stsd), tables.concat()].concat();
    let mdia = [
        boxed(b"mdhd", &head),
        boxed(b"hdlr", b"\0\0\0\0\0\0\0\0soun\0\0\0\0"),
        boxed(b"minf", &boxed(b"stbl", &stbl)),
    ];
    let mut tkhd = vec![0; 20];
    tkhd[15] = 1;
    let trak = [boxed(b"tkhd", &tkhd), boxed(b"mdia", &mdia.concat())];
    let moov = [
        boxed(b"mvhd", &head),
        boxed(b"trak", &trak.concat()),
        behind.to_vec(),
    ];
    [
        boxed(b"ftyp", b"isom\0\0\0\0"),
        boxed(b"moov", &moov.concat()),
    ]
    .concat()
}

/// A table of an MP4 file: version and flags, then words.
pub(crate) fn table(kind: &[u8; 4], words: &[u32]) -> Vec<u8> {
    let words = words.iter().flat_map(|word| word.to_be_bytes());
    boxed(kind, &[0; 4].into_iter().chain(words).collect::<Vec<_>>())
}

/// An EBML element with a size of eight bytes, which may be a lie.
pub(crate) fn lying(id: u32, size: u64, body: &[u8]) -> Vec<u8> {
    let id = id.to_be_bytes();
    let zeros = id.iter().take_while(|&&byte| byte == 0).count();
    [&id[zeros..], &(size | 1 << 56).to_be_bytes(), body].concat()
}

pub(crate) fn element(id: u32, body: &[u8]) -> Vec<u8> {
    lying(id, body.len() as u64, body)
}

/// A Matroska file up to its first cluster, with one track of 8-bit samples or of the codec given.
pub(crate) fn matroska(codec: &[u8], more: &[u8]) -> Vec<u8> {
    let entry = [
        element(0xD7, &[1]),
        element(0x83, &[2]),
        element(0x86, codec),
        element(0xE1, &element(0x6264, &[8])),
        more.to_vec(),
    ];
    let tracks = element(0x1654_AE6B, &element(0xAE, &entry.concat()));
    [matroska_head(), tracks].concat()
}

/// EBML header and the beginning of a segment without end.
pub(crate) fn matroska_head() -> Vec<u8> {
    [
        element(0x1A45_DFA3, &element(0x4282, b"matroska")),
        vec![
            0x18, 0x53, 0x80, 0x67, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        ],
    ]
    .concat()
}

/// A page of Ogg (RFC 3533, section 6) with its checksum.
pub(crate) fn page(serial: u32, flags: u8, granule: i64, lacing: &[u8], body: &[u8]) -> Vec<u8> {
    let mut page = b"OggS\0".to_vec();
    page.push(flags);
    page.extend(granule.to_le_bytes());
    page.extend(serial.to_le_bytes());
    page.extend([0; 8]);
    page.push(lacing.len() as u8);
    page.extend(lacing);
    page.extend(body);
    let mut sum = 0_u32;
    for byte in &page {
        sum ^= u32::from(*byte) << 24;
        for _ in 0..8 {
            sum = sum << 1 ^ if sum >> 31 == 1 { 0x04C1_1DB7 } else { 0 };
        }
    }
    page[22..26].copy_from_slice(&sum.to_le_bytes());
    page
}

/// The headers of an Opus stream in Ogg.
pub(crate) fn ogg_opus() -> Vec<u8> {
    let head = b"OpusHead\x01\x02\x38\x01\x80\xBB\0\0\0\0\0";
    let tags = b"OpusTags\0\0\0\0\0\0\0\0";
    [page(1, 2, 0, &[19], head), page(1, 0, 0, &[16], tags)].concat()
}

/// Bytes that look like chance (xorshift, Marsaglia 2003).
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}

pub(crate) fn data(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))).expect("there")
}

/// `file` with what follows `mark` replaced.
pub(crate) fn patched(mut file: Vec<u8>, mark: &[u8], with: &[u8]) -> Vec<u8> {
    let at = file.windows(mark.len()).position(|bytes| bytes == mark);
    let at = at.expect("it is there") + mark.len();
    file[at..at + with.len()].copy_from_slice(with);
    file
}

/// The marker and STREAMINFO of a FLAC file, which frames follow.
pub(crate) fn flac_head() -> Vec<u8> {
    let mut head = data("tone.flac")[..42].to_vec();
    head[4] |= 0x80;
    head
}
