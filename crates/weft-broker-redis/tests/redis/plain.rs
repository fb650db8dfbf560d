//! The promises, by one server.

use crate::{brokers::Brokers, server};

async fn plain() -> Brokers {
    Brokers::new(&server::shared().url(), None, 6).await
}

weft_broker::conformance_suite!(#[tokio::test], plain);
