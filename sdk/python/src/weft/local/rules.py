"""Trigger rules: Airflow's, as `weft-core` has them."""

from __future__ import annotations

from collections import Counter


def verdict(rule: str, states: list[str], waits: bool = False) -> str | None:
    """ "run", "skipped" or "upstream_failed", by how the upstream instances ended.

    With `waits`, other upstreams have not ended: `None` if the rule depends on them.
    """
    if not states and not waits:
        return "run"
    count = Counter(states)
    success, skipped = count["success"], count["skipped"]
    failed = count["failed"] + count["upstream_failed"]
    when_done = None if waits else "run"
    match rule:
        case "always":
            return "run"
        case "all_success":
            return "upstream_failed" if failed else "skipped" if skipped else when_done
        case "all_failed":
            return "skipped" if success or skipped else when_done
        case "all_done":
            return when_done
        case "all_done_min_one_success":
            return "skipped" if skipped else when_done if success or waits else "upstream_failed"
        case "all_skipped":
            return "skipped" if success or failed else when_done
        case "one_failed":
            return "run" if failed else None if waits else "skipped"
        case "one_success":
            return "run" if success else None if waits else "upstream_failed" if failed else "skipped"
        case "one_done":
            return "run" if success or count["failed"] else None if waits else "skipped"
        case "none_failed":
            return "upstream_failed" if failed else when_done
        case "none_failed_min_one_success":
            return "upstream_failed" if failed else when_done if success or waits else "skipped"
        case "none_skipped":
            return "skipped" if skipped else when_done
    raise ValueError(f"there is no trigger rule {rule!r}")


def teardown_verdict(setups: list[str]) -> str:
    """What `verdict` says of a teardown, by how the instances of its setups ended."""
    failed = any(state in ("failed", "upstream_failed") for state in setups)
    if "success" in setups or not setups:
        return "run"
    return "upstream_failed" if failed else "skipped"
