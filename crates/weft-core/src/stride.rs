//! Stride scheduling: shares by weight, spread as evenly as possible.
//!
//! The algorithm is that of C. A. Waldspurger and W. E. Weihl, "Stride
//! Scheduling" (MIT/LCS/TM-528, 1995). Each client has a virtual time. Serving
//! it one unit advances that time by its stride, which is the smaller the
//! larger its weight; the client with the smallest virtual time is served next,
//! and among equals the one with the smallest key.
//!
//! [`StrideScheduler`] orders the eligible clients. Each caller stores the
//! [`StrideClient`] values beside its own data, so that serving a client costs
//! no second lookup. A client must always be passed to the same scheduler,
//! with the same key.
//!
//! Two rules hold for clients that come and go:
//!
//! - A client that becomes eligible starts at the scheduler's clock or later:
//!   time without work earns no credit.
//! - A larger weight applies at once, also to what the client was charged
//!   before. A smaller weight applies to later charges only.

use std::collections::BTreeSet;

/// The stride of a client of weight 1.
const STRIDE: u128 = 1 << 40;

/// One client's state: its virtual time and weight.
#[derive(Debug, Clone)]
pub struct StrideClient {
    virtual_time: u128,
    weight: u32,
    is_eligible: bool,
}

impl StrideClient {
    /// A client that is not eligible and was never served. Weight 0 counts as 1.
    pub fn new(weight: u32) -> Self {
        Self {
            virtual_time: 0,
            weight: weight.max(1),
            is_eligible: false,
        }
    }

    /// The client's weight, at least 1.
    pub fn weight(&self) -> u32 {
        self.weight
    }

    /// Whether the scheduler may choose this client.
    pub fn is_eligible(&self) -> bool {
        self.is_eligible
    }

    fn stride(&self) -> u128 {
        STRIDE / u128::from(self.weight)
    }
}

/// The eligible clients in the order in which they are served.
///
/// ```
/// use weft_core::stride::{StrideClient, StrideScheduler};
///
/// let mut clients = [StrideClient::new(200), StrideClient::new(100)];
/// let mut scheduler = StrideScheduler::default();
/// for (key, client) in clients.iter_mut().enumerate() {
///     scheduler.set_eligible(key, client, true);
/// }
/// let mut served = Vec::new();
/// while served.len() < 6 {
///     let key = scheduler.first().expect("both clients are eligible");
///     scheduler.charge(key, &mut clients[key], 1);
///     served.push(key);
/// }
/// assert_eq!(served, [0, 1, 0, 0, 1, 0]);
/// ```
#[derive(Debug, Clone)]
pub struct StrideScheduler<K> {
    eligible: BTreeSet<(u128, K)>,
    /// The sum of the weights of all eligible clients.
    eligible_weight: u64,
    /// The virtual time at which the last unit was served. It never decreases,
    /// and no eligible client is behind it.
    clock: u128,
}

impl<K> Default for StrideScheduler<K> {
    fn default() -> Self {
        Self {
            eligible: BTreeSet::new(),
            eligible_weight: 0,
            clock: 0,
        }
    }
}

impl<K: Ord + Copy> StrideScheduler<K> {
    /// The client to serve next. O(log n).
    pub fn first(&self) -> Option<K> {
        self.eligible.first().map(|(_, key)| *key)
    }

    /// Whether no client is eligible.
    pub fn is_empty(&self) -> bool {
        self.eligible.is_empty()
    }

    /// The client's share of `units`, rounded up and at least 1: its part of the
    /// weights of all eligible clients.
    pub fn share_of(&self, client: &StrideClient, units: u32) -> u32 {
        let weight = u64::from(client.weight);
        let share = (u64::from(units) * weight).div_ceil(self.eligible_weight.max(weight));
        u32::try_from(share).unwrap_or(units).max(1)
    }

    /// Makes a client eligible or ineligible. A client that becomes eligible
    /// starts no earlier than the clock. O(log n).
    pub fn set_eligible(&mut self, key: K, client: &mut StrideClient, is_eligible: bool) {
        if is_eligible == client.is_eligible {
            return;
        }
        client.is_eligible = is_eligible;
        if is_eligible {
            client.virtual_time = client.virtual_time.max(self.clock);
            self.eligible.insert((client.virtual_time, key));
            self.eligible_weight += u64::from(client.weight);
        } else {
            self.eligible.remove(&(client.virtual_time, key));
            self.eligible_weight -= u64::from(client.weight);
        }
    }

