//! Deliveries: notifications on their way to a destination, and what became of them.
//!
//! A delivery is claimed before it is sent, so that two servers don't send it at once; a claim
//! that ends without a result makes it due again. One of a destination is sent at a time. A notice
//! never changes once it may have been sent, so that the delivery's key always means the same
//! message.

use crate::{
    Database,
    audit::{self, Change},
    backend::{Row, Tx, args, statements},
    encoding,
    noticed::decode_kind,
    secret::{Sealed, SecretAddress, SecretKind},
    secrets,
};
use weft_core::{
    id::TenantId,
    notification::{Destination, Fold, Notice, NotifyOn},
    time::{DurationMs, Timestamp},
};
use weft_store::StoreError;

/// The longest error that is kept, in characters.
const MAX_ERROR_CHARS: usize = 500;
/// The bytes of a delivery's key.
const KEY_BYTES: usize = 16;

statements! {
    PUT_DESTINATION = "INSERT INTO destinations (tenant, name, wanted) VALUES ($1, $2, $3) \
        ON CONFLICT (tenant, name) DO UPDATE SET wanted = excluded.wanted";
    DELETE_DESTINATION = "DELETE FROM destinations WHERE tenant = $1 AND name = $2";
    ANY_DESTINATION = "SELECT 1 FROM destinations WHERE tenant > '' LIMIT 1";
    GIVE_UP_ALL = "UPDATE deliveries SET state = 3, ended = $3, error = $4 \
        WHERE tenant = $1 AND destination = $2 AND state = 1";
    /// One that may take more of the same: it has not been sent.
    OPEN_FOLD = "SELECT id, notice FROM deliveries WHERE tenant = $1 AND destination = $2 AND fold_key = $3 \
        AND state = 1 AND attempts = 0 ORDER BY id DESC LIMIT 1";
    ADD_TO_FOLD = "UPDATE deliveries SET notice = $2 WHERE id = $1 AND state = 1 AND attempts = 0 RETURNING id";
    LAST_OF_FOLD = "SELECT coalesce(last_attempt, due) FROM deliveries WHERE tenant = $1 AND destination = $2 AND fold_key = $3 \
        ORDER BY id DESC LIMIT 1";
    INSERT = "INSERT INTO deliveries (tenant, destination, key, kind, fold_key, order_key, notice, state, created, due, \
        claimed, attempts) VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, 0, 0) RETURNING id";
    /// $1 now, $2 until when, $3 how many. Of each destination one at a time, of one order the oldest.
    CLAIM = "UPDATE deliveries SET claimed = $2, due = $2, attempts = attempts + 1, last_attempt = $1 \
        WHERE state = 1 AND due <= $1 AND id IN (SELECT min(w.id) FROM (SELECT d.id, d.tenant, d.destination \
            FROM deliveries d WHERE d.state = 1 AND d.due <= $1 \
            AND NOT EXISTS (SELECT 1 FROM deliveries b WHERE b.state = 1 AND b.tenant = d.tenant \
                AND b.destination = d.destination AND b.claimed > $1) \
            AND NOT EXISTS (SELECT 1 FROM deliveries e WHERE e.state = 1 AND e.tenant = d.tenant \
                AND e.destination = d.destination AND e.id < d.id AND e.order_key = d.order_key) \
            ORDER BY d.due, d.id LIMIT 1000) w GROUP BY w.tenant, w.destination LIMIT $3) \
        RETURNING id, tenant, destination, key, kind, notice, state, created, due, attempts, last_attempt, ended, error";
    NEXT_DUE = "SELECT min(due) FROM deliveries WHERE state = 1";
    /// $1 id, $2 the attempt.
    DELIVERED = "UPDATE deliveries SET state = 2, ended = $3, claimed = 0, error = NULL \
        WHERE id = $1 AND attempts = $2 AND state = 1 RETURNING id";
    RETRY = "UPDATE deliveries SET due = $3, claimed = 0, error = $4 \
        WHERE id = $1 AND attempts = $2 AND state = 1 RETURNING id";
    GIVE_UP = "UPDATE deliveries SET state = 3, ended = $3, claimed = 0, error = $4 \
        WHERE id = $1 AND attempts = $2 AND state = 1 RETURNING id";
    SHOW = "SELECT id, tenant, destination, key, kind, notice, state, created, due, attempts, last_attempt, ended, error \
        FROM deliveries WHERE tenant = $1 AND id = $2";
    LIST = "SELECT id, tenant, destination, key, kind, notice, state, created, due, attempts, last_attempt, ended, error \
        FROM deliveries WHERE tenant = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    LIST_OF_DESTINATION = "SELECT id, tenant, destination, key, kind, notice, state, created, due, attempts, last_attempt, \
        ended, error FROM deliveries WHERE tenant = $1 AND destination = $4 AND id < $2 ORDER BY id DESC LIMIT $3";
    FORGET = "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE state <> 1 AND ended < $1 LIMIT $2) \
        RETURNING id";
}

