import pytest
from month_end import BOOKED, close_books, month_end
from weft.local.run import RunFailed

TOTAL = sum(BOOKED.values())
CLOSED = {"close_books": {"state": "success", "outputs": {"closing": TOTAL // 3}}}
STATED = {"statement": {"cents": TOTAL // 3 * 3}}


def test_the_books_of_a_region_are_closed():
    assert close_books.test({"region": "south"}).output("closing") == BOOKED["south"]
    with pytest.raises(RunFailed, match="there is no region 'east'; there are north, south, west"):
        close_books.test({"region": "east"})


def test_a_month_that_is_approved_is_reported():
    answer = {"option": "approve", "by": "ada", "fields": {"reason": "rounding"}}
    run = month_end.test(runs=CLOSED, events=STATED, approvals={"approve": answer})
    assert run.output("compare") == 0
    assert run.output("report").endswith(": rounding")
    assert run.states["tidy_up"] == "success"


def test_a_month_that_is_not_approved_is_tidied_up_all_the_same():
    run = month_end.test(runs=CLOSED, events=STATED)
    assert (run.states["approve"], run.states["report"], run.states["tidy_up"]) == ("skipped", "skipped", "success")


def test_without_a_statement_nothing_is_compared():
    run = month_end.test(runs=CLOSED)
    assert (run.states["statement"], run.states["compare"], run.states["tidy_up"]) == ("skipped", "skipped", "success")


def test_a_call_that_is_refused_fails_its_task():
    refused = {"close_books": {"error": {"code": "dag_paused", "message": "the DAG is paused"}}}
    with pytest.raises(RunFailed, match="the DAG is paused"):
        month_end.test(runs=refused, events=STATED)
