/** The state of a run as one number that two processes can compare: SHA-256 of its JSON with sorted keys (I5). */
import { createHash } from 'node:crypto';
import type { StoredWorkflowInstance } from '../../actors/workflow-instance/workflow-instance.actor.ts';
import type { JsonValue } from '../../schemas/json.ts';
import { toCanonicalJson } from '../definitions/canonical.ts';

/** @returns 64 hexadecimal digits */
export function stateHashOf(stored: StoredWorkflowInstance): string {
  // Reason for the cast: a stored state is plain JSON; its readonly and optional fields hide that from the type.
  return createHash('sha256')
    .update(toCanonicalJson(stored as unknown as JsonValue))
    .digest('hex');
}
