//! The promises, by one server.

use crate::{brokers::Brokers, server};

async fn plain() -> Brokers {
    Brokers::new(&server::shared().url(), None, 6).await
}

weft_broker::conformance_suite!(#[tokio::test], plain);

mod verified {
    use super::{Brokers, plain};
    use weft_broker::conformance::Untrusted;

    async fn untrusted() -> Untrusted<Brokers> {
        Untrusted(plain().await)
    }

    weft_broker::malicious_worker_suite!(#[tokio::test], untrusted);
}
