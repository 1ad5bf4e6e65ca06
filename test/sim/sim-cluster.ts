/**
 * A simulated cluster whose applications have lives of their own: they wait, run and end whatever becomes of who started them.
 * It is slow, takes its time to kill, is away for a while, and forgets some of what has ended. Ids may be lost before anybody
 * read them: then only the tag tells. Some attempts start several.
 */
import type { Application } from '../../schemas/clusters/application.schema.ts';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { Offer } from '../../schemas/messages/attempt.messages.ts';
import type { ClusterClient, ClusterClients } from '../../src/clusters/cluster-client.port.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { AttemptContext, RunningAttempt, TaskType } from '../../src/tasks/task-type.port.ts';
import type { SimMonitor } from './sim-monitor.ts';
import { SimRandom } from './sim-random.ts';
import type { Workload } from './sim-workload.ts';
import type { Life, SimWorld } from './sim-world.ts';

const clusterName = 'hadoop';
const clusterShare = 0.35;

export type SimApplication = {
  id: string;
  attemptId: string;
  instance: string;
  task: string;
  runsAt: number;
  endsAt: number;
  end: 'succeeded' | 'failed';
  killedAt: number | undefined;
  isForgotten: boolean;
  /** Started by a worker that did not know that its attempt had been given away. */
  isGhost: boolean;
};

/** In some seeds tasks that would be scripts start applications instead. */
export function withApplications(workload: Workload, seed: number): Workload {
  const random = new SimRandom(seed, 'cluster tasks');
  if (!random.chance(clusterShare)) return workload;
  const definitions = workload.definitions.map((definition) => ({
    ...definition,
    tasks: definition.tasks.map((task) => (random.chance(0.5) ? submitting(task, random) : task)),
  }));
  return { ...workload, definitions };
}

function submitting(task: TaskDefinition, random: SimRandom): TaskDefinition {
  if (task.settings.type !== 'script' || task.cache !== undefined) return task;
  const settings = {
    type: 'yarn',
    cluster: clusterName,
    command: 'yarn jar',
    graceMs: 0,
  } as TaskDefinition['settings'];
  const policy = random.pick(['adopt', 'adopt', 'kill', 'ask'] as const);
  const limit = () => Math.round(random.magnitude(100, 20_000));
  const limits = {
    ...(random.chance(0.3) ? { followLimitMs: limit() } : {}),
    ...(random.chance(0.3) ? { answerLimitMs: limit() } : {}),
  };
  return { ...task, settings, ...(random.chance(0.7) ? { onOrphaned: { policy, ...limits } } : {}) };
}

export class SimCluster {
  readonly applications = new Map<string, SimApplication>();
  readonly #world: SimWorld;
  readonly #monitor: SimMonitor;
  readonly #random: SimRandom;
  readonly #away: readonly { fromMs: number; toMs: number }[];
  readonly #latencyMs: number;

  constructor(seed: number, world: SimWorld, monitor: SimMonitor, chaosMs: number) {
    this.#world = world;
    this.#monitor = monitor;
    this.#random = new SimRandom(seed, 'cluster');
    this.#latencyMs = this.#random.magnitude(1, 1_000);
    this.#away = Array.from({ length: this.#random.integer(0, 3) }, () => {
      const fromMs = this.#random.between(0, chaosMs);
      return { fromMs, toMs: Math.min(chaosMs, fromMs + this.#random.magnitude(100, 30_000)) };
    });
  }