/// A notice for a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// Tenant of the destination.
    pub tenant: TenantId,
    /// The destination's name.
    pub destination: String,
    /// What happened.
    pub notice: Notice,
    /// See [`Destination::fold_key`].
    pub fold_key: String,
    /// See [`Destination::order_key`].
    pub order_key: Option<String>,
    /// How it is folded.
    pub fold: Fold,
}

impl NewDelivery {
    /// The delivery of a notice to a destination.
    pub fn new(tenant: &TenantId, name: &str, destination: &Destination, notice: Notice) -> Self {
        Self {
            tenant: tenant.clone(),
            destination: name.to_owned(),
            fold_key: destination.fold_key(&notice),
            order_key: destination.order_key(&notice),
            fold: destination.fold(notice.on),
            notice,
        }
    }
}

/// How a delivery fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It will be sent, or sent again.
    Waiting,
    /// The destination took it.
    Delivered,
    /// It is sent no more.
    GivenUp,
}

/// Row of a delivery; later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryId(pub i64);

/// A delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Which one.
    pub id: DeliveryId,
    /// Tenant of the destination.
    pub tenant: TenantId,
    /// The destination's name.
    pub destination: String,
    /// Names the message: the same for each attempt.
    pub key: String,
    /// What it is about.
    pub on: NotifyOn,
    /// What happened.
    pub notice: Notice,
    /// How it fares.
    pub state: DeliveryState,
    /// When it was made, by the database's clock.
    pub created: Timestamp,
    /// When it is sent next, while it waits.
    pub due: Timestamp,
    /// How often it was sent.
    pub attempts: u32,
    /// When it was sent last.
    pub last_attempt: Option<Timestamp>,
    /// When it was delivered or given up.
    pub ended: Option<Timestamp>,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

/// What came of an attempt to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryResult {
    /// The destination took it.
    Delivered,
    /// It failed, and is tried again after this.
    Retry(DurationMs, String),
    /// It failed for good.
    GivenUp(String),
}

