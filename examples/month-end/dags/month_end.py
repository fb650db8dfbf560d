"""The end of a month: a DAG that calls another one, waits for the world and for people, and cleans up.

`month_end` closes the books of each region by a run of `close_books`, waits for the bank's statement, compares the
two, has somebody approve the result, and writes a report. Whatever happened, `tidy_up` empties the workspace.
"""

from datetime import timedelta

from weft import Approval, Call, Context, Defer, Skip, dag, task

#: What the regions booked, in cents, instead of a ledger.
BOOKED = {"north": 1_250_00, "south": 890_50, "west": 2_000_00}


@task
def closing(region: str) -> int:
    """The balance of a region."""
    if region not in BOOKED:
        raise ValueError(f"there is no region {region!r}; there are {', '.join(BOOKED)}")
    return BOOKED[region]


@dag
def close_books(region: str = "north"):
    closing(region)


@task
def open_workspace(context: Context) -> str:
    """The workspace of the month, which `tidy_up` empties."""
    return f"{context.logical_date:%Y-%m}"


@task(grants={"dags": ["close_books"]})
def close(region: str, context: Context) -> int:
    """Has the books of a region closed, once, and returns the balance."""
    if context.woken is None:
        raise Defer(call=Call("close_books", {"region": region}), timeout=timedelta(hours=6))
    return context.woken.output("closing")


@task
def statement(context: Context) -> int:
    """The balance that the bank states: the payload of the event `statement`."""
    if context.woken is None:
        raise Defer(event="statement", timeout=timedelta(days=3))
    if context.woken.timed_out:
        raise Skip("the bank sent no statement in three days")
    return context.woken.payload["cents"]


@task
def compare(balances: list[int], stated: int) -> int:
    """How much the books differ from the statement."""
    return sum(balances) - stated


@task
def approve(difference: int, context: Context) -> str:
    """Asks whether the month may be closed; a difference needs a reason."""
    if context.woken is None:
        form = {"type": "object", "properties": {"reason": {"type": "string"}}}
        if difference:
            form["required"] = ["reason"]
        question = Approval(
            f"Close the month with a difference of {difference / 100:.2f}?",
            body="The books of all regions are closed, and the bank has sent its statement.",
            form=form,
            default="reject",
        )
        raise Defer(approval=question, timeout=timedelta(days=2))
    decision = context.woken.decision
    if not decision.approved:
        raise Skip(decision.comment or "it was not approved")
    return decision.fields.get("reason", "nothing to explain")


@task
def report(balances: list[int], reason: str) -> str:
    return f"{len(balances)} regions closed at {sum(balances) / 100:.2f}: {reason}"


@task
def tidy_up(workspace: str) -> str:
    """Runs whatever happened since the workspace was opened, also after a cancel."""
    return f"the workspace of {workspace} is empty"


@dag(schedule="0 6 1 * *", catchup=False)
def month_end(regions: list[str] = ["north", "south", "west"]):  # noqa: B006
    workspace = open_workspace()
    balances = close.expand(region=regions)
    workspace >> balances
    difference = compare(balances, statement())
    reported = report(balances, approve(difference))
    reported >> tidy_up(workspace).teardown_of(workspace)
