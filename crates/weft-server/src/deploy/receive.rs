//! A file as it comes in: through a temporary file, so that slow uploads hold
//! disk and no memory, and within the bound.

use crate::{
    extract::{BodyFrames, too_large},
    problem::{Code, Problem},
};
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};
use std::{io::SeekFrom, path::Path};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

/// A file that came in whole. It is gone when this is dropped.
pub(crate) struct Received {
    file: tokio::fs::File,
    bytes: u64,
}

impl Received {
    /// Reads the body to its end.
    pub(crate) async fn receive(
        headers: &HeaderMap,
        body: Body,
        folder: &Path,
        most: u64,
    ) -> Result<Self, Problem> {
        let announced = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|bytes| bytes > most) {
            return Err(too_large(most));
        }
        let file = tempfile::tempfile_in(folder).map_err(|error| no_room(&error))?;
        let mut file = tokio::fs::File::from_std(file);
        let mut bytes = 0;
        let mut frames = BodyFrames::new(body);
        while let Some(chunk) = frames.next().await? {
            bytes += chunk.len() as u64;
            if bytes > most {
                return Err(too_large(most));
            }
            file.write_all(&chunk)
                .await
                .map_err(|error| no_room(&error))?;
        }
        file.flush().await.map_err(|error| no_room(&error))?;
        if bytes == 0 {
            return Err(Problem::new(
                Code::InvalidWasm,
                "the body is empty: it must be the file's bytes",
            ));
        }
        Ok(Self { file, bytes })
    }

    /// All of it in memory: for as long as it is compiled and stored.
    pub(crate) async fn read(mut self) -> Result<Bytes, Problem> {
        self.file
            .seek(SeekFrom::Start(0))
            .await
            .map_err(|error| no_room(&error))?;
        let capacity = usize::try_from(self.bytes).unwrap_or(0);
        let mut bytes = Vec::with_capacity(capacity);
        self.file
            .read_to_end(&mut bytes)
            .await
            .map_err(|error| no_room(&error))?;
        Ok(bytes.into())
    }
}

fn no_room(error: &std::io::Error) -> Problem {
    tracing::error!(%error, operation = "receive file", "the temporary folder can't be written; the deploy fails");
    Problem::new(
        Code::StorageFull,
        "the file can't be kept while it comes in: the temporary folder can't be written",
    )
}
