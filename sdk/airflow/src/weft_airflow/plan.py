"""How one task is written, and what the parts of the writer share."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from weft_airflow import values
from weft_airflow.model import Derived, MappedArgument, Output, Task

#: What `weft` injects by name where a parameter's default is `None`.
INJECTED = {
    "dag_id", "data_interval_end", "data_interval_start", "ds", "ds_nodash", "execution_date", "logical_date",
    "map_index", "params", "run_id", "task_id", "try_number", "ts", "ts_nodash",
}  # fmt: skip

@dataclass
class Plan:
    """How one task is written."""

    task: Task
    var: str
    #: The expression of the task function.
    callee: str = ""
    decorator: str = "task"
    #: Arguments of the decorator besides settings.
    options: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    #: Bound arguments: parameter to expression of the graph.
    bound: dict[str, str] = field(default_factory=dict)
    mapped: dict[str, str] = field(default_factory=dict)
    #: What `expand_kwargs` maps over, instead of `mapped`: an expression of the graph.
    rows: str = ""
    #: Parameters of the wrapper that `expand_kwargs` takes by name, with their defaults; `None` for one that has none.
    keywords: dict[str, str | None] = field(default_factory=dict)
    #: Whether the elements at the same position of what it is mapped over go together.
    zipped: bool = False
    #: Tasks whose outputs it takes.
    takes: set[str] = field(default_factory=set)
    pushes: bool = False
    #: The setups of a teardown; `None` for a task that is none.
    setups: list[Task] | None = None
    grants: dict[str, list[str]] = field(default_factory=dict)
    #: Parameters of the wrapper, by what they stand for.
    inputs: dict[tuple[str, str], str] = field(default_factory=dict)
    uses_context: bool = False
    #: A wrapper's own definition.
    text: str = ""
    direct: Any = None
    #: Why it is to be written by hand, where that is found in its values.
    reason: str | None = None


#: What Airflow's context has and an attempt's has not.
NOT_THERE = {
    "asset_state_store": "has no counterpart: keep what is to be known later in a store of your own",
    "conf": "has no counterpart: Airflow's configuration is not there",
    "conn": "has no counterpart: name the host in grants, and the secret as a variable",
    "inlet_events": "has no counterpart: a run that assets created has their updates in the parameter assets",
    "partition_date": "has no counterpart: pass it as a parameter",
    "partition_key": "has no counterpart: pass it as a parameter",
    "task_state_store": "has no counterpart: keep it with Defer(state=...), or in a store of your own",
}

PYTHON = {"python", "branch", "short_circuit", "sensor"}
KEYWORDS = {"lambda", "def", "class", "return", "from", "import", "in", "is", "not", "and", "or", "if", "else", "for", "while", "with", "as", "pass", "None", "True", "False", "global", "try", "except", "finally", "raise", "yield", "async", "await", "del", "assert", "break", "continue", "elif", "nonlocal"}  # fmt: skip
#: Settings that the task function carries, so that an operator's constructor does not take them.
SETTINGS = {
    "retries", "retry_delay", "retry_exponential_backoff", "max_retry_delay", "execution_timeout", "trigger_rule", "pool",
    "pool_slots", "queue", "priority_weight", "weight_rule", "doc_md", "doc", "owner", "email", "email_on_failure",
    "email_on_retry", "depends_on_past", "wait_for_downstream", "on_failure_callback", "on_success_callback",
    "on_retry_callback", "on_execute_callback", "on_skipped_callback", "inlets", "outlets", "do_xcom_push", "start_date",
    "end_date", "executor", "executor_config", "sla", "task_display_name", "max_active_tis_per_dag",
    "max_active_tis_per_dagrun", "map_index_template", "poke_interval", "timeout", "mode", "soft_fail",
}  # fmt: skip
#: What a task that is to be written by hand does not show of its arguments.
SHOWN_NOT = SETTINGS | {"python_callable", "op_args", "op_kwargs", "multiple_outputs", "task_id", "_conditions", "params", "show_return_value_in_logs"}


def given_arguments(arguments: dict[str, str]) -> str:
    return ", ".join(f"{name}={text}" for name, text in arguments.items())


def identifier(name: str) -> str:
    """An id of Weft's: letters, digits, `_`, `-` and `.`, the first no sign."""
    found = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    return found if re.match(r"[A-Za-z0-9_]", found) else f"_{found}"


def is_name(task_id: str) -> bool:
    name = re.sub(r"\W", "_", task_id)
    return name.isidentifier() and name.isascii() and name not in KEYWORDS and name not in ("task", "context")


def outputs_in(value: Any) -> list[Output]:
    if isinstance(value, Output):
        return [value] if not isinstance(value, Derived) else [one for part in value.parts for one in outputs_in(part)]
    if isinstance(value, (list, tuple, set)):
        return [one for item in value for one in outputs_in(item)]
    if isinstance(value, dict):
        return [one for item in value.values() for one in outputs_in(item)]
    return []


def functions_of(value: Any) -> list[Any]:
    """The functions of `map` in what a task is mapped over."""
    if not isinstance(value, Derived):
        return []
    own = [value.function] if value.how == "map" else []
    return [function for part in value.parts for function in functions_of(part)] + own


def is_json(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(is_json, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_json(item) for key, item in value.items())
    return value is None or type(value) in (bool, int, float, str)


def is_graph_value(value: Any) -> bool:
    """Whether a value can be written in the graph itself: JSON, outputs, and elements of a mapped group."""
    if isinstance(value, MappedArgument):
        return True
    if isinstance(value, Output):
        return not isinstance(value, Derived)
    if isinstance(value, (list, tuple)):
        return all(map(is_graph_value, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_graph_value(item) for key, item in value.items())
    return is_json(value)


def as_list(value: Any) -> Any:
    return list(value) if isinstance(value, (tuple, set, range)) or hasattr(value, "__next__") else value


def plain_params(given: Any) -> Any:
    return {name: value.default if isinstance(value, values.Param) else value for name, value in dict(given).items()}


def form_of(given: Any) -> dict[str, Any]:
    """The JSON Schema of an object with these parameters."""
    properties = {}
    for name, value in dict(given).items():
        is_param = isinstance(value, values.Param)
        schema = dict(value.schema) if is_param else {}
        default = value.default if is_param else value
        properties[name] = {**schema, "default": default} if default is not None else schema
    return {"type": "object", "properties": properties}


def weekdays(given: Any) -> Any:
    several = given if isinstance(given, (list, tuple, set)) else [given]
    return [one.name.capitalize() if hasattr(one, "name") else one for one in several]
