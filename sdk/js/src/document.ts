/** The document that `describe` answers with, and which task a name of it means. */

import type { Dag } from "./dag.js";
import type { Node } from "./node.js";

/** The contract's name and version. */
const CONTRACT = "weft.dag/1";

/**
 * Every DAG of a program. A task is known by its id; where two DAGs have tasks
 * of one id, by its DAG's id too, which is part of the document.
 */
export class Catalogue {
  readonly tasks = new Map<string, Node>();
  readonly document: Record<string, unknown>;

  constructor(dags: readonly Dag[]) {
    if (dags.length === 0) throw new TypeError("there is no DAG: call dag() with a function that calls tasks");
    const uses = new Map<string, number>();
    for (const { nodes } of dags) for (const id of nodes.keys()) uses.set(id, (uses.get(id) ?? 0) + 1);
    const documents = dags.map((dag) => {
      const document = dag.document() as { tasks: Record<string, Record<string, unknown>> };
      for (const [id, node] of dag.nodes) {
        const name = uses.get(id) === 1 ? id : `${dag.id}/${id}`;
        this.tasks.set(name, node);
        if (name !== id) document.tasks[id]!.task = name;
      }
      return document;
    });
    this.document = { contract: CONTRACT, dags: documents };
  }
}
