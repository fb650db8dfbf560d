//! Tenants share the time of slots, whatever their tasks take: simulations in virtual time.

use super::model::{Work, tenant, with_weight, work};
use proptest::prelude::*;
use std::collections::BTreeMap;
use weft_core::{
    fair_queue::{Account, Bounds, FairQueue, QueueBounds},
    time::Timestamp,
};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// A queue with some slots, and tenants with endless work.
struct Installation {
    fair_queue: FairQueue,
    slots: u32,
    now: i64,
    /// How long the tasks of each tenant take.
    takes: BTreeMap<&'static str, i64>,
    weights: BTreeMap<&'static str, u32>,
    /// What runs, by its end.
    running: BTreeMap<(i64, u64), (&'static str, Account)>,
    started: u64,
    /// How long each tenant had slots, in milliseconds.
    had: BTreeMap<&'static str, i64>,
}

impl Installation {
    fn new(slots: u32) -> Self {
        Self {
            fair_queue: FairQueue::new(Bounds::default()),
            slots,
            now: 0,
            takes: BTreeMap::new(),
            weights: BTreeMap::new(),
            running: BTreeMap::new(),
            started: 0,
            had: BTreeMap::new(),
        }
    }

    /// A tenant comes, whose tasks take so long.
    fn add(&mut self, name: &'static str, weight: u32, takes: i64) {
        self.fair_queue
            .set_tenant(&tenant(name), with_weight(weight));
        let number = self.takes.len();
        self.takes.insert(name, takes);
        self.weights.insert(name, weight);
        let work = Work {
            tenant: name,
            dag: number as u64,
            run: i64::try_from(number).expect("small"),
            indexes: 0..1_000_000,
            ..work()
        };
        self.fair_queue.push(work.ready());
    }

    /// Runs tasks for some time, in turns of 50 ms.
    fn run(&mut self, span: i64) {
        let until = self.now + span;
        while self.now < until {
            self.fair_queue.advance_time(Timestamp(self.now));
            while let Some(entry) = self.running.first_entry()
                && entry.key().0 <= self.now
            {
                let (_name, account) = entry.remove();
                self.fair_queue.release(&account);
            }
            self.start();
            self.now += 50;
            for (name, _account) in self.running.values() {
                *self.had.entry(name).or_default() += 50;
            }
        }
    }

    fn start(&mut self) {
        let busy = u32::try_from(self.running.len()).expect("small");
        let bounds = QueueBounds {
            free_slots: self.slots - busy,
            workers: 1,
            ..QueueBounds::default()
        };
        self.fair_queue.set_queue("q", bounds);
        for taken in self.fair_queue.take(1_000) {
            let name = NAMES
                .into_iter()
                .find(|name| tenant(name) == taken.account.tenant)
                .expect("it was added");
            self.started += 1;
            let end = self.now + self.takes[name];
            let account = Account::clone(&taken.account);
            self.running.insert((end, self.started), (name, account));
        }
    }

    /// Another scheduler takes over: it knows what runs, and not what ran before.
    fn take_over(&mut self) {
        self.fair_queue = FairQueue::new(Bounds::default());
        self.fair_queue.advance_time(Timestamp(self.now));
        for (_name, account) in self.running.values() {
            self.fair_queue.occupy(account);
        }
        for (name, takes) in std::mem::take(&mut self.takes) {
            self.add(name, self.weights[name], takes);
        }
    }

    /// The part of all slot time that a tenant had since the last call, in thousandths.
    fn shares(&mut self) -> BTreeMap<&'static str, i64> {
        let had = std::mem::take(&mut self.had);
        let all: i64 = had.values().sum();
        had.into_iter()
            .map(|(name, had)| (name, had * 1_000 / all))
            .collect()
    }
}

#[test]
fn tenants_with_long_and_short_tasks_have_half_of_the_slot_time_each() {
    for takes in [[HOUR, SECOND], [SECOND, HOUR]] {
        let mut all = Installation::new(100);
        all.add("a", 100, takes[0]);
        all.add("b", 100, takes[1]);
        all.run(10 * MINUTE);
        for (name, share) in all.shares() {
            assert!((475..=525).contains(&share), "{name} had {share} of 1,000");
        }
    }
}

#[test]
fn a_single_slot_is_shared_by_time_and_not_by_starts() {
    let mut all = Installation::new(1);
    all.add("a", 100, 10 * SECOND);
    all.add("b", 100, SECOND);
    all.run(20 * MINUTE);
    for (name, share) in all.shares() {
        assert!((450..=550).contains(&share), "{name} had {share} of 1,000");
    }
}

#[test]
fn a_tenant_that_comes_later_has_its_share_as_soon_as_slots_turn_over() {
    let mut all = Installation::new(100);
    all.add("a", 100, MINUTE);
    all.run(10 * MINUTE);
    all.shares();
    all.add("b", 100, SECOND);
    all.run(2 * MINUTE);
    all.shares();
    all.run(10 * MINUTE);
    for (name, share) in all.shares() {
        assert!((450..=550).contains(&share), "{name} had {share} of 1,000");
    }
}

#[test]
fn takeovers_give_no_tenant_an_advantage() {
    for takes in [[HOUR, SECOND], [SECOND, 10 * SECOND], [40 * SECOND, SECOND]] {
        let mut all = Installation::new(100);
        all.add("a", 100, takes[0]);
        all.add("b", 100, takes[1]);
        for _ in 0..40 {
            all.run(15 * SECOND);
            all.take_over();
        }
        for (name, share) in all.shares() {
            assert!((475..=525).contains(&share), "{name} had {share} of 1,000");
        }
    }
}

#[test]
fn a_tenant_that_had_the_queue_for_itself_does_not_pay_for_it_later() {
    let mut all = Installation::new(100);
    all.add("a", 100, SECOND);
    all.run(HOUR);
    all.shares();
    all.add("b", 100, SECOND);
    all.run(2 * MINUTE);
    let share = all.shares()["a"];
    assert!(share > 250, "{share} of 1,000");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Where the weights give everybody some slots, and slots turn over.
    #[test]
    fn slot_time_follows_the_weights_whatever_tasks_take(
        tenants in prop::collection::vec((50..=200_u32, prop_oneof![1..=5_i64, 60..=3_600_i64]), 1..4),
    ) {
        let mut all = Installation::new(100);
        let mut weights = BTreeMap::from([("e", 100)]);
        all.add("e", 100, SECOND);
        for (name, (weight, takes)) in NAMES.into_iter().zip(tenants) {
            all.add(name, weight, takes * SECOND);
            weights.insert(name, weight);
        }
        all.run(10 * MINUTE);
        let sum: u32 = weights.values().sum();
        for (name, share) in all.shares() {
            let due = i64::from(weights[name]) * 1_000 / i64::from(sum);
            prop_assert!((share - due).abs() <= 50, "{name} had {share} instead of {due} of 1,000, of {weights:?}");
        }
    }
}
