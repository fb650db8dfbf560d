//! Compiled code for the whole fleet: made once for each file and kind of
//! machine, by the compiler role, and kept among the blobs.
//!
//! A request for code that is not compiled yet waits for it; concurrent requests for
//! the same code share one compilation.

use crate::{app::App, compiling::NoCode, ports::CodeError};
use weft_blob::Kind;
use weft_core::{digest::Digest, id::TenantId};
use weft_store_sql::CompiledKey;

/// The blob with the code of a tenant's component; `name` is the sandbox's word for what it is for.
pub(crate) async fn code(
    app: &App,
    tenant: &TenantId,
    component: Digest,
    name: &str,
) -> Result<Digest, NoCode> {
    let key = CompiledKey {
        tenant: tenant.clone(),
        component,
        name: name.into(),
        signer: app.compiler().signer(),
    };
    if let Some(digest) = app.database().find_compiled(&key).await? {
        let found = app.blobs().exists(Kind::Compiled, tenant, &digest).await;
        // The row may have outlived its blob: a backup holds no code.
        if found.map_err(|error| NoCode::of_blob(&error))? {
            return Ok(digest);
        }
    }
    let flight = app.compiling().join(&key);
    let made = flight.get_or_init(|| make(app, &key)).await.clone();
    app.compiling().leave(&key, &flight);
    made
}

async fn make(app: &App, key: &CompiledKey) -> Result<Digest, NoCode> {
    let CompiledKey {
        tenant, component, ..
    } = key;
    let file = app
        .blobs()
        .get(Kind::Component, tenant, component)
        .await
        .map_err(|error| NoCode::of_blob(&error))?;
    // As many at once as deploys are compiled, together with them.
    let _turn = app
        .deploys()
        .acquire()
        .await
        .map_err(|error| NoCode::unavailable(&error))?;
    let code = app
        .compiler()
        .code(file, *component, &key.name)
        .await
        .map_err(|error| match error {
            CodeError::Unknown(why) => NoCode::Unknown(why.into()),
            CodeError::Unavailable(why) => NoCode::unavailable(&why),
        })?;
    let digest = app
        .blobs()
        .put(Kind::Compiled, tenant, code)
        .await
        .map_err(|error| NoCode::of_blob(&error))?;
    app.database().put_compiled(key, &digest).await?;
    Ok(digest)
}

/// Has what a deploy compiled at hand for the fleet, without anybody waiting for it.
pub(crate) fn offer(app: &App, tenant: &TenantId, files: Vec<(Digest, String)>) {
    let (app, tenant) = (app.clone(), tenant.clone());
    tokio::spawn(async move {
        for (component, name) in files {
            if let Err(error) = code(&app, &tenant, component, &name).await {
                tracing::warn!(%tenant, %component, %error, operation = "compile component", "compiling a component ahead failed; workers compile it themselves");
            }
        }
    });
}
