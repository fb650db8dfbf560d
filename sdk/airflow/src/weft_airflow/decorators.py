"""The recording stand-ins of Airflow's decorators: `@task` and its kinds, `@task_group`, `@dag`, `@asset`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from weft_airflow import recorder
from weft_airflow.model import (
    Context,
    Dag,
    DagError,
    DagParam,
    Group,
    Mapped,
    MappedArgument,
    Output,
    Task,
    listed,
    parameters_of,
    unique_task_id,
)  # fmt: skip
from weft_airflow.operators import BASE, SENSOR, BaseOperator, MappedOperator
from weft_airflow.setup_teardown import Scope
from weft_airflow.values import Asset

#: Decorators whose task is a Python function that runs in this process, or could.
PYTHON_KINDS = {
    "python", "branch", "short_circuit", "sensor", "virtualenv", "external_python", "branch_virtualenv",
    "branch_external_python", "bash",
}  # fmt: skip

#: What Airflow passes to a function by name; see its `Context`.
CONTEXT_KEYS = {
    "conf", "conn", "dag", "dag_run", "data_interval_end", "data_interval_start", "ds", "ds_nodash", "exception",
    "expanded_ti_count", "inlet_events", "inlets", "logical_date", "macros", "map_index_template", "outlet_events",
    "outlets", "params", "prev_data_interval_start_success", "prev_data_interval_end_success", "prev_end_date_success",
    "prev_start_date_success", "reason", "run_id", "start_date", "task", "task_instance", "task_instance_key_str",
    "task_reschedule_count", "templates_dict", "test_mode", "ti", "triggering_asset_events", "triggering_dataset_events",
    "asset_state_store", "execution_date", "next_execution_date", "partition_date", "partition_key", "prev_execution_date",
    "task_state_store",
    "try_number", "ts", "ts_nodash", "ts_nodash_with_tz", "var",
}  # fmt: skip


class DecoratedTask(BaseOperator):
    """A task that was made of a function."""

    _stand_in = True
    kind = "python"
    fields = SENSOR

    def __init__(self, *, task_id: str, decorator: str, **given: Any):
        self.__dict__["kind"] = decorator
        self.__dict__["decorated"] = True
        super().__init__(task_id, **given)


class TaskFactory:
    """A function with `@task`."""

    _airflow_is_task_decorator = True

    def __init__(self, function: Callable[..., Any], decorator: str, given: dict[str, Any]):
        functools.update_wrapper(self, function)
        self.function = function
        self.decorator = decorator
        self.kwargs = dict(given)
        self.kwargs.setdefault("task_id", getattr(function, "__name__", "task"))
        self.is_setup = False
        self.is_teardown = False
        self.on_failure_fail_dagrun = False

    def _copy(self, **changes: Any) -> TaskFactory:
        made = TaskFactory(self.function, self.decorator, {**self.kwargs, **changes})
        made.is_setup, made.is_teardown = self.is_setup, self.is_teardown
        made.on_failure_fail_dagrun = self.on_failure_fail_dagrun
        return made

    def _settings(self) -> dict[str, Any]:
        settings = dict(self.kwargs)
        if self.is_teardown:
            settings["trigger_rule"] = "all_done_setup_success"
        fail = settings.pop("on_failure_fail_dagrun", self.on_failure_fail_dagrun)
        self._fail = fail
        return settings

    def _mark(self, task: Any) -> Output:
        task.__dict__["is_setup"] = self.is_setup
        task.__dict__["is_teardown"] = self.is_teardown
        task.__dict__["on_failure_fail_dagrun"] = self._fail
        return Output(task)

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        if Context.dag() is None and "dag" not in self.kwargs:
            # Without a DAG, a later edge may bring it into one.
            pass
        settings = self._settings()
        keywords = {**settings.pop("op_kwargs", {}), **keywords}
        for name in parameters_of(self.function):
            if name not in keywords and name in defaults_of_call(settings) and name not in CONTEXT_KEYS:
                keywords[name] = defaults_of_call(settings)[name]
        self._check(args, keywords)
        settings["task_id"] = unique_task_id(settings["task_id"], settings.get("dag"), settings.get("task_group"))
        task = DecoratedTask(
            decorator=self.decorator, python_callable=self.function, op_args=list(args), op_kwargs=keywords, **settings
        )
        return self._mark(task)

    def _check(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        """Airflow refuses a call that does not fit the function."""
        parameters = [
            one.replace(default=None) if one.name in CONTEXT_KEYS else one for one in parameters_of(self.function).values()
        ]
        try:
            inspect.Signature(parameters).bind(*args, **keywords)
        except TypeError as error:
            raise DagError(f"task {self.kwargs['task_id']}: {error}") from None
        except ValueError:
            return

    def partial(self, **keywords: Any) -> TaskFactory:
        return self._copy(op_kwargs={**self.kwargs.get("op_kwargs", {}), **keywords})

    def override(self, **given: Any) -> TaskFactory:
        return self._copy(**given)

    def expand(self, **mapped: Any) -> Output:
        if not mapped:
            raise DagError(f"task {self.kwargs['task_id']}: expand has nothing to map over")
        return self._mapped(Mapped(mapped))

    def expand_kwargs(self, values: Any, **_strict: Any) -> Output:
        return self._mapped(Mapped({"kwargs": values}, as_kwargs=True))

    def _mapped(self, mapped: Mapped) -> Output:
        settings = self._settings()
        settings["task_id"] = unique_task_id(settings["task_id"], settings.get("dag"), settings.get("task_group"))
        settings.setdefault("op_kwargs", {})
        task = MappedOperator(DecoratedTask, {**settings, "python_callable": self.function}, mapped)
        task.__dict__["kind"] = self.decorator
        task.__dict__["decorated"] = True
        return self._mark(task)


def defaults_of_call(settings: dict[str, Any]) -> dict[str, Any]:
    from weft_airflow.operators import defaults_of

    return {name: value for name, value in defaults_of(settings).items() if name not in BASE}


class _Kind:
    """`@task` of one kind, with and without settings."""

    def __init__(self, name: str):
        self.name = name

    def __call__(self, function: Any = None, /, **given: Any) -> Any:
        if isinstance(function, TaskFactory):
            return TaskFactory(function.function, self.name, {**function.kwargs, **given})
        if function is not None:
            return TaskFactory(function, self.name, given)
        return lambda inner: TaskFactory(inner, self.name, given)


class TaskDecorator(_Kind):
    """`@task`."""

    def __init__(self) -> None:
        super().__init__("python")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Kind(name)

    @staticmethod
    def run_if(condition: Any, skip_message: str | None = None) -> Any:
        return lambda factory: _condition(factory, condition, skip_message, True)

    @staticmethod
    def skip_if(condition: Any, skip_message: str | None = None) -> Any:
        return lambda factory: _condition(factory, condition, skip_message, False)


def _condition(factory: TaskFactory, function: Any, message: str | None, wanted: bool) -> TaskFactory:
    conditions = [*factory.kwargs.get("_conditions", []), (function, message, wanted)]
    factory.kwargs["_conditions"] = conditions
    return factory


task = TaskDecorator()


def setup(function: Any) -> TaskFactory:
    """Marks a task as a setup."""
    factory = function if isinstance(function, TaskFactory) else TaskFactory(function, "python", {})
    factory.is_setup = True
    return factory


def teardown(function: Any = None, *, on_failure_fail_dagrun: bool = False) -> Any:
    """Marks a task as a teardown."""

    def mark(inner: Any) -> TaskFactory:
        factory = inner if isinstance(inner, TaskFactory) else TaskFactory(inner, "python", {})
        factory.is_teardown = True
        factory.on_failure_fail_dagrun = on_failure_fail_dagrun
        return factory

    return mark if function is None else mark(function)


class GroupFactory:
    """A function with `@task_group`."""

    def __init__(self, function: Callable[..., Any], given: dict[str, Any], bound: dict[str, Any] | None = None):
        functools.update_wrapper(self, function)
        self.function = function
        self.given = {"group_id": function.__name__, **given}
        self.bound = bound or {}

    def _make(self, mapped: Mapped | None, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        with Group(**{"add_suffix_on_collision": True, **self.given}, mapped=mapped) as group:
            result = self.function(*args, **keywords)
        return group if result is None else result

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        return self._make(None, args, {**self.bound, **keywords})

    def override(self, **given: Any) -> GroupFactory:
        return GroupFactory(self.function, {**self.given, **given}, self.bound)

    def partial(self, **keywords: Any) -> GroupFactory:
        return GroupFactory(self.function, self.given, {**self.bound, **keywords})

    def expand(self, **values: Any) -> Any:
        mapped = Mapped(values)
        arguments = {name: MappedArgument(mapped, name) for name in values}
        return self._make(mapped, (), {**self.bound, **arguments})

    def expand_kwargs(self, values: Any) -> Any:
        names = [name for name in parameters_of(self.function) if name not in self.bound]
        mapped = Mapped({"kwargs": values}, as_kwargs=True, names=names)
        return self._make(mapped, (), {**self.bound, **{name: MappedArgument(mapped, name) for name in names}})


def task_group(function: Any = None, /, **given: Any) -> Any:
    if isinstance(function, str):
        given["group_id"], function = function, None
    return GroupFactory(function, given) if function is not None else lambda inner: GroupFactory(inner, given)


def dag(function: Any = None, /, *args: Any, **given: Any) -> Any:
    """`@dag`: a call of the function makes the DAG."""
    if isinstance(function, str):
        given["dag_id"], function = function, None

    def decorate(inner: Callable[..., Any]) -> Callable[..., Dag]:
        @functools.wraps(inner)
        def make(*values: Any, **keywords: Any) -> Dag:
            settings = {"dag_id": inner.__name__, **given}
            if args:
                settings.setdefault("description", args[0])
            bound = inspect.signature(inner).bind_partial(*values, **keywords)
            made = Dag(**settings)
            if not made.doc_md and inner.__doc__:
                made.doc_md = inspect.cleandoc(inner.__doc__)
            with made:
                arguments = {}
                for name, parameter in inspect.signature(inner).parameters.items():
                    default = None if parameter.default is inspect.Parameter.empty else parameter.default
                    arguments[name] = DagParam(made, name, bound.arguments.get(name, default))
                inner(**arguments)
            return made

        return make

    return decorate if function is None else decorate(function)


class asset:
    """`@asset`: a DAG with one task, which updates the asset of its name."""

    def __init__(self, *, name: str | None = None, uri: Any = None, schedule: Any = None, **given: Any):
        self.name, self.uri, self.schedule, self.given = name, uri, schedule, given

    def __call__(self, function: Any) -> Any:
        name = self.name or function.__name__
        made = Asset(name=name, uri=str(self.uri or name))
        _asset_dag(function, self.given.get("dag_id") or name, self.schedule, self.given, [made])
        return made

    class multi:
        """`@asset.multi`: the same for several assets."""

        def __init__(self, *, schedule: Any = None, outlets: Any = (), **given: Any):
            self.schedule, self.outlets, self.given = schedule, list(outlets), given

        def __call__(self, function: Any) -> Any:
            name = self.given.get("dag_id") or function.__name__
            return _asset_dag(function, name, self.schedule, self.given, self.outlets)


def _asset_dag(function: Any, dag_id: str, schedule: Any, given: dict[str, Any], outlets: list[Any]) -> Any:
    known = {name: given[name] for name in ("description", "params", "tags", "is_paused_upon_creation") if name in given}
    with Dag(dag_id=dag_id, schedule=schedule, catchup=False, **known) as made:
        if isinstance(function, TaskFactory):
            function.override(outlets=outlets)()
        else:
            DecoratedTask(
                task_id=function.__name__, decorator="asset", python_callable=function, outlets=outlets, op_args=[], op_kwargs={}
            )
    return made


__all__ = ["Scope", "Task", "asset", "dag", "listed", "recorder", "setup", "task", "task_group", "teardown"]
