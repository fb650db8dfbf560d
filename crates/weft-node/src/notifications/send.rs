//! One attempt to deliver, and what follows from it.

use std::time::{SystemTime, UNIX_EPOCH};
use weft_core::{
    document::{Format, Source},
    id::TenantId,
    notification::{Destination, Endpoint},
    policy::Policy,
    time::{DurationMs, Timestamp},
};
use weft_notify::{Message, SendError, Sender};
use weft_store::StoreError;
use weft_store_sql::{
    Database, DeliveryResult, DeliveryRow,
    secret::{Keyring, SecretAddress, SecretKind},
};

/// The wait after the first failed attempt; each further one doubles it.
const FIRST_WAIT_MS: u64 = 2_000;
/// The longest wait between two attempts.
const MAX_WAIT_MS: u64 = 3_600_000;
/// After this time a delivery is given up.
const MAX_AGE_MS: i64 = 24 * 3_600_000;

/// What attempts need.
pub(super) struct Attempts {
    pub(super) database: Database,
    pub(super) keyring: Keyring,
    pub(super) sender: Sender,
}

impl Attempts {
    /// Sends a claimed delivery and records what came of it.
    pub(super) async fn attempt(&self, delivery: &DeliveryRow) -> Result<(), StoreError> {
        let result = match self.send(delivery).await? {
            Ok(()) => DeliveryResult::Delivered,
            Err(SendError::Refused(why)) => DeliveryResult::GivenUp(why),
            Err(SendError::Transient(why)) => {
                let age = delivery
                    .last_attempt
                    .map_or(0, |at| at.0 - delivery.created.0);
                if age >= MAX_AGE_MS {
                    DeliveryResult::GivenUp(why)
                } else {
                    DeliveryResult::Retry(wait_after(delivery.attempts), why)
                }
            }
        };
        match &result {
            DeliveryResult::Delivered => {}
            DeliveryResult::Retry(wait, why) => tracing::info!(
                delivery = delivery.id.0,
                destination = delivery.destination,
                attempt = delivery.attempts,
                wait_ms = wait.0,
                error = why,
                operation = "deliver notification",
                "a notification was not taken; it is sent again"
            ),
            DeliveryResult::GivenUp(why) => tracing::warn!(
                delivery = delivery.id.0,
                destination = delivery.destination,
                attempt = delivery.attempts,
                error = why,
                operation = "deliver notification",
                "a notification was not taken and is given up"
            ),
        }
        self.database.finish_delivery(delivery, &result).await
    }

    async fn send(&self, delivery: &DeliveryRow) -> Result<Result<(), SendError>, StoreError> {
        let address = SecretAddress {
            tenant: delivery.tenant.clone(),
            kind: SecretKind::Destination,
            name: delivery.destination.clone(),
        };
        let found = self
            .database
            .show_secret(&address.tenant, address.kind, &address.name)
            .await?;
        let Some((row, sealed)) = found else {
            let why = "the destination was removed".into();
            return Ok(Err(SendError::Refused(why)));
        };
        let opened = self.keyring.open(&address, &sealed);
        let endpoint = opened
            .ok()
            .and_then(|json| serde_json::from_slice::<Endpoint>(&json).ok());
        let about = serde_json::from_str::<Destination>(&row.about).ok();
        let (Some(endpoint), Some(about)) = (endpoint, about) else {
            // A key that is missing may come back.
            let why = "the destination can't be opened with this server's key".into();
            return Ok(Err(SendError::Transient(why)));
        };
        let Some(policy) = self.policy(&delivery.tenant).await? else {
            let why = "the tenant's policy can't be read".into();
            return Ok(Err(SendError::Transient(why)));
        };
        let tenant = delivery.tenant.as_str();
        let (title, text) = match about.templates.write(tenant, &delivery.notice) {
            Ok(written) => written,
            Err(error) => return Ok(Err(SendError::Refused(error.to_string()))),
        };
        let message = Message {
            tenant,
            destination: &delivery.destination,
            key: &delivery.key,
            notice: &delivery.notice,
            title: &title,
            text: &text,
            now: now(),
        };
        Ok(self.sender.send(message, &endpoint, &policy).await)
    }

    /// The tenant's policy; none if it can't be read.
    async fn policy(&self, tenant: &TenantId) -> Result<Option<Policy>, StoreError> {
        let Some(row) = self.database.show_policy(tenant).await? else {
            return Ok(Some(Policy::default()));
        };
        let source = Source {
            name: "the tenant's policy",
            text: &row.text,
            format: Format::Toml,
        };
        Ok(Policy::parse(source).ok())
    }
}

/// The wait after this many attempts, between half of it and all of it, so that servers that came
/// back are not met by everything at once.
fn wait_after(attempts: u32) -> DurationMs {
    let doubled = FIRST_WAIT_MS << attempts.saturating_sub(1).min(20);
    let wait = doubled.min(MAX_WAIT_MS);
    DurationMs(fastrand::u64(wait / 2..=wait))
}

/// The time of this machine's clock.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.map_or(0, |since| since.as_millis());
    Timestamp(i64::try_from(millis).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour() {
        for (attempts, longest) in [(1, 2_000), (2, 4_000), (5, 32_000), (40, MAX_WAIT_MS)] {
            let wait = wait_after(attempts).0;
            assert!(
                (longest / 2..=longest).contains(&wait),
                "{attempts}: {wait}"
            );
        }
    }
}
