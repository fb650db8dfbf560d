"""How a task ends when it does not end with its output.

A task raises one of these. Any other exception is a failure that follows the
task's retries. Nothing here knows how an ending reaches the host.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Mapping, Sequence


class WeftError(Exception):
    """A failure that follows the task's retries, as any other exception does."""


class Fail(WeftError):
    """A failure that is not tried again: the next attempt would fail alike."""


class Retry(WeftError):
    """A failure whose next attempt starts no earlier than `after`."""

    def __init__(self, message: str = "", *, after: timedelta | float | None = None, details: Any = None):
        super().__init__(message)
        self.after_ms = None if after is None else milliseconds(after)
        self.details = details


class Skip(Exception):
    """The task skips itself; what hangs on it follows its trigger rule."""


class Call:
    """A run of another DAG of the same tenant, for `Defer(call=...)`.

    `params` are the run's parameters, `logical_date` is the date that it is for:
    the time of the call where it is left out. With `wait=False` the task goes on
    at once, and the run by itself. The task needs `grants={"dags": [dag]}`.
    """

    def __init__(
        self,
        dag: str,
        params: Mapping[str, Any] | None = None,
        *,
        logical_date: datetime | None = None,
        wait: bool = True,
    ):
        if not isinstance(dag, str) or not dag:
            raise TypeError(f"a call names a DAG by its id, not {dag!r}")
        if params is not None and not isinstance(params, Mapping):
            raise TypeError(f"the parameters of a call are a dict such as {{'rows': 7}}, not {params!r}")
        self.dag = dag
        self.params = dict(params or {})
        self.logical_date = None if logical_date is None else _utc("logical_date", logical_date)
        self.wait = wait

    def __repr__(self) -> str:
        return f"<call of {self.dag}>"


class Approval:
    """A question to people, for `Defer(approval=...)`.

    `subject` is the question in a line, `body` more of it in Markdown. `options`
    can be answered, `default` is the answer where no one gives one within the
    deferral's timeout. `form` is the JSON Schema of an object to fill in.
    `approvers` are the names of the tokens that may answer: all that may operate
    runs where it is left out.
    """

    def __init__(
        self,
        subject: str,
        *,
        body: str | None = None,
        options: Sequence[str] = ("approve", "reject"),
        default: str | None = None,
        form: Mapping[str, Any] | None = None,
        approvers: Sequence[str] = (),
    ):
        if not isinstance(subject, str) or not subject.strip() or "\n" in subject:
            raise TypeError(f"an approval asks a question of one line, not {subject!r}")
        if isinstance(options, str) or not options:
            raise TypeError(f"`options` are a list of names, not {options!r}")
        if default is not None and default not in options:
            raise ValueError(f"`default` is one of {', '.join(options)}, not {default!r}")
        if isinstance(approvers, str):
            raise TypeError(f"`approvers` are a list of names, not {approvers!r}")
        self.subject = subject
        self.body = body
        self.options = list(options)
        self.default = default
        self.form = None if form is None else dict(form)
        self.approvers = list(approvers)

    def __repr__(self) -> str:
        return f"<approval: {self.subject}>"


class Defer(Exception):
    """The attempt ends, and another one is woken later.

    What wakes it is one of these:

    - `after`: a span from now, or `until`: a point in time with a zone.
    - `event`: the name of an event that is sent to the run.
    - `run`: the end of the run of this id, or `dag` and `logical_date`: of the
      scheduled or backfilled run of a DAG for a date. With `task`, a task's id: the
      end of all instances of that task, or of the run.
    - `call`: the end of a run that this deferral creates; see `Call`.
    - `approval`: somebody's answer; see `Approval`.
    - `asset`: an update of the asset of this name. Without `since` it is the first
      update since the attempt that waits started; with it, one at or after that point
      in time, which may be there already. With `partition`, only updates of that
      partition count.

    A wait for anything but a time ends after `timeout` at the latest.
    `Context.resumed` returns `state`, `Context.woken` what ended the wait.
    """

    def __init__(
        self,
        *,
        after: timedelta | float | None = None,
        until: datetime | None = None,
        event: str | None = None,
        run: str | None = None,
        dag: str | None = None,
        logical_date: datetime | None = None,
        task: str | None = None,
        call: Call | None = None,
        approval: Approval | None = None,
        asset: str | None = None,
        partition: str | None = None,
        since: datetime | None = None,
        timeout: timedelta | float | None = None,
        state: Any = None,
    ):
        if [after, until, event, run, dag, call, approval, asset].count(None) != 7:
            raise TypeError(
                "a deferral takes one of `after`, `until`, `event`, `run`, `dag`, `call`, `approval` and `asset`"
            )
        if (dag is None) != (logical_date is None):
            raise TypeError(_DATE_OF_CALL if call is not None else "`dag` and `logical_date` go together")
        if task is not None and run is None and dag is None:
            raise TypeError("`task` goes with `run`, or with `dag` and `logical_date`")
        if task is not None and (not isinstance(task, str) or not task):
            raise TypeError(f"`task` is the id of a task, such as 'load', not {task!r}")
        if asset is None and (partition is not None or since is not None):
            raise TypeError("`partition` and `since` go with `asset`")
        if asset is not None:
            _check_asset(asset, partition)
        if call is not None and not isinstance(call, Call):
            raise TypeError(f"`call` takes a Call, such as Call('child', params={{'rows': 7}}), not {call!r}")
        if approval is not None and not isinstance(approval, Approval):
            raise TypeError(f"`approval` takes an Approval, such as Approval('Ship it?'), not {approval!r}")
        if approval is not None and approval.default is not None and timeout is None:
            raise TypeError("the default of an approval is the answer after the `timeout`: give one")
        if timeout is not None and (after is not None or until is not None):
            raise TypeError("a deferral by time takes no `timeout`")
        if timeout is not None and call is not None and not call.wait:
            raise TypeError("a call with wait=False takes no `timeout`: it waits for nothing")
        super().__init__("deferred")
        self.after_ms = None if after is None else milliseconds(after)
        self.until = None if until is None else _utc("until", until)
        self.event = event
        self.run = run
        self.dag = dag
        self.logical_date = None if logical_date is None else _utc("logical_date", logical_date)
        self.task = task
        self.call = call
        self.approval = approval
        self.asset = asset
        self.partition = partition
        self.since = None if since is None else _utc("since", since)
        self.timeout_ms = None if timeout is None else milliseconds(timeout)
        self.state = state


_DATE_OF_CALL = "the date of a called run is the call's: Call('child', logical_date=...)"


def _check_asset(asset: str, partition: str | None) -> None:
    # The module of assets imports that of artifacts, which imports this one.
    from weft.asset import check_partition, name

    name(asset)
    if partition is not None:
        check_partition(asset, partition)


def _utc(name: str, moment: datetime) -> datetime:
    if not isinstance(moment, datetime):
        raise TypeError(f"`{name}` is a datetime, not {moment!r}")
    if moment.tzinfo is None:
        raise ValueError(f"`{name}` needs a time zone: datetime(..., tzinfo=timezone.utc)")
    return moment.astimezone(timezone.utc)


def milliseconds(span: timedelta | float) -> int:
    """A span, or a number of seconds, in whole milliseconds."""
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    if seconds < 0:
        raise ValueError(f"a span can't be negative: {seconds} s")
    return round(seconds * 1000)
