//! Owns: the fetch task that feeds a byte window from a file.
//! Never knows: which files may be read.

use super::window::{ByteWindow, LaneWriter, Task, lane};
use crate::error::Failure;
use bytes::BytesMut;
use std::{fs::File, io, path::Path};
use tokio::{
    io::{AsyncReadExt, AsyncSeekExt, SeekFrom},
    runtime::Handle,
};

/// Bytes of one read.
const CHUNK: usize = 64 * 1024;
/// Bytes that wait in the window; a file is always there, so two reads are enough.
const READ_AHEAD: usize = 2 * CHUNK;

/// Opens a regular file for reading. Never waits for the other end of a pipe.
///
/// # Errors
/// As the system says; [`io::ErrorKind::InvalidInput`] for what is no regular file.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ));
    }
    Ok(file)
}

/// A window over the file that `open` opens. Opening and reading happen in a fetch task that lives on `runtime` until the
/// window is dropped.
#[must_use]
pub fn fetch(
    runtime: &Handle,
    open: impl FnOnce() -> Result<File, Failure> + Send + 'static,
) -> ByteWindow {
    let (writer, window) = lane(READ_AHEAD);
    runtime.spawn(async move {
        let opened = tokio::task::spawn_blocking(open).await;
        match opened.unwrap_or_else(|_| Err(Failure::fault("Opening the file failed."))) {
            Ok(file) => run(writer, tokio::fs::File::from_std(file)).await,
            Err(failure) => refuse(writer, &failure).await,
        }
    });
    window
}

/// Tells the failure for every place that the window wants to read from.
async fn refuse(mut writer: LaneWriter, failure: &Failure) {
    writer.fail(failure.clone());
    loop {
        match writer.ready().await {
            Task::Close => return,
            Task::Jump(_) => writer.fail(failure.clone()),
            // a file has no other bytes to give
            Task::Renew => {}
            Task::Deliver => writer.interrupted().await,
        }
    }
}

async fn run(mut writer: LaneWriter, mut file: tokio::fs::File) {
    let length = file.metadata().await.ok().map(|metadata| metadata.len());
    writer.describe(length, true);
    writer.tell_local();
    let mut is_done = false;
    loop {
        let outcome = match writer.ready().await {
            Task::Close => return,
            Task::Jump(to) => {
                is_done = false;
                file.seek(SeekFrom::Start(to)).await.map(|_| ())
            }
            Task::Renew => Ok(()),
            Task::Deliver if is_done => {
                writer.interrupted().await;
                Ok(())
            }
            Task::Deliver => {
                let mut chunk = BytesMut::with_capacity(CHUNK);
                let read = file.read_buf(&mut chunk).await;
                if let Ok(0) = read {
                    is_done = true;
                    writer.finish();
                }
                writer.push(chunk.freeze());
                read.map(|_| ())
            }
        };
        if let Err(error) = outcome {
            is_done = true;
            writer.fail(
                Failure::suspicious("Something broke when playing the track.").because(error),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        testing::{Reader, until},
        window::Stop,
    };
    use super::*;
    use std::io::Write;

    fn file(len: usize) -> (tempfile::NamedTempFile, Vec<u8>) {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        file.write_all(&bytes).expect("written");
        (file, bytes)
    }

    fn window(file: &tempfile::NamedTempFile) -> ByteWindow {
        let path = file.path().to_owned();
        fetch(&Handle::current(), move || {
            open(&path).map_err(|error| Failure::common("no").because(error))
        })
    }

    #[tokio::test]
    async fn a_file_is_read_to_its_end_and_from_anywhere() {
        let (file, bytes) = file(300_000);
        let mut reader = Reader::new(window(&file));
        assert_eq!(reader.rest().await.expect("readable"), bytes);
        let window = reader.window();
        assert_eq!(
            (window.length(), window.is_seekable(), window.is_local()),
            (Some(300_000), true, true)
        );
        window.seek(299_990);
        assert_eq!(reader.rest().await.expect("readable"), bytes[299_990..]);
    }

    #[tokio::test]
    async fn what_waits_is_bounded() {
        let (file, _) = file(2_000_000);
        let mut reader = Reader::new(window(&file));
        reader.take(1).await.expect("there");
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        assert!(reader.window().available() <= READ_AHEAD + CHUNK);
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_opened_is_a_failure_wherever_it_is_read() {
        let refused = || Err(Failure::common("no"));
        let mut reader = Reader::new(fetch(&Handle::current(), refused));
        for to in [0, 1 << 40, 0] {
            reader.window().seek(to);
            let stop = reader.take(1).await.expect_err("refused");
            assert!(matches!(stop, Stop::Failed(failure) if failure.message == "no"));
        }
    }

    #[tokio::test]
    async fn the_fetch_task_ends_with_its_window() {
        let (file, _) = file(2_000_000);
        let tasks = || Handle::current().metrics().num_alive_tasks();
        // full, at its end, refused, and before anything was read
        for case in 0..4 {
            let mut reader = Reader::new(match case {
                2 => fetch(&Handle::current(), || Err(Failure::common("no"))),
                _ => window(&file),
            });
            match case {
                0 => drop(reader.take(1).await.expect("there")),
                1 => drop(reader.rest().await.expect("readable")),
                2 => drop(reader.take(1).await.expect_err("refused")),
                _ => {}
            }
            assert_eq!(tasks(), 1);
            drop(reader);
            until(|| tasks() == 0).await;
        }
    }

    #[test]
    fn only_regular_files_are_opened() {
        let dir = tempfile::tempdir().expect("a directory");
        assert!(open(dir.path()).is_err());
        assert!(open(Path::new("/dev/null")).is_err());
    }
}
