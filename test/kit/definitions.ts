/** Definitions for tests: small ones by hand, and random graphs for properties. */
import fc from 'fast-check';
import type {
  MapSettings,
  OnWorkerLost,
  RetryPolicy,
  TaskDefinition,
  WorkflowDefinition,
} from '../../schemas/definition/workflow.definition.ts';
import type { TaskName, WorkerGroup, WorkflowName } from '../../schemas/ids.ts';
import type { JsonValue } from '../../schemas/json.ts';

type TaskOptions = { retry?: Partial<RetryPolicy>; timeoutMs?: number; onWorkerLost?: OnWorkerLost | undefined };
type WorkflowOptions = Partial<Pick<WorkflowDefinition, 'failurePolicy' | 'params' | 'name'>>;

export const noRetry: RetryPolicy = { attempts: 1, delayMs: 1_000, backoff: 2, delayMaxMs: 60_000, jitter: 0 };

export function taskOf(name: string, needs: readonly string[] = [], options: TaskOptions = {}): TaskDefinition {
  return {
    name: name as TaskName,
    needs: needs as TaskName[],
    settings: { type: 'script', steps: [{ result: 'succeed', afterMs: 0, outputs: {} }] },
    retry: { ...noRetry, ...options.retry },
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
    workerGroup: 'default' as WorkerGroup,
    priority: 'medium',
    env: {},
    ...(options.onWorkerLost === undefined ? {} : { onWorkerLost: options.onWorkerLost }),
  };
}

type MapOptions = { concurrency?: number; failures?: MapSettings['failures']; item?: Partial<MapSettings['task']> };

/** Over the values as `x`; each item is as `taskOf` makes tasks. */
export function mapOf(values: JsonValue[] | string, { item, ...options }: MapOptions = {}): MapSettings {
  const { name: _, needs: __, settings, ...rest } = taskOf('item');
  if (settings.type !== 'script') throw new Error('an item is a script');
  return { type: 'map', over: [{ name: 'x', values }], task: { settings, ...rest, ...item }, ...options };
}

export function workflowOf(tasks: readonly TaskDefinition[], options: WorkflowOptions = {}): WorkflowDefinition {
  return { name: 'tested' as WorkflowName, params: {}, failurePolicy: 'continue', ...options, tasks: [...tasks] };
}

const names = (count: number) => Array.from({ length: count }, (_, index) => `t${index}`);

/** t0 <- t1 <- ... each needs the one before. */
export function chainOf(length: number, options: WorkflowOptions = {}): WorkflowDefinition {
  return workflowOf(
    names(length).map((name, index) => taskOf(name, index === 0 ? [] : [`t${index - 1}`])),
    options,
  );
}

/** `width` tasks without needs. */
export function independentOf(width: number, options: WorkflowOptions = {}): WorkflowDefinition {
  return workflowOf(
    names(width).map((name) => taskOf(name)),
    options,
  );
}

/** One root, `width` tasks that need it, and one that needs them all. */
export function fanOutOf(width: number, options: WorkflowOptions = {}): WorkflowDefinition {
  const leaves = names(width);
  const tasks = [taskOf('root'), ...leaves.map((name) => taskOf(name, ['root'])), taskOf('join', leaves)];
  return workflowOf(tasks, options);
}

/** a <- (b, c) <- d. */
export function diamondOf(options: WorkflowOptions = {}): WorkflowDefinition {
  return workflowOf([taskOf('a'), taskOf('b', ['a']), taskOf('c', ['a']), taskOf('d', ['b', 'c'])], options);
}

/** Random graphs: each task needs some of those before it, retries up to twice, half of them have a timeout, and each its own policy on worker loss. */
export function definitionArbitrary(taskCountMax = 8): fc.Arbitrary<WorkflowDefinition> {
  const taskArbitrary = fc.record({
    needs: fc.array(fc.nat(taskCountMax), { maxLength: 3 }),
    attempts: fc.integer({ min: 1, max: 3 }),
    hasTimeout: fc.boolean(),
    onWorkerLost: fc.constantFrom<OnWorkerLost | undefined>(
      undefined,
      { policy: 'retry' },
      { policy: 'wait', returnLimitMs: 300 },
      { policy: 'fail' },
      { policy: 'ask' },
    ),
  });
  return fc
    .record({
      failurePolicy: fc.constantFrom('continue' as const, 'end' as const),
      tasks: fc.array(taskArbitrary, { minLength: 1, maxLength: taskCountMax }),
    })
    .map(({ failurePolicy, tasks }) => workflowOf(tasks.map(randomTask), { failurePolicy }));
}

type RandomTask = {
  needs: number[];
  attempts: number;
  hasTimeout: boolean;
  onWorkerLost: OnWorkerLost | undefined;
};

function randomTask({ needs, attempts, hasTimeout, onWorkerLost }: RandomTask, index: number): TaskDefinition {
  const needed = index === 0 ? [] : [...new Set(needs.map((need) => `t${need % index}`))];
  return taskOf(`t${index}`, needed, { retry: { attempts }, ...(hasTimeout ? { timeoutMs: 500 } : {}), onWorkerLost });
}
