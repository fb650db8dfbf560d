//! Variables, read from the server for an attempt that this worker has claimed.

use super::{CallError, GatewayClient};
use async_trait::async_trait;
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use weft_broker::{AttemptKey, message::write_key};
use weft_core::id::TenantId;
use weft_worker::{SecretError, Secrets};

#[derive(Serialize)]
struct VariableRequest<'a> {
    attempt: String,
    name: &'a str,
}

#[derive(Deserialize)]
struct VariableAnswer {
    value: Option<String>,
}

#[async_trait]
impl Secrets for GatewayClient {
    /// The server checks the claim and the grant, and knows the tenant by the claim.
    async fn variable(
        &self,
        claim: &AttemptKey,
        _tenant: &TenantId,
        name: &str,
    ) -> Result<Option<String>, SecretError> {
        let request = VariableRequest {
            attempt: write_key(claim),
            name,
        };
        let request = serde_json::to_vec(&request).expect("texts have a JSON form");
        match self.post("variable", request).await {
            Ok(answer) => serde_json::from_slice::<VariableAnswer>(&answer)
                .map(|answer| answer.value)
                // The parser's error could quote the value, so it is not shown.
                .map_err(|_error| {
                    SecretError::Unavailable("the server's answer can't be read".into())
                }),
            Err(CallError::Status(StatusCode::FORBIDDEN, _)) => Err(SecretError::Refused),
            Err(error) => Err(SecretError::Unavailable(error.to_string())),
        }
    }
}
