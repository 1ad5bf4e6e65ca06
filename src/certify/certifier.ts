/**
 * Certificates of runs, made from their streams alone: who owned a run and by which claim, what became of each attempt,
 * and whether the invariants hold. Events and definitions come from whoever has them: a journal, or the masters.
 */
import { planOf } from '../../actors/graph/plan.ts';
import { HistoryCheck, type HistoryReport } from '../../actors/invariants/check-history.ts';
import type { HistoryEvent } from '../../actors/invariants/history-event.ts';
import {
  type WorkflowInstanceActor,
  workflowInstanceActor,
} from '../../actors/workflow-instance/workflow-instance.actor.ts';
import { runStatusOf } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { DefinitionReference, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import { type ParentRun, workflowInstanceEvents } from '../../schemas/events/workflow-instance.events.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import {
  type Certificate,
  type CertifiedChild,
  type CertifiedInvariant,
  type CertifiedInvariantId,
  certifiedInvariants,
} from '../../schemas/messages/certificate.messages.ts';
import { digestOf } from '../definitions/canonical.ts';
import { AppError } from '../errors/app-error.ts';
import { instanceIdOf } from '../runs/instance-id.ts';

/** The definition of a version. @throws AppError WORKFLOW_NOT_FOUND */
export type FindDefinition = (reference: DefinitionReference) => Promise<WorkflowDefinition>;

type Found = { id: CertifiedInvariantId; revision: number; message: string };
type Version = { actor: WorkflowInstanceActor; digest: string };

const rules: Record<CertifiedInvariantId, string> = {
  I1: 'one writer: epochs grow by one, and nobody writes after the next owner began',
  I3: 'same key, same run: the id of the run follows from its workflow and key',
  I4: 'an attempt is assigned once, and of each task at most one result counts',
  I5: 'replay equals live: each event is taken in its state, under the definition that the run pins',
  I6: 'no silent stall: what is not finished owes something or awaits an answer',
  I9: 'the end follows from the ends of the tasks, and nothing follows it',
  I11: 'no two attempts of a task have live applications on clusters at once',
  J4: 'the revisions of the stream have no gap',
};

export class Certifier {
  readonly #findDefinition: FindDefinition;
  /** Runs of one version share its machine. */
  readonly #versions = new Map<string, Promise<Version>>();

  constructor(findDefinition: FindDefinition) {
    this.#findDefinition = findDefinition;
  }

  /**
   * @param events the whole stream of the run, from its first event on.
   * @throws AppError INSTANCE_NOT_FOUND when there are no events, WORKFLOW_NOT_FOUND when the definition is gone.
   */
  async certify(instance: InstanceId, events: AsyncIterable<HistoryEvent>): Promise<Certificate> {
    const found: Found[] = [];
    let definition: DefinitionReference | undefined;
    let parent: ParentRun | undefined;
    const children: CertifiedChild[] = [];
    let check: HistoryCheck | undefined;
    let eventCount = 0;
    for await (const event of events) {
      if (check === undefined) {
        const submission = submissionIn(event);
        definition = submission?.definition;
        parent = submission?.parent;
        if (submission === undefined) found.push(noSubmission(event));
        else found.push(...checkKey(instance, submission, event.revision));
        check = new HistoryCheck(await this.#actorOf(definition, found));
      }
      found.push(...checkMove(event));
      check.take(event);
      children.push(...childrenOf(event));
      eventCount += 1;
    }
    if (check === undefined) throw new AppError('INSTANCE_NOT_FOUND', `there is no run ${instance}`);
    const report = check.report();
    for (const { invariant, revision, message } of report.violations) found.push({ id: invariant, revision, message });
    const snapshot = check.snapshot();
    return {
      format: 1,
      instance,
      ...(definition === undefined ? {} : { definition }),
      ...(snapshot === undefined ? {} : { status: runStatusOf(snapshot.value) }),
      eventCount,
      holds: found.length === 0,
      ...recordsOf(report),
      ...(parent === undefined ? {} : { parent }),
      ...(children.length === 0 ? {} : { children }),
      invariants: certifiedInvariants.map((id) => invariantOf(id, found)),
    };
  }

  async #actorOf(
    reference: DefinitionReference | undefined,
    found: Found[],
  ): Promise<WorkflowInstanceActor | undefined> {
    if (reference === undefined) return undefined;
    const { actor, digest } = await this.#versionOf(reference);
    if (digest !== reference.digest) {
      const pinned = `${reference.name} version ${reference.version} with the digest ${reference.digest}`;
      found.push({ id: 'I5', revision: 0, message: `the run pins ${pinned}; that version has the digest ${digest}` });
    }
    return actor;
  }

