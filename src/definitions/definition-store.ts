/**
 * Definitions in the journal: one stream for each workflow, one event for each version. Versions never change, so what was
 * read once is kept. Two masters that register at once are told apart by the expected revision.
 */
import { type Plan, planOf } from '../../actors/graph/plan.ts';
import {
  type WorkflowInstanceActor,
  workflowInstanceActor,
} from '../../actors/workflow-instance/workflow-instance.actor.ts';
import type { DefinitionReference, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { DefinitionRegistered } from '../../schemas/events/workflow-definition.events.ts';
import type { WorkflowName } from '../../schemas/ids.ts';
import type { RegisterReceipt } from '../../schemas/messages/client.messages.ts';
import type { Clock, IdSource } from '../clock/clock.port.ts';
import { AppError } from '../errors/app-error.ts';
import { type Authorship, decodeData, definitionStream, newEvent, streamPrefixes } from '../journal/codec.ts';
import type { Journal, RecordedEvent } from '../journal/journal.port.ts';
import { digestOf } from './canonical.ts';

/** A version made ready to run. */
export type RunnableDefinition = { reference: DefinitionReference; plan: Plan; actor: WorkflowInstanceActor };

export type DefinitionStoreOptions = {
  journal: Journal;
  clock: Clock;
  ids: IdSource;
  author: Pick<Authorship, 'master' | 'incarnation'>;
  /** Makes the actor of a version when a run asks for it. Default: `workflowInstanceActor`. */
  makeActor?: (plan: Plan, reference: DefinitionReference) => WorkflowInstanceActor;
};

const conflictsMax = 20;

export class DefinitionStore {
  readonly #options: DefinitionStoreOptions;
  readonly #byVersion = new Map<string, RunnableDefinition>();
  readonly #newest = new Map<WorkflowName, RunnableDefinition>();

  constructor(options: DefinitionStoreOptions) {
    this.#options = options;
  }

  /** Registers a valid definition as the next version, unless the newest one is the same. */
  async register(definition: WorkflowDefinition): Promise<RegisterReceipt> {
    const { name } = definition;
    const digest = digestOf(definition);
    for (let tries = 0; tries < conflictsMax; tries += 1) {
      const newest = await this.newest(name);
      if (newest?.reference.digest === digest) return { ...newest.reference, created: false };
      const version = (newest?.reference.version ?? 0) + 1;
      if (await this.#append({ version, digest, definition, registeredAt: this.#options.clock.now() })) {
        return { name, version, digest, created: true };
      }
    }
    throw new AppError('OVERLOADED', `too many versions of ${name} are being registered at once; try again`);
  }

  /** The newest version as far as this process has heard; the subscription of `follow` keeps it fresh. */
  async known(name: WorkflowName): Promise<RunnableDefinition | undefined> {
    return this.#newest.get(name) ?? (await this.newest(name));
  }

  knownNames(): IterableIterator<RunnableDefinition> {
    return this.#newest.values();
  }

  /** Hears of versions that any master registers, until the signal aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    const filter = { kind: 'streamPrefix', prefixes: [streamPrefixes.workflowDefinition] } as const;
    for await (const item of this.#options.journal.subscribeAll({ filter, signal })) {
      if (item.kind === 'event' && item.event.type === 'DefinitionRegistered') this.#keep(item.event);
    }
  }

  /** Read from the journal. Undefined when nothing of that name was ever registered. */
  async newest(name: WorkflowName): Promise<RunnableDefinition | undefined> {
    for await (const event of this.#options.journal.read(definitionStream(name), {
      direction: 'backwards',
      limit: 1,
    })) {
      return this.#keep(event);
    }
    return undefined;
  }

  /** @throws AppError WORKFLOW_NOT_FOUND */
  async version(name: WorkflowName, version: number): Promise<RunnableDefinition> {
    const kept = this.#byVersion.get(`${name}@${version}`);
    if (kept !== undefined) return kept;
    const options = { from: version - 1, limit: 1 };
    for await (const event of this.#options.journal.read(definitionStream(name), options)) return this.#keep(event);
    throw new AppError('WORKFLOW_NOT_FOUND', `the workflow ${name} has no version ${version}`);
  }

  async #append(data: DefinitionRegistered['data']): Promise<boolean> {
    const { journal, ids, clock, author } = this.#options;
    const id = ids.uuid();
    const authorship = { ...author, epoch: 0, correlationId: id, causationId: id, decidedAt: clock.now() };
    const expected = data.version === 1 ? 'none' : data.version - 2;
    const event = newEvent(id, { type: 'DefinitionRegistered', data }, authorship);
    const result = await journal.append(definitionStream(data.definition.name), expected, [event]).catch(tooLarge);
    return result.kind === 'appended';
  }

  #keep(event: RecordedEvent): RunnableDefinition {
    const { version, digest, definition } = decodeData(event) as DefinitionRegistered['data'];
    const key = `${definition.name}@${version}`;
    const kept = this.#byVersion.get(key);
    if (kept !== undefined) return kept;
    const plan = planOf(definition);
    const runnable = runnableOf({ name: definition.name, version, digest }, plan, this.#options.makeActor);
    this.#byVersion.set(key, runnable);
    const newest = this.#newest.get(definition.name)?.reference.version ?? 0;
    if (version > newest) this.#newest.set(definition.name, runnable);
    return runnable;
  }
}

/** Of most versions no run is ever met: their machine is made when it is asked for. */
function runnableOf(
  reference: DefinitionReference,
  plan: Plan,
  makeActor: DefinitionStoreOptions['makeActor'] = workflowInstanceActor,
): RunnableDefinition {
  let actor: WorkflowInstanceActor | undefined;
  return {
    reference,
    plan,
    get actor() {
      actor ??= makeActor(plan, reference);
      return actor;
    },
  };
}

function tooLarge(fault: unknown): never {
  if (!(fault instanceof AppError) || fault.code !== 'APPEND_TOO_LARGE') throw fault;
  const message = `the definition does not fit one event: ${fault.message}. Split the workflow, or move long scripts to files`;
  throw new AppError('DEFINITION_TOO_LARGE', message, { cause: fault });
}
