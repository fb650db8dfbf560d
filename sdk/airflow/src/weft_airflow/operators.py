"""The recording stand-ins of operators: what each task was given, and which kind of task it is.

The well-known operators are named in `KNOWN`. Any other class of a provider that is named
like an operator becomes a task of kind `unknown`, and classes of the DAG folder that derive
from an operator become tasks of kind `custom`.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from weft_airflow import model, recorder
from weft_airflow.model import Context, Dag, DagError, Group, Mapped, Task

#: Arguments that every operator takes.
BASE = {
    "depends_on_past", "doc", "doc_json", "doc_md", "doc_rst", "doc_yaml", "do_xcom_push", "email", "email_on_failure",
    "email_on_retry", "end_date", "execution_timeout", "executor", "executor_config", "ignore_first_depends_on_past",
    "inlets", "map_index_template", "max_active_tis_per_dag", "max_active_tis_per_dagrun", "max_retry_delay",
    "multiple_outputs", "on_execute_callback", "on_failure_callback", "on_retry_callback", "on_skipped_callback",
    "on_success_callback", "outlets", "owner", "params", "pool", "pool_slots", "post_execute", "pre_execute",
    "priority_weight", "queue", "render_template_as_native_obj", "resources", "retries", "retry_delay",
    "retry_exponential_backoff", "run_as_user", "sla", "start_date", "subdag", "task_concurrency",
    "task_display_name", "template_fields", "trigger_rule", "wait_for_downstream",
    "wait_for_past_depends_before_skipping", "weight_rule",
}  # fmt: skip

#: Arguments that every sensor takes besides.
SENSOR = ("poke_interval", "timeout", "mode", "soft_fail", "exponential_backoff", "max_wait", "silent_fail", "never_fail")
ASK = ("subject", "options", "body", "defaults", "multiple", "notifiers", "assigned_users", "respondents", "response_timeout")

_PYTHON = ("python_callable", "op_args", "op_kwargs", "templates_dict", "templates_exts", "show_return_value_in_logs")
_VENV = (*_PYTHON, "requirements", "python_version", "serializer", "use_dill", "system_site_packages", "pip_install_options")

#: By class: the kind of task, and the arguments of its own. What an argument means is the writer's matter.
KNOWN: dict[str, tuple[str, tuple[str, ...]]] = {
    "PythonOperator": ("python", _PYTHON),
    "BranchPythonOperator": ("branch", _PYTHON),
    "ShortCircuitOperator": ("short_circuit", (*_PYTHON, "ignore_downstream_trigger_rules")),
    "PythonVirtualenvOperator": ("virtualenv", _VENV),
    "ExternalPythonOperator": ("external_python", (*_VENV, "python")),
    "BranchPythonVirtualenvOperator": ("branch_virtualenv", _VENV),
    "BranchExternalPythonOperator": ("branch_external_python", (*_VENV, "python")),
    "PythonSensor": ("sensor", (*_PYTHON, *SENSOR)),
    "BashOperator": ("bash", ("bash_command", "env", "append_env", "output_encoding", "skip_on_exit_code", "cwd", "output_processor")),
    "BashSensor": ("bash_sensor", ("bash_command", "env", "output_encoding", "retry_exit_code", *SENSOR)),
    "EmptyOperator": ("empty", ()),
    "DummyOperator": ("empty", ()),
    "ExternalTaskMarker": ("empty", ("external_dag_id", "external_task_id", "logical_date", "execution_date", "recursion_depth")),
    "LatestOnlyOperator": ("latest_only", ()),
    "BranchDateTimeOperator": ("branch_datetime", ("follow_task_ids_if_true", "follow_task_ids_if_false", "target_lower", "target_upper", "use_task_logical_date", "use_task_execution_date")),
    "BranchDayOfWeekOperator": ("branch_day_of_week", ("follow_task_ids_if_true", "follow_task_ids_if_false", "week_day", "use_task_logical_date", "use_task_execution_day")),
    "BranchDayOfWeekOperator ": ("branch_day_of_week", ()),
    "TriggerDagRunOperator": ("trigger_dag_run", ("trigger_dag_id", "trigger_run_id", "conf", "logical_date", "execution_date", "reset_dag_run", "wait_for_completion", "poke_interval", "allowed_states", "failed_states", "skip_when_already_exists", "fail_when_dag_is_paused", "deferrable")),
    "ExternalTaskSensor": ("external_task_sensor", ("external_dag_id", "external_task_id", "external_task_ids", "external_task_group_id", "allowed_states", "skipped_states", "failed_states", "execution_delta", "execution_date_fn", "check_existence", "deferrable", *SENSOR)),
    "HttpOperator": ("http", ("endpoint", "method", "data", "headers", "response_check", "response_filter", "extra_options", "http_conn_id", "log_response", "deferrable", "pagination_function")),
    "SimpleHttpOperator": ("http", ("endpoint", "method", "data", "headers", "response_check", "response_filter", "extra_options", "http_conn_id", "log_response")),
    "HttpSensor": ("http_sensor", ("endpoint", "http_conn_id", "method", "request_params", "headers", "response_check", "response_error_codes_allowlist", "extra_options", "deferrable", *SENSOR)),
    "EmailOperator": ("email", ("to", "subject", "html_content", "files", "cc", "bcc", "conn_id", "from_email")),
    "SQLExecuteQueryOperator": ("sql", ("sql", "conn_id", "autocommit", "parameters", "handler", "database", "split_statements", "return_last", "hook_params", "show_return_value_in_logs")),
    "S3CreateObjectOperator": ("s3", ("s3_bucket", "s3_key", "data", "replace", "encrypt", "aws_conn_id")),
    "S3DeleteObjectsOperator": ("s3", ("bucket", "keys", "prefix", "aws_conn_id")),
    "S3CopyObjectOperator": ("s3", ("source_bucket_key", "dest_bucket_key", "source_bucket_name", "dest_bucket_name", "aws_conn_id")),
    "S3ListOperator": ("s3", ("bucket", "prefix", "delimiter", "aws_conn_id")),
    "S3KeySensor": ("s3_sensor", ("bucket_key", "bucket_name", "wildcard_match", "check_fn", "aws_conn_id", *SENSOR)),
    "TimeSensor": ("time_sensor", ("target_time", *SENSOR)),
    "TimeSensorAsync": ("time_sensor", ("target_time", *SENSOR)),
    "TimeDeltaSensor": ("time_delta_sensor", ("delta", *SENSOR)),
    "TimeDeltaSensorAsync": ("time_delta_sensor", ("delta", *SENSOR)),
    "WaitSensor": ("wait_sensor", ("time_to_wait", *SENSOR)),
    "DateTimeSensor": ("date_time_sensor", ("target_time", *SENSOR)),
    "DateTimeSensorAsync": ("date_time_sensor", ("target_time", *SENSOR)),
    "DayOfWeekSensor": ("day_of_week_sensor", ("week_day", "use_task_logical_date", "use_task_execution_day", *SENSOR)),
    "FileSensor": ("file_sensor", ("filepath", "fs_conn_id", "recursive", *SENSOR)),
    "SubDagOperator": ("subdag", ("subdag",)),
    "HITLOperator": ("ask", ASK),
    "HITLEntryOperator": ("ask", ASK),
    "HITLBranchOperator": ("ask_branch", (*ASK, "options_mapping")),
    "ApprovalOperator": ("approval", (*ASK, "ignore_downstream_trigger_rules", "fail_on_reject")),
}  # fmt: skip
del KNOWN["BranchDayOfWeekOperator "]

#: Operators of databases that are `SQLExecuteQueryOperator` by another name.
SQL_NAMES = (
    "PostgresOperator", "MySqlOperator", "SqliteOperator", "MsSqlOperator", "OracleOperator", "JdbcOperator",
    "SnowflakeOperator", "TrinoOperator", "RedshiftSQLOperator", "SQLColumnCheckOperator", "SQLTableCheckOperator",
    "SQLCheckOperator", "SQLValueCheckOperator", "SQLIntervalCheckOperator", "SQLThresholdCheckOperator",
    "BranchSQLOperator", "SqlSensor", "SQLInsertRowsOperator", "GenericTransfer",
)  # fmt: skip


class OperatorMeta(type):
    """Applies default arguments and notes what a task was given, whatever its class does with it."""

    def __call__(cls, *args: Any, **given: Any) -> Any:
        task = cls.__new__(cls)
        fields = task.__dict__
        defaults = defaults_of(given)
        fields["arguments"] = dict(given)
        fields["positional"] = args
        fields["where"] = recorder.here()
        fields["defaults"] = defaults
        filled = dict(given)
        for name in _own_parameters(cls):
            if name in defaults and name not in filled:
                filled[name] = defaults[name]
        task.__init__(*args, **filled)
        if "settings" not in fields:
            raise DagError(f"{cls.__name__} does not call the constructor of its base class")
        task.connect()
        return task


def defaults_of(given: dict[str, Any]) -> dict[str, Any]:
    """The default arguments of DAG, group and call together."""
    dag = given.get("dag") or Context.dag()
    group = given.get("task_group") or Context.group(dag)
    return {
        **(dag.default_args if dag else {}),
        **(group.default_args if group else {}),
        **(given.get("default_args") or {}),
    }


def _own_parameters(cls: type) -> list[str]:
    """Parameters of constructors that the DAG folder's classes define."""
    names: list[str] = []
    for base in cls.__mro__:
        if base.__dict__.get("_stand_in"):
            break
        constructor = base.__dict__.get("__init__")
        if constructor is not None:
            names.extend(model.parameters_of(constructor))
    return names


