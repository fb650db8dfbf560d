"""The attempt that is running: who it is, what it is for, what it may ask the host.

A task takes a `Context` as any parameter that is annotated so, or calls
`get_current_context`. Parameters named as Airflow names its context (`ds`,
`params`, `logical_date`, ...) with the default `None` are filled in too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from typing import Any, Callable

from weft import host
from weft.ending import Fail


@dataclass(frozen=True)
class DataInterval:
    """The span of data that a run is for: from `start` to before `end`."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Decision:
    """The answer to what the task asked."""

    #: The option that was chosen.
    option: str
    #: What who chose it wrote.
    comment: str | None = None
    #: The form's values.
    fields: dict[str, Any] = field(default_factory=dict)
    #: The name of the token that chose it; `None` where it is the default after the timeout.
    by: str | None = None
    #: When it was chosen.
    at: datetime | None = None

    @property
    def approved(self) -> bool:
        """Whether it is the option `approve`."""
        return self.option == "approve"


@dataclass(frozen=True)
class ObservedUpdate:
    """The update of an asset that a task waited for."""

    asset: str
    #: Which part of the asset it is of.
    partition: str | None
    metadata: dict[str, Any] | None
    #: When it was recorded.
    at: datetime
    #: The run whose task made it; `None` where a client reported it.
    run: str | None


@dataclass(frozen=True)
class Woken:
    """What ended a wait."""

    #: The name of the event that came.
    event: str | None = None
    #: What was sent with it.
    payload: Any = None
    #: Whether the timeout came first.
    timed_out: bool = False
    #: The run that ended, or whose task did: the one that the task waited for, or called.
    run: str | None = None
    #: Its DAG.
    dag: str | None = None
    #: The task of the run that ended, where the wait was for a task.
    task: str | None = None
    #: `success`, `failed` or `cancelled`, of a task also `skipped`; `queued` after `Call(wait=False)`; `missing` where
    #: there is no such run or task.
    state: str | None = None
    #: What the last tasks of a called run returned, by task; `None` where that is more than 256 KiB.
    outputs: dict[str, Any] | None = None
    #: Why the run was not created that the task called: a sentence, and its stable name.
    error: str | None = None
    error_code: str | None = None
    #: The answer to what the task asked.
    decision: Decision | None = None
    #: The update of the asset that the task waited for.
    update: ObservedUpdate | None = None
    #: Whether a person or a program resumed the task before what it waits for came.
    by_command: bool = False

    def succeeded(self) -> dict[str, Any]:
        """The outputs of a run that succeeded, none of one that was not called.

        Raises `Fail` where the run did not succeed, was not created, or did not end in time. After a wait for a
        task of a run, the same of the task; one that was skipped did not succeed.
        """
        if self.state == "success":
            return self.outputs or {}
        raise Fail(self._words())

    def output(self, task: str) -> Any:
        """What the last task of this name returned in a called run that succeeded; raises `Fail` as `succeeded` does."""
        outputs = self.succeeded()
        if task in outputs:
            return outputs[task]
        if self.outputs is None:
            raise Fail(f"{self._name()} left no outputs: those of called runs come back, up to 256 KiB in all")
        known = ", ".join(outputs) or "none"
        raise Fail(f"{self._name()} has no output of {task!r}, but of its last tasks that are not mapped: {known}")

    def _name(self) -> str:
        parts = [("task", self.task), ("run", self.run), ("DAG", self.dag)]
        return " of ".join(f"{kind} {name}" for kind, name in parts if name is not None)

    def _words(self) -> str:
        if self.error is not None:
            return f"the call was refused: {self.error} ({self.error_code})"
        if self.timed_out:
            return "the run did not end in time"
        if self.by_command:
            return "the task was resumed by a command, before the run ended"
        if self.update is not None:
            return f"the task was woken by an update of the asset {self.update.asset}, not by a run"
        if self.state is None:
            return f"the task was woken by the event {self.event!r}, not by a run"
        if self.state == "missing" and self.task is not None:
            return f"there is no {self._name()}"
        if self.state == "missing":
            return f"there is no run {self.run}" if self.run else f"there is no DAG {self.dag}, so it has no run"
        if self.state == "queued":
            return f"{self._name()} is still queued: a call with wait=False does not wait for its end"
        return f"{self._name()} ended as {self.state}"


def _decision(answer: dict[str, Any]) -> Decision:
    at = answer.get("at")
    return Decision(
        option=answer["option"],
        comment=answer.get("comment"),
        fields=answer.get("fields", {}),
        by=answer.get("by"),
        at=None if at is None else moment(at),
    )


def _update(update: dict[str, Any]) -> ObservedUpdate:
    return ObservedUpdate(
        asset=update["asset"],
        partition=update.get("partition"),
        metadata=update.get("metadata"),
        at=moment(update["at"]),
        run=update.get("run"),
    )


