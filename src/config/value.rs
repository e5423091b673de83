//! Owns: what kinds of values keys take, and how their text is read.
//! Never knows: which key takes which kind.

use std::net::{IpAddr, Ipv4Addr};

use url::Url;

use super::settings::Bitrate;

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A YAML 1.1 boolean.
    Switch,
    /// A whole number. `correct` maps values that Lavalink silently corrects; what is then outside is an error.
    Whole {
        min: i64,
        max: i64,
        correct: Option<Correction>,
    },
    /// A number of bytes, with Spring's units: `512KB`, `10MB`, `1GB` (powers of 1024).
    Size { min: i64, max: i64 },
    /// Any text.
    Text,
    /// Text that is never shown.
    Secret,
    /// One of these, upper or lower case.
    Choice(&'static [&'static str]),
    /// Where a server is: an HTTP URL, or nothing. Its password has a key of its own.
    Url,
    /// An IP address, or `localhost`.
    Address,
    /// `auto` or an Opus bitrate.
    Bitrate,
    /// A list.
    List(Item),
    /// Anything at all, never read.
    Anything,
}

/// What a list holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item {
    /// Any text.
    Text,
    /// An IP address.
    Address,
    /// A block of IP addresses.
    Block,
}

/// A block of addresses in CIDR notation; a bare address is a block of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IpBlock {
    /// Any address of the block.
    pub address: IpAddr,
    /// Leading bits that are fixed: 0–32 or 0–128.
    pub prefix: u8,
}

/// A rule of Lavalink's for values outside a range.
#[derive(Clone, Copy, Debug)]
pub(super) struct Correction {
    /// The value in force instead.
    pub to: fn(i64) -> i64,
    /// The rule in words.
    pub rule: &'static str,
}

/// A value that has been read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Switch(bool),
    Whole(i64),
    Text(String),
    Choice(usize),
    Url(Url),
    Address(IpAddr),
    Block(IpBlock),
    Bitrate(Bitrate),
    List(Vec<Value>),
}

/// A value, and the sentence to say when it was corrected.
#[derive(Debug)]
pub(super) struct Read {
    pub value: Value,
    pub corrected: Option<String>,
}

impl From<Value> for Read {
    fn from(value: Value) -> Self {
        Self {
            value,
            corrected: None,
        }
    }
}

impl Kind {
    /// What is allowed, for the line under an error.
    pub(super) fn allowed(self) -> String {
        match self {
            Self::Switch => "true or false (also yes, no, on, off)".into(),
            Self::Whole { min, max, .. } => format!("a whole number from {min} to {max}"),
            Self::Size { min, max } => {
                format!("a number of bytes from {min} to {max}, also written 512KB, 32MB, 1GB")
            }
            Self::Text | Self::Secret => "text; in quotes if it has special characters".into(),
            Self::Choice(names) => format!("one of {}", names.join(", ")),
            Self::Url => "the URL of a server, such as http://localhost:8001".into(),
            Self::Address => "an IP address such as 0.0.0.0, 127.0.0.1 or ::1".into(),
            Self::Bitrate => "auto, or 6000 to 510000 bit/s, also written 128k".into(),
            Self::List(Item::Text) => "a list of texts: [\"a\", \"b\"]".into(),
            Self::List(Item::Address) => "a list of IP addresses: [\"192.0.2.1\"]".into(),
            Self::List(Item::Block) => {
                "a list of IP blocks: [\"192.0.2.0/24\", \"2001:db8::/64\"]".into()
            }
            Self::Anything => "anything".into(),
        }
    }

    /// Whether an empty value means "not set" rather than empty text.
    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Secret)
    }

    /// Reads one scalar. The error says what is wrong with it, without naming the key.
    pub(super) fn read(self, text: &str) -> Result<Read, String> {
        let trimmed = text.trim();
        Ok(match self {
            Self::Switch => Value::Switch(switch(trimmed)?).into(),
            Self::Whole { min, max, correct } => return whole(trimmed, min, max, correct),
            Self::Size { min, max } => Value::Whole(size(trimmed, min, max)?).into(),
            Self::Text | Self::Secret => Value::Text(text.to_owned()).into(),
            Self::Choice(names) => Value::Choice(choice(trimmed, names)?).into(),
            Self::Url => Value::Url(url(trimmed)?).into(),
            Self::Address => Value::Address(address(trimmed)?).into(),
            Self::Bitrate => Value::Bitrate(bitrate(trimmed)?).into(),
            Self::List(item) => Value::List(vec![item.read(text)?]).into(),
            Self::Anything => Value::Text(String::new()).into(),
        })
    }
}

