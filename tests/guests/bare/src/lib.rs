//! The smallest guest: no standard library and not one WASI import.
//!
//! It is what instantiation and calls are measured with, and the neighbour that
//! must stay correct while a hostile guest runs beside it. It imports nothing
//! at all, so nothing that the host does can hide in its numbers.
#![no_std]

extern crate alloc;

use alloc::{format, string::String, string::ToString, vec::Vec};

wit_bindgen::generate!({
    path: "../../../wit/weft.wit",
    world: "dag",
    generate_all,
});

use exports::weft::dag::tasks::{Failure, Guest, Outcome};

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// What the standard library provides elsewhere: the host's way to allocate in the guest.
///
/// # Safety
///
/// Called by the host alone, as the canonical ABI says.
#[unsafe(no_mangle)]
unsafe extern "C" fn cabi_realloc(
    old: *mut u8,
    old_len: usize,
    align: usize,
    new_len: usize,
) -> *mut u8 {
    use alloc::alloc::{Layout, alloc, realloc};
    if new_len == 0 {
        return core::ptr::without_provenance_mut(align);
    }
    // SAFETY: the caller passes power-of-two alignments and the old block as it was allocated.
    let block = unsafe {
        if old_len == 0 {
            alloc(Layout::from_size_align_unchecked(new_len, align))
        } else {
            realloc(
                old,
                Layout::from_size_align_unchecked(old_len, align),
                new_len,
            )
        }
    };
    if block.is_null() {
        core::arch::wasm32::unreachable()
    } else {
        block
    }
}

const DOCUMENT: &str = r#"{"contract":"weft.dag/1","dags":[{"id":"bare","tasks":{"noop":{},"fib":{"inputs":{"n":{"value":10}}}}}]}"#;

struct Bare;

impl Guest for Bare {
    fn describe() -> Result<String, String> {
        Ok(DOCUMENT.to_string())
    }

    fn run(task: String, inputs: Vec<(String, String)>) -> Result<Outcome, Failure> {
        match task.as_str() {
            "noop" => Ok(Outcome::Success("null".to_string())),
            "fib" => {
                let n = inputs
                    .iter()
                    .find(|(name, _)| name == "n")
                    .and_then(|(_, json)| json.trim().parse().ok());
                let n = n.ok_or_else(|| failure("'n' is not a number"))?;
                Ok(Outcome::Success(fib(n).to_string()))
            }
            _ => Err(failure(&format!("there is no task {task:?}"))),
        }
    }
}

fn fib(n: u32) -> u64 {
    if n < 2 {
        n.into()
    } else {
        fib(n - 1) + fib(n - 2)
    }
}

fn failure(message: &str) -> Failure {
    Failure {
        retryable: false,
        message: message.to_string(),
        more: None,
    }
}

export!(Bare);
