//! Owns: giving back what the process holds of the machine's memory and does not need: once it has started, and after big things.
//! Never knows: what it was needed for.
//!
//! Two things are held longer than they are needed. What the start has read of the program itself (5 of 8 MB that an idle node
//! would hold) comes again from the system's cache of the file when it is called for, at the price of some hundred page faults
//! without reading. And glibc keeps what was freed in the middle of its heaps (26 of 27 MB after fifty players), where a player
//! or a player script of YouTube has been. (What other C libraries keep is left to
//! them.) Where memory is short, all threads share one heap from the start, which leaves fewer gaps.

#![expect(
    unsafe_code,
    reason = "the C library's heap, and maps of the program: system calls that std does not offer"
)]

use std::time::Duration;

/// When the start is over, logging in of the first clients included.
const START_TAKES: Duration = Duration::from_secs(5);
/// Between two looks. One takes some ten microseconds.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Less is not worth the search, which takes a millisecond for every 10 MB or so, and lets who wants memory wait.
const WORTH_BYTES: u64 = 4 << 20;

/// Lets all threads share one heap: a tenth less for each of fifty players, at the price of waits for each other. Called before
/// there are threads.
pub(super) fn share_one_heap() {
    heap::share();
}

/// Gives back, again and again. Ends never.
pub(super) async fn give_back_often() {
    tokio::time::sleep(START_TAKES).await;
    loop {
        give_back_elsewhere().await;
        // what is in use all the time has come again by then
        tokio::time::sleep(LOOK_EVERY).await;
        let (heap, program) = held();
        let (mut heap, mut program) = (Surplus { left: heap }, Surplus { left: program });
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let (heap_bytes, program_bytes) = held();
            // both are asked: each takes note
            if heap.is_worth_it(heap_bytes) | program.is_worth_it(program_bytes) {
                break;
            }
        }
    }
}

/// On a thread on which nothing else waits.
async fn give_back_elsewhere() {
    // it fails only when the runtime ends
    let _ = tokio::task::spawn_blocking(give_back).await;
}

/// What others have freed, at once. Takes milliseconds.
pub(super) fn give_back_heap() {
    heap::trim();
}

/// Decides when it is worth while.
#[derive(Debug)]
struct Surplus {
    /// What could not be given back the last time, in bytes: single pages between others that are in use, and what came again.
    left: u64,
}

impl Surplus {
    fn is_worth_it(&mut self, surplus: u64) -> bool {
        self.left = self.left.min(surplus);
        surplus - self.left >= WORTH_BYTES
    }
}

fn give_back() {
    heap::trim();
    for range in clean_maps() {
        // SAFETY: the range is a whole mapping of the program's own file, which stays for the life of the process, cannot be
        // written, and has no page that differs from the file (see `clean`): whoever reads it next finds the same bytes.
        unsafe {
            libc::madvise(
                range.start as *mut libc::c_void,
                range.len(),
                libc::MADV_DONTNEED,
            );
        }
    }
}

/// What might be given back, in bytes: memory that nothing has asked for and is there nevertheless (what the heap holds free, and
/// a little more: stacks, tables of the allocator); and what is there of files, the program's foremost.
fn held() -> (u64, u64) {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let (anonymous, of_files) = resident_pages(&statm);
    let in_vain = heap::in_use().map_or(0, |in_use| {
        (anonymous * page_bytes()).saturating_sub(in_use)
    });
    (in_vain, of_files * page_bytes())
}

/// Resident pages without a file and with one: of proc_pid_statm(5), the second figure less the third, and the third.
fn resident_pages(statm: &str) -> (u64, u64) {
    let mut figures = statm
        .split(' ')
        .skip(1)
        .map(|figure| figure.parse().unwrap_or(0));
    let resident: u64 = figures.next().unwrap_or(0);
    let of_files = figures.next().unwrap_or(0);
    (resident.saturating_sub(of_files), of_files)
}

fn page_bytes() -> u64 {
    // SAFETY: a look-up of a constant.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(bytes).unwrap_or(4096)
}

/// Parts of the program in memory that are as they are in its file.
fn clean_maps() -> Vec<std::ops::Range<usize>> {
    let Ok(program) = std::fs::read_link("/proc/self/exe") else {
        return Vec::new();
    };
    let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap_or_default();
    clean(&smaps, &program.to_string_lossy())
}

/// Of `smaps` (proc_pid_smaps(5)), what is mapped of the file `program`, cannot be written, and has no page of its own: what the
/// linker has written addresses to has, and what a debugger has put a stop into.
fn clean(smaps: &str, program: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut candidate = None;
    for line in smaps.lines() {
        if line.ends_with(program) && line.split_whitespace().nth(5).is_some() {
            candidate = read_only(line);
        } else if let Some(kilobytes) = line.strip_prefix("Anonymous:") {
            let is_clean = kilobytes.trim() == "0 kB";
            found.extend(candidate.take().filter(|_| is_clean));
        } else if line.starts_with(|c: char| c.is_ascii_digit() || c.is_ascii_lowercase()) {
            candidate = None; // of another file
        }
    }
    found
}

