//! Owns: playlist files: telling them from sound, and finding the first link in them.
//! Never knows: where a playlist came from, or what a link leads to.
//!
//! Formats and what becomes of them: reference, 6.4. XSPF (xspf.org, version 1) is ours.

/// Bytes at the beginning of a file in which a playlist must show itself.
pub const HEAD_LEN: usize = 1024;
/// Lines of a playlist that are looked at.
const MAX_LINES: usize = 10_000;
/// Bytes of an entity of XML between `&` and `;`: the longest are `#x10FFFF` and `#1114111`, perhaps with zeros in front.
const MAX_ENTITY: usize = 12;

/// How a playlist is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Lines of links, and `#` lines that describe them.
    M3u,
    /// `FileN=` and `TitleN=`.
    Pls,
    /// XML, `location` and `title` in a `track`.
    Xspf,
    /// Begins with a link.
    Plain,
}

/// A link, not yet resolved against the place of its playlist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// As it is written.
    pub target: String,
    /// The title that the playlist gives for it.
    pub title: Option<String>,
}

/// What a playlist holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Links, in order; perhaps none.
    Links(Vec<Link>),
    /// Segments or variants of one HLS stream.
    Hls,
}

/// Recognises a playlist by its first bytes.
#[must_use]
pub fn detect(head: &[u8]) -> Option<Kind> {
    let head = &head[..head.len().min(HEAD_LEN)];
    let text = head
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(head)
        .trim_ascii_start();
    let starts = |prefix: &[u8]| {
        text.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let contains = |part: &[u8]| text.windows(part.len()).any(|window| window == part);
    if starts(b"#EXTM3U") || starts(b"#EXTINF") {
        Some(Kind::M3u)
    } else if starts(b"[playlist]") {
        Some(Kind::Pls)
    } else if starts(b"http://") || starts(b"https://") || starts(b"icy://") {
        Some(Kind::Plain)
    } else if (starts(b"<?xml") && contains(b"<playlist")) || starts(b"<playlist") {
        Some(Kind::Xspf)
    } else {
        None
    }
}

/// Whether these first bytes of a playlist have a tag that only lists of segments have.
#[must_use]
pub fn mentions_segments(head: &[u8]) -> bool {
    head.windows(7).any(|window| window == b"#EXT-X-")
}

/// Finds what is in a playlist.
#[must_use]
pub fn read(kind: Kind, text: &str) -> Content {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    Content::Links(match kind {
        Kind::M3u if is_hls(text) => return Content::Hls,
        Kind::M3u => read_m3u(text),
        Kind::Pls => read_pls(text),
        Kind::Xspf => read_xspf(text),
        Kind::Plain => read_plain(text),
    })
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', '\r'])
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take(MAX_LINES)
}

/// Every media playlist must have a target duration and every master playlist a stream (RFC 8216, 4.3); `#EXTINF` alone
/// is what the original goes by, and radio lists have it too.
fn is_hls(text: &str) -> bool {
    lines(text).any(|line| {
        [
            "#EXT-X-TARGETDURATION",
            "#EXT-X-STREAM-INF",
            "#EXT-X-MEDIA-SEQUENCE",
        ]
        .iter()
        .any(|tag| line.starts_with(tag))
    })
}

fn title(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn read_m3u(text: &str) -> Vec<Link> {
    let mut links = Vec::new();
    let mut next_title = None;
    for line in lines(text) {
        if let Some(described) = line.strip_prefix("#EXTINF:") {
            // seconds, perhaps attributes, a comma, a title
            next_title = described.split_once(',').and_then(|(_, text)| title(text));
        } else if !line.starts_with('#') {
            links.push(Link {
                target: line.to_owned(),
                title: next_title.take(),
            });
        }
    }
    links
}

fn read_pls(text: &str) -> Vec<Link> {
    let pairs: Vec<(String, &str)> = lines(text)
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.trim().to_ascii_lowercase(), value.trim()))
        .collect();
    let mut titles: std::collections::HashMap<&str, &str> = pairs
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix("title")?, *value)))
        .collect();
    let files = pairs.iter().filter_map(|(key, value)| {
        let number = key.strip_prefix("file")?;
        (!value.is_empty()).then(|| Link {
            target: (*value).to_owned(),
            // for the first of that number only: a long one for each of many would be more than was read
            title: titles.remove(number).and_then(title),
        })
    });
    files.collect()
}

fn read_plain(text: &str) -> Vec<Link> {
    let link = |line: &str| Link {
        target: line.to_owned(),
        title: None,
    };
    lines(text).filter(|line| is_url(line)).map(link).collect()
}

/// Whether a link is whole by itself.
#[must_use]
pub fn is_url(link: &str) -> bool {
    ["http://", "https://", "icy://"]
        .iter()
        .any(|scheme| link.starts_with(scheme))
}

fn read_xspf(text: &str) -> Vec<Link> {
    let tracks = text.split("<track>").skip(1).take(MAX_LINES);
    let link = |track: &str| {
        let track = track.split("</track>").next().unwrap_or_default();
        Some(Link {
            target: element(track, "location")?,
            title: element(track, "title"),
        })
    };
    tracks.filter_map(link).collect()
}

