//! Random attempts that print, flush, end and are read, against plain lists of lines.

use proptest::prelude::*;
use std::collections::HashMap;
use tempfile::TempDir;
use weft_blob::{
    Blobs,
    logs::{LogKey, LogLine, LogOptions, LogPointer, LogReader, LogSource, LogWriter},
};
use weft_core::{id::TenantId, time::Timestamp};

/// What may happen.
#[derive(Debug, Clone)]
enum Step {
    Print {
        attempt: u8,
        lines: Vec<u16>,
    },
    Finish {
        attempt: u8,
    },
    Read {
        choice: usize,
        from: u64,
        limit: usize,
    },
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..6_u8, prop::collection::vec(0..300_u16, 1..6))
            .prop_map(|(attempt, lines)| Step::Print { attempt, lines }),
        2 => (0..6_u8).prop_map(|attempt| Step::Finish { attempt }),
        3 => (any::<usize>(), 0..60_u64, 0..40_usize)
            .prop_map(|(choice, from, limit)| Step::Read { choice, from, limit }),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..120)
}

fn tenant(attempt: u8) -> TenantId {
    if attempt.is_multiple_of(2) {
        "even"
    } else {
        "odd"
    }
    .parse()
    .expect("an id")
}

fn line(length: u16) -> LogLine {
    LogLine {
        at: Timestamp(i64::from(length)),
        source: LogSource::Stdout,
        message: "m".repeat(length.into()),
        fields: Vec::new(),
    }
}

struct World {
    folder: TempDir,
    options: LogOptions,
    writer: LogWriter,
    reader: LogReader,
    open: HashMap<u8, Vec<LogLine>>,
    ended: Vec<(u8, LogPointer, Vec<LogLine>)>,
    /// So that an attempt that prints again is another one.
    generation: u32,
}

impl World {
    async fn new(options: LogOptions) -> Self {
        let folder = TempDir::new().expect("a folder");
        let blobs = Blobs::local(folder.path()).expect("a store");
        let (writer, _none) = LogWriter::start(&blobs, options.clone())
            .await
            .expect("started");
        Self {
            folder,
            options,
            writer,
            reader: LogReader::new(blobs, None),
            open: HashMap::new(),
            ended: Vec::new(),
            generation: 0,
        }
    }

    fn key(&self, attempt: u8) -> LogKey {
        LogKey {
            tenant: tenant(attempt),
            attempt: format!("{} {attempt}", self.generation).into(),
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Print { attempt, lines } => {
                let lines: Vec<LogLine> = lines.into_iter().map(line).collect();
                self.writer
                    .append(&self.key(attempt), lines.clone())
                    .await
                    .expect("taken");
                self.open.entry(attempt).or_default().extend(lines);
            }
            Step::Finish { attempt } => self.finish(attempt).await,
            Step::Read {
                choice,
                from,
                limit,
            } => {
                if let Some(at) = choice.checked_rem(self.ended.len()) {
                    self.read(at, from, limit).await;
                }
            }
            Step::Restart => {
                for attempt in 0..6 {
                    self.finish(attempt).await;
                }
                self.writer.close().await.expect("closed");
                let blobs = Blobs::local(self.folder.path()).expect("a store");
                let started = LogWriter::start(&blobs, self.options.clone()).await;
                let (writer, recovered) = started.expect("started");
                assert_eq!(recovered, []);
                self.writer = writer;
                self.generation += 1;
            }
        }
    }

    async fn finish(&mut self, attempt: u8) {
        let pointer = self
            .writer
            .finish(&self.key(attempt))
            .await
            .expect("written");
        let lines = self.open.remove(&attempt);
        assert_eq!(pointer.is_some(), lines.is_some());
        if let (Some(pointer), Some(lines)) = (pointer, lines) {
            self.ended.push((attempt, pointer, lines));
        }
    }

    async fn read(&self, at: usize, from: u64, limit: usize) {
        let (attempt, pointer, lines) = &self.ended[at];
        let page = self
            .reader
            .read(&tenant(*attempt), pointer, from, limit)
            .await
            .expect("readable");
        let first = usize::try_from(from).expect("small").min(lines.len());
        let end = (first + limit).min(lines.len());
        assert_eq!(page.lines, lines[first..end]);
        assert_eq!(page.total, lines.len() as u64);
        assert!(!page.is_incomplete);
        let refused = self
            .reader
            .read(&tenant(attempt + 1), pointer, from, limit)
            .await;
        assert!(refused.is_err(), "another tenant is refused");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn printed_lines_are_read_back(
        steps in steps(),
        chunk_bytes in 1..2000_usize,
        segment_bytes in 500..20_000_u32,
        buffered_bytes in 1..5000_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let options = LogOptions {
                chunk_bytes,
                segment_bytes,
                buffered_bytes,
                ..LogOptions::local()
            };
            let mut world = World::new(options).await;
            for step in steps {
                world.step(step).await;
            }
            for attempt in 0..6 {
                world.finish(attempt).await;
            }
            for at in 0..world.ended.len() {
                world.read(at, 0, 10_000).await;
            }
        });
    }
}
