//! Attacks on memory: the guest's own, and the host's through what it is asked to copy.

use crate::{End, saw, weft::dag::log};
use std::hint::black_box;
use wasip2::{clocks::monotonic_clock, http::types::Fields, io::poll, random::random};

type Inputs = [(String, String)];

const PAGE_BYTES: usize = 64 * 1024;

/// Takes and touches memory until the allocator gives up, which aborts the guest.
pub(crate) fn memory_growth(_: &Inputs) -> End {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(black_box(vec![1; 16 * PAGE_BYTES]));
    }
}

/// Takes memory until it is refused, and lives with that.
pub(crate) fn memory_growth_refused(_: &Inputs) -> End {
    let mut pages = 0usize;
    while core::arch::wasm32::memory_grow(0, 16) != usize::MAX {
        pages += 16;
    }
    saw(format!(
        "refused after {} MiB",
        pages * PAGE_BYTES / (1024 * 1024)
    ))
}

pub(crate) fn deep_recursion(_: &Inputs) -> End {
    #[inline(never)]
    fn deeper(level: u64) -> u64 {
        black_box(level) + black_box(deeper as fn(u64) -> u64)(level + 1)
    }
    saw(deeper(0))
}

/// Asks for more random bytes than the guest could ever hold.
pub(crate) fn huge_random(_: &Inputs) -> End {
    saw(random::get_random_bytes(3 << 30).len())
}

/// One handle, listed 20 million times in one call.
pub(crate) fn huge_poll_list(_: &Inputs) -> End {
    let ready = monotonic_clock::subscribe_duration(0);
    let all = vec![&ready; 20_000_000];
    saw(poll::poll(&all).len())
}

/// The same megabyte a thousand times: small in the guest, a gigabyte in the host.
pub(crate) fn aliased_log_fields(_: &Inputs) -> End {
    let value = "x".repeat(1 << 20);
    // The bindings take owned strings, so the list is built as the ABI lays it out.
    aliased::write("a line with heavy fields", &value, 1_000);
    saw("written")
}

/// The same 60 kilobytes as value of 100,000 headers.
pub(crate) fn aliased_http_headers(_: &Inputs) -> End {
    let value = "x".repeat(60_000);
    match aliased::headers(&value, 100_000) {
        Ok(()) => saw("a header map of gigabytes"),
        Err(()) => saw("refused"),
    }
}

/// Calls with lists whose elements all point to the same bytes, which no binding would make.
mod aliased {
    use super::{Fields, log};

    #[repr(C)]
    struct Pair {
        name: *const u8,
        name_len: usize,
        value: *const u8,
        value_len: usize,
    }

    fn pairs(value: &str, count: usize) -> Vec<Pair> {
        let name = "name";
        let pair = || Pair {
            name: name.as_ptr(),
            name_len: name.len(),
            value: value.as_ptr(),
            value_len: value.len(),
        };
        (0..count).map(|_| pair()).collect()
    }

    #[link(wasm_import_module = "weft:dag/log@0.1.0")]
    unsafe extern "C" {
        #[link_name = "write"]
        fn log_write(
            level: i32,
            message: *const u8,
            message_len: usize,
            fields: *const Pair,
            fields_len: usize,
        );
    }

    pub(super) fn write(message: &str, value: &str, count: usize) {
        let pairs = pairs(value, count);
        // SAFETY: every pointer is to live bytes of the length beside it.
        unsafe {
            log_write(
                log::Level::Info as i32,
                message.as_ptr(),
                message.len(),
                pairs.as_ptr(),
                pairs.len(),
            )
        };
    }

    pub(super) fn headers(value: &str, count: usize) -> Result<(), ()> {
        let entries: Vec<(String, Vec<u8>)> = Vec::new();
        drop(Fields::from_list(&entries));
        let pairs = pairs(value, count);
        let mut result = [0u32; 2];
        // SAFETY: every pointer is to live bytes of the length beside it, and the result has room for
        // `result<own<fields>, header-error>`: a tag in four bytes and four more.
        unsafe { fields_from_list(pairs.as_ptr(), pairs.len(), result.as_mut_ptr().cast()) };
        if result[0] & 0xff == 0 {
            Ok(())
        } else {
            Err(())
        }
    }

    #[link(wasm_import_module = "wasi:http/types@0.2.12")]
    unsafe extern "C" {
        #[link_name = "[static]fields.from-list"]
        fn fields_from_list(entries: *const Pair, entries_len: usize, result: *mut u8);
    }
}
