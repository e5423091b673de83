//! Owns: reading the small files in which Linux tells of itself, below a folder of the caller's choice, within limits.
//! Never knows: what they say.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    str::FromStr,
};

/// The longest file that is read, in bytes, where nobody says another limit; those of `/proc` and `/sys` have a few kilobytes.
const LONGEST: u64 = 64 * 1024;
/// The most entries of a folder that are looked at.
const MOST: usize = 256;

/// Files below a root. What is read lies in a buffer that is used again, so that reading the same again and again allocates
/// nothing. A file that is not there, may not be read or is no text is `None`: a machine that does not tell.
#[derive(Debug)]
pub struct Files {
    root: PathBuf,
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Files {
    /// Those of the file system that begins at `root`: `/`, or what a test has made.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            path: PathBuf::new(),
            bytes: Vec::new(),
        }
    }

    /// A text.
    pub fn text(&mut self, path: impl AsRef<Path>) -> Option<&str> {
        self.up_to(path, LONGEST)
    }

    /// The first `limit` bytes of a text.
    pub fn up_to(&mut self, path: impl AsRef<Path>, limit: u64) -> Option<&str> {
        std::str::from_utf8(self.bytes(path, limit)?).ok()
    }

    /// The first `limit` bytes of a file.
    pub fn bytes(&mut self, path: impl AsRef<Path>, limit: u64) -> Option<&[u8]> {
        self.go_to(path.as_ref());
        self.bytes.clear();
        // what a long file once took is not held on to
        self.bytes.shrink_to(LONGEST as usize);
        let file = File::open(&self.path).ok()?;
        file.take(limit).read_to_end(&mut self.bytes).ok()?;
        Some(&self.bytes)
    }

    /// A file that holds one number.
    pub fn number<T: FromStr>(&mut self, path: impl AsRef<Path>) -> Option<T> {
        self.text(path)?.trim().parse().ok()
    }

    /// A file that holds one line, of at most 128 characters that can be shown.
    pub fn line(&mut self, path: impl AsRef<Path>) -> Option<String> {
        shown(self.text(path)?)
    }

    /// Whether there is a file or a folder.
    pub fn has(&mut self, path: impl AsRef<Path>) -> bool {
        self.go_to(path.as_ref());
        self.path.exists()
    }

    /// Names in a folder that begin with `prefix`, those with the lower number first.
    #[must_use]
    pub fn names(&self, folder: impl AsRef<Path>, prefix: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.root.join(folder)) else {
            return Vec::new();
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names
            .filter(|name| name.starts_with(prefix))
            .take(MOST)
            .collect();
        names.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        names
    }

    fn go_to(&mut self, path: &Path) {
        self.path.clear();
        self.path.push(&self.root);
        self.path.push(path.strip_prefix("/").unwrap_or(path));
    }
}

/// Text from outside as one short line; `None` when nothing of it can be shown. Texts of device trees end with a zero.
#[must_use]
pub fn shown(text: &str) -> Option<String> {
    let line = text.lines().next()?;
    let line: String = line.chars().filter(|c| !c.is_control()).take(128).collect();
    let line = line.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// The number of a line `name number`, `name: number` or `name: number kB`.
#[must_use]
pub fn field(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| {
        let rest = line.strip_prefix(name)?;
        rest.starts_with([' ', ':', '\t']).then_some(rest)
    })?;
    let mut words = rest.trim_start_matches(':').split_whitespace();
    words.next()?.parse().ok()
}

/// The same of a line in kB, in bytes (proc_meminfo(5), proc_pid_status(5)).
#[must_use]
pub fn kilobytes(text: &str, name: &str) -> Option<u64> {
    field(text, name)?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_lines_are_read_in_bytes() {
        let status = "Name:\tx\nVmRSS:\t    2048 kB\nRssAnon:\t  512 kB\n";
        assert_eq!(kilobytes(status, "VmRSS"), Some(2_097_152));
        assert_eq!(kilobytes(status, "VmSwap"), None);
        assert_eq!(kilobytes(status, "Rss"), None, "a part of a name is none");
        assert_eq!(kilobytes("VmRSS: 99999999999999999999 kB", "VmRSS"), None);
    }

    #[test]
    fn what_cannot_be_read_is_nothing_and_what_is_long_is_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("words"), vec![b'x'; 100_000]).expect("written");
        fs::write(folder.path().join("garbage"), [0xFF, 0xFE, 0]).expect("written");
        fs::write(folder.path().join("model"), "A board\0").expect("written");
        let mut files = Files::new(folder.path());
        assert_eq!(files.text("/words").map(str::len), Some(64 * 1024));
        assert_eq!(files.up_to("words", 5), Some("xxxxx"));
        assert_eq!(files.text("garbage"), None);
        assert_eq!(files.text("."), None, "a folder");
        assert_eq!(files.number::<u64>("words"), None);
        assert_eq!(files.line("model").as_deref(), Some("A board"));
        assert!(files.has("garbage") && !files.has("nothing"));
    }

    #[test]
    fn names_are_in_the_order_of_their_numbers() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["zone10", "zone9", "other"] {
            fs::create_dir(folder.path().join(name)).expect("made");
        }
        let files = Files::new(folder.path());
        assert_eq!(files.names("", "zone"), ["zone9", "zone10"]);
        assert_eq!(files.names("nothing", "zone"), [""; 0]);
    }
}
