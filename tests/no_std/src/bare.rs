//! Owns: a program for an ARM processor without a system: puts the core to work and says how it went.
//! Never knows: what is checked.
//!
//! It speaks to whoever holds the processor (a debugger, an emulator) by semihosting: ARM, "Semihosting for AArch32 and
//! AArch64", 2.0: operation in r0, parameter in r1, then a breakpoint of a number that no program has otherwise.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::{ffi::CString, format};
use core::{
    alloc::{GlobalAlloc, Layout},
    arch::asm,
    cell::UnsafeCell,
    panic::PanicInfo,
    sync::atomic::{AtomicUsize, Ordering},
};
use lavalink_rust_no_std::CHECKS;

const HEAP: usize = 8 << 20;

/// `SYS_WRITE0`: a text that ends with a zero.
const WRITE: usize = 0x04;
/// `SYS_EXIT_EXTENDED`: a reason and a status.
const EXIT: usize = 0x20;
/// `ADP_Stopped_ApplicationExit`.
const APPLICATION_EXIT: usize = 0x20026;

/// Memory that is given away from the front and never taken back: the program is over before it is full.
struct Heap {
    bytes: UnsafeCell<[u8; HEAP]>,
    used: AtomicUsize,
}

#[expect(unsafe_code, reason = "an allocator for a program without a system")]
// SAFETY: `bytes` is reached through `alloc` only, which gives each part away once.
unsafe impl Sync for Heap {}

#[expect(unsafe_code, reason = "an allocator for a program without a system")]
// SAFETY: parts do not overlap, because `used` only grows and each is behind what was used before; they are aligned as asked,
// and inside `bytes`.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = self.bytes.get().cast::<u8>();
        let taken = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                let end = (start as usize + used).next_multiple_of(layout.align()) - start as usize
                    + layout.size();
                (end <= HEAP).then_some(end)
            });
        match taken {
            Ok(used) => {
                let at = (start as usize + used).next_multiple_of(layout.align()) - start as usize;
                start.wrapping_add(at)
            }
            Err(_) => core::ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: Heap = Heap {
    bytes: UnsafeCell::new([0; HEAP]),
    used: AtomicUsize::new(0),
};

#[expect(unsafe_code, reason = "the one instruction that reaches the outside")]
fn host(operation: usize, parameter: *const usize) {
    // SAFETY: semihosting reads what `parameter` points to, and changes r0 alone.
    unsafe {
        asm!("bkpt #0xAB", inout("r0") operation => _, in("r1") parameter, options(nostack));
    }
}

fn say(text: &str) {
    if let Ok(text) = CString::new(text) {
        host(WRITE, text.as_ptr().cast());
    }
}

fn exit(status: usize) -> ! {
    let block = [APPLICATION_EXIT, status];
    host(EXIT, block.as_ptr());
    loop {
        core::hint::spin_loop();
    }
}

#[panic_handler]
fn failed(info: &PanicInfo<'_>) -> ! {
    say(&format!("{info}\n"));
    exit(1)
}

/// Tables for unwinding name it, though nothing unwinds.
#[expect(unsafe_code, reason = "the linker looks for this name")]
#[unsafe(no_mangle)]
extern "C" fn __aeabi_unwind_cpp_pr0() {}

#[expect(unsafe_code, reason = "the linker looks for this name")]
#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    for (name, check) in CHECKS {
        say(&format!("{name}\n"));
        check();
    }
    say("all of it holds without std\n");
    exit(0)
}
