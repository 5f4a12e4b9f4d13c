"""Which cases of the suite run against every engine: all of them take minutes, and most do not depend on it.

FABRIK_ALL_BACKENDS=1 runs all of them.
"""

from __future__ import annotations

import os

from fabrik.testing.conformance import CASES, Case, case_id

_CHOSEN = [
    "exit_status_passes",
    "signal_is_reported",
    "program_that_does_not_exist_gives_127",
    "arguments_arrive_as_they_are",
    "too_long_an_argument_gives_126",
    "stdin_is_binary",
    "stdout_and_stderr_together",
    "environment_is_minimal",
    "environment_is_set",
    "works_in_the_workspace",
    "directory_that_does_not_exist_breaks",
    "two_commands_at_once",
    "tar_goes_out_and_in",
    "files_get_the_usual_modes",
    "time_limit_ends_everything",
    "cancelling_ends_everything",
    "output_limit",
    "memory_limit",
    "process_limit_stops_a_fork_bomb",
    "disk_limit",
    "disk_limit_on_one_file",
    "adopting_ends_what_ran",
    "destroying_ends_what_runs",
    "others_are_left_alone",
    "names_may_hold_slashes",
    "preflight_is_honest",
    "prepared_sees_files_of_both_times",
    "prepared_and_given_up_never_ran",
    "prepared_with_doors_reaches_them",
    "told_variables_are_seen",
    "a_reader_cannot_change_anything",
    "doors_lead_to_the_host",
    "doors_pass_the_end_of_one_direction_on",
    "status_passes_beside_doors",
    "tcp_to_the_host_is_refused",
    "networks_beyond_namespaces_are_refused",
    "keyrings_are_out_of_reach",
    "sockets_beside_the_doors_are_invisible",
    "only_its_own_places_can_be_written",
    "host_files_are_invisible",
    "users_are_not_the_hosts",
    "read_only_paths_can_be_read_and_not_written",
    "user_is_not_root_and_can_do_nothing_special",
    "kernel_settings_cannot_be_changed",
    "namespaces_cannot_be_nested",
    "host_processes_are_invisible",
    "worker_environment_is_invisible",
    "nothing_open_is_inherited",
    "temporary_files_are_bounded_and_private",
]


def cases() -> list[Case]:
    """The chosen ones, or all."""
    if os.environ.get("FABRIK_ALL_BACKENDS") == "1":
        return CASES
    chosen = [case for case in CASES if case_id(case) in _CHOSEN]
    assert len(chosen) == len(_CHOSEN), "a chosen case has another name now"
    return chosen
