/** Which variables an expression reads, and where. Names that the expression itself binds are not among them. */
import type { ASTNode } from '@marcbachmann/cel-js';
import { operandsOf } from './cel-environment.ts';

/** `entry` is the `a` of `tasks.a` and `tasks["a"]`; undefined where the variable is read as a whole. */
export type NameRead = { readonly variable: string; readonly entry?: string; readonly position: number };

const types: readonly string[] = 'bool int uint double string bytes list map null_type type'.split(' ');
const binding: readonly string[] = ['all', 'exists', 'exists_one', 'map', 'filter', 'bind'];

export function namesRead(root: ASTNode): NameRead[] {
  const names: NameRead[] = [];
  note(root, new Set(types), names);
  return names;
}

/** `root.entry` or `root["entry"]`. */
export function keyOf(node: ASTNode): { root: string; entry: string } | undefined {
  if (node.op !== '.' && node.op !== '[]') return undefined;
  const [root, entry] = node.args;
  if (root.op !== 'id') return undefined;
  if (typeof entry === 'string') return { root: root.args, entry };
  return entry.op === 'value' && typeof entry.args === 'string' ? { root: root.args, entry: entry.args } : undefined;
}

function note(node: ASTNode, bound: ReadonlySet<string>, names: NameRead[]): void {
  const key = keyOf(node);
  if (key !== undefined) {
    if (!bound.has(key.root)) names.push({ variable: key.root, entry: key.entry, position: node.start });
    return;
  }
  if (node.op === 'id' && !bound.has(node.args)) names.push({ variable: node.args, position: node.start });
  const macro = macroOf(node);
  if (macro === undefined) {
    for (const operand of operandsOf(node)) note(operand, bound, names);
    return;
  }
  if (macro.over !== undefined) note(macro.over, bound, names);
  for (const part of macro.parts) note(part, new Set([...bound, macro.name]), names);
}

/** `list.all(name, ...)` and `cel.bind(name, ...)`: what follows the name may read it. */
function macroOf(node: ASTNode): { name: string; over?: ASTNode; parts: readonly ASTNode[] } | undefined {
  if (node.op !== 'rcall' || !binding.includes(node.args[0])) return undefined;
  const [method, over, [name, ...parts]] = node.args;
  if (name?.op !== 'id') return undefined;
  return { name: name.args, ...(method === 'bind' ? {} : { over }), parts };
}