class BaseOperator(Task, metaclass=OperatorMeta):
    """What every operator derives from."""

    _stand_in = True
    kind = "custom"
    #: The operator's own arguments, which default arguments fill in as well.
    fields: tuple[str, ...] = ()
    #: Where a recorded class comes from.
    path = ""
    template_fields: Sequence[str] = ()
    template_ext: Sequence[str] = ()

    def __init__(self, task_id: str | None = None, *args: Any, **given: Any):
        if task_id is None:
            task_id = self.defaults.get("task_id")
        if not isinstance(task_id, str):
            raise DagError(f"{type(self).__name__} has no task_id")
        known = BASE | set(type(self).fields)
        merged = {**{name: value for name, value in self.defaults.items() if name in known}, **given}
        dag, group = merged.pop("dag", None), merged.pop("task_group", None)
        merged.pop("default_args", None)
        self._enter(task_id, dag, group, merged)
        for name, value in merged.items():
            if name not in ("trigger_rule",) and not hasattr(type(self), name):
                self.__dict__[name] = value

    def connect(self) -> None:
        """Edges from outputs among the arguments."""
        if "_stand_in" in type(self).__dict__:
            self.follow([value for name, value in self.settings.items() if name not in ("inlets", "outlets")])
        elif type(self).template_fields is not BaseOperator.template_fields:
            self.follow([getattr(self, name, None) for name in self.template_fields])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("settings", "_id", "defaults"):
            raise AttributeError(name)
        if name in self.settings:
            return self.settings[name]
        if name in BASE or "_stand_in" in type(self).__dict__:
            return None if name in BASE else recorder.Recorder(f"{type(self).__name__}.{name}")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in BASE and "settings" in self.__dict__:
            self.settings[name] = value
        object.__setattr__(self, name, value)

    @property
    def log(self) -> Any:
        import logging

        return logging.getLogger(type(self).__name__)

    @property
    def operator_class(self) -> type:
        return type(self)

    @classmethod
    def partial(cls, **given: Any) -> PartialOperator:
        return PartialOperator(cls, given)

    def execute(self, context: Any) -> Any:
        raise NotImplementedError


