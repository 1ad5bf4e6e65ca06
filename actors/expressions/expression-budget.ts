/**
 * Bounds what the evaluation of one expression costs: the parsed nodes are fitted with a counter before they are run.
 * The library swallows errors inside `||`, `&&` and `exists`, so a budget that is used up stays used up, and whoever
 * evaluates asks `isSpent` at the end. The count depends on the expression and its values alone, never on time.
 */
import { type ASTNode, EvaluationError } from '@marcbachmann/cel-js';
import { operandsOf } from './cel-environment.ts';

/** Nodes that one evaluation may run. About ten milliseconds. */
const stepsMax = 100_000;

/** Characters and elements of one value that an expression makes. */
export const weightMax = 262_144;

/** So many characters or elements of an operand cost as much as one node. */
const weightOfStep = 64;

export const spentMessage = `the expression takes more than ${stepsMax} steps, or makes a value of more than ${weightMax} characters and elements`;

type Evaluate = (this: unknown, evaluator: unknown, node: unknown, context: unknown) => unknown;

export class ExpressionBudget {
  #stepsLeft = stepsMax;
  #weights = new WeakMap<object, number>();

  get isSpent(): boolean {
    return this.#stepsLeft < 0;
  }

  /** For another evaluation of the tree that was fitted. */
  renew(): void {
    this.#stepsLeft = stepsMax;
    this.#weights = new WeakMap();
  }

  /** Every node under `root` is counted from now on. A tree is fitted once. */
  fit(root: ASTNode): void {
    this.#meter(root, undefined);
    for (const operand of operandsOf(root)) this.#fitOperand(operand, root);
  }

  #fitOperand(node: ASTNode, parent: ASTNode): void {
    this.#meter(node, parent);
    for (const operand of operandsOf(node)) this.#fitOperand(operand, node);
  }

  #meter(node: ASTNode, parent: ASTNode | undefined): void {
    // The library puts the method of the operator on the node when it first runs; the property keeps the counter around it.
    const holder = node as unknown as { evaluate: Evaluate };
    let inner = holder.evaluate;
    const counted: Evaluate = (evaluator, ast, context) => {
      this.#spend(1);
      const result = inner.call(node, evaluator, ast, context);
      if (makesValues.has(node.op)) this.#refuseLarge(result);
      if (parent !== undefined && readsOperands(parent)) {
        this.#spend(Math.floor(this.#weigh(result) / weightOfStep));
        refuseText(parent, result);
      }
      return result;
    };
    Object.defineProperty(holder, 'evaluate', {
      get: () => counted,
      set: (evaluate: Evaluate) => {
        inner = evaluate;
      },
    });
  }

  #spend(steps: number): void {
    this.#stepsLeft -= steps;
    if (this.#stepsLeft < 0) throw new EvaluationError(spentMessage);
  }

  #refuseLarge(value: unknown): void {
    if (this.#weigh(value) >= weightMax) this.#spend(Number.MAX_SAFE_INTEGER);
  }

  /** Characters and elements of a value, at most `weightMax`. Values that are shared count at each place. */
  #weigh(value: unknown): number {
    if (typeof value === 'string') return Math.min(value.length + 1, weightMax);
    if (value instanceof Uint8Array) return Math.min(value.length + 1, weightMax);
    if (typeof value !== 'object' || value === null) return 1;
    const known = this.#weights.get(value);
    if (known !== undefined) return known;
    let weight = 1;
    for (const part of partsOf(value)) {
      weight += this.#weigh(part);
      if (weight >= weightMax) break;
    }
    weight = Math.min(weight, weightMax);
    this.#weights.set(value, weight);
    return weight;
  }
}

const makesValues: ReadonlySet<string> = new Set(['list', 'map', '+', 'call', 'rcall']);

function readsOperands({ op }: ASTNode): boolean {
  return op === 'call' || op === 'rcall' || /^([=!<>]=|[<>+]|in)$/.test(op);
}

function* partsOf(value: object): Iterable<unknown> {
  if (Array.isArray(value)) yield* value;
  else if (value instanceof Map) for (const entry of value) yield* entry;
  else if (Object.getPrototypeOf(value) === Object.prototype) for (const entry of Object.entries(value)) yield* entry;
}

/** A time without a zone would mean the zone of the machine; the library reads long durations slowly. */
function refuseText(parent: ASTNode, value: unknown): void {
  if (parent.op !== 'call' || typeof value !== 'string') return;
  const [name] = parent.args;
  if (name === 'timestamp' && !/(Z|[+-]\d\d:\d\d)$/.test(value)) {
    throw new EvaluationError('a timestamp ends with its zone: "2030-01-31T08:00:00Z"', parent);
  }
  if (name === 'duration' && value.length > 40) {
    throw new EvaluationError('a duration has at most 40 characters', parent);
  }
}
