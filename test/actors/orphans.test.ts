/**
 * What becomes of an attempt that has applications on a cluster when its worker is lost, its master, or both: every state of
 * the application under every policy. Then stops, timeouts, clients that fail, people who decide, and limits.
 */
import { describe, expect, it } from 'vitest';
import { planOf } from '../../actors/graph/plan.ts';
import { checkHistory } from '../../actors/invariants/check-history.ts';
import { applicationLimits } from '../../actors/task-instance/application-limits.ts';
import { timerIds } from '../../actors/task-instance/task-instance.state.ts';
import { explain } from '../../actors/workflow-instance/explain.ts';
import type { ClusterTold } from '../../schemas/commands/workflow-instance.commands.ts';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { OrphanPolicy } from '../../schemas/events/application.events.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { type Given, given, type Step } from '../kit/given.ts';
import { recordedOf } from '../kit/recorded.ts';
import {
  applicationFound,
  assign,
  attemptIdOf,
  fireTimer,
  lose,
  nameOf,
  now,
  ownershipTaken,
  report,
  requestStop,
  resolveLost,
  returnAttempt,
  submitted,
  takeOwnership,
  tell,
  yarnApplication,
  yarnAway,
  yarnTold,
} from './run-events.ts';

const { id, cluster, kind } = yarnApplication;
const nothingTagged: ClusterTold = { kind, cluster, applications: [] };
const told = (answer: ClusterTold) => tell('a', 1, answer);

/** A task that tags its applications at the cluster. */
function taggedTask(more: Partial<TaskDefinition> = {}): TaskDefinition {
  const settings = {
    type: 'shell',
    command: 'spark-submit a.jar',
    graceMs: 100,
    cluster,
  } as TaskDefinition['settings'];
  return { ...taskOf('a', [], { retry: { attempts: 2 } }), settings, ...more };
}

const under = (policy: OrphanPolicy): Partial<TaskDefinition> => (policy === 'adopt' ? {} : { onOrphaned: { policy } });

function running(more: Partial<TaskDefinition> = {}): Given {
  const begun = [submitted, ownershipTaken(1), assign('a'), report('started', 'a'), applicationFound('a')];
  return given(workflowOf([taggedTask(more), taskOf('b')]), ...begun);
}

const typesAfter = (run: Given, ...steps: Step[]): { run: Given; types: string[] } => {
  const types: string[] = [];
  let at = run;
  for (const step of steps) {
    const before = at;
    at = before.and(step);
    const decision = 'data' in step ? undefined : before.actor.decide(before.snapshot, step);
    if (decision?.kind === 'events') types.push(...decision.events.map(({ type }) => type));
  }
  return { run: at, types };
};

const restarted = ({ actor, snapshot }: Given) =>
  actor.pendingEffects(actor.restore(JSON.parse(JSON.stringify(actor.store(snapshot)))));

type Cell = { answer: ClusterTold; policy: OrphanPolicy; status: string; types: string[] };
const both = ['adopt', 'kill', 'ask'] as const;
const answers: Record<string, ClusterTold> = {
  accepted: yarnTold('accepted'),
  running: yarnTold('running'),
  succeeded: yarnTold('succeeded'),
  failed: yarnTold('failed'),
  killed: yarnTold('killed'),
  unknown: yarnTold('unknown'),
  away: yarnAway,
};
const live: Record<OrphanPolicy, string[]> = {
  adopt: ['ApplicationSeen', 'ApplicationAdopted'],
  kill: ['ApplicationSeen', 'ApplicationKillRequested'],
  ask: ['ApplicationSeen'],
};
const cells: [string, Cell][] = Object.entries(answers).flatMap(([state, answer]) =>
  both.map((policy): [string, Cell] => {
    const name = `${state}, ${policy}`;
    if (state === 'succeeded') {
      return [name, { answer, policy, status: 'succeeded', types: ['ApplicationEnded', 'TaskSucceeded'] }];
    }
    if (state === 'failed' || state === 'killed') {
      return [name, { answer, policy, status: 'ready', types: ['ApplicationEnded', 'TaskLost'] }];
    }
    const isLive = state === 'accepted' || state === 'running';
    return [name, { answer, policy, status: 'absent', types: isLive ? live[policy] : ['ApplicationSeen'] }];
  }),
);

