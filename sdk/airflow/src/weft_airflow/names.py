"""The public names of Airflow 2 and 3, by the stand-ins that take their place.

Airflow moved most names from module to module between versions, and kept them unique. So a
name is looked up alone, in whichever module of `airflow` it is asked for.
"""

from __future__ import annotations

import datetime
from types import ModuleType, SimpleNamespace
from typing import Any

from weft_airflow import dates, decorators, model, operators, recorder, setup_teardown, values


class AirflowException(Exception):
    """What a task raises that fails."""


class AirflowFailException(AirflowException):
    """What a task raises that is not to be tried again."""


class AirflowSkipException(AirflowException):
    """What a task raises that is skipped."""


class AirflowTaskTimeout(BaseException):
    """A task that took too long."""


def _exception(name: str) -> type:
    return type(name, (AirflowException,), {})


class _BaseContext(dict):
    """Airflow's `Context`, in annotations."""


def get_current_context() -> Any:
    raise RuntimeError("the context of a task is known only when it runs")


class _Conf(recorder.Recorder):
    """Airflow's configuration: its defaults."""

    def get(self, _section: str, _key: str, fallback: Any = "", **_more: Any) -> Any:
        return fallback

    def getboolean(self, _section: str, _key: str, fallback: bool = False) -> bool:
        return fallback

    def getint(self, _section: str, _key: str, fallback: int = 0) -> int:
        return fallback


def _timezone() -> ModuleType:
    made = dates.module()
    made.__dict__.update(
        utcnow=dates.now,
        utc=dates.UTC,
        make_aware=lambda moment, tz=dates.UTC: moment.replace(tzinfo=tz),
        parse_timezone=dates.zone,
        convert_to_utc=lambda moment: moment,
        coerce_datetime=lambda moment, tz=None: moment,
    )
    return made


#: By name. What is in `weft` under the same name, or has another one there, is in `weft_airflow.bodies`.
TABLE: dict[str, Any] = {
    **operators.CLASSES,
    **values.TIMETABLES,
    "DAG": model.Dag,
    "TaskGroup": model.Group,
    "XComArg": model.Output,
    "PlainXComArg": model.Output,
    "Label": model.Label,
    "EdgeModifier": model.Label,
    "DagParam": model.DagParam,
    "MappedOperator": operators.MappedOperator,
    "DAGNode": model.Dependency,
    "DependencyMixin": model.Dependency,
    "result": lambda factory: factory,
    "chain": model.chain,
    "chain_linear": model.chain_linear,
    "cross_downstream": model.cross_downstream,
    "dag": decorators.dag,
    "task": decorators.task,
    "task_group": decorators.task_group,
    "setup": decorators.setup,
    "teardown": decorators.teardown,
    "asset": decorators.asset,
    "context_wrapper": setup_teardown.ContextWrapper,
    "ContextWrapper": setup_teardown.ContextWrapper,
    "SetupTeardownContext": setup_teardown.Scope,
    "Asset": values.Asset,
    "Dataset": values.Asset,
    "AssetAlias": values.AssetAlias,
    "DatasetAlias": values.AssetAlias,
    "AssetAll": values.AssetAll,
    "DatasetAll": values.AssetAll,
    "AssetAny": values.AssetAny,
    "DatasetAny": values.AssetAny,
    "AssetWatcher": values.AssetWatcher,
    "Metadata": values.Metadata,
    "Param": values.Param,
    "ParamsDict": dict,
    "Timetable": values.Timetable,
    "CronMixin": values.Timetable,
    "Variable": values.Variable,
    "Connection": values.Connection,
    "BaseHook": values.BaseHook,
    "AirflowPlugin": values.Plain,
    "BaseTrigger": values.Plain,
    "BaseEventTrigger": values.Plain,
    "TriggerEvent": values.Plain,
    "BaseOperatorLink": values.Plain,
    "BaseNotifier": values.Plain,
    "DeadlineAlert": values.DeadlineAlert,
    "PokeReturnValue": values.PokeReturnValue,
    "PriorityWeightStrategy": values.Plain,
    "TriggerRule": values.TriggerRule,
    "WeightRule": values.WeightRule,
    "State": values.State,
    "DagRunState": values.State,
    "TaskInstanceState": values.State,
    "WeekDay": values.WeekDay,
    "Context": _BaseContext,
    "get_current_context": get_current_context,
    "get_parsing_context": lambda: SimpleNamespace(dag_id=None, task_id=None),
    "literal": lambda value: value,
    "conf": _Conf("airflow.configuration.conf"),
    "days_ago": dates.days_ago,
    "timezone": _timezone(),
    "date_range": lambda *given, **more: [],
    "apply_defaults": lambda function: function,
    "provide_session": lambda function: function,
    "prepare_lineage": lambda function: function,
    "apply_lineage": lambda function: function,
    "NOTSET": None,
    "XCOM_RETURN_KEY": model.RETURN_VALUE,
    "AIRFLOW_V_3_0_PLUS": True,
    "AIRFLOW_V_3_1_PLUS": True,
    "AIRFLOW_V_3_2_PLUS": True,
    "AIRFLOW_V_3_3_PLUS": True,
    "timedelta": datetime.timedelta,
    "datetime": datetime.datetime,
    "AirflowException": AirflowException,
    "AirflowFailException": AirflowFailException,
    "AirflowSkipException": AirflowSkipException,
    "AirflowTaskTimeout": AirflowTaskTimeout,
    **{
        name: _exception(name)
        for name in (
            "AirflowNotFoundException", "AirflowSensorTimeout", "AirflowRescheduleException", "AirflowBadRequest",
            "AirflowOptionalProviderFeatureException", "AirflowProviderDeprecationWarning", "DagNotFound",
            "TaskDeferred", "TaskDeferralError", "AirflowConfigException", "DownstreamTasksSkipped",
            "AirflowRuntimeError", "XComNotFound", "AirflowInactiveAssetInInletOrOutletException",
        )
    },
}  # fmt: skip

#: Names that are modules wherever they are found.
MODULES = {"macros", "settings", "version", "utils", "models", "operators", "sensors", "hooks", "providers", "decorators"}


def name_of(value: Any) -> str | None:
    """The name of Airflow's that a stand-in takes the place of."""
    for name, found in TABLE.items():
        if found is value and name not in ("timedelta", "datetime"):
            return name
    return None
