//! Calls that an untrusted worker can't make: each clause is about a handle that verifies claims
//! ([`crate::VerifyingBroker`]), with the keys of [`claim_keys`].

use super::{
    Fixture, claim_keys, dispatch, held, held_all, key, report,
    sample::{QUEUE, Sample, finished, keys, no_notices, notices, publish, rest},
    soon,
};
use crate::{
    AttemptKey, Claim, ClaimSecret, Failure, HeldClaim, LeaseTerms, OperatorBroker, Report,
    ReportedOutcome, SchedulerBroker, Signal, VerifyingBroker, WorkerBroker,
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};
use weft_core::{id::TenantId, suspicion::Evidence};

/// More than any bound of a fixture.
const FLOOD: u32 = 200;
/// The most attempts that a worker may name at once.
const MANY: u32 = 20_000;

/// A fixture whose workers are not trusted.
pub struct Untrusted<F>(pub F);

#[async_trait]
impl<F: Fixture> Fixture for Untrusted<F> {
    async fn scheduler(&self) -> Arc<dyn SchedulerBroker> {
        self.0.scheduler().await
    }

    async fn worker(&self) -> Arc<dyn WorkerBroker> {
        let broker = self.0.worker().await;
        Arc::new(VerifyingBroker::new(broker, claim_keys()))
    }

    fn operator(&self) -> Arc<dyn OperatorBroker> {
        self.0.operator()
    }

    fn terms(&self) -> LeaseTerms {
        self.0.terms()
    }

    fn redeliver_every(&self) -> Duration {
        self.0.redeliver_every()
    }

    fn queue_length(&self) -> usize {
        self.0.queue_length()
    }

    fn unconfirmed_reports(&self) -> usize {
        self.0.unconfirmed_reports()
    }

    async fn advance_time(&self, span: Duration) {
        self.0.advance_time(span).await;
    }

    fn watch(&self) -> Duration {
        self.0.watch()
    }

    fn seeds(&self) -> u64 {
        self.0.seeds()
    }
}

/// The attempt under each secret that does not prove it: none, another attempt's, a guess.
fn forgeries(attempt: AttemptKey) -> [HeldClaim; 3] {
    let guess = ClaimSecret::from_hex(&"0".repeat(32));
    let foreign = claim_keys().secret(&key(9_999));
    [None, guess, Some(foreign)].map(|secret| HeldClaim {
        key: attempt,
        secret,
    })
}

fn crash(number: u32, secret: Option<ClaimSecret>) -> Report {
    let failure = Failure::crashed("thief", Evidence::Alone);
    Report {
        outcome: ReportedOutcome::Failed(failure),
        secret,
        ..report(number, "thief")
    }
}

/// A claim comes with its secret, which proves it after a new registration as well.
pub async fn a_claim_has_a_secret_that_proves_it_after_a_restart(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 3).await;
    publish(&*scheduler, &[1, 2]).await;
    let claims: Vec<Claim> = soon("claim", worker.broker.claim(2))
        .await
        .expect("answered");
    let mine: Vec<HeldClaim> = claims
        .iter()
        .map(|claim| HeldClaim {
            key: claim.dispatch.key,
            secret: claim.secret,
        })
        .collect();
    assert_eq!(mine, held_all(&keys(&[1, 2])));
    let again = fixture.worker().await;
    let registered = again.register(&worker.info, &mine);
    soon("register", registered).await.expect("answered");
    assert_eq!(soon("renew", again.renew(&mine)).await, Ok(Vec::new()));
}

/// A worker that knows an attempt's nonce, and not the secret, can't end it.
pub async fn a_report_without_the_secret_is_refused(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let holder = Sample::new(fixture, "holder", 3).await;
    let thief = Sample::new(fixture, "thief", 3).await;
    publish(&*scheduler, &[1]).await;
    assert_eq!(holder.claim(1).await, keys(&[1]));
    notices(&*scheduler, 1).await;
    // The second one is queued nowhere and known to no worker.
    for forged in forgeries(key(1)).into_iter().chain(forgeries(key(2))) {
        let report = Report {
            key: forged.key,
            secret: forged.secret,
            ..report(1, "thief")
        };
        let reported = thief.broker.report(vec![report]);
        soon("report", reported).await.expect("answered");
        let signals = soon("signals", thief.broker.signals(9)).await;
        assert_eq!(signals, Ok(vec![Signal::Confirmed(forged.key)]));
    }
    no_notices(fixture, &*scheduler).await;
    assert_eq!(holder.renew(&keys(&[1])).await, []);
    holder.report(&[1]).await;
    assert_eq!(notices(&*scheduler, 1).await, [finished(1, "holder")]);
}