describe('an application, by its state and the policy', () => {
  it.each(cells)('%s: worker lost', (_, { answer, policy, status, types }) => {
    const orphaned = running(under(policy)).when(lose('a')).thenTypes('TaskOrphaned');
    const ended = typesAfter(orphaned, told(answer));
    expect(ended.types).toEqual(types);
    expect(ended.run.task('a').status).toBe(status);
    expect(ended.run.task('a').context.attempt).toBe(1);
    expectSound(running(under(policy)), lose('a'), told(answer));
  });

  it.each(cells)('%s: master lost, nothing is asked while the worker has the attempt', (_, { answer, policy }) => {
    const run = running(under(policy)).and(takeOwnership(2));
    expect(run.actor.pendingEffects(run.snapshot)).not.toContainEqual(
      expect.objectContaining({ type: 'tendApplications' }),
    );
    run.when(told(answer)).thenNothing();
    expect(run.task('a').status).toBe('running');
    expect(run.and(report('succeeded', 'a')).task('a').status).toBe('succeeded');
  });

  it.each(cells)('%s: both lost', (_, { answer, policy, status, types }) => {
    const orphaned = running(under(policy)).and(lose('a'), takeOwnership(2));
    expect(restarted(orphaned)).toContainEqual({ type: 'tendApplications', task: 'a', attemptId: attemptIdOf(1) });
    const ended = typesAfter(orphaned, told(answer));
    expect(ended.types).toEqual(types);
    expect(ended.run.task('a').status).toBe(status);
    // The next owner asks on, and knows every limit.
    const again = ended.run.and(takeOwnership(3));
    expect(restarted(again)).toEqual(restarted(ended.run));
    again.when(told(answer)).thenNothing();
  });
});

function expectSound(run: Given, ...steps: Step[]): void {
  const events: WorkflowInstanceEvent[] = [submitted, ownershipTaken(1)];
  let at = given(run.actor.plan.definition, ...events);
  for (const step of [assign('a'), report('started', 'a'), applicationFound('a'), ...steps]) {
    if ('data' in step) events.push(step as WorkflowInstanceEvent);
    else {
      const decision = at.actor.decide(at.snapshot, step);
      if (decision.kind === 'events') events.push(...decision.events);
    }
    at = at.and(step);
  }
  expect(
    checkHistory(
      planOf(run.actor.plan.definition),
      recordedOf(events, () => now),
    ).violations,
  ).toEqual([]);
}

const adopted = (more: Partial<TaskDefinition> = {}) => running(more).and(lose('a'), told(yarnTold('running')));
const dueIn = (ms: number) => timerIds.applications(attemptIdOf(1), now + ms);

describe('an application that is followed', () => {
  it('ends the attempt by its own end: success, or a failure that counts for the retry', () => {
    adopted()
      .when(told(yarnTold('succeeded')))
      .thenTypes('ApplicationEnded', 'TaskSucceeded');
    const failed = adopted()
      .when(told(yarnTold('failed', { diagnostics: 'out of memory' })))
      .thenTypes('ApplicationEnded', 'TaskFailed');
    expect(failed.task('a')).toMatchObject({ status: 'backingOff', context: { failures: 1, losses: 0 } });
    expect(failed.task('a').context.fault?.message).toContain('out of memory');
  });

  it('is killed at the limit of the task; then a new attempt is made', () => {
    const limited = { onOrphaned: { policy: 'adopt' as const, followLimitMs: 5_000 } };
    const killed = adopted(limited)
      .when(fireTimer('a', dueIn(5_000)))
      .thenTypes('ApplicationKillRequested');
    killed.when(told(yarnTold('killed'))).thenTypes('ApplicationEnded', 'TaskLost');
    killed.when(told(yarnTold('succeeded'))).thenTypes('ApplicationEnded', 'TaskSucceeded');
  });

  it('is killed when the attempt takes too long; then the attempt has failed', () => {
    const timed = { timeoutMs: 500 };
    const killed = adopted(timed)
      .when({ ...fireTimer('a', dueIn(500)), now: now + 500 } as never)
      .thenTypes('ApplicationKillRequested');
    const failed = killed.when(told(yarnTold('killed'))).thenTypes('ApplicationEnded', 'TaskFailed');
    expect(failed.task('a').context.fault?.code).toBe('TASK_TIMED_OUT');
  });

  it('goes back to its worker when that returns, but not after its end was asked for', () => {
    expect(adopted().and(returnAttempt('a')).task('a')).toMatchObject({ status: 'running' });
    expect(adopted().and(returnAttempt('a')).task('a').context.tended).toBeUndefined();
    expect(adopted().and(report('succeeded', 'a')).task('a').status).toBe('succeeded');
    running(under('kill'))
      .and(lose('a'), told(yarnTold('running')))
      .when(returnAttempt('a'))
      .thenNothing();
  });

  it('is explained', () => {
    const { actor, snapshot } = adopted();
    const explained = explain(actor.plan, snapshot, nameOf('a'));
    expect(explained?.sentence).toContain(`${id} on ${cluster} (running) is followed, until`);
    expect(explained?.facts).toContainEqual(expect.objectContaining({ kind: 'tended', why: 'lost', isAsked: false }));
  });

  it('is not the only one: each is followed, and one that failed lets the attempt fail when all have ended', () => {
    const two = (first: 'running' | 'failed', second: 'running' | 'succeeded'): ClusterTold => {
      const one = { id, state: first, hasEnded: first === 'failed', tags: [] };
      const other = { id: `${id}2`, state: second, hasEnded: second === 'succeeded', tags: [] };
      return { kind, cluster, applications: [one, other] };
    };
    const followed = typesAfter(running(), lose('a'), told(two('running', 'running')));
    expect(followed.types.filter((type) => type === 'ApplicationAdopted')).toHaveLength(2);
    const half = followed.run.when(told(two('failed', 'running'))).thenTypes('ApplicationEnded');
    half.when(told(two('failed', 'succeeded'))).thenTypes('ApplicationEnded', 'TaskFailed');
  });
});

