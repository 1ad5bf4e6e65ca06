/**
 * Claims: which master tries to write which actor. A claim is a hint that keeps masters out of each other's way; the
 * epoch in the stream decides (I1). The bucket may lose or roll back entries: whoever sees none may claim.
 */
import type { InstanceId } from '../../schemas/ids.ts';
import { type Claim, claimSchema } from '../../schemas/messages/membership.messages.ts';
import { type ActorKind, claimKey } from '../../schemas/messages/subjects.ts';
import type { Bucket } from '../buckets/bucket.port.ts';

export type Claimed = { claim: Claim; revision: number };

export type ClaimResult = { kind: 'claimed'; revision: number } | { kind: 'taken' };

/** Claims of actors of one kind. */
export type ClaimBook<Id extends string = InstanceId> = {
  /** Claims an actor that nobody has claimed. */
  create(id: Id, claim: Claim): Promise<ClaimResult>;
  /** Takes the claim over from a holder that is gone, if it has not changed since it was read. */
  takeOver(id: Id, claim: Claim, revision: number): Promise<ClaimResult>;
  read(id: Id): Promise<Claimed | undefined>;
  /** All claims of now. */
  all(): Promise<Map<Id, Claimed>>;
  release(id: Id, revision: number): Promise<void>;
};

export function createClaimBook(bucket: Bucket): ClaimBook {
  return createClaimBookOf<InstanceId>(bucket, 'workflowInstance');
}

export function createClaimBookOf<Id extends string>(bucket: Bucket, kind: ActorKind): ClaimBook<Id> {
  const keyPrefix = claimKey(kind, '');
  const key = (id: Id) => claimKey(kind, id);
  return {
    create: async (id, claim) => resultOf(await bucket.create(key(id), claim)),
    takeOver: async (id, claim, revision) => resultOf(await bucket.update(key(id), claim, revision)),
    read: async (id) => {
      const entry = await bucket.get(key(id));
      const parsed = claimSchema.safeParse(entry?.value);
      return entry !== undefined && parsed.success ? { claim: parsed.data, revision: entry.revision } : undefined;
    },
    all: async () => {
      const claims = new Map<Id, Claimed>();
      for (const entry of await bucket.entries(keyPrefix)) {
        const parsed = claimSchema.safeParse(entry.value);
        // Reason for the cast: the key was made of such an id.
        const id = entry.key.slice(keyPrefix.length) as Id;
        if (parsed.success) claims.set(id, { claim: parsed.data, revision: entry.revision });
      }
      return claims;
    },
    release: async (id, revision) => {
      await bucket.remove(key(id), revision);
    },
  };
}

function resultOf(written: { kind: 'written'; revision: number } | { kind: 'conflict' }): ClaimResult {
  return written.kind === 'written' ? { kind: 'claimed', revision: written.revision } : { kind: 'taken' };
}
