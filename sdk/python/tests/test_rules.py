"""Trigger rules in this process are those of the scheduler."""

import pytest

from weft.local.rules import verdict

RULES = [
    "all_success", "all_failed", "all_done", "all_done_min_one_success", "all_skipped", "one_failed", "one_success",
    "one_done", "none_failed", "none_failed_min_one_success", "none_skipped", "always",
]  # fmt: skip

STATES = {"s": "success", "k": "skipped", "f": "failed", "u": "upstream_failed"}
VERDICTS = {".": None, "R": "run", "k": "skipped", "u": "upstream_failed"}

#: The table of `trigger_rule.rs`: upstreams (`.` has not ended), and the verdict of each rule.
TABLE = [
    ("", "RRRRRRRRRRRR"),
    (".", "...........R"),
    ("s", "RkRRkkRRRRRR"),
    ("k", "kkRkRkkkRkkR"),
    ("f", "uRRukRuRuuRR"),
    ("u", "uRRukRukuuRR"),
    (".s", ".k..k.RR...R"),
    (".k", "kk.k......kR"),
    (".f", "u...kR.Ruu.R"),
    (".u", "u...kR..uu.R"),
    ("ss", "RkRRkkRRRRRR"),
    ("sk", "kkRkkkRRRRkR"),
    ("sf", "ukRRkRRRuuRR"),
    ("su", "ukRRkRRRuuRR"),
    ("kk", "kkRkRkkkRkkR"),
    ("kf", "ukRkkRuRuukR"),
    ("ku", "ukRkkRukuukR"),
    ("ff", "uRRukRuRuuRR"),
    ("fu", "uRRukRuRuuRR"),
    ("uu", "uRRukRukuuRR"),
    (".sk", "kk.kk.RR..kR"),
    (".sf", "uk..kRRRuu.R"),
    (".kf", "uk.kkR.RuukR"),
    ("skf", "ukRkkRRRuukR"),
    ("sku", "ukRkkRRRuukR"),
    ("kfu", "ukRkkRuRuukR"),
    ("sfu", "ukRRkRRRuuRR"),
    ("ssk", "kkRkkkRRRRkR"),
    ("skk", "kkRkkkRRRRkR"),
    (".skfu", "uk.kkRRRuukR"),
    ("skfu", "ukRkkRRRuukR"),
]


@pytest.mark.parametrize(("upstreams", "verdicts"), TABLE)
def test_each_rule_decides_as_in_the_scheduler(upstreams, verdicts):
    states = [STATES[state] for state in upstreams if state != "."]
    found = [verdict(rule, states, "." in upstreams) for rule in RULES]
    assert found == [VERDICTS[sign] for sign in verdicts]
