//! Conformance of every database, case by case.

mod actions;
mod approvals;
mod assets;
mod before;
mod calls;
mod crashes;
mod dags;
mod failures;
mod grid;
mod instances;
mod lease;
mod named_events;
mod notifications;
mod operators;
mod queue;
mod retention;
mod runs;
mod turn;
mod webhooks;

/// Makes two tests of each case, one for each database.
macro_rules! conformance {
    ($($module:ident: $($case:ident),* $(,)?;)*) => {
        mod sqlite { $( mod $module { $(
            #[tokio::test]
            async fn $case() {
                let home = crate::setup::sqlite().await;
                crate::conformance::$module::$case(&home.database).await;
            }
        )* } )* }
        mod postgres { $( mod $module { $(
            #[tokio::test]
            async fn $case() {
                let home = crate::setup::postgres().await;
                crate::conformance::$module::$case(&home.database).await;
            }
        )* } )* }
    };
}

conformance! {
    approvals:
        a_question_waits_until_it_is_answered_once,
        a_question_whose_wait_ended_takes_no_answer,
        questions_are_listed_by_tenant_dag_and_run;
    assets:
        an_update_waits_for_each_dag_until_a_run_is_made_of_it,
        what_no_condition_names_any_more_waits_no_longer,
        an_update_is_reported_once_for_each_key,
        updates_go_with_the_run_that_made_them,
        what_a_task_waits_for_is_the_last_update_that_counts;
    actions:
        an_action_gives_a_run_one_command,
        runs_of_other_dates_are_paged_by_date,
        a_note_is_replaced_removed_and_goes_with_its_run,
        a_hold_ends_with_its_pause,
        a_limited_backfill_goes_on_where_it_was;
    before:
        the_run_before_is_the_dated_one_of_the_latest_earlier_date,
        ends_of_tasks_are_found_with_and_without_rows_of_their_instances;
    calls:
        a_called_run_knows_its_caller,
        cancelling_a_tree_goes_on_to_the_runs_that_were_called,
        awaited_runs_are_found_by_id_and_by_date;
    crashes:
        crashes_are_recorded_once_absolved_and_cleared,
        lifting_a_quarantine_raises_the_settings_version;
    dags:
        the_same_file_again_changes_nothing,
        a_deploy_returns_the_previous_version,
        a_repair_replaces_a_version_or_drops_it,
        versions_are_listed_and_activated_again,
        an_unknown_tenant_or_a_doubled_dag_deploys_nothing,
        pausing_is_seen_by_the_scheduler,
        a_dag_with_unfinished_runs_is_not_deleted,
        a_deleted_dags_name_is_free_again,
        dags_are_paged_by_id;
    failures:
        failures_are_counted_by_cause_and_hour,
        only_attempts_that_failed_are_counted,
        old_failures_are_forgotten;
    grid:
        brief_runs_are_paged_newest_first,
        states_of_many_runs_are_read_at_once,
        a_timeline_holds_each_attempt_once,
        an_overview_counts_what_is_late_failing_and_failed;
    instances:
        lists_go_by_task_index_and_state,
        another_tenant_sees_nothing,
        a_cleared_task_leaves_its_attempts,
        a_task_is_cleared_in_portions,
        instances_of_a_task_are_cleared_by_themselves;
    lease:
        a_shard_has_one_owner_until_its_lease_ends,
        shards_are_shared_among_live_schedulers,
        a_deposed_owner_does_not_release_a_shard,
        new_tenants_go_to_the_shard_with_the_fewest,
        a_deposed_scheduler_writes_nothing,
        a_repeated_turn_succeeds_and_writes_nothing,
        a_turn_behind_a_gap_is_refused_and_the_shard_can_be_given_up;
    named_events:
        an_event_wakes_one_instance_that_waits_for_it,
        an_event_that_came_before_is_taken_by_the_next_wait,
        an_event_that_came_too_late_is_kept_again,
        a_refused_event_does_not_wake_the_same_wait_again,
        an_event_of_one_key_is_sent_once,
        an_event_for_an_ended_or_unknown_run_is_refused,
        a_wait_and_an_event_at_once_meet;
    notifications:
        a_turn_notices_what_some_destination_wants,
        retried_attempts_are_noticed_by_cause,
        a_missed_deadline_is_noticed_with_its_task,
        what_was_noticed_is_planned_once,
        notices_of_one_cause_are_folded_until_they_are_sent,
        one_delivery_of_a_destination_is_sent_at_a_time,
        a_recovery_does_not_overtake_its_failure,
        a_removed_destination_gets_nothing_more;
    operators:
        settings_rise_with_every_change,
        secrets_are_sealed_listed_and_rotated,
        tokens_are_found_by_hash_and_revoked,
        changes_are_in_the_audit,
        workers_come_and_go,
        a_workers_name_belongs_to_one_token,
        compiled_code_is_found_until_it_is_forgotten,
        a_response_is_stored_once,
        the_last_administrator_token_is_not_revoked,
        a_change_of_an_outdated_state_is_refused;
    queue:
        queued_runs_wait_for_their_time_in_order_of_dates,
        queued_runs_of_paused_dags_are_not_listed,
        queued_runs_are_read_without_those_of_some_keys,
        starts_of_runs_with_a_key_are_known,
        queued_runs_of_a_timetable_are_counted,
        a_scheduled_date_has_one_run,
        commands_wait_until_they_are_done;
    retention:
        retention_deletes_old_runs_with_their_rows_and_keeps_the_newest,
        digests_of_versions_and_outputs_are_listed,
        texts_that_may_name_artifacts_are_listed,
        the_oldest_running_run_is_known;
    runs:
        a_trigger_is_idempotent_by_its_key,
        a_trigger_of_an_unknown_dag_or_version_is_refused,
        a_trigger_on_conditions_makes_a_run_only_while_they_hold,
        a_backfill_reports_dates_that_exist,
        runs_are_paged_by_filter,
        runs_are_filtered_by_kind_and_time,
        the_latest_runs_of_each_dag,
        unfinished_runs_are_counted;
    turn:
        every_statement_prepares,
        everything_of_a_turn_is_read_back,
        a_turn_of_thousands_of_rows,
        a_taken_run_id_stops_the_whole_turn;
    webhooks:
        a_webhook_is_found_until_it_or_its_dag_is_gone;
}
