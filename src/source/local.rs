//! Owns: the `local` source: files of this machine, and which of them may be read.
//! Never knows: what a container is.

use super::{Media, Outcome, Reference, Source, Supply, probe};
use crate::{
    error::Failure,
    media::{demux::probe::Hint, file},
    net::freshness,
    track::Track,
};
use futures_util::{FutureExt, future::BoxFuture};
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::runtime::Handle;

/// The name of this source.
const NAME: &str = "local";
/// The longest path that is looked at, in bytes: `PATH_MAX` of Linux.
const MAX_PATH_LEN: usize = 4096;

/// Loads and opens files.
pub struct Local {
    roots: Arc<[PathBuf]>,
    runtime: Handle,
    playlist_bytes: usize,
}

impl Local {
    /// Files below `roots`, or any when there are none; fetch tasks live on `runtime`. Of a
    /// playlist, `playlist_bytes` are read.
    #[must_use]
    pub fn new(roots: Vec<PathBuf>, runtime: Handle, playlist_bytes: usize) -> Self {
        Self {
            roots: roots.into(),
            runtime,
            playlist_bytes,
        }
    }

    async fn look_up(&self, reference: &Reference) -> Result<Outcome, Failure> {
        let path = PathBuf::from(&reference.identifier);
        let (roots, wanted) = (self.roots.clone(), path.clone());
        let opened = tokio::task::spawn_blocking(move || open(&roots, &wanted)).await;
        // files come and go, and cost little to look at
        if opened.as_ref().is_ok_and(Result::is_ok) || !reference.identifier.contains(':') {
            freshness::at_most(Duration::ZERO);
        }
        // what is not there, or not for us, may be something to another source
        let Ok(Ok(file)) = opened else {
            return Ok(Outcome::NotMine);
        };
        let hint = Hint {
            mime: None,
            extension: extension(&path),
        };
        let window = file::fetch(&self.runtime, move || Ok(file));
        let origin = probe::Origin {
            source: NAME,
            identifier: &reference.identifier,
            title: reference.title.clone(),
            author: None,
        };
        // relative links are read from the directory of their list
        let resolve = |link: &str| {
            path.parent()?
                .join(link)
                .into_os_string()
                .into_string()
                .ok()
        };
        probe::probe(window, hint, self.playlist_bytes)
            .await?
            .into_outcome(origin, resolve)
    }
}

impl Source for Local {
    fn name(&self) -> &'static str {
        NAME
    }

    fn takes_as_given(&self) -> bool {
        true
    }

    fn load<'a>(&'a self, reference: &'a Reference) -> BoxFuture<'a, Result<Outcome, Failure>> {
        self.look_up(reference).boxed()
    }

    fn open(&self, track: &Track) -> Result<Supply, Failure> {
        let path = PathBuf::from(&track.info.identifier);
        let hint = probe::hint(track, extension(&path));
        let roots = self.roots.clone();
        // the track may be a client's own make, so its path is checked again
        let window = file::fetch(&self.runtime, move || {
            open(&roots, &path).map_err(|error| {
                Failure::suspicious("Something broke when playing the track.").because(error)
            })
        });
        Ok(Supply::Window(Box::new(Media { window, hint })))
    }
}

/// Opens a regular file, if it lies below one of the roots once all links are followed.
fn open(roots: &[PathBuf], path: &Path) -> io::Result<File> {
    if path.as_os_str().len() > MAX_PATH_LEN {
        return Err(io::ErrorKind::InvalidFilename.into());
    }
    if roots.is_empty() {
        return file::open(path);
    }
    let real = path.canonicalize()?;
    let is_below = |root: &PathBuf| root.canonicalize().is_ok_and(|root| real.starts_with(root));
    if !roots.iter().any(is_below) {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the file lies outside of the allowed directories",
        ));
    }
    file::open(&real)
}

fn extension(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_ascii_lowercase())
}

#[cfg(test)]
#[path = "local_tests.rs"]
mod tests;
