/** Certificates for a person: the verdict first, then what it rests on. */
import type {
  Certificate,
  Certification,
  CertifiedAttempt,
  CertifiedOwner,
} from '../../../schemas/messages/certificate.messages.ts';
import type { Colors } from './colors.ts';
import { oneLine, shortened } from './plain-text.ts';
import { shortDuration } from './short-time.ts';
import { type Column, formatTable } from './table.ts';

const attemptsShownMax = 200;
const breachesShownMax = 20;

export function certificateLines(certificate: Certificate, colors: Colors): string[] {
  const { definition, status, instance, eventCount, owners, staleWrites, attempts } = certificate;
  const name =
    definition === undefined ? 'a run of an unknown workflow' : `${definition.name} version ${definition.version}`;
  const options = { paintTitle: colors.dim };
  const shown = attempts.slice(0, attemptsShownMax);
  return [
    `${colors.bold(name)}  ${status ?? 'in no known state'}  ${verdict(certificate.holds, colors)}`,
    `${colors.dim('run       ')}${instance}`,
    `${colors.dim('events    ')}${eventCount}`,
    ...kinLines(certificate, colors),
    '',
    ...formatTable(ownerColumns, owners, options),
    staleLine(staleWrites, colors),
    '',
    ...(shown.length === 0 ? ['No attempt was assigned.'] : formatTable(attemptColumns, shown, options)),
    ...(attempts.length > shown.length
      ? [`and ${attempts.length - shown.length} more attempts; "--json" has all of them`]
      : []),
    '',
    ...certificate.invariants.flatMap((invariant) => [
      `${invariant.id}  ${invariant.holds ? colors.green('holds ') : colors.red('broken')}  ${invariant.rule}`,
      ...breachLines(invariant.broken, colors),
    ]),
  ];
}

const childrenShownMax = 20;

/** The run that this one is a child of, and its own children. */
function kinLines({ parent, children = [] }: Certificate, colors: Colors): string[] {
  const shown = children.slice(0, childrenShownMax);
  return [
    ...(parent === undefined ? [] : [`${colors.dim('parent    ')}${parent.instance}, task ${parent.task}`]),
    ...shown.map(
      ({ child, workflow, task }) => `${colors.dim('child     ')}${child}, a run of ${workflow} for ${task}`,
    ),
    ...(children.length > shown.length ? [`          and ${children.length - shown.length} more`] : []),
  ];
}

/** A broken run among many: which, and how. */
function brokenLines({ instance, definition, invariants }: Certificate, colors: Colors): string[] {
  const broken = invariants.filter(({ holds }) => !holds);
  const names = broken.map(({ id }) => id).join(', ');
  return [
    `${colors.red('broken')}  ${instance}  ${definition?.name ?? ''}  ${names}`.trimEnd(),
    ...broken.flatMap((invariant) => breachLines(invariant.broken, colors)),
  ];
}

export function certificationLines(sum: Certification, colors: Colors): string[] {
  const field = (name: string, value: string | number): string => `${colors.dim(name.padEnd(12))}${value}`;
  const speed = `${sum.eventsPerSecond} events/s, ${shortDuration(sum.elapsedMs)}`;
  return [
    `${sum.runCount} runs${otherActors(sum)}  ${verdict(sum.holds, colors)}`,
    field('events', `${sum.eventCount} (${speed})`),
    field('owners', sum.ownerCount),
    field('takeovers', sum.takeoverCount),
    field('attempts', `${sum.attemptCount}, ${sum.lostAttemptCount} of them lost`),
    field('violations', sum.violationCount),
    ...sum.broken.flatMap((certificate) => brokenLines(certificate, colors)),
    ...sum.brokenActors.flatMap(({ kind, id, violations }) => [
      `${colors.red('broken')}  ${kind}/${id}`,
      ...breachLines(violations, colors),
    ]),
    ...sum.unread.map(({ instance, message }) => `${colors.red('unread')}  ${instance}  ${oneLine(message)}`),
  ];
}

