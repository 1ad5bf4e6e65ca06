/** Workflows of no-op tasks: everything that is measured is the orchestrator. */
import type { TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { TaskName, WorkerGroup, WorkflowName } from '../../schemas/ids.ts';

const retry = { attempts: 1, delayMs: 1_000, backoff: 2, delayMaxMs: 60_000, jitter: 0 };

function noOp(name: string, needs: string[], workerGroup = 'default'): TaskDefinition {
  return {
    name: name as TaskName,
    needs: needs as TaskName[],
    settings: { type: 'script', steps: [{ result: 'succeed', afterMs: 0, outputs: {} }] },
    retry,
    workerGroup: workerGroup as WorkerGroup,
    priority: 'medium',
    env: {},
  };
}

function workflow(name: string, tasks: TaskDefinition[]): WorkflowDefinition {
  return { name: name as WorkflowName, params: {}, failurePolicy: 'continue', tasks };
}

export function chain(length: number): WorkflowDefinition {
  const tasks = Array.from({ length }, (_, index) => noOp(`t${index}`, index === 0 ? [] : [`t${index - 1}`]));
  return workflow(`chain-${length}`, tasks);
}

/** One task, `width` that need it, one that needs them all. */
export function fanOut(width: number): WorkflowDefinition {
  const middle = Array.from({ length: width }, (_, index) => noOp(`m${index}`, ['first']));
  const names = middle.map(({ name }) => name as string);
  return workflow(`fan-${width}`, [noOp('first', []), ...middle, noOp('last', names)]);
}

/** A map of so many items, 200 at a time. */
export function mapped(itemCount: number): WorkflowDefinition {
  const { name: _, needs: __, settings, ...item } = noOp('item', []);
  if (settings.type !== 'script') throw new Error('a no-op is a script');
  const over = [{ name: 'number', values: Array.from({ length: itemCount }, (_, index) => index) }];
  const map = { type: 'map' as const, over, task: { ...item, settings }, concurrency: 200 };
  return workflow(`map-${itemCount}`, [{ ...noOp('each', []), settings: map }]);
}

/** One task that lasts longer than any measurement. */
export function sleeper(): WorkflowDefinition {
  const task = noOp('sleep', []);
  return workflow('sleeper', [
    { ...task, settings: { type: 'wait', durationMs: 3_600_000 } },
    noOp('after', ['sleep']),
  ]);
}

/** A chain that never begins: no worker is in its group. */
export function idle(length: number): WorkflowDefinition {
  const tasks = Array.from({ length }, (_, index) => noOp(`t${index}`, index === 0 ? [] : [`t${index - 1}`], 'nobody'));
  return workflow('idle', tasks);
}
