/**
 * `task(settings, function name(inputs, context) { ... })`: a task is a
 * function of one object, whose properties are the task's inputs.
 */

import { Context } from "./context.js";
import { add } from "./dag.js";
import type { Each } from "./each.js";
import type { Bindable, Bound, Edge } from "./edge.js";
import { fields, TASK, type TaskSettings, type TaskTypes } from "./settings.js";
import type { Wire } from "./wire.js";

type Body<I, O> = (inputs: I, context: Context) => O | Promise<O>;
/** Lists of what an input takes, one instance for each element. */
type Many<I, K extends keyof I> = { readonly [P in K]: Edge<I[P][]> | readonly Bindable<I[P]>[] | Each<I[P]> };
/** What is left of the inputs may be left out where nothing of it is needed. */
type Rest<I> = {} extends I ? [inputs?: Bound<I>] : [inputs: Bound<I>];

/** What the host and the runner of tests know of a task. */
export interface TaskDefinition {
  readonly id: string;
  readonly body: Body<any, unknown>;
  /** Fields of the document. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly types: TaskTypes;
  /** Whether it returns which of its direct downstreams go on. */
  readonly branches: boolean;
  /** Where it was written: a stack. */
  readonly written: string;
}

export interface Task<I, O> {
  /** In a DAG's function: a task of the DAG, with these inputs. */
  (...inputs: Rest<I>): Edge<Wire<O>>;
  readonly id: string;
  /** One instance for each element; of several lists one for each combination. */
  expand<K extends keyof I>(over: Many<I, K>, ...rest: Rest<Omit<I, K>>): Edge<Wire<O>[]>;
  /** One instance for each position: the elements at the same position of all lists, which have one length. */
  zip<K extends keyof I>(over: Many<I, K>, ...rest: Rest<Omit<I, K>>): Edge<Wire<O>[]>;
  /** The same with other settings, or another id. */
  with(settings: TaskSettings): Task<I, O>;
  /** The plain function, for tests. */
  run(...given: {} extends I ? [inputs?: I, context?: Context] : [inputs: I, context?: Context]): Promise<O>;
  readonly definition: TaskDefinition;
}

/** A task. Without `id` it has the function's name. */
export function task<O, I extends object = {}>(body: Body<I, O>): Task<I, O>;
export function task<O, I extends object = {}>(settings: TaskSettings & { types?: TaskTypes }, body: Body<I, O>): Task<I, O>;
export function task(...given: unknown[]): Task<any, any> {
  return defined(given, false);
}

/** What a branch returns: ids of direct downstreams, or the tasks themselves. */
type Choice = string | { readonly id: string };

/** A task that returns which of its direct downstreams go on. */
export function branch<I extends object = {}>(body: Body<I, Choice | readonly Choice[] | null>): Task<I, null>;
export function branch<I extends object = {}>(
  settings: TaskSettings & { types?: TaskTypes },
  body: Body<I, Choice | readonly Choice[] | null>,
): Task<I, null>;
export function branch(...given: unknown[]): Task<any, any> {
  return defined(given, true);
}

function defined(given: unknown[], branches: boolean): Task<any, any> {
  const word = branches ? "branch" : "task";
  const body = given.at(-1);
  if (typeof body !== "function" || given.length > 2) throw new TypeError(`${word}() takes settings and a function`);
  const settings = given.length === 2 ? given[0] : {};
  if (typeof settings !== "object" || settings === null) throw new TypeError(`${word}()'s settings are an object`);
  const id = (settings as TaskSettings).id ?? body.name;
  if (!id) {
    throw new TypeError(`a ${word} needs a name: give its function one, ${word}(function extract() { ... }), or set its id: ${word}({ id: "extract" }, ...)`);
  }
  const { types = {}, ...known } = fields(settings, TASK, `task ${id}`);
  return made({
    id,
    body: body as Body<any, unknown>,
    settings: known,
    types: types as TaskTypes,
    branches,
    written: new Error().stack ?? "",
  });
}

function made(definition: TaskDefinition): Task<any, any> {
  const call = (inputs: object = {}): unknown => add(definition, inputs, {});
  const rest = {
    definition,
    expand: (over: object, inputs: object = {}): unknown => add(definition, inputs, over),
    zip: (over: object, inputs: object = {}): unknown => add(definition, inputs, over, true),
    with(settings: TaskSettings): Task<any, any> {
      const changed = fields(settings, TASK, `task ${definition.id}`);
      return made({
        ...definition,
        id: settings.id ?? definition.id,
        settings: { ...definition.settings, ...changed },
      });
    },
    run: async (inputs: object = {}, context: Context = new Context()): Promise<unknown> => definition.body(inputs, context),
  };
  Object.defineProperty(call, "id", { value: definition.id });
  return Object.assign(call, rest) as unknown as Task<any, any>;
}