/** Task groups, queues and the operations, where there are any. */
function otherActors({ actorCount }: Certification): string {
  return actorCount === 0 ? '' : ` and ${actorCount} other ${actorCount === 1 ? 'actor' : 'actors'}`;
}

export function progressLine({ runCount, eventCount, eventsPerSecond, violationCount }: Certification): string {
  return `${runCount} runs checked, ${eventCount} events, ${eventsPerSecond} events/s, ${violationCount} violations`;
}

function verdict(holds: boolean, colors: Colors): string {
  return holds ? colors.green('every invariant holds') : colors.red('an invariant is BROKEN');
}

function breachLines(broken: readonly { revision: number; message: string }[], colors: Colors): string[] {
  const shown = broken.slice(0, breachesShownMax);
  const lines = shown.map(({ revision, message }) => `    ${colors.red(`#${revision}`)}  ${oneLine(message)}`);
  return broken.length > shown.length ? [...lines, `    and ${broken.length - shown.length} more`] : lines;
}

function staleLine(staleWrites: Certificate['staleWrites'], colors: Colors): string {
  if (staleWrites.length === 0) return 'stale writes: none';
  const [first] = staleWrites;
  return colors.red(`stale writes: ${staleWrites.length}, the first at #${first?.revision} by ${first?.master}`);
}

const ownerColumns: Column<CertifiedOwner>[] = [
  { title: 'EPOCH', cell: ({ epoch }) => String(epoch), align: 'right' },
  { title: 'MASTER', cell: ({ master }) => master },
  { title: 'HOST', cell: ({ host }) => oneLine(host) },
  { title: 'CLAIM', cell: ({ claimRevision }) => String(claimRevision), align: 'right' },
  { title: 'REASON', cell: ({ reason }) => reason },
  { title: 'FIRST', cell: ({ first }) => `#${first.revision}`, align: 'right' },
  { title: 'LAST', cell: ({ last }) => `#${last.revision}`, align: 'right' },
  { title: 'WRITES', cell: ({ eventCount }) => String(eventCount), align: 'right' },
  { title: 'EVIDENCE', cell: ({ evidence }) => shortened(oneLine(evidence ?? ''), 120) },
];

const attemptColumns: Column<CertifiedAttempt>[] = [
  { title: 'TASK', cell: ({ task }) => task },
  { title: 'ATTEMPT', cell: ({ attempt }) => String(attempt), align: 'right' },
  { title: 'WORKER', cell: ({ worker }) => worker ?? '' },
  { title: 'CHOSEN BY', cell: ({ why }) => (why === undefined ? '' : `${why.balancer} of ${why.candidateCount}`) },
  { title: 'ASSIGNED', cell: (attempt) => revisionOf(attempt, 'TaskAssigned'), align: 'right' },
  { title: 'ACCEPTED', cell: (attempt) => revisionOf(attempt, 'TaskAccepted'), align: 'right' },
  { title: 'STARTED', cell: (attempt) => revisionOf(attempt, 'TaskStarted'), align: 'right' },
  { title: 'END', cell: endOf },
];

function revisionOf({ life }: CertifiedAttempt, type: string): string {
  const moment = life.find((candidate) => candidate.type === type);
  return moment === undefined ? '' : `#${moment.revision}`;
}

const ends: Record<string, string> = {
  TaskSucceeded: 'succeeded',
  TaskFailed: 'failed',
  TaskLost: 'lost',
  TaskStopped: 'stopped',
  TaskRejected: 'rejected',
  TaskConcluded: 'concluded',
  TaskWorkerAbsent: 'absent',
};

function endOf({ life }: CertifiedAttempt): string {
  const last = life.at(-1);
  const word = last === undefined ? undefined : ends[last.type];
  if (last === undefined || word === undefined) return 'under way';
  const reason = last.reason === undefined ? '' : `: ${oneLine(last.reason.message)} (${last.reason.code})`;
  return shortened(`#${last.revision} ${word}${reason}`, 120);
}