describe('an application whose id nobody has read', () => {
  const unread = (more: Partial<TaskDefinition> = {}) =>
    given(workflowOf([taggedTask(more)]), submitted, ownershipTaken(1), assign('a'), report('started', 'a'));

  it('is found by its tag, and decides', () => {
    const found = unread()
      .and(lose('a'))
      .when(told(yarnTold('running')));
    found.thenTypes('ApplicationFound', 'ApplicationSeen', 'ApplicationAdopted');
  });

  it('may still appear: after a while there is none, and a new attempt is made', () => {
    const waiting = unread().and(lose('a')).when(told(nothingTagged)).thenTypes('ApplicationSeen');
    waiting.when(told(nothingTagged)).thenNothing();
    const over = waiting.when(fireTimer('a', dueIn(applicationLimits.unknownMs)));
    expect(over.thenTypes('ApplicationGivenUp', 'TaskLost').task('a').status).toBe('ready');
  });
});

describe('a cluster that is away', () => {
  const away = (more: Partial<TaskDefinition> = {}) => running(more).and(lose('a'), told(yarnAway));

  it('is asked again, and its answer decides', () => {
    away()
      .when(told(yarnTold('running')))
      .thenTypes('ApplicationSeen', 'ApplicationAdopted');
    away()
      .when(told(yarnTold('succeeded')))
      .thenTypes('ApplicationEnded', 'TaskSucceeded');
    const again = adopted()
      .and(told(yarnAway))
      .when(told(yarnTold('running')))
      .thenTypes('ApplicationSeen');
    expect(again.task('a').context.tended?.seen).toHaveLength(1);
  });

  it('at the limit the task fails, since its application may run on: no second one is started', () => {
    const over = away().when(fireTimer('a', dueIn(applicationLimits.answerMs)));
    const failed = over.thenTypes('ApplicationGivenUp', 'ApplicationGivenUp', 'TaskLost');
    expect(failed.task('a')).toMatchObject({ status: 'failed', context: { attempt: 1 } });
    expect(failed.task('a').context.fault?.message).toContain('may still run on the cluster hadoop');
    const limited = { onOrphaned: { policy: 'kill' as const, answerLimitMs: 10 } };
    expect(
      away(limited)
        .and(fireTimer('a', dueIn(10)))
        .task('a').status,
    ).toBe('failed');
  });

  it('holds a stop up for no longer than the limit, and the stream says what may run on', () => {
    const stopping = away().and(requestStop);
    expect(stopping.task('a').status).toBe('cancelling');
    const over = stopping.when(fireTimer('a', dueIn(applicationLimits.answerMs)));
    expect(over.thenTypes('ApplicationGivenUp', 'ApplicationGivenUp', 'TaskLost').task('a').status).toBe('stopped');
  });
});

