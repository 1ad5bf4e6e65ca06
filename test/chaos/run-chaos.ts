/**
 * Chaos with real processes: three masters, three workers, a ledger to which every attempt appends; kill -9, SIGSTOP and
 * SIGCONT, network cuts where the machine permits them, restarts of NATS and the store. Ends with what was lost, doubled or written stale, and with 1 if anything was.
 *
 *     npm run chaos
 *     npm run chaos -- --master-kills 5 --worker-kills 5 --freezes 1 --seed 7
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import type { StoredEvent } from '../kit/cluster-client.ts';
import { workflowOf } from '../kit/definitions.ts';
import { readLedger, scriptTask, shellTask } from '../kit/effect-ledger.ts';
import { replayOf, type ToldState, toldStates, unlikeStates, untrueFacts } from '../kit/live-states.ts';
import { type ProcessCluster, startProcessCluster } from '../kit/process-cluster.ts';
import { kill } from '../kit/processes.ts';
import { type SeededRandom, seededRandom } from '../kit/seeded-random.ts';
import { executionFigures, type MasterKill, takeoverFigures } from './chaos-figures.ts';
import { type ChaosOptions, type Harm, masters, planOfHarm, workers } from './chaos-plan.ts';
import { type SeparateNetworks, separateNetworks } from './separate-networks.ts';

type Chaos = {
  cluster: ProcessCluster;
  /** Undefined where the machine does not permit cuts. */
  networks: SeparateNetworks | undefined;
  random: SeededRandom;
  ledger: string;
  masterKills: MasterKill[];
  /** Victims under harm: nobody is harmed twice at once. */
  busy: Set<string>;
};

type Absence = Extract<Harm, { forMs: number }>;

const runsInFlight = 20;
const pauseMinMs = 500;
const pauseMaxMs = 1_500;
const endTimeoutMs = 60_000;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(options: ChaosOptions & { logFile: string | undefined }): Promise<number> {
  const random = seededRandom(options.seed);
  say(`seed ${options.seed}: starting three masters and three workers ...`);
  let networks: SeparateNetworks | undefined;
  const cluster = await startProcessCluster({
    masters,
    workers,
    master: { lossesMax: 1_000, stateHashEveryEvents: 1 },
    worker: { slots: 12 },
    network: async (ports) => {
      if (options.cuts > 0) networks = await tryToSeparate(ports);
      return networks;
    },
  });
  const ledger = join(cluster.folder, 'ledger');
  const chaos: Chaos = { cluster, networks, random, ledger, masterKills: [], busy: new Set() };
  try {
    const definition = workflowOf(randomTasks(chaos));
    await cluster.client.register(definition);
    const load = keepSubmitting(chaos, definition);
    const cuts = networks === undefined ? 0 : options.cuts;
    await inflict(chaos, planOfHarm({ ...options, cuts }, random));
    const receipts = await load.stop();
    say(`harm is over; waiting for the end of ${receipts.length} runs ...`);
    return await judge(chaos, definition, receipts);
  } finally {
    if (options.logFile !== undefined) writeFileSync(options.logFile, cluster.log());
    await cluster.remove();
  }
}

async function tryToSeparate(ports: readonly number[]): Promise<SeparateNetworks | undefined> {
  try {
    return await separateNetworks([...masters, ...workers], ports);
  } catch (fault) {
    say(`no network cuts, they are not permitted here: ${(fault as Error).message.trim().replaceAll('\n', ' ')}`);
    return undefined;
  }
}

/** One after the other, but for freezes and cuts, which go on beside the rest. */
async function inflict(chaos: Chaos, plan: readonly Harm[]): Promise<void> {
  const absences: Promise<void>[] = [];
  let doneCount = 0;
  for (const harm of plan) {
    while (chaos.busy.has(harm.victim)) await sleep(200);
    if ('forMs' in harm) {
      absences.push(beAway(chaos, harm));
      // Never all masters or all workers at once: that would only measure waiting.
      while (awayOfKind(chaos, harm.victim) >= 2) await sleep(500);
    } else await strike(chaos, harm);
    doneCount += 1;
    if (doneCount % 10 === 0) say(`${doneCount} of ${plan.length} done to the cluster`);
    await sleep(chaos.random.between(pauseMinMs, pauseMaxMs));
  }
  await Promise.all(absences);
}

