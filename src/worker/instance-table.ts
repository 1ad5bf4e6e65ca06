/**
 * The instances a worker has heard of: the highest epoch and the owner of each.
 *
 * N1 The epoch of an instance never falls here: a message with a lower one is refused, over restarts too.
 * N2 Only a master that acts in an epoch raises it. A "not owner" answer is hearsay: it changes the address alone.
 */
import type { InstanceId, MasterId } from '../../schemas/ids.ts';
import type { InstanceRecord } from './attempt-record.ts';
import type { Ledger } from './ledger.port.ts';
import type { Turn } from './turn.ts';

/** Instances without an unsettled attempt that stay in memory; others are found in the ledger. */
const idleCountMax = 20_000;

export type Sender = { instance: InstanceId; epoch: number; owner?: { master: MasterId; host: string } };

export type Entrance =
  | { kind: 'entered'; record: InstanceRecord; hasNewOwner: boolean }
  | { kind: 'stale'; highestEpoch: number };

export type InstanceTable = {
  find(instance: InstanceId): InstanceRecord | undefined;
  findOrCreate(instance: InstanceId): InstanceRecord;
  /** N1: notes who acts for the instance, unless a later epoch is known. */
  enter(sender: Sender): Entrance;
  /** Forgets an instance without unsettled attempts; false when it has some. */
  dropIdle(instance: InstanceId): boolean;
  /** Drops idle instances from memory; called when all changes are committed. */
  trim(): void;
};

export function createInstanceTable({ ledger, turn }: { ledger: Ledger; turn: Turn }): InstanceTable {
  const records = new Map<InstanceId, InstanceRecord>();

  const find = (id: InstanceId): InstanceRecord | undefined => {
    const known = records.get(id);
    if (known !== undefined) return known;
    const row = ledger.findInstance(id);
    if (row === undefined) return undefined;
    return add(records, { ...newRecord(id), epoch: row.epoch, owner: row.owner, ownerHost: row.ownerHost });
  };
  const findOrCreate = (id: InstanceId): InstanceRecord => find(id) ?? add(records, newRecord(id));

  return {
    find,
    findOrCreate,
    enter: ({ instance, epoch, owner }) => {
      const record = findOrCreate(instance);
      if (epoch < record.epoch) return { kind: 'stale', highestEpoch: record.epoch };
      const hasNewOwner = owner !== undefined && owner.master !== record.owner;
      if (!hasNewOwner && epoch === record.epoch) return { kind: 'entered', record, hasNewOwner };
      record.epoch = epoch;
      if (owner !== undefined) {
        record.owner = owner.master;
        record.ownerHost = owner.host;
        record.redirectCount = 0;
      }
      turn.instanceChanged(record);
      return { kind: 'entered', record, hasNewOwner };
    },
    dropIdle: (id) => {
      if ((records.get(id)?.attempts.size ?? 0) > 0) return false;
      records.delete(id);
      return true;
    },
    trim: () => trim(records),
  };
}

function newRecord(id: InstanceId): InstanceRecord {
  return { id, epoch: 0, owner: undefined, ownerHost: undefined, redirectCount: 0, attempts: new Set() };
}

function add(records: Map<InstanceId, InstanceRecord>, record: InstanceRecord): InstanceRecord {
  records.set(record.id, record);
  return record;
}

/** Halves the idle ones at once, so that the walk over the busy ones is seldom. */
function trim(records: Map<InstanceId, InstanceRecord>): void {
  if (records.size <= idleCountMax) return;
  let excess = records.size - idleCountMax / 2;
  for (const record of records.values()) {
    if (excess <= 0) return;
    if (record.attempts.size > 0) continue;
    records.delete(record.id);
    excess -= 1;
  }
}
