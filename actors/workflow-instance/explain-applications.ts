/** Why a task waits for applications on clusters that nobody runs any more, or that are to end: as a fact and in words. */
import type { Fact } from '../../schemas/messages/explanation.messages.ts';
import { utcText } from '../kit/utc-text.ts';
import type { TaskContext } from '../task-instance/task-instance.state.ts';
import type { SeenApplication } from '../task-instance/tended.state.ts';

type TendedFact = Extract<Fact, { kind: 'tended' }>;

export function tendedFacts({ tended }: TaskContext): TendedFact[] {
  if (tended === undefined) return [];
  const { orphan, decision, seen } = tended;
  const why = orphan === null ? {} : { since: orphan.since, why: orphan.why, fault: orphan.reason };
  const isAsked = orphan?.policy === 'ask' && orphan.why === 'lost' && decision === null;
  return [{ kind: 'tended', ...why, isAsked, applications: seen.map(shown) }];
}

function shown({ cluster, id, state, hasEnded, kill, dueAt, followDueAt, isGivenUp, reason }: SeenApplication) {
  const until = kill === null ? (dueAt ?? followDueAt) : dueAt;
  return {
    cluster,
    ...(id === null ? {} : { id }),
    state,
    doing: doingOf({ hasEnded, kill, followDueAt, isGivenUp }),
    ...(until === null || hasEnded ? {} : { dueAt: until }),
    ...(reason === null ? {} : { reason: reason.message }),
  };
}

type Doing = TendedFact['applications'][number]['doing'];

function doingOf(seen: Pick<SeenApplication, 'hasEnded' | 'kill' | 'followDueAt' | 'isGivenUp'>): Doing {
  if (seen.hasEnded) return 'ended';
  if (seen.isGivenUp) return 'givenUp';
  if (seen.kill !== null) return 'killed';
  return seen.followDueAt === null ? 'asked' : 'followed';
}

export function tendedClause({ since, fault, isAsked, applications }: TendedFact): string {
  const begun = since === undefined ? 'its applications are to end' : `nobody runs it since ${utcText(since)}`;
  const because = fault === undefined ? '' : ` (${fault.message})`;
  const named = applications.length === 0 ? ['its clusters are asked'] : applications.map(inWords);
  const decision = isAsked ? ['a decision is asked for (millrace resolve)'] : [];
  return [`${begun}${because}`, ...named, ...decision].join('; ');
}

const doings: Record<Doing, string> = {
  asked: 'is asked for',
  followed: 'is followed',
  killed: 'is being killed',
  ended: 'has ended',
  givenUp: 'was given up',
};

function inWords({ id, cluster, state, doing, dueAt, reason }: TendedFact['applications'][number]): string {
  const until = dueAt === undefined ? '' : `, until ${utcText(dueAt)}`;
  const said = reason === undefined ? state : `${state}: ${reason}`;
  return `${id ?? 'what bears its tag'} on ${cluster} (${said}) ${doings[doing]}${until}`;
}