/// The text of the first element of that name.
fn element(xml: &str, name: &str) -> Option<String> {
    let start = xml.find(&format!("<{name}>"))? + name.len() + 2;
    let end = xml[start..].find(&format!("</{name}>"))?;
    let text = xml[start..start + end].trim();
    let cdata = text
        .strip_prefix("<![CDATA[")
        .and_then(|text| text.strip_suffix("]]>"));
    title(&cdata.map_or_else(|| unescape(text), str::to_owned))
}

/// The text with its entities read.
pub(super) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        // only nearby: a text of ampersands would be searched to its end for each of them
        let name = rest[1..]
            .bytes()
            .take(MAX_ENTITY + 1)
            .position(|byte| byte == b';')
            .map(|len| &rest[1..=len]);
        match name.and_then(|name| Some((name, entity(name)?))) {
            Some((name, c)) => {
                plain.push(c);
                rest = &rest[name.len() + 2..];
            }
            None => {
                plain.push('&');
                rest = &rest[1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

/// What an entity of that name stands for (XML 1.0, 4.1 and 4.6).
fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(text: &str) -> Vec<(String, Option<String>)> {
        let kind = detect(text.as_bytes()).expect("a playlist");
        match read(kind, text) {
            Content::Links(links) => links.into_iter().map(|l| (l.target, l.title)).collect(),
            Content::Hls => panic!("HLS"),
        }
    }

    fn link(target: &str, title: Option<&str>) -> (String, Option<String>) {
        (target.to_owned(), title.map(str::to_owned))
    }

    #[test]
    fn m3u_gives_its_lines_with_their_titles() {
        let text =
            "\u{FEFF}#EXTM3U\r\n#EXTINF:-1 a=\"b\",Some Radio\r\nhttp://h/a\r\n\r\nsub/b.mp3\r\n";
        assert_eq!(
            found(text),
            [
                link("http://h/a", Some("Some Radio")),
                link("sub/b.mp3", None)
            ]
        );
    }

    #[test]
    fn hls_is_told_from_a_list_of_links() {
        for text in [
            "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\na.ts\n",
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n",
        ] {
            assert_eq!(detect(text.as_bytes()), Some(Kind::M3u));
            assert_eq!(read(Kind::M3u, text), Content::Hls);
        }
    }

    #[test]
    fn pls_pairs_files_with_titles_of_the_same_number() {
        let text = "[Playlist]\nTitle2=Two\nFile2 = http://h/2\nFile1=http://h/1\nTitle1=One\nLength1=-1\n";
        assert_eq!(
            found(text),
            [
                link("http://h/2", Some("Two")),
                link("http://h/1", Some("One"))
            ]
        );
    }

    #[test]
    fn a_title_is_given_once() {
        assert_eq!(
            found("[playlist]\nFile1=a\nTitle1=One\nFile1=b\n"),
            [link("a", Some("One")), link("b", None)]
        );
    }

    #[test]
    fn plain_gives_link_lines_only() {
        assert_eq!(
            found("icy://h/a\nsome words\nhttps://h/b"),
            [link("icy://h/a", None), link("https://h/b", None)]
        );
    }

    #[test]
    fn xspf_gives_locations_with_titles() {
        let text = "<?xml version='1.0'?>\n<playlist version='1'><title>All</title><trackList>\
            <track><title>A &amp; B &#x41;</title><location>http://h/a?x=1&amp;y=2</location></track>\
            <track><title>none</title></track><track><location><![CDATA[http://h/b]]></location></track>\
            </trackList></playlist>";
        assert_eq!(
            found(text),
            [
                link("http://h/a?x=1&y=2", Some("A & B A")),
                link("http://h/b", None)
            ]
        );
    }

    #[test]
    fn the_end_of_an_entity_is_looked_for_only_nearby() {
        // the longest that means anything, and two that would if the search went on
        assert_eq!(unescape("&#x10FFFF; &#1114111;"), "\u{10FFFF} \u{10FFFF}");
        for far in ["&#0000000000065;", "&#x0000000000041;"] {
            assert_eq!(unescape(far), far);
        }
        assert_eq!(
            unescape("&ein längeres Wort;&lt;&"),
            "&ein längeres Wort;<&"
        );
    }

    #[test]
    fn what_is_no_playlist_is_none() {
        for head in [
            &b"<!doctype html>"[..],
            b"<?xml version='1.0'?><html>",
            b"RIFF",
            b"ID3",
            b"",
            b"playlist",
            b"#EXT",
        ] {
            assert_eq!(detect(head), None);
        }
    }

    #[test]
    fn an_empty_playlist_has_no_links() {
        assert_eq!(found("#EXTM3U\n# nothing\n"), []);
        assert_eq!(found("[playlist]\nNumberOfEntries=0\nFile1=\n"), []);
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(text in "\\PC{0,200}", tags in "(<track>|<location>|</location>|&|#x|;|\\n|=|file){0,30}") {
            for kind in [Kind::M3u, Kind::Pls, Kind::Xspf, Kind::Plain] {
                let _ = read(kind, &text);
                let _ = read(kind, &tags);
            }
        }
    }
}