/// Crash reports for attempts that the worker never had blame no task, and take no place from
/// reports of others.
pub async fn a_flood_of_unproven_crash_reports_blames_no_task(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let holder = Sample::new(fixture, "holder", 3).await;
    let thief = Sample::new(fixture, "thief", 3).await;
    publish(&*scheduler, &[1]).await;
    assert_eq!(holder.claim(1).await, keys(&[1]));
    notices(&*scheduler, 1).await;
    let flood = (1..=FLOOD).map(|number| crash(number, forgeries(key(number))[2].secret));
    let reported = thief.broker.report(flood.collect());
    soon("report", reported).await.expect("answered");
    no_notices(fixture, &*scheduler).await;
    holder.report(&[1]).await;
    assert_eq!(notices(&*scheduler, 1).await, [finished(1, "holder")]);
}

/// Attempts of foreign queues and tenants, queued, held and unknown ones can't be announced
/// without their secrets.
pub async fn attempts_that_were_never_claimed_can_not_be_announced(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let holder = Sample::of_queues(fixture, "holder", 1, &[QUEUE, "secret"]).await;
    publish(&*scheduler, &[1]).await;
    assert_eq!(holder.claim(1).await, keys(&[1]));
    let mut foreign = dispatch(2, "secret", 0);
    foreign.tenant = "foreign".parse::<TenantId>().expect("an id");
    let published = scheduler.publish(vec![foreign]);
    soon("publish", published).await.expect("there is room");
    rest(fixture, &*scheduler).await;
    let thief = Sample::new(fixture, "thief", 3).await;
    for number in 1..=3 {
        for forged in forgeries(key(number)) {
            let announced = [forged];
            let registered = thief.broker.register(&thief.info, &announced);
            soon("register", registered).await.expect("answered");
            let renewed = soon("renew", thief.broker.renew(&[held(key(number))])).await;
            assert_eq!(renewed, Ok(keys(&[number])), "it holds none");
        }
    }
    no_notices(fixture, &*scheduler).await;
    assert_eq!(holder.renew(&keys(&[1])).await, []);
    holder.report(&[1]).await;
    assert_eq!(holder.claim(1).await, keys(&[2]), "it is still queued");
}

/// As many attempts as a call may name occupy nothing.
pub async fn many_announced_attempts_occupy_no_slots(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let thief = Sample::new(fixture, "thief", 3).await;
    let announced: Vec<HeldClaim> = (1..=MANY).map(|number| key(number).into()).collect();
    let registered = thief.broker.register(&thief.info, &announced);
    soon("register", registered).await.expect("answered");
    let demand = soon("demand", scheduler.demand()).await.expect("answered");
    assert_eq!(demand.iter().map(|queue| queue.free_slots).sum::<u32>(), 3);
    no_notices(fixture, &*scheduler).await;
}

/// Even the holder can't renew or release without the secret.
pub async fn renewals_and_releases_need_the_secret(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 3).await;
    publish(&*scheduler, &[1]).await;
    assert_eq!(worker.claim(1).await, keys(&[1]));
    notices(&*scheduler, 1).await;
    for forged in forgeries(key(1)) {
        let renewed = soon("renew", worker.broker.renew(&[forged])).await;
        assert_eq!(renewed, Ok(keys(&[1])), "{forged:?}");
        let forged = [forged];
        let released = worker.broker.release(&forged);
        soon("release", released).await.expect("answered");
    }
    no_notices(fixture, &*scheduler).await;
    assert_eq!(worker.renew(&keys(&[1])).await, []);
}

/// An old report that is replayed is no report of the attempt after it.
pub async fn a_replayed_report_ends_no_other_attempt(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let thief = Sample::new(fixture, "thief", 1).await;
    publish(&*scheduler, &[1]).await;
    assert_eq!(thief.claim(1).await, keys(&[1]));
    thief.report(&[1]).await;
    rest(fixture, &*scheduler).await;
    soon("confirm", scheduler.confirm(&keys(&[1])))
        .await
        .expect("answered");
    let mut next = dispatch(1, QUEUE, 0);
    next.key.attempt.number = 2;
    let published = scheduler.publish(vec![next.clone()]);
    soon("publish", published).await.expect("there is room");
    let holder = Sample::new(fixture, "holder", 1).await;
    assert_eq!(holder.claim(1).await, [next.key]);
    rest(fixture, &*scheduler).await;
    let replayed = Report {
        key: next.key,
        ..report(1, "thief")
    };
    let reported = thief.broker.report(vec![replayed]);
    soon("report", reported).await.expect("answered");
    no_notices(fixture, &*scheduler).await;
    assert_eq!(holder.renew(&[next.key]).await, []);
}

