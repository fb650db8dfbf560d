"""A task in a DAG: which function, with what bound to its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weft.edge import Edge, ParamEdge, Value
from weft.shape import Anything, Mode, Misfit, document_schema

if TYPE_CHECKING:
    from weft.tasks import TaskFunction

#: Rules under which an upstream may have been skipped, so that what it gives is `None`.
_STRICT = ("all_success", "none_skipped")


class Slot:
    """A place inside a list or dict that an input of its own fills."""

    def __init__(self, name: str):
        self.name = name


class Node:
    """One task of one DAG."""

    def __init__(self, task: TaskFunction, node_id: str, settings: dict[str, Any]):
        self.task = task
        self.id = node_id
        self.settings = settings
        #: Bindings of the document, by input.
        self.inputs: dict[str, Any] = {}
        self.expand: dict[str, Any] = {}
        #: Parameters that are put together from several inputs.
        self.composed: dict[str, Any] = {}
        self.after: list[str] = []
        #: Direct downstreams, in the order in which they came to be.
        self.downstream: list[str] = []
        self._upstream: set[str] = set()
        self._waits: list[Node] = []

    def bind(self, name: str, value: Any) -> None:
        """Binds a parameter: to an output, a parameter of the run, a constant, or a mixture."""
        if isinstance(value, (Edge, ParamEdge)):
            self.inputs[name] = self._binding(value)
        elif has_edges(value):
            self.composed[name] = self._compose(name, value)
        else:
            self.inputs[name] = {"value": self._constant(name, value)}

    def map_over(self, name: str, value: Any) -> None:
        """Binds a parameter of which each element makes an instance of its own."""
        if isinstance(value, (Edge, ParamEdge)):
            self.expand[name] = self._binding(value)
            return
        if has_edges(value):
            raise TypeError(
                f"task {self.id}: expand({name}=...) takes a list or one task's output; "
                "put several outputs together in a task that returns a list"
            )
        if not isinstance(value, (list, tuple)):
            raise TypeError(f"task {self.id}: expand({name}=...) takes a list, not {value!r}")
        self.expand[name] = {"value": [self._constant(name, item) for item in value]}

    def _constant(self, name: str, value: Any) -> Any:
        try:
            return self.task.signature.parameters[name].shape.encode(value, name)
        except Misfit as misfit:
            raise TypeError(f"task {self.id}: {misfit}") from None

    def _binding(self, value: Edge | ParamEdge) -> Any:
        if isinstance(value, Edge):
            self._after(value.node)
        return value.binding()

    def _compose(self, name: str, value: Any) -> Any:
        if isinstance(value, (Edge, ParamEdge)):
            slot = f"{name}:{sum(key.startswith(name + ':') for key in self.inputs)}"
            self.inputs[slot] = self._binding(value)
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
        return self.rule not in _STRICT

    def document(self) -> dict[str, Any]:
        """This task's part of the DAG document."""
        fields = dict(self.settings)
        if self.inputs:
            fields["inputs"] = self.inputs
        if self.expand:
            fields["expand"] = self.expand
        after = [name for name in self.after]
        if after:
            fields["after"] = after
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
            schema = document_schema(parameter.shape, Mode.INPUT)
            if schema is not True:
                inputs[name] = schema
        types: dict[str, Any] = {"inputs": inputs} if inputs else {}
        output = document_schema(self.task.output_shape, Mode.OUTPUT)
        if output is not True:
            types["output"] = output
        return types


def has_edges(value: Any) -> bool:
    """Whether a constant holds values that are known only when the DAG runs."""
    if isinstance(value, Value):
        return True
    if isinstance(value, (list, tuple)):
        return any(has_edges(item) for item in value)
    if isinstance(value, dict):
        return any(has_edges(item) for item in value.values())
    return False