class BaseSensorOperator(BaseOperator):
    """What every sensor derives from."""

    _stand_in = True
    kind = "custom_sensor"
    fields = SENSOR


class BaseBranchOperator(BaseOperator):
    """An operator of the DAG folder that chooses among its downstreams."""

    _stand_in = True
    kind = "custom_branch"


class PartialOperator:
    """`Operator.partial(...)`, before `expand`."""

    def __init__(self, cls: type, given: dict[str, Any]):
        self._class = cls
        self._given = given

    def expand(self, **mapped: Any) -> MappedOperator:
        return MappedOperator(self._class, self._given, Mapped(mapped))

    def expand_kwargs(self, values: Any, **_strict: Any) -> MappedOperator:
        return MappedOperator(self._class, self._given, Mapped({"kwargs": values}, as_kwargs=True))


class MappedOperator(Task):
    """An operator that is mapped over lists."""

    def __init__(self, cls: Any, given: dict[str, Any], mapped: Mapped):
        fields = self.__dict__
        fields["operator_class"] = cls
        fields["kind"] = cls.kind
        fields["template_fields"] = cls.template_fields
        fields["defaults"] = defaults_of(given)
        fields["arguments"] = dict(given)
        fields["positional"] = ()
        fields["mapped"] = mapped
        known = BASE | set(cls.fields)
        merged = {**{name: value for name, value in self.defaults.items() if name in known}, **given}
        dag, group = merged.pop("dag", None), merged.pop("task_group", None)
        merged.pop("default_args", None)
        task_id = merged.pop("task_id", None)
        if not isinstance(task_id, str):
            raise DagError(f"{cls.__name__}.partial has no task_id")
        self._enter(task_id, dag, group, merged)
        self.follow([value for name, value in merged.items() if name not in ("inlets", "outlets")])
        self.follow(list(mapped.values.values()))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "settings":
            raise AttributeError(name)
        return self.settings.get(name)


