"""The document that `describe` answers with, and which task a name of it means."""

from __future__ import annotations

from collections import Counter
from typing import Any

from weft.dags import Dag
from weft.node import Node

#: The contract's name and version.
CONTRACT = "weft.dag/1"


class Catalogue:
    """Every DAG of a program, and its tasks by the names that the host uses.

    A task is known by its id. Where two DAGs have tasks of one id, those are
    known by their DAG's id too, which is part of the document.
    """

    def __init__(self, dags: list[Dag]):
        if not dags:
            raise TypeError("there is no DAG: put @dag before a function that calls tasks")
        twice = [name for name, count in Counter(dag.id for dag in dags).items() if count > 1]
        if twice:
            raise TypeError(f"two DAGs have the id {twice[0]!r}; give one another: @dag(dag_id=...)")
        self.dags = dags
        uses = Counter(node_id for dag in dags for node_id in dag.nodes)
        self.tasks: dict[str, Node] = {}
        documents = []
        for dag in dags:
            document = dag.document()
            for node_id, node in dag.nodes.items():
                name = node_id if uses[node_id] == 1 else f"{dag.id}/{node_id}"
                self.tasks[name] = node
                if name != node_id:
                    document["tasks"][node_id]["task"] = name
            documents.append(document)
        self.document: dict[str, Any] = {"contract": CONTRACT, "dags": documents}