function awayOfKind({ busy }: Chaos, victim: string): number {
  const kind = victim.slice(0, victim.indexOf('-'));
  return [...busy].filter((name) => name.startsWith(kind)).length;
}

async function strike({ cluster, masterKills, random }: Chaos, harm: Exclude<Harm, Absence>): Promise<void> {
  const { victim } = harm;
  if (victim === 'nats') {
    cluster.killNats();
    return;
  }
  if (masters.includes(victim)) masterKills.push({ victim, at: Date.now() });
  await cluster.process(victim).end('SIGKILL');
  await sleep(random.between(0, 2_000));
  await cluster.start(victim);
}

/** It lives, but stands still or reaches nobody. */
async function beAway({ cluster, networks, busy }: Chaos, { kind, victim, forMs }: Absence): Promise<void> {
  busy.add(victim);
  const { pid } = cluster.process(victim);
  if (kind === 'freeze') kill(pid, 'SIGSTOP');
  else networks?.cut(victim);
  await sleep(forMs);
  if (kind === 'freeze') kill(pid, 'SIGCONT');
  else networks?.heal(victim);
  await sleep(2_000);
  busy.delete(victim);
}

function keepSubmitting({ cluster }: Chaos, definition: WorkflowDefinition) {
  const receipts: InstanceId[] = [];
  let isOver = false;
  const next = async (lane: number): Promise<void> => {
    for (let number = 0; !isOver; number += 1) {
      const { instance } = await cluster.client.submit(definition.name, { key: `lane ${lane} run ${number}` });
      receipts.push(instance);
      await cluster.client.whenEnded(instance, endTimeoutMs).catch(() => {});
    }
  };
  const lanes = Promise.all(Array.from({ length: runsInFlight }, (_, lane) => next(lane)));
  return {
    stop: async (): Promise<InstanceId[]> => {
      isOver = true;
      await lanes;
      return receipts;
    },
  };
}

async function judge(chaos: Chaos, definition: WorkflowDefinition, receipts: readonly InstanceId[]): Promise<number> {
  const { client } = chaos.cluster;
  const histories = new Map<string, StoredEvent[]>();
  const lost: string[] = [];
  const breaches: string[] = [];
  const replays: string[] = [];
  const told = byInstance(toldStates(chaos.cluster.log()));
  for (const instance of receipts) {
    const ended = await client.whenEnded(instance, endTimeoutMs).catch(() => undefined);
    if (ended?.run.status !== 'succeeded') lost.push(`${instance} is ${ended?.run.status ?? 'not ended'}`);
    histories.set(instance, await client.history(instance));
    if (ended?.run.status !== 'succeeded') say(await tellStuck(chaos, instance));
    await client
      .soundHistory(definition, instance)
      .catch((fault: Error) => breaches.push(`${instance}: ${fault.message}`));
    replays.push(...replayFaults(definition, histories.get(instance) ?? [], told.get(instance) ?? []));
  }
  const executions = executionFigures(readLedger(chaos.ledger), histories);
  const certificate = await chaos.cluster.millrace('certify', '--all');
  report(chaos, { receipts, lost, breaches, executions, histories });
  say(`states compared              ${[...told.values()].flat().length}`);
  say(`replays unlike their owners  ${replays.length}`);
  say(`\n${certificate.stdout}`);
  const faults = [...lost, ...breaches, ...replays, ...executions.unexplained, ...executions.doubleResults];
  for (const fault of faults.slice(0, 10)) say(fault);
  return faults.length === 0 && certificate.exitCode === 0 ? 0 : 1;
}

