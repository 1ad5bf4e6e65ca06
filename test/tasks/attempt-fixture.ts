/** Runs one attempt of a task type by itself, and keeps what it says. */
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FoundApplication } from '../../schemas/clusters/application.schema.ts';
import { workerIdSchema } from '../../schemas/ids.ts';
import { type Offer, offerSchema } from '../../schemas/messages/attempt.messages.ts';
import type { Clock } from '../../src/clock/clock.port.ts';
import { systemClock, systemIds } from '../../src/clock/system-clock.adapter.ts';
import { attemptSecretsOf } from '../../src/secrets/attempt-secrets.ts';
import type { ProcessIdentity } from '../../src/tasks/process-table.port.ts';
import type { AttemptContext, AttemptResult, RunningAttempt, TaskType } from '../../src/tasks/task-type.port.ts';

export type AttemptFixture = {
  offer: Offer;
  root: string;
  process: ProcessIdentity | undefined;
  running: RunningAttempt;
  result: Promise<AttemptResult>;
  output(): string;
  applications: FoundApplication[];
  /** Resolves when the application is told. */
  found(id: string): Promise<void>;
  /** Resolves when the output contains the text. */
  said(text: string): Promise<void>;
  /** Resolves when its process is noted. */
  noted: Promise<void>;
  /** Lets a noted process go on. */
  openGate(): void;
};

export type FixtureOptions = {
  attempt?: number;
  params?: object;
  needs?: object;
  env?: Record<string, string>;
  clock?: Clock;
  outputSizeBytesMax?: number;
  logSizeBytesMax?: number;
  keepsGateShut?: boolean;
  /** Parameters that the worker fills in, and the secrets that they may name. */
  late?: object;
  secrets?: Record<string, string>;
};

const fixtures = new Set<AttemptFixture>();

/** For `afterEach`: ends what still runs and removes all folders. */
export function closeAttempts(): void {
  for (const { running, root } of fixtures) {
    running.cancel('now');
    rmSync(root, { recursive: true, force: true });
  }
  fixtures.clear();
}

export function runAttempt(taskType: TaskType, settings: object, options: FixtureOptions = {}): AttemptFixture {
  const root = mkdtempSync(join(tmpdir(), 'task-test-'));
  const { fixture, context } = fixtureOf(root, newOffer(settings, options), options);
  fixture.running = taskType.start(context);
  return fixture;
}

/** The next life of the worker takes the attempt up; what the former life says is not heard any more. */
export async function adoptAttempt(
  taskType: TaskType,
  { root, offer }: Pick<AttemptFixture, 'root' | 'offer'>,
): Promise<AttemptFixture> {
  const { fixture, context } = fixtureOf(root, offer, {});
  const running = await taskType.adopt?.(context, { startedAt: 0, process: undefined });
  if (running === undefined) throw new Error('the attempt is lost');
  fixture.running = running;
  return fixture;
}

function fixtureOf(root: string, offer: Offer, options: FixtureOptions) {
  let output = '';
  let openGate = (): void => {};
  let end: (result: AttemptResult) => void = () => {};
  let note = (): void => {};
  const listeners = new Set<() => void>();
  const fixture: AttemptFixture = {
    offer,
    root,
    process: undefined,
    running: { cancel: () => {} },
    result: new Promise((resolve) => {
      end = resolve;
    }),
    output: () => output,
    applications: [],
    found: (id) =>
      new Promise((resolve) => {
        const look = () => fixture.applications.some((one) => one.id === id) && resolve();
        listeners.add(look);
        look();
      }),
    noted: new Promise((resolve) => {
      note = resolve;
    }),
    said: (text) =>
      new Promise((resolve) => {
        const look = () => output.includes(text) && resolve();
        listeners.add(look);
        look();
      }),
    openGate: () => openGate(),
  };
  fixtures.add(fixture);
  const context: AttemptContext = {
    offer,
    worker: workerIdSchema.parse('worker-1'),
    clock: options.clock ?? systemClock,
    outputSizeBytesMax: options.outputSizeBytesMax ?? 65_536,
    secrets: attemptSecretsOf(offer.inputs, { find: (name) => options.secrets?.[name] }),
    folder: () => {
      const work = join(root, 'work');
      mkdirSync(work, { recursive: true });
      return { root, work };
    },
    writeLog: (bytes) => {
      output += Buffer.from(bytes).toString('utf8');
      appendFileSync(join(root, 'output.log'), bytes);
      for (const look of listeners) look();
    },
    outputPlace: () => ({ path: join(root, 'output.log'), sizeBytesMax: options.logSizeBytesMax ?? 1_000_000 }),
    noteOutput: (sizeBytes) => {
      output = readFileSync(join(root, 'output.log'), 'utf8').slice(0, sizeBytes);
      for (const look of listeners) look();
    },
    noteProcess: (identity, onDurable) => {
      fixture.process = identity;
      openGate = onDurable;
      note();
      if (!options.keepsGateShut) onDurable();
    },
    foundApplication: (application) => {
      fixture.applications.push(application);
      for (const look of listeners) look();
    },
    ended: (result) => end(result),
  };
  return { fixture, context };
}

function newOffer(settings: object, options: FixtureOptions): Offer {
  const { attempt = 1, params = {}, needs = {}, env = {}, late = {} } = options;
  return offerSchema.parse({
    instance: systemIds.uuid(),
    workflow: 'flow',
    epoch: 1,
    master: 'master-1',
    host: 'host-1',
    task: 'step',
    attemptId: systemIds.uuid(),
    attempt,
    idempotencyKey: 'run.step.1',
    workerIncarnation: systemIds.uuid(),
    settings,
    env,
    inputs: { params, needs, late, logicalAt: Date.parse('2024-02-29T12:34:56Z') },
  });
}
