//! Attacks on what the host keeps for calls and streams.

use crate::{End, saw};
use futures_util::poll;
use std::mem::forget;
use wasip3::{
    cli::{stdin, stdout},
    clocks::monotonic_clock::wait_for,
    filesystem::preopens,
    wit_stream,
};

const MILLION: usize = 1_000_000;

pub(crate) async fn million_waits() -> End {
    let mut all = Vec::new();
    for _ in 0..MILLION {
        let mut wait = Box::pin(wait_for(u64::MAX));
        // Begun, and left alone.
        if poll!(&mut wait).is_pending() {
            all.push(wait);
        }
    }
    saw(all.len())
}

pub(crate) async fn million_streams() -> End {
    let all: Vec<_> = (0..MILLION).map(|_| wit_stream::new::<u8>()).collect();
    saw(all.len())
}

/// Streams whose one end the host has: the guest itself holds one handle for each.
pub(crate) async fn million_stream_ends_given_away() -> End {
    for _ in 0..MILLION {
        let (writer, reader) = wit_stream::new::<u8>();
        forget(stdout::write_via_stream(reader));
        forget(writer);
        forget(stdin::read_via_stream());
    }
    saw(MILLION)
}

/// Listings without a reader.
pub(crate) async fn million_reads_of_folders() -> End {
    let folders = preopens::get_directories();
    let all: Vec<_> = (0..MILLION)
        .map(|_| folders[0].0.read_directory())
        .collect();
    saw(all.len())
}

pub(crate) async fn stdout_flood_by_stream() -> End {
    let (mut writer, reader) = wit_stream::new::<u8>();
    forget(stdout::write_via_stream(reader));
    let mut bytes = b"the same line again, and no end of it\n".repeat(1_000);
    for _ in 0..2_000 {
        let length = bytes.len();
        let left = writer.write_all(bytes).await;
        assert!(left.is_empty(), "the host closed standard output");
        bytes = b"the same line again, and no end of it\n".repeat(length / 38);
    }
    saw("all written")
}
