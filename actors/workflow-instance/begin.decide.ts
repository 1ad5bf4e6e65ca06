/** How a ready task begins that its owner decides by itself: dry runs, delays, ways, and what waits for an answer. */
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { Condition, SwitchSettings } from '../../schemas/definition/logic-settings.ts';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { Awaited, WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { InstanceId, TaskName } from '../../schemas/ids.ts';
import { evaluateExpression } from '../expressions/expression.ts';
import { quotedExpression } from '../expressions/quoted-expression.ts';
import type { Plan, PlannedTask } from '../graph/plan.ts';
import { at } from '../kit/persistent-vector.ts';
import { awaitsOf } from '../task-instance/awaiting.decide.ts';
import type { TaskState, TaskStatus } from '../task-instance/task-instance.state.ts';
import { taskParams } from './attempt-inputs.ts';
import { decideExpansion } from './map.decide.ts';
import { missingParam, neededTasks, unstartable } from './owner-expressions.ts';
import { stateOf } from './task-lookup.ts';
import type { WorkflowInstanceContext } from './workflow-instance.state.ts';

type StartTask = Extract<WorkflowInstanceCommand, { type: 'StartTask' }>;

/** Types that no worker runs. */
const ownTypes: readonly string[] = ['switch', 'conditions', 'signal', 'approval', 'workflow', 'dependent', 'map'];

/** Whether the owner begins the ready task by itself, with StartTask, instead of placing it. */
export function beginsAtOwner(task: PlannedTask, context: WorkflowInstanceContext): boolean {
  const { settings, delayMs } = task.definition;
  if (context.dryRun || ownTypes.includes(settings.type)) return true;
  return delayMs !== undefined && delayMs > 0 && stateOf(context, task)?.context.isDelayOver === false;
}

export function decideBegin(
  plan: Plan,
  context: WorkflowInstanceContext,
  planned: PlannedTask,
  command: StartTask,
): WorkflowInstanceEvent[] {
  const { definition } = planned;
  const { now, task } = command;
  const state = stateOf(context, planned);
  if (state?.status !== 'ready') return [];
  const { settings, delayMs } = definition;
  if (settings.type === 'conditions') {
    const isMet = holds(plan, context, settings.when);
    return [chosen(task, now, isMet ? 'next' : 'otherwise', isMet ? settings.next : settings.otherwise)];
  }
  if (settings.type === 'switch') return [decideSwitch(plan, context, planned, command)];
  if (context.dryRun) return [{ type: 'TaskDryRun', data: { task, finishedAt: now } }];
  if (delayMs !== undefined && delayMs > 0 && !state.context.isDelayOver) {
    return [{ type: 'TaskDelayed', data: { task, dueAt: now + delayMs } }];
  }
  if (settings.type === 'map') return [decideExpansion(plan, context, planned, command)];
  const awaits = awaitedBy(planned, command.child);
  return awaits === undefined ? [] : beginToAwait(context, { definition, state }, awaits, command);
}

function awaitedBy({ definition: { settings } }: PlannedTask, child: InstanceId | undefined): Awaited | undefined {
  switch (settings.type) {
    case 'signal':
      return { kind: 'signal', name: settings.name };
    case 'approval':
      return { kind: 'approval', ...(settings.question === undefined ? {} : { question: settings.question }) };
    case 'dependent':
      return { kind: 'dependent' };
    case 'workflow': {
      const { name: workflow, version } = settings;
      if (child === undefined) return undefined;
      return { kind: 'workflow', child, workflow, ...(version === undefined ? {} : { version }) };
    }
    default:
      return undefined;
  }
}

/** A signal that came before anybody waited for it is taken at once. */
function beginToAwait(
  context: WorkflowInstanceContext,
  { definition, state }: { definition: TaskDefinition; state: TaskState },
  awaits: Awaited,
  { now, attemptId }: StartTask,
): WorkflowInstanceEvent[] {
  const begun = awaitsOf(definition, state, awaits, { now, attemptId });
  const payload = awaits.kind === 'signal' ? context.signals[awaits.name]?.[0] : undefined;
  if (payload === undefined) return [begun];
  const { name: task } = definition;
  const evidence = 'the signal had come before';
  const data = { task, attemptId, finishedAt: now, result: 'succeeded' as const, outputs: { payload }, evidence };
  return [begun, { type: 'TaskConcluded', data }];
}

function decideSwitch(
  plan: Plan,
  context: WorkflowInstanceContext,
  planned: PlannedTask,
  { now, task, attemptId }: StartTask,
): WorkflowInstanceEvent {
  const { cases, otherwise } = planned.definition.settings as SwitchSettings;
  const given = taskParams(plan, context, { task: planned, attemptId });
  const variables = { params: given.params, tasks: neededTasks(context, planned) };
  const failed = (message: string) => unstartable(task, now, { code: 'EXPRESSION_FAILED', message });
  for (const [index, { when, next }] of cases.entries()) {
    const result = evaluateExpression(when, variables);
    const place = `case ${index + 1}`;
    if (!result.ok) {
      const message = missingParam(when, given) ?? result.message;
      return failed(`${place}, ${quotedExpression(when, result.position)}: ${message}`);
    }
    if (typeof result.value !== 'boolean') {
      return failed(`${place}, ${quotedExpression(when)}: expected true or false, got ${JSON.stringify(result.value)}`);
    }
    if (result.value) return chosen(task, now, place, next);
  }
  return chosen(task, now, 'otherwise', otherwise);
}

function chosen(task: TaskName, now: number, choice: string, next: readonly TaskName[]): WorkflowInstanceEvent {
  return { type: 'TaskBranchChosen', data: { task, decidedAt: now, choice, next: [...next] } };
}

function holds(plan: Plan, context: WorkflowInstanceContext, condition: Condition): boolean {
  if ('all' in condition) return condition.all.every((part) => holds(plan, context, part));
  if ('any' in condition) return condition.any.some((part) => holds(plan, context, part));
  const index = plan.indexOf(condition.task);
  if (index === undefined) return false;
  const { status } = at(context.tasks, index);
  return condition.is === 'succeeded' ? status === 'succeeded' : badEnds.includes(status);
}

const badEnds: readonly TaskStatus[] = ['failed', 'stopped', 'blocked'];