def _known(name: str, kind: str, fields: tuple[str, ...]) -> type:
    base = BaseSensorOperator if name.endswith(("Sensor", "SensorAsync")) else BaseOperator
    return OperatorMeta(
        name, (base,), {"_stand_in": True, "kind": kind, "fields": fields, "path": name, "template_fields": ()}
    )


CLASSES: dict[str, type] = {
    "BaseOperator": BaseOperator,
    "BaseSensorOperator": BaseSensorOperator,
    "BaseBranchOperator": BaseBranchOperator,
    "BranchMixIn": BaseBranchOperator,
    **{name: _known(name, kind, fields) for name, (kind, fields) in KNOWN.items()},
    **{name: _known(name, "sql", KNOWN["SQLExecuteQueryOperator"][1]) for name in SQL_NAMES},
}


def _unknown(path: str) -> type:
    name = path.rpartition(".")[2]
    return OperatorMeta(
        name, (BaseSensorOperator if name.endswith("Sensor") else BaseOperator,),
        {"_stand_in": True, "kind": "unknown", "path": path, "__module__": path.rpartition(".")[0]},
    )  # fmt: skip


def _class_of(path: str) -> type | None:
    """The class of an operator that nothing is known about, where the name says that it is one."""
    name = path.rpartition(".")[2]
    if name in CLASSES:
        return CLASSES[name]
    plain = name.removesuffix("Async").removesuffix("Trigger")
    return _unknown(path) if plain.endswith(("Operator", "Sensor", "Transfer")) else None


_unknowns: dict[str, type] = {}


def _operator_of(path: str, _args: tuple[Any, ...], keywords: dict[str, Any]) -> Task | None:
    """A task of an unknown call, where it is given what only a task is."""
    if not isinstance(keywords.get("task_id"), str) or not (keywords.get("dag") or Context.dag()):
        return None
    if path not in _unknowns:
        _unknowns[path] = _unknown(path)
    return _unknowns[path](**keywords)


recorder.operator_class = _class_of
recorder.operator_of = _operator_of


def is_operator(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, BaseOperator)


__all__ = ["BASE", "CLASSES", "KNOWN", "BaseOperator", "BaseSensorOperator", "Dag", "Group", "MappedOperator"]