  #versionOf(reference: DefinitionReference): Promise<Version> {
    const key = `${reference.name}@${reference.version}`;
    const known = this.#versions.get(key);
    if (known !== undefined) return known;
    const version = this.#findDefinition(reference).then((definition) => ({
      actor: workflowInstanceActor(planOf(definition)),
      digest: digestOf(definition),
    }));
    this.#versions.set(key, version);
    // Another run of the version may find it again.
    version.catch(() => this.#versions.delete(key));
    return version;
  }
}

type Submission = ReturnType<typeof workflowInstanceEvents.WorkflowSubmitted.parse>;

function submissionIn({ type, data }: HistoryEvent): Submission | undefined {
  return type === 'WorkflowSubmitted' ? workflowInstanceEvents.WorkflowSubmitted.safeParse(data).data : undefined;
}

/** A version that a run was moved to stands in the event, as the registered one. */
function checkMove({ type, data, revision }: HistoryEvent): Found[] {
  const moved = type === 'WorkflowMoved' ? workflowInstanceEvents.WorkflowMoved.safeParse(data).data : undefined;
  if (moved === undefined) return [];
  const digest = digestOf(moved.definition);
  if (digest === moved.to.digest) return [];
  const pinned = `${moved.to.name} version ${moved.to.version} with the digest ${moved.to.digest}`;
  return [
    { id: 'I5', revision, message: `the run was moved to ${pinned}; the definition there has the digest ${digest}` },
  ];
}

/** The child run that the event orders. */
function childrenOf({ type, data, revision }: HistoryEvent): CertifiedChild[] {
  const awaited = type === 'TaskAwaits' ? workflowInstanceEvents.TaskAwaits.safeParse(data).data : undefined;
  if (awaited?.awaits.kind !== 'workflow') return [];
  const { task, attemptId, awaits } = awaited;
  return [{ task, attemptId, child: awaits.child, workflow: awaits.workflow, revision }];
}

function noSubmission({ revision, type }: HistoryEvent): Found {
  return {
    id: 'I5',
    revision,
    message: `the stream begins with ${type}, expected a WorkflowSubmitted that can be read`,
  };
}

function checkKey(instance: InstanceId, { definition, key }: Submission, revision: number): Found[] {
  const expected = instanceIdOf(definition.name, key);
  if (expected === instance) return [];
  return [{ id: 'I3', revision, message: `the key ${key} of ${definition.name} names the run ${expected}` }];
}

function invariantOf(id: CertifiedInvariantId, found: readonly Found[]): CertifiedInvariant {
  const broken = found.filter((breach) => breach.id === id).map(({ revision, message }) => ({ revision, message }));
  return { id, rule: rules[id], holds: broken.length === 0, broken };
}

function recordsOf({
  owners,
  staleWrites,
  attempts,
}: HistoryReport): Pick<Certificate, 'owners' | 'staleWrites' | 'attempts'> {
  return {
    owners: owners.map(({ evidence, ...owner }) => (evidence === undefined ? owner : { ...owner, evidence })),
    staleWrites,
    attempts,
  };
}