class Context:
    """The running attempt. Nothing is fetched before it is asked for."""

    @cached_property
    def _attempt(self) -> dict[str, Any]:
        return host.current().attempt()

    @property
    def tenant(self) -> str:
        return self._attempt["tenant"]

    @property
    def dag_id(self) -> str:
        return self._attempt["dag"]

    @property
    def run_id(self) -> str:
        return self._attempt["run"]

    @property
    def task_id(self) -> str:
        return self._attempt["task"]

    @property
    def map_index(self) -> int | None:
        """Which instance of a mapped task, from 0."""
        return self._attempt.get("map_index")

    @property
    def try_number(self) -> int:
        """1 for the first attempt of a task instance."""
        return self._attempt["number"]

    @property
    def logical_date(self) -> datetime:
        """The date that the run is for, in UTC."""
        return moment(self._attempt["logical_date"])

    @property
    def data_interval(self) -> DataInterval:
        interval = self._attempt["data_interval"]
        return DataInterval(moment(interval["start"]), moment(interval["end"]))

    @property
    def params(self) -> dict[str, Any]:
        """The run's parameters."""
        return self._attempt.get("params", {})

    @property
    def deadline(self) -> datetime | None:
        """When the attempt will be killed."""
        text = self._attempt.get("deadline")
        return None if text is None else moment(text)

    @property
    def idempotency_key(self) -> str:
        """Equal over the retries of a task instance, new after it was cleared."""
        return self._attempt["idempotency_key"]

    @property
    def resumed(self) -> Any:
        """What `Defer(state=...)` left, once the task was woken; else `None`."""
        return host.current().resumed()

    @property
    def woken(self) -> Woken | None:
        """What ended the wait for an event, run, task, asset, call or approval; `None` in any other attempt."""
        woken = self._attempt.get("woken")
        if woken is None:
            return None
        error = woken.get("error") or {}
        answer = woken.get("approval")
        update = woken.get("update")
        return Woken(
            event=woken.get("event"),
            payload=woken.get("payload"),
            timed_out=woken.get("timeout", False),
            run=woken.get("run"),
            dag=woken.get("dag"),
            task=woken.get("task"),
            state=woken.get("state"),
            outputs=woken.get("outputs"),
            error=error.get("message"),
            error_code=error.get("code"),
            decision=None if answer is None else _decision(answer),
            update=None if update is None else _update(update),
            by_command=woken.get("command", False),
        )

    def progress(self, fraction: float, message: str = "") -> None:
        """Shown to users who watch the run; 0.0 to 1.0."""
        host.current().progress(float(fraction), message)

    @property
    def cancelled(self) -> bool:
        """True once the attempt has been asked to stop; a long task looks now and then."""
        return host.current().cancelled()

    # Airflow's context is a dict.

    def __getitem__(self, name: str) -> Any:
        try:
            return AIRFLOW[name](self)
        except KeyError:
            raise KeyError(f"the context has no {name!r}; it has {', '.join(AIRFLOW)}") from None

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in AIRFLOW else default

    def __contains__(self, name: str) -> bool:
        return name in AIRFLOW


class TaskInstance:
    """What Airflow calls `ti`, so far as it means anything here."""

    def __init__(self, context: Context):
        self._context = context

    @property
    def task_id(self) -> str:
        return self._context.task_id

    @property
    def dag_id(self) -> str:
        return self._context.dag_id

    @property
    def run_id(self) -> str:
        return self._context.run_id

    @property
    def try_number(self) -> int:
        return self._context.try_number

    @property
    def map_index(self) -> int:
        index = self._context.map_index
        return -1 if index is None else index

    def xcom_pull(self, *_args: Any, **_keywords: Any) -> Any:
        raise TypeError("there is no xcom_pull: call the task with the other's output, `load(extract())`")

    def xcom_push(self, *_args: Any, **_keywords: Any) -> None:
        raise TypeError("there is no xcom_push: return the value; a dict's keys are edges of their own, `x['key']`")


def get_current_context() -> Context:
    """The context of the task that is running."""
    host.current()
    return Context()


def moment(text: str) -> datetime:
    """A point in time of a document (RFC 3339)."""
    value = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    return value.astimezone(timezone.utc)


def _text(form: str) -> Callable[[Context], str]:
    return lambda context: context.logical_date.strftime(form)


#: Parameters that a task may take by name, as in Airflow.
AIRFLOW: dict[str, Callable[[Context], Any]] = {
    "dag_id": lambda context: context.dag_id,
    "data_interval_end": lambda context: context.data_interval.end,
    "data_interval_start": lambda context: context.data_interval.start,
    "ds": _text("%Y-%m-%d"),
    "ds_nodash": _text("%Y%m%d"),
    "execution_date": lambda context: context.logical_date,
    "logical_date": lambda context: context.logical_date,
    "map_index": lambda context: context.map_index,
    "params": lambda context: context.params,
    "run_id": lambda context: context.run_id,
    "task_id": lambda context: context.task_id,
    "task_instance": TaskInstance,
    "ti": TaskInstance,
    "try_number": lambda context: context.try_number,
    "ts": lambda context: context.logical_date.isoformat(),
    "ts_nodash": _text("%Y%m%dT%H%M%S"),
}