  clientsOf(life: Life): ClusterClients {
    const ask = <T>(question: () => T) => this.#ask(life, question);
    const client: ClusterClient = {
      name: clusterName,
      kind: 'yarn',
      find: (id) => ask(() => this.#told(id)),
      findByTag: (tag) =>
        ask(() =>
          [...this.applications.values()].filter((one) => one.attemptId === tag && !this.#isForgotten(one)),
        ).then((found) => found.map(({ id }) => this.#told(id))),
      kill: (id) => ask(() => this.#kill(id)),
    };
    return { named: () => client };
  }

  taskTypeOf(life: Life, isStarted: (offer: Offer) => void): TaskType {
    return {
      type: 'yarn',
      hasOutsideEffects: () => true,
      start: (context) => {
        isStarted(context.offer);
        // A process that died in the middle of its event submits nothing.
        return life.isDead ? { cancel: () => {} } : this.#startClient(life, context);
      },
    };
  }

  /** Live at this moment, for all that the cluster knows. */
  isLive({ endsAt, killedAt }: SimApplication): boolean {
    return this.#world.now < Math.min(endsAt, killedAt ?? Number.POSITIVE_INFINITY);
  }

  /** The client submits at once, some another one or two soon after, and ends when all of them have ended. */
  #startClient(life: Life, context: AttemptContext): RunningAttempt {
    let isOver = false;
    const apps: SimApplication[] = [];
    let left = this.#random.chance(0.25) ? this.#random.integer(2, 3) : 1;
    const submitNext = (): void => {
      if (isOver) return;
      left -= 1;
      apps.push(this.#submitTelling(life, context));
      if (left > 0) life.after(this.#random.magnitude(1, 1_000), submitNext);
    };
    submitNext();
    const look = (): void => {
      if (isOver) return;
      if (left > 0 || apps.some((app) => this.isLive(app))) {
        life.after(200, look);
        return;
      }
      isOver = true;
      const bad = apps.find(({ killedAt, end }) => killedAt !== undefined || end === 'failed');
      const message = `the application ${bad?.id} ended badly`;
      if (bad === undefined) context.ended({ kind: 'succeeded', outputs: {} });
      else context.ended({ kind: 'failed', fault: { code: 'TASK_EXIT_NONZERO', message }, exitCode: 1 });
    };
    look();
    return {
      cancel: () => {
        if (isOver) return;
        isOver = true;
        context.ended({ kind: 'cancelled' });
      },
    };
  }

  /** The id is told late or never. */
  #submitTelling(life: Life, context: AttemptContext): SimApplication {
    const app = this.#submit(context.offer);
    const found = { kind: 'yarn', id: app.id, cluster: clusterName } as const;
    if (this.#random.chance(0.8)) life.after(this.#random.magnitude(1, 3_000), () => context.foundApplication(found));
    return app;
  }

  #submit({ attemptId, instance, task }: Offer): SimApplication {
    const { now } = this.#world;
    const runsAt = now + this.#random.magnitude(10, 3_000);
    const app: SimApplication = {
      id: `application_1750000000000_${String(this.applications.size + 1).padStart(4, '0')}`,
      attemptId,
      instance,
      task,
      runsAt,
      endsAt: runsAt + this.#random.magnitude(50, 20_000),
      end: this.#random.chance(0.85) ? 'succeeded' : 'failed',
      killedAt: undefined,
      isForgotten: this.#random.chance(0.05),
      isGhost: this.#monitor.attempts.get(attemptId)?.ending !== undefined,
    };
    this.applications.set(app.id, app);
    this.#world.trace.comment('app', () => `${app.id} of ${attemptId} (${task}) until ${app.endsAt.toFixed(1)}`);
    this.#checkAlone(app);
    return app;
  }

  /** I11, as it is at the cluster. What a person leaves behind may run on. */
  #checkAlone(app: SimApplication): void {
    if (app.isGhost) return;
    for (const other of this.applications.values()) {
      if (other.instance !== app.instance || other.task !== app.task) continue;
      if (other.attemptId === app.attemptId || other.isGhost) continue;
      if (!this.isLive(other) || this.#monitor.attempts.get(other.attemptId)?.isLeftByPerson) continue;
      this.#monitor.breach('I11', `${app.task} of ${app.instance} starts ${app.id} while ${other.id} lives`);
    }
  }

  #isForgotten(app: SimApplication): boolean {
    return app.isForgotten && !this.isLive(app);
  }

  #told(id: string): Application {
    const app = this.applications.get(id);
    if (app === undefined || this.#isForgotten(app)) return { id, state: 'unknown', hasEnded: false, tags: [] };
    const told = { id, tags: [app.attemptId] };
    if (!this.isLive(app)) {
      const isKilled = app.killedAt !== undefined && app.killedAt < app.endsAt;
      return { ...told, state: isKilled ? 'killed' : app.end, hasEnded: true };
    }
    return { ...told, state: this.#world.now < app.runsAt ? 'accepted' : 'running', hasEnded: false };
  }

  #kill(id: string) {
    const app = this.applications.get(id);
    if (app !== undefined && this.isLive(app)) app.killedAt ??= this.#world.now + this.#random.magnitude(1, 5_000);
    const application = this.#told(id);
    if (application.state === 'unknown') return { kind: 'unknown' as const, application };
    return { kind: application.hasEnded ? ('ended' as const) : ('pending' as const), application };
  }

  #ask<T>(life: Life, question: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const delayMs = this.#latencyMs * (0.5 + this.#random.next());
      this.#world.post(delayMs, life, () => {
        const { now } = this.#world;
        if (this.#away.some(({ fromMs, toMs }) => fromMs <= now && now < toMs)) {
          reject(new AppError('CLUSTER_UNREACHABLE', 'the simulated cluster is away'));
        } else resolve(question());
      });
    });
  }
}