impl Item {
    /// Reads one item.
    pub(super) fn read(self, text: &str) -> Result<Value, String> {
        let text = text.trim();
        match self {
            Self::Text => Ok(Value::Text(text.to_owned())),
            Self::Address => text
                .parse()
                .map(Value::Address)
                .map_err(|_| format!("`{}` is not an IP address", shown(text))),
            Self::Block => block(text).map(Value::Block),
        }
    }
}

/// Text without what would break a line of output.
pub(super) fn one_line(text: &str) -> String {
    let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(visible).collect()
}

/// A value as a message shows it: short, on one line.
pub(super) fn shown(text: &str) -> String {
    let mut short: String = one_line(text).chars().take(60).collect();
    if text.chars().count() > 60 {
        short.push('…');
    }
    short
}

/// The words of SnakeYAML's and Spring's booleans.
fn switch(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(format!("`{}` is neither true nor false", shown(text))),
    }
}

fn number(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{}` is not a whole number", shown(text));
    let digits = text.replace('_', "");
    let (sign, bare) = match digits.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, digits.strip_prefix('+').unwrap_or(&digits)),
    };
    if let Some(hex) = bare.strip_prefix("0x") {
        return i64::from_str_radix(hex, 16)
            .map(|n| sign * n)
            .map_err(|_| wrong());
    }
    if bare.is_empty() || !bare.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    if bare.len() > 1 && bare.starts_with('0') {
        // YAML 1.1 reads octal here, YAML 1.2 decimal: nobody means the former, so neither is guessed.
        return Err(format!("`{}` begins with a zero", shown(text)));
    }
    // Beyond 64 bits every range is exceeded; the sign decides on which side.
    Ok(bare.parse::<i64>().map_or(sign * i64::MAX, |n| sign * n))
}

fn whole(text: &str, min: i64, max: i64, correct: Option<Correction>) -> Result<Read, String> {
    let given = number(text)?;
    let value = correct.map_or(given, |rule| (rule.to)(given));
    if !(min..=max).contains(&value) {
        return Err(format!("{given} is outside {min} to {max}"));
    }
    let corrected = correct
        .filter(|_| value != given)
        .map(|rule| format!("{given} is taken as {value}: {}", rule.rule));
    Ok(Read {
        value: Value::Whole(value),
        corrected,
    })
}

/// Spring's units, and the powers of two that they stand for.
const UNITS: [(&str, u32); 5] = [("TB", 40), ("GB", 30), ("MB", 20), ("KB", 10), ("B", 0)];

/// A number of bytes in the largest unit of which it is a whole number; `B` goes without saying.
pub(super) fn in_units(bytes: i64) -> String {
    UNITS
        .iter()
        .filter(|(_, shift)| *shift > 0 && bytes > 0)
        .find(|(_, shift)| bytes % (1 << shift) == 0)
        .map_or(bytes.to_string(), |(unit, shift)| {
            format!("{}{unit}", bytes >> shift)
        })
}

fn size(text: &str, min: i64, max: i64) -> Result<i64, String> {
    let upper = text.to_uppercase();
    let (digits, shift) = UNITS
        .iter()
        .find_map(|(unit, shift)| Some((upper.strip_suffix(unit)?, *shift)))
        .unwrap_or((&upper, 0));
    let bytes = number(digits.trim())
        .map_err(|_| format!("`{}` is not a number of bytes", shown(text)))?
        .saturating_mul(1 << shift);
    if (min..=max).contains(&bytes) {
        Ok(bytes)
    } else {
        Err(format!("{bytes} bytes are outside {min} to {max}"))
    }
}

fn choice(text: &str, names: &[&str]) -> Result<usize, String> {
    names
        .iter()
        .position(|name| name.eq_ignore_ascii_case(text))
        .ok_or_else(|| format!("`{}` is not one of the choices", shown(text)))
}

fn url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok();
    let is_server = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
    };
    // what is wrong may be a password, so it is not shown
    url.filter(is_server)
        .ok_or_else(|| "it is no URL of a server that begins with http:// or https://".to_owned())
}

fn address(text: &str) -> Result<IpAddr, String> {
    if text.eq_ignore_ascii_case("localhost") {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    text.trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .map_err(|_| format!("`{}` is not an IP address", shown(text)))
}

fn block(text: &str) -> Result<IpBlock, String> {
    let wrong = || format!("`{}` is not a block of IP addresses", shown(text));
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        Some(prefix) => prefix.parse().map_err(|_| wrong())?,
        None => most,
    };
    if prefix > most {
        return Err(format!(
            "`{}`: the prefix length is outside 0 to {most}",
            shown(text)
        ));
    }
    Ok(IpBlock { address, prefix })
}

/// The range is that of `OPUS_SET_BITRATE` (libopus, `opus_defines.h`: 500 to 512000 accepted, 6000 to 510000 meaningful).
fn bitrate(text: &str) -> Result<Bitrate, String> {
    if text.eq_ignore_ascii_case("auto") {
        return Ok(Bitrate::Auto);
    }
    let (digits, factor) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1000),
        None => (text, 1),
    };
    let rate = number(digits.trim())
        .map_err(|_| format!("`{}` is not a bitrate", shown(text)))?
        .saturating_mul(factor);
    u32::try_from(rate)
        .ok()
        .filter(|rate| (6000..=510_000).contains(rate))
        .map(Bitrate::Fixed)
        .ok_or_else(|| format!("{rate} bit/s are outside 6000 to 510000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_those_of_yaml_1_1() {
        for text in ["true", "Yes", "ON", "1"] {
            assert_eq!(switch(text), Ok(true), "{text}");
        }
        for text in ["false", "no", "Off", "0"] {
            assert_eq!(switch(text), Ok(false), "{text}");
        }
        assert!(switch("maybe").is_err());
    }

    #[test]
    fn numbers_are_decimal_or_hex_and_never_guessed() {
        assert_eq!(number("2333"), Ok(2333));
        assert_eq!(number("-1"), Ok(-1));
        assert_eq!(number("10_000"), Ok(10_000));
        assert_eq!(number("0x1F"), Ok(31));
        assert_eq!(number("99999999999999999999"), Ok(i64::MAX));
        for text in ["02333", "1.5", "1e3", "", "-", "12 000", "1:30"] {
            assert!(number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_have_springs_units() {
        let any = |text| size(text, 0, i64::MAX);
        assert_eq!(any("1024"), Ok(1024));
        assert_eq!(any("1KB"), Ok(1024));
        assert_eq!(any("32 MB"), Ok(33_554_432));
        assert_eq!(any("1gb"), Ok(1 << 30));
        assert!(size("2GB", 0, 1 << 30).unwrap_err().contains("outside"));
        assert!(any("lots").is_err());
    }

    #[test]
    fn bitrates_are_auto_or_in_opus_range() {
        assert_eq!(bitrate("auto"), Ok(Bitrate::Auto));
        assert_eq!(bitrate("128k"), Ok(Bitrate::Fixed(128_000)));
        assert_eq!(bitrate("6000"), Ok(Bitrate::Fixed(6000)));
        assert_eq!(bitrate("510000"), Ok(Bitrate::Fixed(510_000)));
        for text in ["5999", "510001", "511k", "-1", "fast", "99999999999999999k"] {
            assert!(bitrate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_bare_address_is_a_block_of_one() {
        assert_eq!(block("192.0.2.1").map(|b| b.prefix), Ok(32));
        assert_eq!(block("2001:db8::/64").map(|b| b.prefix), Ok(64));
        for text in ["192.0.2.0/33", "2001:db8::/129", "a/8", "1.2.3.4/x", ""] {
            assert!(block(text).is_err(), "{text}");
        }
    }
}