    /// Records that a client was served `units`. The client needs neither be
    /// the first nor eligible. O(log n).
    pub fn charge(&mut self, key: K, client: &mut StrideClient, units: u32) {
        if units == 0 {
            return;
        }
        let stride = client.stride();
        let last_unit = client.virtual_time + stride * u128::from(units - 1);
        self.move_to(key, client, last_unit + stride);
        // Out of turn, or with many units at once, a client passes others that are eligible.
        // The clock stays behind the first of those.
        let first = self.eligible.first().map_or(last_unit, |(time, _)| *time);
        self.clock = self.clock.max(last_unit.min(first));
    }

    /// Changes a client's weight; 0 counts as 1. With a larger weight each unit
    /// that the client is ahead of the clock costs the new, smaller stride. O(log n).
    pub fn set_weight(&mut self, key: K, client: &mut StrideClient, weight: u32) {
        let weight = weight.max(1);
        if weight == client.weight {
            return;
        }
        let ahead = client.virtual_time.saturating_sub(self.clock);
        let units = ahead.div_ceil(client.stride());
        if client.is_eligible {
            self.eligible_weight -= u64::from(client.weight);
            self.eligible_weight += u64::from(weight);
        }
        client.weight = weight;
        let latest = self.clock + units * client.stride();
        let virtual_time = client.virtual_time.min(latest);
        self.move_to(key, client, virtual_time);
    }

