/**
 * Claims: which master tries to write which actor. A claim is a hint that keeps masters out of each other's way; the
 * epoch in the stream decides (I1). The bucket may lose or roll back entries: whoever sees none may claim.
 */
import type { InstanceId } from '../../schemas/ids.ts';
import { type Claim, claimSchema } from '../../schemas/messages/membership.messages.ts';
import { claimKey } from '../../schemas/messages/subjects.ts';
import type { Bucket } from '../buckets/bucket.port.ts';

export type Claimed = { claim: Claim; revision: number };

export type ClaimResult = { kind: 'claimed'; revision: number } | { kind: 'taken' };

export type ClaimBook = {
  /** Claims an actor that nobody has claimed. */
  create(instance: InstanceId, claim: Claim): Promise<ClaimResult>;
  /** Takes the claim over from a holder that is gone, if it has not changed since it was read. */
  takeOver(instance: InstanceId, claim: Claim, revision: number): Promise<ClaimResult>;
  read(instance: InstanceId): Promise<Claimed | undefined>;
  /** All claims of now. */
  all(): Promise<Map<InstanceId, Claimed>>;
  release(instance: InstanceId, revision: number): Promise<void>;
};

const keyPrefix = claimKey('workflowInstance', '');

export function createClaimBook(bucket: Bucket): ClaimBook {
  const key = (instance: InstanceId) => claimKey('workflowInstance', instance);
  return {
    create: async (instance, claim) => resultOf(await bucket.create(key(instance), claim)),
    takeOver: async (instance, claim, revision) => resultOf(await bucket.update(key(instance), claim, revision)),
    read: async (instance) => {
      const entry = await bucket.get(key(instance));
      const parsed = claimSchema.safeParse(entry?.value);
      return entry !== undefined && parsed.success ? { claim: parsed.data, revision: entry.revision } : undefined;
    },
    all: async () => {
      const claims = new Map<InstanceId, Claimed>();
      for (const entry of await bucket.entries()) {
        const parsed = claimSchema.safeParse(entry.value);
        const id = entry.key.slice(keyPrefix.length) as InstanceId;
        if (parsed.success) claims.set(id, { claim: parsed.data, revision: entry.revision });
      }
      return claims;
    },
    release: async (instance, revision) => {
      await bucket.remove(key(instance), revision);
    },
  };
}

function resultOf(written: { kind: 'written'; revision: number } | { kind: 'conflict' }): ClaimResult {
  return written.kind === 'written' ? { kind: 'claimed', revision: written.revision } : { kind: 'taken' };
}
