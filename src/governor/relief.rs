//! Owns: giving memory that was freed back to the system.
//! Never knows: whose it was.

/// Gives back what the allocator keeps for later. Takes milliseconds, on any thread.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "only the C library can give its memory back")]
pub fn give_memory_back() {
    // SAFETY: malloc_trim(3) takes a number, no pointer, and may be called from any thread at any time (MT-Safe).
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Other allocators give memory back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub const fn give_memory_back() {}