    fn move_to(&mut self, key: K, client: &mut StrideClient, virtual_time: u128) {
        if client.is_eligible {
            self.eligible.remove(&(client.virtual_time, key));
            self.eligible.insert((virtual_time, key));
        }
        client.virtual_time = virtual_time;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A scheduler and its clients, all of them eligible.
    struct Clients {
        scheduler: StrideScheduler<usize>,
        clients: Vec<StrideClient>,
    }

    impl Clients {
        fn new(weights: &[u32]) -> Self {
            let mut all = Self {
                scheduler: StrideScheduler::default(),
                clients: weights
                    .iter()
                    .map(|weight| StrideClient::new(*weight))
                    .collect(),
            };
            for key in 0..weights.len() {
                all.set_eligible(key, true);
            }
            all
        }

        fn set_eligible(&mut self, key: usize, is_eligible: bool) {
            self.scheduler
                .set_eligible(key, &mut self.clients[key], is_eligible);
        }

        fn set_weight(&mut self, key: usize, weight: u32) {
            self.scheduler
                .set_weight(key, &mut self.clients[key], weight);
        }

        fn charge(&mut self, key: usize, units: u32) {
            self.scheduler.charge(key, &mut self.clients[key], units);
        }

        /// Serves one unit at a time; the clients served, in order.
        fn serve(&mut self, units: usize) -> Vec<usize> {
            (0..units)
                .map(|_| {
                    let key = self.scheduler.first().expect("a client is eligible");
                    self.charge(key, 1);
                    key
                })
                .collect()
        }
    }

    #[test]
    fn equal_weights_alternate_by_key() {
        assert_eq!(Clients::new(&[5, 5, 5]).serve(6), [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn nothing_is_first_when_no_client_is_eligible() {
        let mut all = Clients::new(&[1]);
        assert!(!all.scheduler.is_empty());
        all.set_eligible(0, false);
        assert_eq!(all.scheduler.first(), None);
        assert!(all.scheduler.is_empty());
    }

    #[test]
    fn batches_by_share_follow_the_weights() {
        let weights = [100, 300, 200];
        for batch in [1, 3, 100] {
            let mut all = Clients::new(&weights);
            let mut served = [0; 3];
            for _ in 0..6_000 / batch {
                let mut left = batch;
                while left > 0 {
                    let key = all.scheduler.first().expect("a client is eligible");
                    let share = all.scheduler.share_of(&all.clients[key], left).min(left);
                    all.charge(key, share);
                    served[key] += share;
                    left -= share;
                }
            }
            for (served, due) in served.iter().zip([1_000_u32, 3_000, 2_000]) {
                assert!(served.abs_diff(due) <= 100, "batches of {batch}: {served}");
            }
        }
    }

    #[test]
    fn a_share_is_part_of_the_eligible_weights_and_at_least_one() {
        let mut all = Clients::new(&[100, 300, 1]);
        let share =
            |all: &Clients, key: usize, units| all.scheduler.share_of(&all.clients[key], units);
        all.set_eligible(2, false);
        assert_eq!(share(&all, 0, 8), 2);
        assert_eq!(share(&all, 1, 8), 6);
        assert_eq!(share(&all, 0, 0), 1);
        all.set_eligible(1, false);
        assert_eq!(share(&all, 0, 8), 8);
        assert_eq!(share(&all, 0, u32::MAX), u32::MAX);
    }

    #[test]
    fn a_client_earns_no_credit_while_it_is_ineligible() {
        let mut all = Clients::new(&[100, 100]);
        all.set_eligible(0, false);
        all.charge(1, 1_000);
        all.set_eligible(0, true);
        let served = all.serve(100);
        let first = served.iter().filter(|key| **key == 0).count();
        assert!((50..=51).contains(&first), "{first}");
    }

    #[test]
    fn a_client_served_out_of_turn_does_not_advance_the_clock_past_the_others() {
        let mut all = Clients::new(&[100, 100, 100]);
        all.set_eligible(2, false);
        all.charge(0, 50);
        all.set_eligible(2, true);
        assert_eq!(all.serve(4), [1, 2, 1, 2]);
    }

    #[test]
    fn a_larger_weight_shortens_the_wait_at_once() {
        let mut all = Clients::new(&[1_000, 1]);
        assert_eq!(all.serve(4), [0, 1, 0, 0]);
        all.set_weight(1, 500);
        assert_eq!(all.serve(6), [0, 0, 1, 0, 0, 1]);
    }

    #[test]
    fn a_changed_weight_keeps_what_a_batch_cost() {
        let mut all = Clients::new(&[100, 100]);
        all.charge(0, 10);
        all.set_weight(0, 200);
        assert_eq!(all.serve(6), [1, 1, 1, 1, 1, 0]);
        all.charge(0, 10);
        all.set_weight(0, 200);
        assert_eq!(all.serve(4), [1, 1, 1, 1]);
    }

    proptest! {
        /// The bound of start-time fair queueing: |a/wa - b/wb| <= 1/wa + 1/wb.
        #[test]
        fn shares_of_eligible_clients_differ_by_at_most_one_unit_each(
            weights in prop::collection::vec(1..=1_000_u32, 2..6),
            count in 1..1_000_usize,
        ) {
            let mut served = vec![0_u64; weights.len()];
            for key in Clients::new(&weights).serve(count) {
                served[key] += 1;
                for (a, wa) in served.iter().zip(&weights) {
                    for (b, wb) in served.iter().zip(&weights) {
                        let (wa, wb) = (u64::from(*wa), u64::from(*wb));
                        prop_assert!((a * wb).abs_diff(b * wa) <= wa + wb, "{served:?} of {weights:?}");
                    }
                }
            }
        }

        #[test]
        fn no_eligible_client_is_ever_behind_the_clock(
            steps in prop::collection::vec((0..4_usize, 0..3_u8, 0..2_000_u32), 0..100),
        ) {
            let mut all = Clients::new(&[1, 10, 100, 1_000]);
            for (key, kind, number) in steps {
                match kind {
                    0 => all.set_eligible(key, number % 2 == 0),
                    1 => all.set_weight(key, number),
                    _ => all.charge(key, number % 20),
                }
                let eligible: Vec<_> = all.clients.iter().filter(|client| client.is_eligible).collect();
                prop_assert_eq!(all.scheduler.eligible.len(), eligible.len());
                let weight: u64 = eligible.iter().map(|client| u64::from(client.weight)).sum();
                prop_assert_eq!(all.scheduler.eligible_weight, weight);
                for client in eligible {
                    prop_assert!(client.virtual_time >= all.scheduler.clock);
                }
            }
        }
    }
}
