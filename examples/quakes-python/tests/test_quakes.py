from quakes import feed, quakes
from weft.local.run import RunFailed

import pytest
import weft.testing
from weft import Retry, get_current_context


def test_a_server_that_is_down_is_tried_again():
    with weft.testing.attempt(try_number=1), pytest.raises(Retry):
        feed(get_current_context(), 1)
    with weft.testing.attempt(try_number=2):
        assert len(feed(get_current_context(), 1)) == 1707


def test_the_threshold_decides_which_notice_is_written():
    calm = quakes.test()
    assert calm.states["alert"] == "skipped"
    assert calm.output("report")["notice"] == "No earthquake reached magnitude 7.0."
    assert calm.output("world")["regions"] == len(calm.output("summarise")) == 71
    alarmed = quakes.test({"threshold": 6})
    assert alarmed.states["all_clear"] == "skipped"


def test_a_feed_that_stays_down_fails_the_run():
    with pytest.raises(RunFailed, match="503"):
        quakes.test({"outage": 9})