function byInstance(states: readonly ToldState[]): Map<string, ToldState[]> {
  const found = new Map<string, ToldState[]>();
  for (const state of states) {
    const known = found.get(state.instanceId);
    if (known === undefined) found.set(state.instanceId, [state]);
    else known.push(state);
  }
  return found;
}

/** What a replay finds otherwise than the owners told it, and what it explains by facts that are not true. */
function replayFaults(
  definition: WorkflowDefinition,
  events: readonly StoredEvent[],
  told: readonly ToldState[],
): string[] {
  const run = replayOf(definition, events);
  return [...unlikeStates(run, told), ...untrueFacts(run)];
}

/** All that is known of a run that did not end as it should. */
async function tellStuck({ cluster }: Chaos, instance: InstanceId): Promise<string> {
  const shown = await cluster.millrace('show', instance);
  const events = await cluster.millrace('events', instance);
  const log = cluster
    .log()
    .split('\n')
    .filter((line) => line.includes(instance));
  return [shown.output, events.output.split('\n').slice(-25).join('\n'), ...log].join('\n');
}

function report(
  { masterKills }: Chaos,
  parts: {
    receipts: readonly InstanceId[];
    lost: readonly string[];
    breaches: readonly string[];
    executions: ReturnType<typeof executionFigures>;
    histories: ReadonlyMap<string, StoredEvent[]>;
  },
): void {
  const { receipts, lost, breaches, executions, histories } = parts;
  const { detectionMs, takeoverMs, firstDispatchMs, slow } = takeoverFigures(masterKills, histories);
  say(`\nruns accepted                ${receipts.length}`);
  say(`runs lost or not succeeded   ${lost.length}`);
  say(`executions                   ${executions.executions}`);
  say(`repeated executions          ${executions.repeated}`);
  say(`  not explained by a loss    ${executions.unexplained.length}`);
  say(`tasks with two results       ${executions.doubleResults.length}`);
  say(`histories with a breach      ${breaches.length}`);
  say(`detection after kill -9      ${spread(detectionMs)}`);
  say(`takeover of a run            ${spread(takeoverMs)}`);
  say(`first dispatch               ${spread(firstDispatchMs)}`);
  for (const sentence of slow) say(`slow: ${sentence}`);
}

function spread(values: readonly number[]): string {
  if (values.length === 0) return 'none';
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return `${at(0.5)} ms p50, ${at(0.99)} ms p99 (${values.length})`;
}

function randomTasks({ random, ledger }: Chaos): TaskDefinition[] {
  const tasks: TaskDefinition[] = [];
  for (let number = 0; number < 20; number += 1) {
    const before = tasks.slice(-6).map(({ name }) => name);
    const needs = before.length === 0 ? [] : [...new Set([random.pick(before), random.pick(before)])];
    const name = `t${number}`;
    if (random.chance(0.25)) tasks.push(shellTask(name, { ledger, needs, command: 'sleep 0.3' }));
    else tasks.push(scriptTask(name, { ledger, needs, afterMs: random.chance(0.5) ? 0 : random.integer(1, 800) }));
  }
  return tasks;
}

function optionsOf(argv: readonly string[]): ChaosOptions & { logFile: string | undefined } {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seed: { type: 'string', default: String(Date.now()) },
      'master-kills': { type: 'string', default: '50' },
      'worker-kills': { type: 'string', default: '50' },
      freezes: { type: 'string', default: '5' },
      'freeze-ms': { type: 'string', default: '45000' },
      cuts: { type: 'string', default: '4' },
      'cut-ms': { type: 'string', default: '15000' },
      'server-restarts': { type: 'string', default: '6' },
      log: { type: 'string' },
    },
  });
  return {
    seed: values.seed,
    masterKills: Number(values['master-kills']),
    workerKills: Number(values['worker-kills']),
    freezes: Number(values.freezes),
    freezeMs: Number(values['freeze-ms']),
    cuts: Number(values.cuts),
    cutMs: Number(values['cut-ms']),
    serverRestarts: Number(values['server-restarts']),
    logFile: values.log,
  };
}

process.exit(await main(optionsOf(process.argv.slice(2))));
