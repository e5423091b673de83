//! Owns: player scripts: fetching one, and what its text says.
//! Never knows: how it unlocks links.

use super::local::Solver;
use crate::{
    error::Failure,
    net::{address::Address, call::Call},
    source::site::{Site, is_below},
};
use std::time::Duration;
use url::Url;

/// What stands before the timestamp, in all scripts so far.
const TIMESTAMP_MARKS: [&str; 2] = ["signatureTimestamp:", "sts:"];
/// The longest that reading a script may take: seconds, on a small device.
const READING: Duration = Duration::from_secs(60);

/// Why a script is not read.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("the player script is on another host than known ones")]
    Host,
    #[error("there is no player script where one was named")]
    Missing,
    #[error("the player script is no UTF-8")]
    Text,
    #[error("the player script has no signature timestamp")]
    NoTimestamp,
    #[error("reading the player script took too long")]
    Slow,
}

/// A script that was read.
pub struct Player {
    /// Days since 1970: its version for the API (`sts`).
    pub timestamp: u32,
    /// What unlocks links.
    pub solver: Solver,
}

/// Fetches a script and reads it.
///
/// # Errors
/// When it is not there, or is no player script. What only unlocking needs may still be missing.
pub async fn read(site: &Site, url: &Url) -> Result<Player, Failure> {
    let data = site.data();
    let address = Address::parse(url.as_str())
        .filter(|it| is_below(it.url(), &data.youtube.cipher.script_hosts))
        .ok_or_else(|| site.changed(Unfit::Host))?;
    let answer = site.accept(site.ask(Call::get(address)).await?)?;
    let answer = answer.ok_or_else(|| site.changed(Unfit::Missing))?;
    let text = String::from_utf8(answer.body).map_err(|_| site.changed(Unfit::Text))?;
    let timestamp = timestamp(&text).ok_or_else(|| site.changed(Unfit::NoTimestamp))?;
    let reading = tokio::task::spawn_blocking(|| Solver::new(text));
    let solver = tokio::time::timeout(READING, reading)
        .await
        .map_err(|_| {
            Failure::fault("Reading YouTube's player script failed.").because(Unfit::Slow)
        })?
        .map_err(|error| {
            Failure::fault("Reading YouTube's player script failed.").because(error)
        })?;
    Ok(Player { timestamp, solver })
}

/// The number behind the first mark that one stands behind.
fn timestamp(script: &str) -> Option<u32> {
    TIMESTAMP_MARKS.iter().find_map(|mark| {
        script.split(mark).skip(1).find_map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_digit())?;
            rest[..end].parse().ok()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timestamp_is_the_number_behind_its_name() {
        let of = |text| timestamp(text);
        assert_eq!(of("a={signatureTimestamp:20472};"), Some(20472));
        assert_eq!(of("{sts:b,c:{sts:19834,d:1}}"), Some(19834));
        assert_eq!(of("{signatureTimestamp:a.b}"), None);
        assert_eq!(of("{signatureTimestamp:99999999999}"), None);
    }
}
