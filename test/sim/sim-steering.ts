/**
 * People who steer. While faults happen they do what was drawn for them, under keys that they repeat. A person looks after
 * the cluster now and then: what waits for a decision gets one, and in the end nothing is held back any more.
 */
import type { ErrorCode } from '../../schemas/errors.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import type { RunReply, TaskSummary } from '../../schemas/messages/client.messages.ts';
import type { CommandReceipt } from '../../schemas/messages/command.messages.ts';
import type { GroupsReply, OperationsReply } from '../../schemas/messages/concurrency.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { type ClusterAct, commandFor, groupOrderFor, operationFor, type RunAct } from './sim-acts.ts';
import { slotsMax, taskGroups } from './sim-definitions.ts';
import type { SimMonitor } from './sim-monitor.ts';
import { SimRandom } from './sim-random.ts';

/** How a client asks and is answered. */
export type SimAsking = {
  ask(subject: string, body: unknown): Promise<SimAnswer>;
  /** In so many milliseconds; the client is not done before. */
  plan(delayMs: number, act: () => Promise<unknown>): void;
  show(instance: string): Promise<RunReply | undefined>;
  random(): number;
};
export type SimAnswer =
  | { kind: 'reply'; body: unknown }
  | { kind: 'refused'; refusal: { code: ErrorCode; message: string } };

type SteeringBody = { instance: InstanceId; key: string; by: string };

/** What a state may not allow, or what is gone meanwhile. */
const refusals: readonly ErrorCode[] = ['COMMAND_NOT_ALLOWED', 'ATTEMPT_NOT_FOUND'];
const by = 'client';
/** A person who is asked something is quick with this probability at each look; in the end always. */
const diligence = 0.4;

export class SimSteering {
  readonly #asking: SimAsking;
  readonly #monitor: SimMonitor;
  #keyCount = 0;
  /** Faults are over: whatever is held back is let go. */
  isCalm = false;

  constructor(asking: SimAsking, monitor: SimMonitor) {
    this.#asking = asking;
    this.#monitor = monitor;
  }

  /** Does what was drawn for a run, to it or to a child of it. */
  async act(act: RunAct, instance: InstanceId): Promise<void> {
    const random = new SimRandom(act.seed, act.type);
    const run = await this.#asking.show(instance);
    if (run === undefined) return;
    const child = run.tasks.find((task) => task.child !== undefined)?.child;
    const reply = child !== undefined && random.chance(0.4) ? await this.#asking.show(child) : run;
    const fields = reply === undefined ? undefined : commandFor(act, reply, random);
    if (reply === undefined || fields === undefined) return;
    const body: SteeringBody = { ...fields, instance: reply.run.instance, key: `${act.type} ${act.seed}`, by };
    await this.#command(body, false);
    const { repeatAfterMs } = act;
    if (repeatAfterMs !== undefined) this.#asking.plan(repeatAfterMs, () => this.#command(body, true));
  }

