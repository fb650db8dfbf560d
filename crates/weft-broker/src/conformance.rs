//! The contract of a broker, as tests that run over every implementation.
//!
//! An implementation provides a [`Fixture`] and calls
//! [`conformance_suite!`](crate::conformance_suite) in a file of its tests; each clause becomes
//! one test there. Compiled with the feature `conformance` only.

mod cancelling;
mod claiming;
mod leases;
mod limits;
mod malicious;
mod membership;
mod model;
mod notices;
mod operating;
mod random;
mod releasing;
mod sample;

pub use {
    cancelling::*,
    claiming::*,
    leases::*,
    limits::*,
    malicious::*,
    membership::*,
    notices::*,
    operating::*,
    random::*,
    releasing::*,
    sample::{Sample, claim_keys, dispatch, held, held_all, key, report},
};

use crate::{LeaseTerms, OperatorBroker, SchedulerBroker, WorkerBroker};
use async_trait::async_trait;
use std::{future::Future, sync::Arc, time::Duration};
use tokio::time::timeout;

/// One empty broker, and its clock.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// The handle of a scheduler that has just started.
    async fn scheduler(&self) -> Arc<dyn SchedulerBroker>;

    /// The handle of an unregistered worker.
    async fn worker(&self) -> Arc<dyn WorkerBroker>;

    /// The operators' handle.
    fn operator(&self) -> Arc<dyn OperatorBroker>;

    /// The terms that workers are granted.
    fn terms(&self) -> LeaseTerms;

    /// After how long an unconfirmed report is delivered again.
    fn redeliver_every(&self) -> Duration;

    /// The most attempts of one queue; small.
    fn queue_length(&self) -> usize;

    /// The most unconfirmed reports; small.
    fn unconfirmed_reports(&self) -> usize;

    /// Advances the broker's clock.
    async fn advance_time(&self, span: Duration);

    /// Sets the clock of the broker's server wrong by so many milliseconds more; a broker that
    /// follows no server's clock has nothing to do.
    async fn jump_clock(&self, _by_ms: i64) {}

    /// How long a call that should wait is observed: longer than the broker needs to answer.
    fn watch(&self) -> Duration {
        Duration::from_millis(5)
    }

    /// How many sequences of random calls are tried.
    fn seeds(&self) -> u64 {
        60
    }
}

/// The timeout of calls that should return.
const PATIENCE: Duration = Duration::from_secs(5);

/// Awaits a call that should return.
async fn soon<T>(what: &str, call: impl Future<Output = T>) -> T {
    let Ok(result) = timeout(PATIENCE, call).await else {
        panic!("{what} did not return");
    };
    result
}

/// Checks that a call waits, then drops it.
async fn waits<T: std::fmt::Debug>(
    fixture: &dyn Fixture,
    what: &str,
    call: impl Future<Output = T>,
) {
    if let Ok(result) = timeout(fixture.watch(), call).await {
        panic!("{what} should wait, and returned {result:?}");
    }
}

/// Makes a test of each clause of the contract: `conformance_suite!(#[tokio::test], make)`,
/// where `make().await` is a new [`Fixture`](crate::conformance::Fixture).
#[macro_export]
macro_rules! conformance_suite {
    (#[$test:meta], $make:path) => {
        $crate::conformance_suite! { @each [$test] $make;
            attempt_is_claimed_once_and_its_start_is_notified,
            publishing_again_changes_nothing,
            higher_priority_goes_first_and_then_the_order_of_publishing,
            worker_claims_from_its_own_queues_in_their_order,
            waiting_claim_returns_when_something_is_published,
            claim_tells_how_long_it_was_queued,
            waiting_workers_share_published_attempts,
            claim_is_bounded_by_max_and_by_free_slots,
            paused_worker_claims_nothing_until_it_registers_again,
            renewed_lease_holds,
            lease_expires_once_and_fences_the_worker,
            jumps_of_the_clock_expire_nothing,
            late_report_is_forwarded,
            leaving_expires_held_attempts,
            released_attempts_are_published_again_and_go_first,
            only_held_attempts_are_released,
            released_attempts_are_known_until_they_are_published_again,
            registration_of_a_silent_worker_expires,
            registering_again_keeps_announced_attempts_and_expires_the_rest,
            worker_announces_attempts_that_a_lost_broker_knew,
            lost_attempts_can_not_be_announced,
            every_call_of_an_unregistered_worker_fails,
            report_comes_again_until_it_is_confirmed,
            report_ends_the_claim,
            report_of_an_attempt_that_another_holds_is_refused,
            report_of_two_is_one_notice_until_confirmed,
            confirmed_report_that_comes_again_is_confirmed_again,
            new_scheduler_receives_unconfirmed_reports_and_claims,
            find_known_returns_known_attempts_and_repeats_their_notices,
            a_new_scheduler_lists_queued_claimed_and_released_attempts,
            revoked_attempts_are_removed_or_signalled,
            receive_and_signals_return_no_more_than_asked,
            full_queue_refuses_what_does_not_fit,
            full_list_of_reports_refuses_and_keeps_the_attempt_held,
            attempts_too_large_for_a_worker_stay_for_a_larger_one,
            demand_is_free_slots_less_queued_attempts,
            demand_of_several_queues_and_workers,
            rising_demand_is_notified,
            noticed_demand_is_current,
            survey_shows_workers_and_queues,
            drain_signals_the_worker,
            dropped_receive_loses_nothing,
            dropped_claim_loses_nothing,
            dropped_signals_lose_nothing,
            random_calls_agree_with_a_naive_model,
        }
    };
    (@each [$test:meta] $make:path; $($promise:ident,)*) => {
        $(
            #[$test]
            async fn $promise() {
                $crate::conformance::$promise(&$make().await).await;
            }
        )*
    };
}
