/**
 * What may be asked of a workflow instance. Time, ids and randomness arrive inside: `now` is milliseconds since 1970,
 * `random` a number in [0, 1). Commands are made by this system only; what users send is in `schemas/messages`.
 */
import type { Application, FoundApplication } from '../clusters/application.schema.ts';
import type { DefinitionReference, Priority, WorkflowDefinition } from '../definition/workflow.definition.ts';
import type {
  ClearScope,
  Fault,
  HoldReason,
  OwnershipReason,
  ParentRun,
  PlacementReason,
  ResultSource,
  Start,
} from '../events/workflow-instance.events.ts';
import type {
  AttemptId,
  CacheKey,
  Incarnation,
  InstanceId,
  MasterId,
  SubmissionKey,
  TaskName,
  WorkerId,
} from '../ids.ts';
import type { JsonRecord, JsonValue } from '../json.ts';
import type { AttemptReport } from '../messages/attempt.messages.ts';

/** `retry`: the task is assigned again, `fail`: it fails, `adopt`: its applications are followed. */
export type LossDecision = 'retry' | 'fail' | 'adopt';

/** What a cluster said of the applications of an attempt: of all that are known and of those that bear its tag, or why it said nothing. */
export type ClusterTold =
  | { cluster: string; kind: FoundApplication['kind']; applications: readonly Application[] }
  | { cluster: string; fault: Fault };

/** A master that has claimed a run. */
export type OwnerClaim = { master: MasterId; incarnation: Incarnation; host: string; claimRevision: number };

/** Who asks, under which key (a repeated one is answered as done), and why. */
type Asked = { key: string; by: string; reason?: string };

/** What people ask of a run. */
export type Steering = Asked &
  (
    | { type: 'RequestPause' }
    | { type: 'RequestResume' }
    | { type: 'StopTask'; task: TaskName }
    | { type: 'SkipTask'; task: TaskName }
    | { type: 'ForceTask'; task: TaskName; outputs: JsonRecord }
    | { type: 'ClearTasks'; scope: ClearScope; tasks?: TaskName[] }
    | { type: 'IsolateTask'; task: TaskName }
    | { type: 'RejoinTask'; task: TaskName }
    | { type: 'ChangePriority'; priority: Priority; task?: TaskName }
    | { type: 'SendSignal'; name: string; payload: JsonValue }
    | { type: 'ApproveTask'; task: TaskName; approved: boolean }
    | { type: 'MoveVersion'; to: DefinitionReference; definition: WorkflowDefinition }
  );

export type WorkflowInstanceCommand =
  | {
      type: 'SubmitWorkflow';
      now: number;
      definition: DefinitionReference;
      key: SubmissionKey;
      params: JsonRecord;
      /** Absent: `now`. */
      logicalAt?: number;
      /** Parameters that the submission gave itself. */
      given?: string[];
      start?: Start;
      dryRun?: boolean;
      priority?: Priority;
      /** The task of another run that starts this one. */
      parent?: ParentRun;
      /** Who makes the run and owns it from its second event on. Absent where no one owns runs: in a replay or a test. */
      owner?: OwnerClaim;
    }
  | ({ type: 'TakeOwnership'; now: number; reason: OwnershipReason; evidence?: string } & OwnerClaim)
  | {
      type: 'AssignTask';
      now: number;
      task: TaskName;
      attemptId: AttemptId;
      worker: WorkerId;
      workerIncarnation: Incarnation;
      why: PlacementReason;
      cacheKey?: CacheKey;
      /** For which the worker was chosen: a task that was cleared meanwhile has to get its slots anew. Absent: whichever. */
      round?: number;
    }
  /** A ready task takes the result of an earlier run. */
  | {
      type: 'UseResult';
      now: number;
      task: TaskName;
      cacheKey: CacheKey;
      source: ResultSource;
      outputs: JsonRecord;
    }
  | { type: 'HoldTask'; now: number; task: TaskName; reason: HoldReason }
  /** The worker refused the offer, or could not be reached before it accepted. */
  /** @param mayHaveBegun an earlier offer may have arrived, at a life of the worker that is over. Default: false */
  | { type: 'RejectAttempt'; now: number; attemptId: AttemptId; task: TaskName; reason: Fault; mayHaveBegun?: boolean }
  | { type: 'RecordReport'; now: number; random: number; report: AttemptReport; lossesMax: number }
  /** An attempt, the current one or an earlier one, has started these on clusters. Those that are known make no event. */
  | {
      type: 'RecordApplications';
      now: number;
      task: TaskName;
      attemptId: AttemptId;
      applications: readonly FoundApplication[];
    }
  | {
      type: 'LoseAttempt';
      now: number;
      task: TaskName;
      attemptId: AttemptId;
      reason: Fault;
      evidence?: string;
      /** Losses of one task after which it fails. */
      lossesMax: number;
      /** The worker is absent and may return with the attempt. False: it has answered, and does not know the attempt. */
      mayReturn: boolean;
    }
  /** Every cluster on which the attempt may have applications was asked, by the owner of the run. */
  | {
      type: 'TellApplications';
      now: number;
      random: number;
      task: TaskName;
      attemptId: AttemptId;
      lossesMax: number;
      answers: readonly ClusterTold[];
    }
  /** The worker is here and still has the attempt. */
  | { type: 'ReturnAttempt'; now: number; task: TaskName; attemptId: AttemptId }
  /** A person decides what becomes of a task whose worker is absent. */
  | {
      type: 'ResolveLost';
      now: number;
      task: TaskName;
      decision: LossDecision;
      key: string;
      by: string;
      reason?: string;
    }
  | { type: 'FireTimer'; now: number; random: number; timerId: string; task: TaskName; lossesMax: number }
  /** A timer of the run itself. */
  | { type: 'FireRunTimer'; now: number; timerId: string }
  /** Begins a ready task that its owner decides by itself. */
  | { type: 'StartTask'; now: number; task: TaskName; attemptId: AttemptId; child?: InstanceId }
  /** A ready task found no worker: from now on its queue timeout counts. */
  | { type: 'QueueTask'; now: number; task: TaskName }
  /** What an awaiting task waited for has come, or will not come. */
  | {
      type: 'ConcludeTask';
      now: number;
      random: number;
      task: TaskName;
      attemptId: AttemptId;
      result: 'succeeded' | 'failed' | 'stopped';
      outputs?: JsonRecord;
      fault?: Fault;
      evidence?: string;
    }
  /** All items of a map have ended. */
  | { type: 'CollectItems'; now: number; task: TaskName }
  /** @param round in which the run was admitted. Default: whichever it is in */
  | { type: 'AdmitWorkflow'; now: number; evidence?: string; round?: number }
  | { type: 'ConcludePause'; now: number }
  | ({ now: number } & Steering)
  /** @param round in which it is to stop: not when it was opened again since. Default: whichever it is in */
  | { type: 'RequestStop'; now: number; key: string; by: string; reason?: string; round?: number }
  /** Ends the run when nothing is left to do. */
  | { type: 'ConcludeWorkflow'; now: number };
