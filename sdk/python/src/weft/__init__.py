"""Write Weft DAGs in Python.

    from weft import dag, task

    @task(retries=3, retry_delay="30s", grants={"http": ["earthquake.example.org"]})
    def extract(url: str) -> list[Quake]: ...

    @task
    def strongest(quakes: list[Quake]) -> Quake: ...

    @dag(schedule="0 6 * * *", timezone="Europe/Berlin")
    def quakes(url: str = "https://earthquake.example.org/day.json"):
        "Earthquakes of the last day."
        strongest(extract(url))

Inside of a DAG function a call of a task makes an edge; outside of one it is
the plain function. `wfctl build` makes one `dag.wasm` of all DAGs of a
folder, and `quakes.test()` runs one in this process.
"""

from weft.artifact import Artifact
from weft.asset import AssetUpdate, Condition, RecordedUpdate, all_of, any_of, update, within
from weft.context import Context, DataInterval, Decision, ObservedUpdate, Woken, get_current_context
from weft.dags import DAG, dag
from weft.edge import chain, cross_downstream
from weft.ending import Approval, Call, Defer, Fail, Retry, Skip, WeftError
from weft.group import TaskGroup, task_group
from weft.param import Param
from weft.poke import PokeReturnValue
from weft.rate_limit import RateLimit
from weft.settings import TriggerRule
from weft.tasks import task
from weft.variable import Variable

__version__ = "0.1.0"

__all__ = [
    "DAG",
    "Approval",
    "Artifact",
    "AssetUpdate",
    "Call",
    "Condition",
    "Context",
    "DataInterval",
    "Decision",
    "Defer",
    "Fail",
    "ObservedUpdate",
    "Param",
    "PokeReturnValue",
    "RateLimit",
    "RecordedUpdate",
    "Retry",
    "Skip",
    "TaskGroup",
    "TriggerRule",
    "Variable",
    "WeftError",
    "Woken",
    "all_of",
    "any_of",
    "chain",
    "cross_downstream",
    "dag",
    "get_current_context",
    "task",
    "task_group",
    "update",
    "within",
]