/// A worker that released an attempt still has its secret, and can neither end nor blame the attempt,
/// nor take it back, once another worker holds it.
pub async fn a_released_attempt_is_out_of_reach_of_its_first_holder(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let thief = Sample::new(fixture, "thief", 1).await;
    publish(&*scheduler, &[1]).await;
    assert_eq!(thief.claim(1).await, keys(&[1]));
    let mine = [held(key(1))];
    let released = thief.broker.release(&mine);
    soon("release", released).await.expect("answered");
    rest(fixture, &*scheduler).await;
    soon("pause", thief.broker.pause()).await.expect("paused");
    let holder = Sample::new(fixture, "holder", 1).await;
    publish(&*scheduler, &[1]).await;
    assert_eq!(holder.claim(1).await, keys(&[1]));
    rest(fixture, &*scheduler).await;
    for stale in [report(1, "thief"), crash(1, mine[0].secret)] {
        let reported = thief.broker.report(vec![stale]);
        soon("report", reported).await.expect("answered");
        let signals = soon("signals", thief.broker.signals(9)).await;
        assert_eq!(signals, Ok(vec![Signal::Confirmed(key(1))]));
    }
    let registered = thief.broker.register(&thief.info, &mine);
    soon("register", registered).await.expect("answered");
    assert_eq!(thief.renew(&keys(&[1])).await, keys(&[1]), "it holds none");
    no_notices(fixture, &*scheduler).await;
    assert_eq!(holder.renew(&keys(&[1])).await, []);
    holder.report(&[1]).await;
    assert_eq!(notices(&*scheduler, 1).await, [finished(1, "holder")]);
}

/// A worker that announces far more slots than it has holds no more than its own claims, and
/// what it holds without an end goes on to others when it is revoked.
pub async fn announced_slots_keep_no_attempt_from_others(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let thief = Sample::new(fixture, "thief", MANY).await;
    let holder = Sample::new(fixture, "holder", 1).await;
    publish(&*scheduler, &[1, 2]).await;
    assert_eq!(thief.claim(1).await, keys(&[1]));
    assert_eq!(holder.claim(1).await, keys(&[2]));
    rest(fixture, &*scheduler).await;
    for _ in 0..3 {
        fixture.advance_time(fixture.terms().lease / 2).await;
        assert_eq!(thief.renew(&keys(&[1])).await, []);
        assert_eq!(holder.renew(&keys(&[2])).await, []);
    }
    // The scheduler takes back what a worker holds for longer than its task may take.
    soon("revoke", scheduler.revoke(&keys(&[1])))
        .await
        .expect("answered");
    assert_eq!(thief.renew(&keys(&[1])).await, keys(&[1]));
    let announced = [held(key(1))];
    let registered = thief.broker.register(&thief.info, &announced);
    soon("register", registered).await.expect("answered");
    assert_eq!(thief.renew(&keys(&[1])).await, keys(&[1]), "it is fenced");
}

/// A holder that reports the same crash many times is heard once.
pub async fn a_flood_of_crash_reports_of_a_holder_is_one_report(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let thief = Sample::new(fixture, "thief", 1).await;
    publish(&*scheduler, &[1]).await;
    assert_eq!(thief.claim(1).await, keys(&[1]));
    rest(fixture, &*scheduler).await;
    let secret = Some(claim_keys().secret(&key(1)));
    let flood = (0..FLOOD).map(|_| crash(1, secret)).collect();
    soon("report", thief.broker.report(flood))
        .await
        .expect("answered");
    assert_eq!(notices(&*scheduler, 1).await.len(), 1);
    no_notices(fixture, &*scheduler).await;
}

/// Makes a test of each clause, as [`conformance_suite!`](crate::conformance_suite) does; the
/// fixture's workers are not trusted.
#[macro_export]
macro_rules! malicious_worker_suite {
    (#[$test:meta], $make:path) => {
        $crate::conformance_suite! { @each [$test] $make;
            a_claim_has_a_secret_that_proves_it_after_a_restart,
            a_report_without_the_secret_is_refused,
            a_flood_of_unproven_crash_reports_blames_no_task,
            attempts_that_were_never_claimed_can_not_be_announced,
            many_announced_attempts_occupy_no_slots,
            renewals_and_releases_need_the_secret,
            a_replayed_report_ends_no_other_attempt,
            a_released_attempt_is_out_of_reach_of_its_first_holder,
            announced_slots_keep_no_attempt_from_others,
            a_flood_of_crash_reports_of_a_holder_is_one_report,
        }
    };
}
