//! Variables, asked of the server for an attempt that this worker holds.

use super::{Refused, Way};
use async_trait::async_trait;
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use weft_broker::{AttemptKey, message::write_key};
use weft_core::id::TenantId;
use weft_worker::{SecretError, Secrets};

#[derive(Serialize)]
struct Asked<'a> {
    attempt: String,
    name: &'a str,
}

#[derive(Deserialize)]
struct Told {
    value: Option<String>,
}

#[async_trait]
impl Secrets for Way {
    /// The server checks the claim and the grant, and knows the tenant by the claim.
    async fn variable(
        &self,
        claim: &AttemptKey,
        _tenant: &TenantId,
        name: &str,
    ) -> Result<Option<String>, SecretError> {
        let asked = Asked {
            attempt: write_key(claim),
            name,
        };
        let asked = serde_json::to_vec(&asked).expect("texts have a JSON form");
        match self.post("variable", asked).await {
            Ok(told) => serde_json::from_slice::<Told>(&told)
                .map(|told| told.value)
                // What is wrong with it could hold the value: it is not shown.
                .map_err(|_odd| {
                    SecretError::Unavailable("the server's answer can't be read".into())
                }),
            Err(Refused::Told(StatusCode::FORBIDDEN, _)) => Err(SecretError::Refused),
            Err(refused) => Err(SecretError::Unavailable(refused.to_string())),
        }
    }
}
