/** What the events of task groups, workflow queues and cluster operations say. */
import type { ClusterOperationsEvent } from '../../schemas/events/cluster-operations.events.ts';
import type { TaskGroupEvent } from '../../schemas/events/task-group.events.ts';
import type { WorkflowQueueEvent } from '../../schemas/events/workflow-queue.events.ts';

type OwnEvent = Exclude<(TaskGroupEvent | WorkflowQueueEvent | ClusterOperationsEvent)['type'], 'OwnershipTaken'>;

/** A type that is missing here breaks the build. */
export const concurrencyEventMeanings: Record<OwnEvent, string> = {
  TaskGroupConfigured: 'How many slots the group has from now on, and whether it grants any.',
  SlotRequested: 'A ready task asks for slots of the group, and waits for them.',
  SlotGranted: 'The task has its slots. Only then it gets a worker.',
  SlotForced: 'A person gave the task its slots, whatever the group had left.',
  SlotReleased: 'The task does not need its slots any more.',
  RequestWithdrawn: 'The task waits for slots no more.',
  SlotPriorityChanged: 'A person gave a waiting task another place in line.',
  RunQueued: 'A run of the workflow waits for its turn.',
  RunAdmitted: 'The run may begin: fewer runs were active than the definition allows.',
  RunDiscarded: 'The run ends as stopped, without having begun.',
  PreemptionRequested: 'A running run is asked to stop, so that another one can take its place.',
  RunLeft: 'The run has ended: its place is free.',
  CrownPlaced:
    'A person crowned a task: until the last crown is gone, only crowned tasks and what they need are placed.',
  CrownRemoved: 'The crown is gone: its task or its run has ended, or a person removed it.',
  FreezePlaced: 'A person froze a workflow or a worker group: its tasks are not placed.',
  FreezeLifted: 'A person lifted the freeze: the tasks that were held go on by themselves.',
};

/** By the last name of the field. */
export const concurrencyFieldMeanings: Record<string, string> = {
  activeMax: 'Runs at a time.',
  admittedAt: 'When it was admitted.',
  concurrency: 'Of the version that the run pins.',
  configuredAt: 'When it was configured.',
  discardedAt: 'When it was turned away.',
  forcedAt: 'When it was decided.',
  grantedAt: 'When they were granted.',
  holder: 'Whose slots they are.',
  id: 'The crown.',
  instance: 'The run.',
  isOpen: 'A closed group grants nothing.',
  leftAt: 'When its end was heard of.',
  liftedAt: 'When it was lifted.',
  placedAt: 'When it was placed.',
  policy: 'What becomes of a run beyond the limit.',
  priority: 'Its place in line.',
  queuedAt: 'When it came.',
  releasedAt: 'When they were given back.',
  removedAt: 'When it was removed.',
  requestedAt: 'When it was asked for.',
  round: 'How often the task was cleared to run again; of a run: how often it was opened again.',
  slots: 'How many slots.',
  target: 'What is frozen: `{"kind": "workflow", "name"}` or `{"kind": "workerGroup", "name"}`.',
  turn: 'How often the task failed and backed off in this round: it gives its slots back meanwhile.',
  upstreams: 'Of the tasks that it needs, those that may run with all that they need in turn.',
  withdrawnAt: 'When it was withdrawn.',
};
