//! Signals by which a process takes itself down, written into the worker's journal.
//!
//! A defect of the engine, an overflow of the stack or an `abort` ends a process by a
//! signal that it can see coming. `SIGKILL` can't be seen: it comes from the kernel for
//! want of memory, which the kernel counts, or from outside, where no attempt is to blame.

use rustix::fd::BorrowedFd;
use signal_hook::{
    consts::{SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP},
    low_level::emulate_default_handler,
};
use std::{
    fs::File,
    io,
    os::fd::AsRawFd as _,
    sync::atomic::{AtomicBool, AtomicI32, Ordering},
};

/// What a process that took itself down leaves.
pub(crate) const MARK: &str = "fatal";
/// Where in the file.
const MARK_AT: u64 = crate::journal::LINE_BYTES as u64;
/// All that end a process by what it did itself, or what was done to it in its name.
const SIGNALS: [i32; 7] = [SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP];
/// No file.
const NONE: i32 = -1;

/// The file of the journal that is open.
static JOURNAL: AtomicI32 = AtomicI32::new(NONE);
/// Whether these signals are seen.
static SEEN: AtomicBool = AtomicBool::new(false);

/// From now on a worker of this process can tell a death of its own doing from one that came
/// from outside. Before the first engine is made: its handlers stand before this one, or traps
/// of guests would be taken for deaths.
///
/// # Errors
/// The system takes no handler.
#[expect(
    unsafe_code,
    reason = "a handler of signals may do next to nothing; this one writes a few bytes and ends the process"
)]
pub fn notice_fatal_signals() -> io::Result<()> {
    if SEEN.load(Ordering::Acquire) {
        return Ok(());
    }
    for signal in SIGNALS {
        // SAFETY: the registry calls the earlier handler of the signal first.
        // `pwrite`, loads of atomics and what follows are safe in a handler: they neither
        // allocate nor lock. It does not return: the process ends as it would have.
        unsafe {
            signal_hook_registry::register_unchecked(signal, move |_| {
                leave_mark();
                drop(emulate_default_handler(signal));
            })
        }?;
    }
    SEEN.store(true, Ordering::Release);
    Ok(())
}

/// Whether a death of its own doing leaves its mark.
pub(crate) fn are_seen() -> bool {
    SEEN.load(Ordering::Acquire)
}

/// The mark goes into this file, until it is closed.
pub(crate) fn open(file: &File) {
    JOURNAL.store(file.as_raw_fd(), Ordering::Release);
}

/// The file is about to be closed.
pub(crate) fn close(file: &File) {
    // It may be another one's by now, in a process of several workers.
    let (mine, order) = (file.as_raw_fd(), Ordering::AcqRel);
    JOURNAL
        .compare_exchange(mine, NONE, order, Ordering::Acquire)
        .ok();
}

#[expect(unsafe_code, reason = "the handler knows the file by its number alone")]
fn leave_mark() {
    let file = JOURNAL.load(Ordering::Acquire);
    if file == NONE {
        return;
    }
    // SAFETY: the journal takes its number back before it closes its file.
    let file = unsafe { BorrowedFd::borrow_raw(file) };
    // Where that fails, too, the process ends.
    rustix::io::pwrite(file, MARK.as_bytes(), MARK_AT).ok();
}
