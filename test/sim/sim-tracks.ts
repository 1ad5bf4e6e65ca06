/** What the watchers of the simulated world keep of each run and each attempt, made from events alone. */
import type { Plan } from '../../actors/graph/plan.ts';
import type { WorkflowInstanceActor } from '../../actors/workflow-instance/workflow-instance.actor.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';

export type AttemptTrack = {
  id: string;
  instance: string;
  task: string;
  worker: string;
  /** Type of the event that ended it. */
  ending: string | undefined;
  /** Why it was lost or rejected. */
  endCode: string | undefined;
  /** Its worker was lost, and the task waits for somebody's decision. */
  wasAbsent: boolean;
  /** Nobody ran it any more: its applications decide. */
  wasOrphaned: boolean;
  /** The journal names what it may have left running. */
  isGivenUp: boolean;
  /** A person has decided that the task goes on without what it may have left running. */
  isLeftByPerson: boolean;
  /** Who started it, in which life. */
  startedBy: string | undefined;
};

export type RunTrack = {
  id: string;
  stream: string;
  /** Of the version by which it goes now. */
  plan: Plan;
  /** Of the version with which it began. */
  actor: WorkflowInstanceActor;
  snapshot: WorkflowInstanceSnapshot;
  /** After each event. */
  snapshots: WorkflowInstanceSnapshot[];
  revision: number;
  epoch: number;
  /** Master of each epoch; the index is the epoch. */
  owners: string[];
  ownerIncarnation: string;
  workflow: string;
  key: string;
  eventIds: string[];
  /** Keys of all commands that are in the stream. */
  keys: Set<string>;
  /** Ends that it has had; one that was opened again may have several. */
  ends: Set<string>;
  isFinished: boolean;
  /** Revision at which a live copy was last compared. */
  comparedRevision: number;
};
