//! The file in the body of a deploy, which may be compressed: by itself, or beside a component that the
//! tenant has deployed before, of which it then repeats most.

use crate::{
    app::App,
    extract::too_large,
    problem::{Code, Problem},
};
use bytes::Bytes;
use http::{HeaderMap, header};
use weft_api::upload::{DICTIONARY_ZSTD, ZSTD, base_of};
use weft_blob::{BlobError, Kind};
use weft_core::{digest::Digest, id::TenantId};
use zstd_safe::DCtx;

/// The file itself.
pub(crate) async fn decode(
    app: &App,
    tenant: &TenantId,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Bytes, Problem> {
    let encoding = headers
        .get(header::CONTENT_ENCODING)
        .map_or(&b"identity"[..], http::HeaderValue::as_bytes);
    let (base, frame) = match encoding {
        b"identity" => return Ok(body),
        encoding if encoding == ZSTD.as_bytes() => (Bytes::new(), body),
        encoding if encoding == DICTIONARY_ZSTD.as_bytes() => {
            let (digest, frame) =
                base_of(&body).ok_or_else(|| damaged("it names no other file"))?;
            (base(app, tenant, digest).await?, body.slice_ref(frame))
        }
        _unknown => {
            return Err(Problem::new(
                Code::UnsupportedMediaType,
                format!(
                    "the Content-Encoding of a file is {ZSTD} or {DICTIONARY_ZSTD}, or there is none"
                ),
            ));
        }
    };
    let most = app.options().max_deploy_bytes;
    tokio::task::spawn_blocking(move || decompressed(&frame, &base, most))
        .await
        .map_err(Problem::internal)?
}

/// The component that a body repeats parts of.
async fn base(app: &App, tenant: &TenantId, digest: Digest) -> Result<Bytes, Problem> {
    match app.blobs().get(Kind::Component, tenant, &digest).await {
        Ok(base) => Ok(base),
        Err(BlobError::Missing { .. }) => Err(Problem::new(
            Code::UnsupportedMediaType,
            format!("the server does not have {digest}, which the file was compressed beside"),
        )),
        Err(error) => Err(error.into()),
    }
}

fn decompressed(frame: &[u8], base: &[u8], most: u64) -> Result<Bytes, Problem> {
    let bytes = zstd_safe::get_frame_content_size(frame)
        .ok()
        .flatten()
        .ok_or_else(|| damaged("it does not begin with a frame of Zstandard that says its size"))?;
    if bytes > most {
        return Err(too_large(most));
    }
    let reason = |code| damaged(zstd_safe::get_error_name(code));
    let mut file = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
    let mut context = DCtx::create();
    if !base.is_empty() {
        context.ref_prefix(base).map_err(reason)?;
    }
    context.decompress(&mut file, frame).map_err(reason)?;
    Ok(file.into())
}

fn damaged(reason: &str) -> Problem {
    Problem::new(
        Code::InvalidWasm,
        format!("the body can't be decompressed: {reason}"),
    )
}
