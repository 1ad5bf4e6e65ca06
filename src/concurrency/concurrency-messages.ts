/** What users ask of task groups and of the cluster: any master takes it, and hands it to the owner. */
import { taskGroupView } from '../../actors/task-group/task-group.view.ts';
import type { MasterId, TaskGroupName } from '../../schemas/ids.ts';
import type { JsonRecord } from '../../schemas/json.ts';
import type { EventView } from '../../schemas/messages/client.messages.ts';
import {
  actorEventsQuerySchema,
  forceSlotSchema,
  type GroupsReply,
  listGroupsSchema,
  operationRequestSchema,
  setGroupSchema,
  slotPrioritySchema,
  toggleGroupSchema,
} from '../../schemas/messages/concurrency.messages.ts';
import { masterQueueGroup, operationsId, subjects, taskGroupOperations } from '../../schemas/messages/subjects.ts';
import type { ActorCalls } from '../actor-host/actor-calls.ts';
import type { IdSource } from '../clock/clock.port.ts';
import { AppError } from '../errors/app-error.ts';
import { actorStream } from '../journal/codec.ts';
import type { Journal } from '../journal/journal.port.ts';
import type { Log } from '../telemetry/log.ts';
import { answerWith, parseBody } from '../transport/parse-body.ts';
import type { IncomingMessage, Subscription, Transport } from '../transport/transport.port.ts';
import type { OperationQuestion } from './operations.ts';
import type { GroupQuestion, TaskGroupHost } from './task-groups.ts';

export type ConcurrencyMessagesOptions = {
  id: MasterId;
  transport: Transport;
  calls: ActorCalls;
  groups: TaskGroupHost;
  /** Task groups that somebody has configured. */
  groupNames: () => Iterable<TaskGroupName>;
  journal: Journal;
  ids: IdSource;
  log: Log;
};

const viewListMax = 100;

export class ConcurrencyMessages {
  readonly #options: ConcurrencyMessagesOptions;
  readonly #subscriptions: Subscription[] = [];

  constructor(options: ConcurrencyMessagesOptions) {
    this.#options = options;
  }

  start(): void {
    const shared = { queueGroup: masterQueueGroup };
    this.#serve(subjects.taskGroup('*'), (message) => this.#group(message), shared);
    this.#serve(subjects.operations, ({ body }) => this.#operation(body), shared);
    this.#serve(subjects.actorEvents, ({ body }) => this.#events(body), shared);
    this.#serve(subjects.master.actor(this.#options.id), ({ body }) => this.#options.calls.take(body), {});
  }

  stop(): void {
    for (const subscription of this.#subscriptions) subscription.stop();
  }

  #serve(
    subject: string,
    handle: (message: IncomingMessage) => Promise<unknown>,
    options: { queueGroup?: string },
  ): void {
    const { transport, log } = this.#options;
    const answer = answerWith(transport, handle, (fault, message) => {
      if (fault instanceof AppError) log.debug({ subject: message.subject, code: fault.code }, 'request refused');
      else log.error({ subject: message.subject, fault }, 'request failed');
    });
    this.#subscriptions.push(transport.subscribe(subject, answer, options));
  }

  async #group({ subject, body }: IncomingMessage): Promise<GroupsReply> {
    const operation = subject.slice(subject.lastIndexOf('.') + 1);
    if (operation === 'list') return this.#list(body);
    const { group, question } = this.#questionOf(operation, body);
    const view = await this.#options.calls.ask('taskGroup', group, question);
    return { groups: [view] } as GroupsReply; // The owner answers such a question with the view of the group.
  }

  #questionOf(operation: string, body: unknown): { group: TaskGroupName; question: GroupQuestion } {
    switch (operation) {
      case 'set': {
        const { group, slots, ...asked } = parseBody(setGroupSchema, body, 'the slots of a task group');
        return { group, question: { type: 'configure', slots, ...this.#keyed(asked) } };
      }
      case 'open':
      case 'close': {
        const { group, ...asked } = parseBody(toggleGroupSchema, body, `an order to ${operation} a task group`);
        return { group, question: { type: 'configure', isOpen: operation === 'open', ...this.#keyed(asked) } };
      }
      case 'force': {
        const { group, instance, task, ...asked } = parseBody(forceSlotSchema, body, 'an order to force a slot');
        return { group, question: { type: 'force', instance, task, ...this.#keyed(asked) } };
      }
      case 'priority': {
        const { group, instance, task, priority, ...asked } = parseBody(slotPrioritySchema, body, 'a priority');
        return { group, question: { type: 'priority', instance, task, priority, ...this.#keyed(asked) } };
      }
      default:
        throw new AppError(
          'BAD_REQUEST',
          `a task group cannot be asked to ${operation}; ask one of ${taskGroupOperations.join(', ')}`,
        );
    }
  }

  /** From memory where this master owns the group, else as its stream tells. */
  async #list(body: unknown): Promise<GroupsReply> {
    const { group } = parseBody(listGroupsSchema, body ?? {}, 'a question for task groups');
    const names = group === undefined ? [...this.#options.groupNames()].sort() : [group];
    const { groups } = this.#options;
    const views = names.map(async (name) => {
      const { snapshot, revision } = groups.find(name) ?? (await groups.fold(name));
      return revision < 0 ? [] : [taskGroupView(name, snapshot, viewListMax)];
    });
    return { groups: (await Promise.all(views)).flat() };
  }

  /** From the journal, whoever owns the actor. */
  async #events(body: unknown): Promise<{ events: EventView[]; more: boolean }> {
    const { kind, id, from, limit } = parseBody(actorEventsQuerySchema, body, 'a question for events');
    const events: EventView[] = [];
    const stream = actorStream(kind, id);
    for await (const recorded of this.#options.journal.read(stream, { from, limit: limit + 1 })) {
      if (events.length === limit) return { events, more: true };
      const { revision, id: eventId, type, data, metadata } = recorded;
      events.push({ revision, id: eventId, type, data: data as JsonRecord, metadata: metadata as JsonRecord });
    }
    return { events, more: false };
  }

  async #operation(body: unknown): Promise<unknown> {
    const request = parseBody(operationRequestSchema, body, 'an operation');
    const ask = (question: OperationQuestion) => this.#options.calls.ask('clusterOperations', operationsId, question);
    switch (request.type) {
      case 'list':
        return ask(request);
      case 'crown': {
        const { type, instance, task, upstreams, ...asked } = request;
        const chosen = upstreams === undefined ? {} : { upstreams };
        return ask({ type, instance, task, ...chosen, ...this.#keyed(asked) });
      }
      case 'uncrown': {
        const { type, id, ...asked } = request;
        return ask({ type, id, why: 'removed', ...this.#keyed(asked) });
      }
      case 'freeze':
      case 'unfreeze': {
        const { type, target, ...asked } = request;
        return ask({ type, target, ...this.#keyed(asked) });
      }
    }
  }

  #keyed({ key, by, reason }: { key?: string | undefined; by: string; reason?: string | undefined }) {
    return { key: key ?? this.#options.ids.uuid(), by, ...(reason === undefined ? {} : { reason }) };
  }
}
