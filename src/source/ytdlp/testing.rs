//! Owns: programs for tests: small scripts that answer as yt-dlp does.
//! Never knows: what is tested.

use serde_json::Value;
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// A script in a folder of its own, which it knows as `$here`.
pub struct Program {
    folder: TempDir,
}

impl Program {
    /// That does this.
    pub fn new(body: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("program");
        // another process writes it: a file that one of ours holds open for writing, be it for a moment and in a fork, cannot
        // be started
        let mut shell = Command::new("sh")
            .args(["-c", "cat > \"$0\" && chmod +x \"$0\""])
            .arg(&path)
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell");
        let text = format!("#!/bin/sh\nhere={}\n{body}\n", folder.path().display());
        let mut stdin = shell.stdin.take().expect("piped");
        stdin.write_all(text.as_bytes()).expect("written");
        drop(stdin);
        assert!(shell.wait().expect("it ends").success());
        Self { folder }
    }

    /// That answers what is asked last with the first answer whose pattern (of a shell) fits, and notes all that it is asked.
    pub fn answering(answers: &[(&str, Said)]) -> Self {
        let mut body = String::from(
            "for last; do :; done\nprintf '%s\\n' \"$@\" '' >> \"$here/asked\"\ncase \"$last\" in\n",
        );
        for (at, (pattern, said)) in answers.iter().enumerate() {
            let answer = match said {
                Said::Json(_) => format!("cat \"$here/{at}\""),
                Said::Error(_) => format!("cat \"$here/{at}\" >&2; echo null; exit 1"),
            };
            body.push_str(&format!("{pattern}) {answer};;\n"));
        }
        body.push_str("*) echo \"ERROR: Unsupported URL: $last\" >&2; echo null; exit 1;;\nesac");
        let program = Self::new(&body);
        for (at, (_, said)) in answers.iter().enumerate() {
            let text = match said {
                Said::Json(value) => value.to_string(),
                Said::Error(text) => (*text).to_owned(),
            };
            fs::write(program.file(&at.to_string()), text).expect("written");
        }
        program
    }

    pub fn path(&self) -> PathBuf {
        self.file("program")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A pipe with this name.
    pub fn pipe(&self, name: &str) -> PathBuf {
        let path = self.file(name);
        let made = Command::new("mkfifo").arg(&path).status();
        assert!(made.expect("started").success());
        path
    }

    /// Everything that was asked, each with its arguments.
    pub fn asked(&self) -> Vec<Vec<String>> {
        let text = fs::read_to_string(self.file("asked")).unwrap_or_default();
        text.split_terminator("\n\n")
            .map(|one| one.lines().map(str::to_owned).collect())
            .collect()
    }

    /// What was asked last in each, in order.
    pub fn questions(&self) -> Vec<String> {
        let asked = self.asked();
        asked.into_iter().filter_map(|mut it| it.pop()).collect()
    }

    /// Replaces what the answer of this index says.
    pub fn change(&self, at: usize, value: &Value) {
        let path: &Path = &self.file(&at.to_string());
        fs::write(path, value.to_string()).expect("written");
    }
}

/// What a script says.
pub enum Said {
    Json(Value),
    Error(&'static str),
}