/// The addresses of a private mapping that cannot be written.
fn read_only(line: &str) -> Option<std::ops::Range<usize>> {
    let (addresses, rest) = line.split_once(' ')?;
    let (start, end) = addresses.split_once('-')?;
    let address = |hex| usize::from_str_radix(hex, 16).ok();
    let range = address(start)?..address(end)?;
    (rest.starts_with("r--p") || rest.starts_with("r-xp")).then_some(range)
}

#[cfg(target_env = "gnu")]
mod heap {
    /// Bytes that were asked for and not freed, of all heaps. (What has taken the place of `mallinfo` came with glibc 2.33,
    /// and 2.31 is still about.)
    pub fn in_use() -> Option<u64> {
        // SAFETY: looks under the allocator's own locks.
        let figures = unsafe { libc::mallinfo() };
        // figures of up to 4 GiB, in a signed type
        Some(u64::from(figures.uordblks as u32) + u64::from(figures.hblkhd as u32))
    }

    /// No heap but the first, whatever the number of threads.
    pub fn share() {
        // SAFETY: takes two numbers, before other threads ask for memory.
        unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
    }

    /// Gives back whole free pages.
    pub fn trim() {
        // SAFETY: works under the allocator's own locks, on what nobody holds.
        unsafe { libc::malloc_trim(0) };
    }
}

#[cfg(not(target_env = "gnu"))]
mod heap {
    /// Not known.
    pub const fn in_use() -> Option<u64> {
        None
    }

    /// Allocators of other systems do it themselves.
    pub const fn share() {}

    /// Likewise.
    pub const fn trim() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a node (Linux 6.18, x86-64), shortened: headers and constants, code, what was relocated, data, the heap, a library.
    const SMAPS: &str = "\
55d0c0a00000-55d0c0cfc000 r--p 00000000 fe:00 1234                       /usr/bin/lavalink rust
Size:               3056 kB
Anonymous:             0 kB
VmFlags: rd mr mw me
55d0c0cfc000-55d0c1865000 r-xp 002fb000 fe:00 1234                       /usr/bin/lavalink rust
Anonymous:             0 kB
55d0c1865000-55d0c18b6000 r--p 00e63000 fe:00 1234                       /usr/bin/lavalink rust
Anonymous:           324 kB
55d0c18b6000-55d0c18bd000 rw-p 00eb3000 fe:00 1234                       /usr/bin/lavalink rust
Anonymous:             0 kB
55d0c2000000-55d0c2064000 rw-p 00000000 00:00 0                          [heap]
Anonymous:             0 kB
7fb43e313000-7fb43e335000 r-xp 00000000 fe:00 99                         /usr/lib/libc.so.6
Anonymous:             0 kB
";

    #[test]
    fn only_what_is_as_in_the_file_is_given_back() {
        let found = clean(SMAPS, "/usr/bin/lavalink rust");
        assert_eq!(
            found,
            [
                0x55d0_c0a0_0000..0x55d0_c0cf_c000,
                0x55d0_c0cf_c000..0x55d0_c186_5000
            ]
        );
        assert!(clean(SMAPS, "/usr/bin/other").is_empty());
        assert!(clean("rubbish /usr/bin/x\nAnonymous: 0 kB", "/usr/bin/x").is_empty());
    }

    #[test]
    fn pages_without_a_file_are_resident_ones_less_those_with_one() {
        // size resident shared text lib data dt
        assert_eq!(
            resident_pages("72312 2428 2178 2921 0 2320 0\n"),
            (250, 2178)
        );
        assert_eq!(resident_pages(""), (0, 0));
    }

    #[test]
    fn it_is_worth_it_when_more_is_held_in_vain_than_the_last_time() {
        let mut surplus = Surplus { left: 3 << 20 };
        assert!(!surplus.is_worth_it(6 << 20));
        assert!(surplus.is_worth_it(7 << 20));
        surplus.left = 7 << 20;
        assert!(!surplus.is_worth_it(7 << 20));
        // other use has filled the gaps: from here on it counts anew
        assert!(!surplus.is_worth_it(1 << 20));
        assert!(surplus.is_worth_it(5 << 20));
    }

    #[test]
    fn the_program_runs_on_when_it_was_given_back() {
        let maps = clean_maps();
        assert!(!maps.is_empty(), "a program has code");
        let kept: Vec<Vec<u8>> = (0..200).map(|_| vec![7; 100_000]).collect();
        give_back();
        assert!(kept.iter().flatten().all(|byte| *byte == 7));
        assert_eq!(clean_maps(), maps);
    }
}
