//! What every broker promises, as tests that run over any implementation.
//!
//! An implementation gives a [`Fixture`] and calls [`conformance_suite!`](crate::conformance_suite)
//! in a file of its tests; each promise becomes one test there. Compiled with the
//! feature `conformance` only.

mod cancelling;
mod claiming;
mod leases;
mod limits;
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
    membership::*,
    notices::*,
    operating::*,
    random::*,
    releasing::*,
    sample::{Sample, dispatch, key, report},
};

use crate::{LeaseTerms, OperatorBroker, SchedulerBroker, WorkerBroker};
use async_trait::async_trait;
use std::{future::Future, sync::Arc, time::Duration};
use tokio::time::timeout;

/// One empty broker, and its clock.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// A scheduler that has just started.
    async fn scheduler(&self) -> Arc<dyn SchedulerBroker>;

    /// The end of a worker that isn't registered.
    async fn worker(&self) -> Arc<dyn WorkerBroker>;

    /// The operators' end.
    fn operator(&self) -> Arc<dyn OperatorBroker>;

    /// The terms that workers are granted.
    fn terms(&self) -> LeaseTerms;

    /// After how long a report that was received and not confirmed comes again.
    fn redeliver_every(&self) -> Duration;

    /// Attempts that wait in one queue at most; small.
    fn queue_length(&self) -> usize;

    /// Reports that wait to be confirmed at most; small.
    fn unconfirmed_reports(&self) -> usize;

    /// Lets time pass by the broker's clock.
    async fn advance_time(&self, span: Duration);

    /// A call that should wait is watched for so long: longer than the broker
    /// needs for an answer.
    fn watch(&self) -> Duration {
        Duration::from_millis(5)
    }

    /// How many sequences of random calls are tried.
    fn seeds(&self) -> u64 {
        60
    }
}

/// A call that should return took longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Waits for what should come soon.
async fn soon<T>(what: &str, call: impl Future<Output = T>) -> T {
    let Ok(result) = timeout(PATIENCE, call).await else {
        panic!("{what} did not return");
    };
    result
}

/// What should not return now; it is dropped.
async fn waits<T: std::fmt::Debug>(
    fixture: &dyn Fixture,
    what: &str,
    call: impl Future<Output = T>,
) {
    if let Ok(result) = timeout(fixture.watch(), call).await {
        panic!("{what} should wait, and returned {result:?}");
    }
}

/// Makes a test of each promise: `conformance_suite!(#[tokio::test], make)`,
/// where `make().await` is a new [`Fixture`](crate::conformance::Fixture).
#[macro_export]
macro_rules! conformance_suite {
    (#[$test:meta], $make:path) => {
        $crate::conformance_suite! { @each [$test] $make;
            attempt_is_claimed_once_and_its_start_is_told,
            publishing_again_changes_nothing,
            higher_priority_goes_first_and_then_the_order_of_publishing,
            worker_takes_from_its_own_queues_the_first_ones_first,
            waiting_claim_returns_when_something_is_published,
            claim_says_how_long_it_waited,
            several_waiting_workers_share_what_is_published,
            claim_takes_no_more_than_asked_and_no_more_than_there_is_room_for,
            paused_worker_claims_nothing_until_it_registers_again,
            renewed_lease_holds,
            lease_runs_out_once_and_fences_the_worker,
            late_report_is_passed_on,
            leaving_gives_back_what_was_held,
            what_was_never_begun_is_given_back_and_goes_first,
            only_what_is_held_is_given_back,
            what_was_given_back_is_known_until_it_is_published_again,
            worker_that_is_silent_is_no_longer_registered,
            registering_again_keeps_what_is_announced_and_gives_back_the_rest,
            what_a_lost_broker_knew_is_announced_by_its_worker,
            what_was_taken_away_is_not_announced_back,
            unregistered_worker_is_told_so_by_every_call,
            report_comes_again_until_it_is_confirmed,
            report_ends_the_claim,
            report_of_two_is_one_notice_until_confirmed,
            confirmed_report_that_comes_again_is_confirmed_again,
            new_scheduler_hears_what_is_unsettled,
            known_tells_what_it_knows_and_what_became_of_it,
            revoked_attempts_are_removed_or_signalled,
            receive_and_signals_return_no_more_than_asked,
            full_queue_hands_back_what_does_not_fit,
            full_list_of_reports_refuses_and_keeps_the_attempt_held,
            what_is_too_large_for_a_worker_is_left_to_a_larger_one,
            demand_is_room_less_what_waits,
            demand_of_several_queues_and_workers,
            rising_demand_is_told,
            survey_shows_workers_and_queues,
            worker_hears_that_it_is_to_leave,
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