impl Database {
    /// Makes or replaces a destination; `false` where there is no such tenant. `about` is a
    /// [`Destination`].
    pub async fn put_destination(
        &self,
        address: &SecretAddress,
        about: &Destination,
        endpoint: &Sealed,
        actor: &str,
    ) -> Result<bool, StoreError> {
        let now = self.clock().await?;
        let text = serde_json::to_string(about)
            .map_err(|error| StoreError::Defect(format!("a destination: {error}")))?;
        let mut tx = self.backend().begin().await?;
        if !secrets::put(&mut tx, address, (&text, endpoint), (now, actor)).await? {
            return Ok(false);
        }
        let wanted = about.wanted_bits();
        tx.run(
            PUT_DESTINATION,
            args![&address.tenant, &address.name, wanted],
        )
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Removes a destination and gives up what is on its way there; `false` where there was none.
    pub async fn delete_destination(
        &self,
        address: &SecretAddress,
        actor: &str,
    ) -> Result<bool, StoreError> {
        let now = self.clock().await?;
        let mut tx = self.backend().begin().await?;
        if !secrets::delete(&mut tx, address, (now, actor)).await? {
            return Ok(false);
        }
        let key = args![&address.tenant, &address.name];
        tx.run(DELETE_DESTINATION, key).await?;
        let why = "the destination was removed";
        let gone = args![&address.tenant, &address.name, now, why];
        tx.run(GIVE_UP_ALL, gone).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Every destination of a tenant by name, those that can't be read left out, at most `limit`.
    pub async fn destinations(
        &self,
        tenant: &TenantId,
        limit: u32,
    ) -> Result<Vec<(String, Destination)>, StoreError> {
        let rows = self
            .list_secrets(tenant, SecretKind::Destination, None, limit)
            .await?;
        let read = |row: secrets::SecretRow| {
            let about = serde_json::from_str(&row.about).ok()?;
            Some((row.name, about))
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// Whether there is any destination in the installation.
    pub async fn has_destinations(&self) -> Result<bool, StoreError> {
        let row = self.backend().read_one(ANY_DESTINATION, args![]).await?;
        Ok(row.is_some())
    }

    /// Makes a delivery of a test, due at once.
    pub async fn test_destination(
        &self,
        tenant: &TenantId,
        (name, destination): (&str, &Destination),
        actor: &str,
    ) -> Result<DeliveryRow, StoreError> {
        let now = self.clock().await?;
        let notice = Notice::test(now);
        let mut delivery = NewDelivery::new(tenant, name, destination, notice);
        // Each test is a message of its own.
        let key = draw_key()?;
        delivery.fold_key = format!("test/{key}");
        delivery.order_key = None;
        let mut tx = self.backend().begin().await?;
        let id = insert(&mut tx, &delivery, key, (now, now)).await?;
        let change = Change {
            at: now,
            tenant: Some(tenant),
            actor,
            action: "destination.test",
            subject: name,
            details: None,
        };
        audit::append(&mut tx, change).await?;
        let row = tx.run_one(SHOW, args![tenant, id]).await?;
        let row = delivery_row(row.ok_or_else(vanished)?)?;
        tx.commit().await?;
        Ok(row)
    }

    /// Claims deliveries that are due, one of each destination that no server sends to now, for as
    /// long as `lease`.
    pub async fn claim_deliveries(
        &self,
        lease: DurationMs,
        limit: u32,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        let now = self.clock().await?;
        let until = now.plus(lease);
        let rows = self
            .backend()
            .write(CLAIM, args![now, until, limit])
            .await?;
        rows.into_iter().map(delivery_row).collect()
    }

    /// How long until the next delivery is due; none where none waits.
    pub async fn next_delivery(&self) -> Result<Option<DurationMs>, StoreError> {
        let row = self.backend().read_one(NEXT_DUE, args![]).await?;
        let due: Option<Timestamp> = row.map_or(Ok(None), |mut row| row.take())?;
        let Some(due) = due else {
            return Ok(None);
        };
        let now = self.clock().await?;
        let left = u64::try_from(due.0.saturating_sub(now.0)).unwrap_or(0);
        Ok(Some(DurationMs(left)))
    }

    /// Records what came of the attempt that was claimed; without effect if it was claimed again.
    pub async fn finish_delivery(
        &self,
        delivery: &DeliveryRow,
        result: &DeliveryResult,
    ) -> Result<(), StoreError> {
        let now = self.clock().await?;
        let (id, attempt) = (delivery.id.0, delivery.attempts);
        let backend = self.backend();
        match result {
            DeliveryResult::Delivered => backend.write(DELIVERED, args![id, attempt, now]).await?,
            DeliveryResult::Retry(after, why) => {
                let values = args![id, attempt, now.plus(*after), short(why)];
                backend.write(RETRY, values).await?
            }
            DeliveryResult::GivenUp(why) => {
                let values = args![id, attempt, now, short(why)];
                backend.write(GIVE_UP, values).await?
            }
        };
        Ok(())
    }

    /// A tenant's delivery.
    pub async fn show_delivery(
        &self,
        tenant: &TenantId,
        id: DeliveryId,
    ) -> Result<Option<DeliveryRow>, StoreError> {
        let row = self.backend().read_one(SHOW, args![tenant, id.0]).await?;
        row.map(delivery_row).transpose()
    }

    /// Deliveries, the newest first, those before `before`; of one destination or of all.
    pub async fn list_deliveries(
        &self,
        tenant: &TenantId,
        destination: Option<&str>,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        let before = before.map_or(i64::MAX, |id| id.0);
        let backend = self.backend();
        let rows = match destination {
            None => backend.read(LIST, args![tenant, before, limit]).await?,
            Some(name) => {
                let values = args![tenant, before, limit, name];
                backend.read(LIST_OF_DESTINATION, values).await?
            }
        };
        rows.into_iter().map(delivery_row).collect()
    }

    /// Forgets up to `limit` deliveries that ended before this time; returns how many.
    pub async fn forget_deliveries(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let rows = self.backend().write(FORGET, args![before, limit]).await?;
        Ok(rows.len() as u64)
    }
}

/// Adds a notice to a delivery that waits for more of the same, or makes one.
pub(crate) async fn fold_or_insert(
    tx: &mut Tx,
    delivery: NewDelivery,
    now: Timestamp,
) -> Result<(), StoreError> {
    let of_fold = || args![&delivery.tenant, &delivery.destination, &delivery.fold_key];
    if let Some(mut row) = tx.run_one(OPEN_FOLD, of_fold()).await? {
        let id: i64 = row.take()?;
        let mut notice = read_notice(&row.take::<String>()?)?;
        notice.merge(delivery.notice.clone());
        // It may have been claimed in the meantime.
        let added = tx.run_one(ADD_TO_FOLD, args![id, notice.to_json()]).await?;
        if added.is_some() {
            return Ok(());
        }
    }
    let mut due = now.plus(delivery.fold.wait);
    if delivery.fold.interval.0 > 0
        && let Some(mut row) = tx.run_one(LAST_OF_FOLD, of_fold()).await?
    {
        let last: Timestamp = row.take()?;
        due = due.max(last.plus(delivery.fold.interval));
    }
    insert(tx, &delivery, draw_key()?, (now, due)).await?;
    Ok(())
}

async fn insert(
    tx: &mut Tx,
    delivery: &NewDelivery,
    key: String,
    (created, due): (Timestamp, Timestamp),
) -> Result<i64, StoreError> {
    let row = tx
        .run_one(
            INSERT,
            args![
                &delivery.tenant,
                &delivery.destination,
                key,
                delivery.notice.on.bit(),
                &delivery.fold_key,
                delivery.order_key.as_ref(),
                delivery.notice.to_json(),
                created,
                due
            ],
        )
        .await?;
    row.ok_or_else(vanished)?.take()
}

/// A key that no other delivery has.
fn draw_key() -> Result<String, StoreError> {
    use std::fmt::Write as _;
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| StoreError::Unavailable(format!("no randomness: {error}")))?;
    let mut key = String::with_capacity(KEY_BYTES * 2);
    for byte in bytes {
        write!(key, "{byte:02x}").expect("a String takes every text");
    }
    Ok(key)
}

fn short(why: &str) -> String {
    why.chars().take(MAX_ERROR_CHARS).collect()
}

fn read_notice(text: &str) -> Result<Notice, StoreError> {
    serde_json::from_str(text)
        .map_err(|error| StoreError::Corrupt(format!("the notice of a delivery: {error}")))
}

fn delivery_row(mut row: Row) -> Result<DeliveryRow, StoreError> {
    Ok(DeliveryRow {
        id: DeliveryId(row.take()?),
        tenant: row.take()?,
        destination: row.take()?,
        key: row.take()?,
        on: decode_kind(row.take()?)?,
        notice: read_notice(&row.take::<String>()?)?,
        state: match row.take()? {
            1 => DeliveryState::Waiting,
            2 => DeliveryState::Delivered,
            3 => DeliveryState::GivenUp,
            other => return Err(encoding::unknown_number("state of a delivery", other)),
        },
        created: row.take()?,
        due: row.take()?,
        attempts: row.take()?,
        last_attempt: row.take()?,
        ended: row.take()?,
        error: row.take()?,
    })
}

fn vanished() -> StoreError {
    StoreError::Defect("a delivery that was just written is missing".into())
}
