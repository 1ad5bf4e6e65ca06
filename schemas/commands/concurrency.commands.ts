/**
 * What may be asked of task groups, workflow queues and the operations of the cluster. Made by this system only: what users
 * send is in `schemas/messages/concurrency.messages.ts`. `now` is milliseconds since 1970.
 */
import type { Concurrency, Priority } from '../definition/workflow.definition.ts';
import type { CrownEnd, Frozen } from '../events/cluster-operations.events.ts';
import type { SlotEnd, SlotHolder } from '../events/task-group.events.ts';
import type { OwnershipReason } from '../events/workflow-instance.events.ts';
import type { InstanceId, TaskName } from '../ids.ts';
import type { OwnerClaim } from './workflow-instance.commands.ts';

type Asked = { now: number; key: string; by: string; reason?: string };

export type TakeOwnership = {
  type: 'TakeOwnership';
  now: number;
  reason: OwnershipReason;
  evidence?: string;
} & OwnerClaim;

export type TaskGroupCommand =
  | TakeOwnership
  /** What is left out stays as it is; a new group is open and has no slots. */
  | ({ type: 'ConfigureGroup'; slots?: number; isOpen?: boolean } & Asked)
  | { type: 'RequestSlot'; now: number; holder: SlotHolder; priority: Priority; slots: number }
  /** The holder needs its slots no more, or no longer waits for them. */
  | { type: 'ReleaseSlot'; now: number; holder: SlotHolder; why: SlotEnd }
  | ({ type: 'ForceSlot'; instance: InstanceId; task: TaskName } & Asked)
  | ({ type: 'ChangeSlotPriority'; instance: InstanceId; task: TaskName; priority: Priority } & Asked)
  /** Grants what can be granted. */
  | { type: 'GrantSlots'; now: number };

export type WorkflowQueueCommand =
  | TakeOwnership
  | {
      type: 'RequestAdmission';
      now: number;
      instance: InstanceId;
      priority: Priority;
      concurrency: Concurrency;
      /** How often the run was opened again: it has left with each of its earlier ends. */
      round?: number;
    }
  /** @param round of the entry that leaves; a later one stays. */
  | { type: 'LeaveQueue'; now: number; instance: InstanceId; round?: number }
  /** Admits whose turn it is. */
  | { type: 'AdmitNext'; now: number };

export type ClusterOperationsCommand =
  | TakeOwnership
  | ({ type: 'PlaceCrown'; id: string; instance: InstanceId; task: TaskName; upstreams: TaskName[] } & Asked)
  | { type: 'RemoveCrown'; now: number; id: string; why: CrownEnd; by: string; reason?: string }
  | ({ type: 'Freeze'; target: Frozen } & Asked)
  | ({ type: 'Unfreeze'; target: Frozen } & Asked);