describe('a person who is asked', () => {
  const asked = (answer: ClusterTold = yarnTold('running')) => running(under('ask')).and(lose('a'), told(answer));

  it('waits for nobody without a limit, and is told so', () => {
    expect(restarted(asked()).map(({ type }) => type)).toEqual(['tendApplications', 'placeTask']);
    const { actor, snapshot } = asked();
    expect(explain(actor.plan, snapshot, nameOf('a'))?.sentence).toContain('a decision is asked for');
    expect(restarted(asked(yarnAway)).filter(({ type }) => type === 'armTimer')).toEqual([]);
  });

  it('lets it be followed, or killed before the task runs again or fails', () => {
    asked().when(resolveLost('a', 'adopt')).thenTypes('ApplicationAdopted');
    const again = asked().when(resolveLost('a', 'retry')).thenTypes('ApplicationKillRequested');
    again.when(resolveLost('a', 'retry')).thenNothing();
    again.when(told(yarnTold('killed'))).thenTypes('ApplicationEnded', 'TaskLost');
    const failed = asked().and(resolveLost('a', 'fail'), told(yarnTold('killed')));
    expect(failed.task('a').status).toBe('failed');
  });

  it('may decide otherwise while it is being killed, but starts no second one beside it', () => {
    const failing = asked().and(resolveLost('a', 'fail'));
    const again = failing.when({ ...resolveLost('a', 'retry'), key: 'later' } as never);
    const retried = again.thenTypes('ApplicationKillRequested').and(told(yarnTold('killed')));
    expect(retried.task('a')).toMatchObject({ status: 'ready', context: { attempt: 1 } });
    failing.when({ ...resolveLost('a', 'fail'), key: 'later' } as never).thenNothing();
  });

  it('decides alone where the cluster says nothing', () => {
    const types = ['ApplicationGivenUp', 'ApplicationGivenUp', 'TaskLost'] as const;
    const again = asked(yarnAway)
      .when(resolveLost('a', 'retry'))
      .thenTypes(...types);
    expect(again.task('a').status).toBe('ready');
    asked(yarnAway).when(resolveLost('a', 'adopt')).thenRejected('COMMAND_NOT_ALLOWED');
  });
});

describe('a stop', () => {
  it('asks worker and cluster at once, and ends with what is seen at the cluster, not with the client', () => {
    const stopping = running().when(requestStop).thenAny();
    expect(restarted(stopping).map(({ type }) => type)).toEqual(['cancelAttempt', 'tendApplications']);
    const killed = stopping.when(told(yarnTold('running'))).thenTypes('ApplicationSeen', 'ApplicationKillRequested');
    const client = killed.when(report('cancelled', 'a')).thenTypes('TaskOrphaned');
    expect(client.task('a').status).toBe('cancelling');
    client.when(told(yarnTold('running'))).thenNothing();
    const ended = client.when(told(yarnTold('killed'))).thenTypes('ApplicationEnded', 'TaskStopped');
    expect(ended.task('a').status).toBe('stopped');
  });

  it('does not take the exit code of a client for the end (known fault 21)', () => {
    const client = running().and(requestStop).when(report('failed', 'a')).thenTypes('TaskOrphaned');
    client.when(told(yarnTold('running'))).thenTypes('ApplicationSeen', 'ApplicationKillRequested');
  });

  it('ends at the limit when the cluster never says that the application has ended (known fault 20)', () => {
    const hanging = running().and(requestStop, report('cancelled', 'a'), told(yarnTold('running')));
    const over = hanging.when(fireTimer('a', dueIn(applicationLimits.killMs)));
    expect(over.thenTypes('ApplicationGivenUp', 'TaskStopped').task('a').status).toBe('stopped');
  });

  it('reaches what was followed, without a worker', () => {
    const stopping = adopted().and(requestStop);
    expect(restarted(stopping).map(({ type }) => type)).not.toContain('cancelAttempt');
    const killed = stopping.when(told(yarnTold('running'))).thenTypes('ApplicationKillRequested');
    expect(killed.and(told(yarnTold('killed'))).task('a').status).toBe('stopped');
  });
});

describe('a client that fails', () => {
  it('is tried again only when nothing of it runs any more', () => {
    const failed = running().when(report('failed', 'a')).thenTypes('TaskOrphaned');
    expect(failed.task('a').status).toBe('absent');
    const killed = failed.when(told(yarnTold('running'))).thenTypes('ApplicationSeen', 'ApplicationKillRequested');
    const again = killed.when(told(yarnTold('killed'))).thenTypes('ApplicationEnded', 'TaskFailed');
    expect(again.task('a').status).toBe('backingOff');
    expect(again.task('a').context.fault?.code).toBe('TASK_EXIT_NONZERO');
  });

  it('fails its task for good when that cannot be known', () => {
    const over = running().and(report('failed', 'a'), told(yarnAway));
    const failed = over.and(fireTimer('a', dueIn(applicationLimits.answerMs)));
    expect(failed.task('a').status).toBe('failed');
  });
});