  async order({ type, seed, names, groups }: ClusterAct, instances: readonly string[]): Promise<void> {
    const random = new SimRandom(seed, type);
    if (type === 'group') {
      const { operation, body } = groupOrderFor(await this.#groups(), random);
      await this.#order(subjects.taskGroup(operation), { ...body, key: `order ${seed}`, by });
      return;
    }
    const instance = instances.length === 0 ? undefined : random.pick(instances);
    const run = instance === undefined ? undefined : await this.#asking.show(instance);
    const body = operationFor({ names, groups }, await this.#operations(), run, random);
    if (body !== undefined) await this.#order(subjects.operations, { ...body, key: `order ${seed}`, by });
  }

  /** So that tasks of the groups run at all; a group that nobody sets is set in the end. */
  async setGroups(): Promise<void> {
    for (const group of taskGroups) {
      if (this.#asking.random() < 0.2) continue;
      const slots = 1 + Math.floor(this.#asking.random() * (slotsMax + 1));
      await this.#order(subjects.taskGroup('set'), { group, slots, key: `set ${group}`, by });
    }
  }

  /** One look at everything that may wait for a person. */
  async lookAround(): Promise<void> {
    await Promise.all(this.#monitor.runsThatAwaitPeople(this.isCalm).map((instance) => this.#decideFor(instance)));
    if (!this.isCalm) return;
    await this.#endOrders();
  }

  async #decideFor(instance: InstanceId): Promise<void> {
    if (!this.#isDiligent()) return;
    const reply = await this.#asking.show(instance);
    if (reply === undefined) return;
    const { status } = reply.run;
    if (status === 'paused') await this.#move(instance, reply);
    if (status === 'paused' || status === 'pausing') await this.#decide(instance, { type: 'resume' });
    for (const task of this.#monitor.isolatedIn(instance)) await this.#decide(instance, { type: 'rejoinTask', task });
    // Items of maps say for themselves what they wait for.
    const isExpanded = this.isCalm && reply.tasks.some((task) => task.status === 'expanded');
    for (const group of isExpanded ? taskGroups : []) await this.#makeRoom(group);
    for (const task of reply.tasks) {
      const command = this.#decisionOn(task);
      if (command !== undefined) await this.#decide(instance, command);
      const group = this.isCalm && task.status === 'ready' ? /task group (\w+)/.exec(task.note ?? '')?.[1] : undefined;
      if (group !== undefined) await this.#openGroup(group, { instance, task: task.task });
    }
  }

  /** To the other version of its workflow, if there is one. It may not fit what the run has done. */
  async #move(instance: InstanceId, { run }: RunReply): Promise<void> {
    const { workflow } = run;
    const version = run.version === 1 ? 2 : 1;
    if (this.#monitor.planOf(workflow, version) === undefined) return;
    await this.#decide(instance, { type: 'moveVersion', version });
  }

  /** By what the person is told of the task, and nothing else. */
  #decisionOn({ task, status, note = '' }: TaskSummary): object | undefined {
    const coin = this.#asking.random();
    if (status === 'absent') return { type: 'resolveLost', task, decision: coin < 0.5 ? 'retry' : 'fail' };
    if (status !== 'awaiting') return undefined;
    const signal = /waits for the signal (.+)$/.exec(note)?.[1];
    if (signal !== undefined) return { type: 'sendSignal', name: signal, payload: coin };
    return note.startsWith('waits for an approval') ? { type: 'approveTask', task, approved: coin < 0.8 } : undefined;
  }

  #decide(instance: InstanceId, command: object): Promise<void> {
    if (!this.#isDiligent()) return Promise.resolve();
    return this.#command({ ...command, instance, key: `decision ${this.#nextNumber()}`, by }, false);
  }

  #nextNumber(): number {
    this.#keyCount += 1;
    return this.#keyCount;
  }

  #isDiligent(): boolean {
    return this.isCalm || this.#asking.random() < diligence;
  }

  async #command(body: SteeringBody, isRepeated: boolean): Promise<void> {
    const answer = await this.#asking.ask(subjects.command, body);
    if (answer.kind === 'reply') this.#monitor.tookCommandReceipt(answer.body as CommandReceipt, body.key);
    else this.#checkRefusal(answer.refusal, isRepeated ? `${JSON.stringify(body)} again` : JSON.stringify(body));
  }

  async #order(subject: string, body: object): Promise<void> {
    const answer = await this.#asking.ask(subject, body);
    if (answer.kind === 'refused') this.#checkRefusal(answer.refusal, `${subject} ${JSON.stringify(body)}`);
  }

  #checkRefusal({ code, message }: { code: ErrorCode; message: string }, what: string): void {
    if (!refusals.includes(code)) this.#monitor.breach('I10', `${what} is refused as ${code}: ${message}`);
  }

  async #groups(): Promise<GroupsReply['groups']> {
    const answer = await this.#asking.ask(subjects.taskGroup('list'), {});
    return answer.kind === 'reply' ? (answer.body as GroupsReply).groups : [];
  }

  async #operations(): Promise<OperationsReply> {
    const answer = await this.#asking.ask(subjects.operations, { type: 'list' });
    return answer.kind === 'reply' ? (answer.body as OperationsReply) : { crowns: [], freezes: [] };
  }

  /** By what the held task says: its group is closed, has no slots yet, or has too few. */
  async #openGroup(group: string, waiting: { instance: InstanceId; task: string }): Promise<void> {
    if (this.#asking.random() < 0.3) {
      const body = { group, ...waiting, key: `force ${group} ${this.#nextNumber()}`, by };
      await this.#order(subjects.taskGroup('force'), body);
      return;
    }
    await this.#makeRoom(group);
  }

  async #makeRoom(group: string): Promise<void> {
    const key = `open ${group} ${this.#nextNumber()}`;
    await this.#order(subjects.taskGroup('set'), { group, slots: slotsMax, key: `${key} set`, by });
    await this.#order(subjects.taskGroup('open'), { group, key, by });
  }

  async #endOrders(): Promise<void> {
    const { crowns, freezes } = await this.#operations();
    const key = () => `end ${this.#nextNumber()}`;
    for (const { id } of crowns) await this.#order(subjects.operations, { type: 'uncrown', id, key: key(), by });
    for (const { target } of freezes)
      await this.#order(subjects.operations, { type: 'unfreeze', target, key: key(), by });
  }
}
