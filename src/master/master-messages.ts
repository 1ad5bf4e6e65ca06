/** What a master listens to, and who answers it. Bad input is refused here, before anything is decided (I10). */
import type { MasterConfig } from '../../schemas/config.schema.ts';
import { type Incarnation, type MasterId, workflowNameSchema } from '../../schemas/ids.ts';
import { type RegisterReceipt, registerRequestSchema } from '../../schemas/messages/client.messages.ts';
import { masterQueueGroup, subjects } from '../../schemas/messages/subjects.ts';
import type { Clock, IdSource } from '../clock/clock.port.ts';
import type { EndOfTurn } from '../clock/end-of-turn.ts';
import { type ClusterKinds, clusterFaults } from '../clusters/cluster-faults.ts';
import { checkDefinition } from '../definitions/check-definition.ts';
import type { DefinitionStore } from '../definitions/definition-store.ts';
import { AppError } from '../errors/app-error.ts';
import type { Journal } from '../journal/journal.port.ts';
import type { MemberDirectory } from '../membership/member-directory.ts';
import type { RunIndex } from '../runs/run-index.port.ts';
import { pluginFaults } from '../tasks/plugin/plugin-faults.ts';
import type { TaskPlugins } from '../tasks/plugin/task-plugin.port.ts';
import type { Log } from '../telemetry/log.ts';
import { answerWith, parseBody } from '../transport/parse-body.ts';
import type { IncomingMessage, Subscription, Transport } from '../transport/transport.port.ts';
import type { Handover } from './handover.ts';
import type { InstanceHost } from './instance-host.ts';
import { ReportIntake } from './report-intake.ts';
import type { GivenAway } from './revocations.ts';
import { RunCommands } from './run-commands.ts';
import { RunQueries } from './run-queries.ts';
import { submit } from './submission.ts';

export type MasterMessagesOptions = {
  id: MasterId;
  incarnation: Incarnation;
  config: MasterConfig;
  transport: Transport;
  journal: Journal;
  index: RunIndex;
  host: InstanceHost;
  handover: Handover;
  revoke: (attempt: GivenAway) => void;
  definitions: DefinitionStore;
  members: MemberDirectory;
  /** Default: none. */
  plugins?: TaskPlugins;
  /** Clusters that tasks may name. Absent: names are not checked. */
  clusters?: ClusterKinds;
  clock: Clock;
  ids: IdSource;
  endOfTurn: EndOfTurn;
  isDraining: () => boolean;
  log: Log;
};

type Handle = (message: IncomingMessage) => Promise<unknown>;

const waitingCountIntervalMs = 100;
const faultsTold = 3;

export class MasterMessages {
  readonly #options: MasterMessagesOptions;
  readonly #subscriptions: Subscription[] = [];
  #waiting = { count: 0, countedAt: 0 };
  #underWayCount = 0;
  #ping: Subscription | undefined;

  constructor(options: MasterMessagesOptions) {
    this.#options = options;
  }

  /** For other masters, before they hear of this one: they may ask for it, or hand it runs, at once. */
  listenToPeers(): void {
    const { id, incarnation, handover } = this.#options;
    const answer = answerWith(
      this.#options.transport,
      () => Promise.resolve({ incarnation }),
      () => {},
    );
    this.#ping = this.#options.transport.subscribe(subjects.master.ping(id), answer);
    this.#serve(subjects.master.adopt(id), ({ body }) => handover.take(body));
  }

  /** For users and workers, once this master knows who else is here. */
  listenToAll(): void {
    const { transport, id } = this.#options;
    const commands = new RunCommands(this.#options);
    const queries = new RunQueries(this.#options);
    const intake = new ReportIntake(this.#options);
    this.#serveShared(subjects.submit('*'), (message) => this.#submit(message));
    this.#serveShared(subjects.register, ({ body }) => this.#register(body));
    this.#serveShared(subjects.command, ({ body }) => commands.take(body, false));
    this.#serveShared(subjects.query('*'), ({ subject, body }) => queries.answer(lastToken(subject), body));
    this.#serve(subjects.master.command(id), ({ body }) => commands.take(body, true));
    const takeReports = (message: IncomingMessage): void => intake.take(message);
    const shared = { queueGroup: masterQueueGroup };
    this.#subscriptions.push(transport.subscribe(subjects.master.report(id), takeReports));
    this.#subscriptions.push(transport.subscribe(subjects.masters.report, takeReports, shared));
  }

  /** Requests that were taken and are not answered yet. */
  get underWayCount(): number {
    return this.#underWayCount;
  }

  /** Takes nothing new; what has been received is still answered. */
  stop(): void {
    for (const subscription of this.#subscriptions) subscription.stop();
  }

  /** Until now it was there: others would take its runs while it hands them over. */
  leave(): void {
    this.#ping?.stop();
  }

  #serve(subject: string, handle: Handle, options: { queueGroup?: string } = {}): void {
    const { transport, log } = this.#options;
    const counted: Handle = async (message) => {
      this.#underWayCount += 1;
      try {
        return await handle(message);
      } finally {
        this.#underWayCount -= 1;
      }
    };
    const answer = answerWith(transport, counted, (fault, message) => {
      if (fault instanceof AppError) log.debug({ subject: message.subject, code: fault.code }, 'request refused');
      else log.error({ subject: message.subject, fault }, 'request failed');
    });
    this.#subscriptions.push(transport.subscribe(subject, answer, options));
  }

  /** Each message reaches one of all masters. */
  #serveShared(subject: string, handle: Handle): void {
    this.#serve(subject, handle, { queueGroup: masterQueueGroup });
  }

  async #submit({ subject, body }: IncomingMessage): Promise<unknown> {
    if (this.#options.isDraining()) throw new AppError('SHUTTING_DOWN', 'this master is about to stop; try again');
    this.#refuseOverload();
    const workflow = parseBody(workflowNameSchema, lastToken(subject), `the subject ${subject}`);
    return submit(this.#options, workflow, body);
  }

  /** Counted now and then only: the sum over all runs must not burden each submission. */
  #refuseOverload(): void {
    const { config, clock, host } = this.#options;
    const now = clock.now();
    if (now - this.#waiting.countedAt >= waitingCountIntervalMs) {
      this.#waiting = { count: host.waitingCount, countedAt: now };
    }
    const { count } = this.#waiting;
    if (count < config.mailboxLengthMax) return;
    throw new AppError('OVERLOADED', `${count} messages wait to be decided; send the same key again later`);
  }

  async #register(body: unknown): Promise<RegisterReceipt> {
    const sent = (body as { definition?: unknown } | undefined)?.definition;
    const { plugins = new Map(), clusters } = this.#options;
    const checked = checkDefinition(sent, (definition) => [
      ...pluginFaults(definition, plugins),
      ...clusterFaults(definition, clusters),
    ]);
    if (checked.kind === 'faults') {
      const faults = checked.faults.map(({ code, path, message, remedy }) => ({ code, path, message, remedy }));
      const told = faults.slice(0, faultsTold).map(({ path, message }) => `${path}: ${message}`);
      const sentence = `the definition has ${faults.length} faults: ${told.join('; ')}`;
      throw new AppError('DEFINITION_INVALID', sentence, { details: { faults } });
    }
    parseBody(registerRequestSchema, body, 'a registration');
    return this.#options.definitions.register(checked.definition);
  }
}

function lastToken(subject: string): string {
  return subject.slice(subject.lastIndexOf('.') + 1);
}
