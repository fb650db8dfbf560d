// Every hostile behaviour, by name, in one place. The guests make their dispatch
// from these lists, and the tests in `tests/sandbox/` fail to compile when a name
// here has no test: see `assert_test_exists` there.

/// What the component `hostile` does, by the task's name.
#[macro_export]
macro_rules! foreach_component_behaviour {
    ($callback:ident) => {
        $callback! {
            // Time.
            endless_loop
            endless_host_calls
            blocked_host_call
            endless_poll
            // Memory, the guest's own and the host's on its behalf.
            memory_growth
            memory_growth_refused
            deep_recursion
            huge_random
            huge_poll_list
            aliased_log_fields
            aliased_http_headers
            // Results.
            huge_output
            huge_failure
            huge_control
            nul_in_output
            broken_output
            deeply_nested_output
            million_objects_in_output
            million_objects_in_control
            unknown_control
            broken_details
            // Logs.
            log_flood
            stdout_flood
            endless_line
            huge_log_message
            progress_flood
            terminal_escapes
            // Handles.
            million_pollables
            million_header_maps
            // Network.
            http_without_grant
            http_zero_timeout
            http_header_bomb
            http_smuggled_headers
            http_endless_upload
            sockets
            // Ends.
            panic
            trap
            exit_zero
            exit_seven
            // Artifacts and variables.
            variable_without_grant
            artifact_guessed
            artifact_smuggled_out
            artifacts_by_the_million
            artifacts_all_at_once
            artifact_endless
        }
    };
}

/// What the program `hostile-program` does, by its first argument.
#[macro_export]
macro_rules! foreach_program_behaviour {
    ($callback:ident) => {
        $callback! {
            read_outside
            fill_scratch
            sparse_file
            million_files
            million_open_files
            list_many_files
            deep_folders
            link_in_out
            environment
            exit_zero
            exit_seven
            endless_stdout
            stdout_not_json
            million_objects_beside_a_file
        }
    };
}

/// What the component `hostile-concurrent`, whose `run` is async, does by the task's name.
#[macro_export]
macro_rules! foreach_async_behaviour {
    ($callback:ident) => {
        $callback! {
            // Time.
            waits_for_ever
            waits_for_nothing
            computes_for_ever
            yields_for_ever
            goes_on_after_its_end
            // Calls and streams in progress at once, and what the host keeps for them.
            million_waits
            million_streams
            million_stream_ends_given_away
            million_reads_of_folders
            // Logs.
            stdout_flood_by_stream
            // Files.
            fill_scratch_by_stream
            rename_races
            unlinked_files_kept_by_streams
            // Network.
            sockets_of_wasi_3
            http_3_without_grant
        }
    };
}
