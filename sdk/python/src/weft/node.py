"""A task in a DAG: which function, with what bound to its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from weft.edge import Edge, Source, Value, step
from weft.elements import Elements
from weft.settings import OTHER_RUNS
from weft.shape import Anything, Mode, Misfit, document_schema

if TYPE_CHECKING:
    from weft.mapped_group import MappedGroup
    from weft.tasks import TaskFunction

#: Rules under which an upstream may have been skipped, so that what it gives is `None`.
_STRICT = ("all_success", "none_skipped")

#: The input that has the element of which a function of `map` makes the parameters. No parameter has such a name.
KEYWORDS = "kwargs:element"


class Slot:
    """A place inside a list or dict that an input of its own fills."""

    def __init__(self, name: str):
        self.name = name


class Node:
    """One task of one DAG."""

    def __init__(self, task: TaskFunction, node_id: str, settings: dict[str, Any], group: MappedGroup | None = None):
        self.task = task
        self.id = node_id
        self.settings = settings
        #: Bindings of the document, by input.
        self.inputs: dict[str, Any] = {}
        self.expand: dict[str, Any] = {}
        #: Parameters that are put together from several inputs.
        self.composed: dict[str, Any] = {}
        #: By input of a mapped list, the functions that are called with what an instance gets, before the task's function.
        self.maps: dict[str, tuple[Callable[[Any], Any], ...]] = {}
        #: Whether the elements at the same position of all lists make an instance.
        self.zipped = False
        self.after: list[str] = []
        #: The setups of a teardown; `None` for a task that is none.
        self.setups: list[Node] | None = None
        #: Whether the run fails with this teardown.
        self.fails_run = False
        #: Direct downstreams, in the order in which they came to be.
        self.downstream: list[str] = []
        self._upstream: set[str] = set()
        self._waits: list[Node] = []
        #: The group that it is mapped with.
        self.group = group
        for source in group.sources if group else ():
            self._after(source)

    def bind(self, name: str, value: Any) -> None:
        """Binds a parameter: to an output, a parameter of the run, a constant, or a mixture."""
        if isinstance(value, Source):
            self._bind_source(name, value)
        elif has_edges(value):
            self.composed[name] = self._compose(name, value)
        else:
            self.inputs[name] = {"value": self._constant(name, value)}

    def map_over(self, name: str, value: Any) -> None:
        """Binds a parameter of which each element makes an instance of its own."""
        if isinstance(value, (Source, Elements)):
            self._map_over_elements(name, value)
            return
        if has_edges(value):
            raise TypeError(
                f"task {self.id}: expand({name}=...) takes a list or one task's output; "
                "put several outputs together in a task that returns a list"
            )
        if not isinstance(value, (list, tuple)):
            raise TypeError(f"task {self.id}: expand({name}=...) takes a list, not {value!r}")
        self.expand[name] = {"value": [self._constant(name, item) for item in value]}

    def map_over_keywords(self, names: list[str], rows: Any) -> None:
        """Binds each of these parameters to the part of that name of each element."""
        if isinstance(rows, Source):
            rows = rows.each
        if isinstance(rows, Elements) and rows.functions:
            self._map_over_elements(KEYWORDS, rows)
            return
        self.zipped = True
        if isinstance(rows, Elements):
            for name in names:
                # A part that elements never have would be refused, and its default applies anyway.
                if self.task.signature.parameters[name].required or not rows.lacks(name):
                    self._map_over_elements(name, rows[name])
            if not self.expand:
                raise TypeError(f"task {self.id}: {rows!r} have none of the parts {', '.join(names)}")
            return
        if has_edges(rows):
            raise TypeError(
                f"task {self.id}: expand_kwargs takes a list of dicts or one task's output; "
                "put several outputs together in a task that returns a list"
            )
        if not isinstance(rows, (list, tuple)):
            raise TypeError(f"task {self.id}: expand_kwargs takes a list of dicts, not {rows!r}")
        constants = [self._row(names, index, row) for index, row in enumerate(rows)]
        for name in names:
            self.expand[name] = {"value": constants, "each": step(name)}

    def _row(self, names: list[str], index: int, row: Any) -> dict[str, Any]:
        """The parameters of one instance, of those that are constants."""
        what = f"task {self.id}: expand_kwargs: element {index}"
        if not isinstance(row, dict):
            raise TypeError(f"{what} is a dict of parameters, not {row!r}")
        for key in row:
            if key not in names:
                given = key in self.task.signature.parameters
                why = f"{key!r} is given by partial" if given else f"there is no input {key!r}"
                raise TypeError(f"{what}: {why}")
        for name in names:
            if name not in row and self.task.signature.parameters[name].required:
                raise TypeError(f"{what}: input {name!r} is missing")
        return {name: self._constant(name, value, f"[{index}].{name}") for name, value in row.items()}

    def _map_over_elements(self, name: str, value: Source | Elements) -> None:
        elements = value if isinstance(value, Elements) else value.each
        elements.source.check_taker(self.group, f"task {self.id}: {name}")
        self.expand[name] = elements.binding()
        if elements.functions:
            self.maps[name] = elements.functions
        if elements.node is not None:
            self._after(elements.node)

    def zip_lists(self) -> None:
        """Makes one instance of the elements at the same position of all lists."""
        self.zipped = True
        constants = {name: binding for name, binding in self.expand.items() if isinstance(binding, dict)}
        lists = {name: binding["value"] for name, binding in constants.items() if "value" in binding}
        if unlike := unlike_lists(lists):
            raise TypeError(f"task {self.id}: {unlike}")

    def _constant(self, name: str, value: Any, at: str | None = None) -> Any:
        try:
            return self.task.signature.parameters[name].shape.encode(value, at or name)
        except Misfit as misfit:
            raise TypeError(f"task {self.id}: {misfit}") from None

    def _bind_source(self, name: str, value: Source) -> None:
        value.check_taker(self.group, f"task {self.id}: {name}")
        self.inputs[name] = value.binding()
        if value.functions:
            self.maps[name] = value.functions
        if isinstance(value, Edge):
            self._after(value.node)

    def _compose(self, name: str, value: Any) -> Any:
        if isinstance(value, Elements):
            raise value.misplaced(f"task {self.id}: {name}")
        if isinstance(value, Source):
            slot = f"{name}:{sum(key.startswith(name + ':') for key in self.inputs)}"
            self._bind_source(slot, value)
            return Slot(slot)
        if isinstance(value, (list, tuple)):
            return [self._compose(name, item) for item in value]
        if isinstance(value, dict):
            return {key: self._compose(name, item) for key, item in value.items()}
        return Anything().encode(value, name)

    def wait_for(self, other: Node) -> None:
        """Waits for another task without its output."""
        if other.id not in self._upstream:
            self.after.append(other.id)
            self._after(other)

    def tear_down(self, setups: list[Node], fails_run: bool) -> None:
        """Makes the task a teardown of these, which it waits for; called again, of these too."""
        if self.task.kind.branches:
            raise TypeError(f"task {self.id}: a teardown can't choose what runs")
        if "trigger_rule" in self.task.settings:
            raise TypeError(f"task {self.id}: a teardown has a rule of its own; leave out trigger_rule")
        for name in OTHER_RUNS:
            if self.task.settings.get(name):
                raise TypeError(f"task {self.id}: a teardown runs whatever came of other runs; leave out {name}")
        # Those that are here are of the DAG's default_args.
        for name in ("trigger_rule", *OTHER_RUNS):
            self.settings.pop(name, None)
        self.setups = self.setups or []
        self.fails_run = fails_run
        for setup in setups:
            if setup not in self.setups:
                self.setups.append(setup)
            self._after(setup)

    def follows(self, other: Node) -> bool:
        """Whether each instance depends on the other's instance with the same index alone."""
        return self.group is not None and self.group is other.group

    def _after(self, other: Node) -> None:
        if other.id not in self._upstream:
            self._upstream.add(other.id)
            self._waits.append(other)
            other.downstream.append(self.id)

    @property
    def upstream(self) -> list[Node]:
        return self._waits

    @property
    def rule(self) -> str:
        return self.settings.get("trigger_rule", "all_success")

    @property
    def may_lack_inputs(self) -> bool:
        return self.setups is not None or self.rule not in _STRICT

    @property
    def is_ignored(self) -> bool:
        """Whether it counts for nothing how it ends: a teardown that doesn't fail its run."""
        return self.setups is not None and not self.fails_run

    def document(self) -> dict[str, Any]:
        """This task's part of the DAG document."""
        fields = dict(self.settings)
        if self.inputs:
            fields["inputs"] = self.inputs
        if self.expand:
            fields["expand"] = self.expand
        if self.zipped:
            fields["zip"] = True
        after = [name for name in self.after]
        if after:
            fields["after"] = after
        if self.setups is not None:
            fields["teardown_of"] = [setup.id for setup in self.setups]
        if self.fails_run:
            fields["teardown_fails_run"] = True
        if self.task.kind.branches:
            fields["branch"] = True
        types = self._types()
        if types:
            fields["types"] = types
        return fields

    def _types(self) -> dict[str, Any]:
        inputs = {}
        for name, parameter in self.task.signature.parameters.items():
            if name not in self.inputs and name not in self.expand:
                continue
            # The schema would be compared with what the function of `map` takes, not with what it returns.
            if name in self.maps:
                continue
            schema = document_schema(parameter.shape, Mode.INPUT)
            if schema is not True:
                inputs[name] = schema
        types: dict[str, Any] = {"inputs": inputs} if inputs else {}
        output = document_schema(self.task.output_shape, Mode.OUTPUT)
        if output is not True:
            types["output"] = output
        return types


def unlike_lists(lists: dict[str, list[Any]]) -> str | None:
    """What is wrong with lists whose elements go together."""
    for (first, elements), (other, others) in zip(lists.items(), list(lists.items())[1:]):
        if len(elements) != len(others):
            return (
                f'the lists "{first}" ({len(elements)}) and "{other}" ({len(others)}) go together and must have one length'
            )
    return None


def has_edges(value: Any) -> bool:
    """Whether a constant holds values that are known only when the DAG runs."""
    if isinstance(value, Value):
        return True
    if isinstance(value, (list, tuple)):
        return any(has_edges(item) for item in value)
    if isinstance(value, dict):
        return any(has_edges(item) for item in value.values())
    return False
