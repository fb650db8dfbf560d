"""Trigger rules over upstreams that have all ended: Airflow's, as `weft-core` has them."""

from __future__ import annotations

from collections import Counter


def verdict(rule: str, states: list[str]) -> str:
    """ "run", "skipped" or "upstream_failed", by how the upstream instances ended."""
    if rule == "always":
        return "run"
    count = Counter(states)
    success, skipped = count["success"], count["skipped"]
    failed = count["failed"] + count["upstream_failed"]
    total = len(states)
    done = total
    match rule:
        case "all_success":
            return "upstream_failed" if failed else "skipped" if skipped else "run"
        case "all_failed":
            return "run" if failed == total else "skipped"
        case "all_done":
            return "run"
        case "all_done_min_one_success":
            return "run" if success or not total else "skipped" if skipped == total else "upstream_failed"
        case "all_skipped":
            return "run" if skipped == total else "skipped"
        case "one_failed":
            return "run" if failed else "skipped"
        case "one_success":
            return "run" if success else "upstream_failed" if failed else "skipped"
        case "one_done":
            return "run" if success + failed else "skipped"
        case "none_failed":
            return "upstream_failed" if failed else "run"
        case "none_failed_min_one_success":
            return "upstream_failed" if failed else "run" if success or not total else "skipped"
        case "none_skipped":
            return "skipped" if skipped else "run"
    raise ValueError(f"there is no trigger rule {rule!r}; {done} upstreams")


def teardown_verdict(setups: list[str]) -> str:
    """What `verdict` says of a teardown, by how the instances of its setups ended."""
    failed = any(state in ("failed", "upstream_failed") for state in setups)
    if "success" in setups or not setups:
        return "run"
    return "upstream_failed" if failed else "skipped"
