/**
 * Sees to the applications of attempts that their run tends: asks the clusters how they are, looks for more by the tag of the
 * attempt, and has those killed whose end was asked for. No worker is needed for that.
 *
 * K1 It acts only for runs that this process still owns, while the attempt is tended (C2 of the courier), and what it is to kill
 *    stands in the stream: a later owner kills the same.
 * K2 One attempt is tended by one loop, however often it is asked for.
 */
import { clustersOf } from '../../actors/task-instance/application-limits.ts';
import { isTended } from '../../actors/task-instance/tended.decide.ts';
import { entryOf, type SeenApplication } from '../../actors/task-instance/tended.state.ts';
import { findTask } from '../../actors/workflow-instance/task-lookup.ts';
import type { ClusterTold } from '../../schemas/commands/workflow-instance.commands.ts';
import type { MasterConfig } from '../../schemas/config.schema.ts';
import type { AttemptId, TaskName } from '../../schemas/ids.ts';
import type { Clock, IdSource } from '../clock/clock.port.ts';
import type { ClusterClient, ClusterClients } from '../clusters/cluster-client.port.ts';
import { AppError } from '../errors/app-error.ts';
import type { Log } from '../telemetry/log.ts';
import type { LiveInstance } from './live-instance.ts';

export type ApplicationKeeperOptions = {
  /** Clusters that may be asked. Absent: this master knows none. */
  clusterClients?: ClusterClients;
  config: Pick<MasterConfig, 'applicationAskIntervalMs' | 'lossesMax'>;
  clock: Clock;
  ids: IdSource;
  log: Log;
};

type Attempt = { task: TaskName; attemptId: AttemptId };
type Wanted = { cluster: string; ids: readonly string[]; killed: ReadonlySet<string> };

export class ApplicationKeeper {
  readonly #options: ApplicationKeeperOptions;
  readonly #tended = new Map<AttemptId, LiveInstance>();

  constructor(options: ApplicationKeeperOptions) {
    this.#options = options;
  }

  tend(instance: LiveInstance, { task, attemptId }: Attempt): void {
    if (this.#tended.get(attemptId) === instance) return;
    this.#tended.set(attemptId, instance);
    void this.#tendUntilEnded(instance, { task, attemptId })
      .catch((fault) => this.#options.log.error({ attemptId, fault }, 'applications are not seen to any more'))
      .finally(() => {
        if (this.#tended.get(attemptId) === instance) this.#tended.delete(attemptId);
      });
  }

  async #tendUntilEnded(instance: LiveInstance, attempt: Attempt): Promise<void> {
    const killed = new Set<string>();
    for (;;) {
      const wanted = this.#wanted(instance, attempt);
      if (wanted === undefined) return;
      const answers = await Promise.all(wanted.map((one) => this.#ask(one, attempt.attemptId)));
      for (const one of wanted) for (const id of one.killed) killed.add(`${one.cluster} ${id}`);
      if (this.#wanted(instance, attempt) === undefined) return;
      await this.#tell(instance, attempt, answers);
      // What is to be killed from now on does not wait.
      const next = this.#wanted(instance, attempt) ?? [];
      const isKillNew = next.some((one) => [...one.killed].some((id) => !killed.has(`${one.cluster} ${id}`)));
      if (!isKillNew) await this.#pause();
    }
  }

  /** K1. Undefined when nothing is to be asked any more. */
  #wanted(instance: LiveInstance, { task, attemptId }: Attempt): Wanted[] | undefined {
    if (instance.isDropped) return undefined;
    const found = findTask(instance.actor.plan, instance.snapshot.context, task);
    if (found === undefined || !isTended(found.state, attemptId)) return undefined;
    const { context } = found.state;
    const seen = context.tended?.seen ?? [];
    const isToEnd = (entry: SeenApplication | undefined) =>
      entry !== undefined && entry.kill !== null && !entry.hasEnded;
    return clustersOf(found.planned.definition, context, attemptId).map((cluster) => {
      const own = context.applications.filter((one) => one.attemptId === attemptId && one.cluster === cluster);
      const ids = own.map(({ id }) => id);
      return { cluster, ids, killed: new Set(ids.filter((id) => isToEnd(entryOf(seen, cluster, id)))) };
    });
  }

  async #ask({ cluster, ids, killed }: Wanted, attemptId: AttemptId): Promise<ClusterTold> {
    try {
      const client = this.#clientOf(cluster);
      const tagged = await client.findByTag(attemptId);
      const found = new Map(tagged.map((application) => [application.id, application]));
      const asked = ids.map(async (id) => {
        if (killed.has(id)) found.set(id, (await client.kill(id)).application);
        else if (!found.has(id)) found.set(id, await client.find(id));
      });
      await Promise.all(asked);
      return { cluster, kind: client.kind, applications: [...found.values()] };
    } catch (fault) {
      return { cluster, fault: faultOf(fault) };
    }
  }

  #clientOf(cluster: string): ClusterClient {
    const { clusterClients: clusters } = this.#options;
    if (clusters === undefined) throw new AppError('CLUSTER_UNKNOWN', `this master knows no cluster ${cluster}`);
    return clusters.named(cluster);
  }

  #tell(instance: LiveInstance, { task, attemptId }: Attempt, answers: readonly ClusterTold[]): Promise<void> {
    const { clock, ids, config } = this.#options;
    const told = { task, attemptId, random: ids.random(), lossesMax: config.lossesMax, answers };
    return new Promise((resolve) => {
      instance.send({
        command: { type: 'TellApplications', now: clock.now(), ...told },
        causationId: `clusters.${attemptId}`,
        onOutcome: () => resolve(),
      });
    });
  }

  #pause(): Promise<void> {
    const { clock, ids, config } = this.#options;
    return new Promise((resolve) => {
      clock.after(config.applicationAskIntervalMs * (0.75 + ids.random() / 2), resolve);
    });
  }
}

function faultOf(fault: unknown) {
  if (fault instanceof AppError) return { code: fault.code, message: fault.message };
  return { code: 'CLUSTER_UNREACHABLE', message: fault instanceof Error ? fault.message : String(fault) };
}
