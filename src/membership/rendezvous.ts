/**
 * Who should own what, without asking anyone: every master computes the same answer from the same list of members, and a
 * member that goes moves only what it owned (highest random weight).
 */
import type { MasterId } from '../../schemas/ids.ts';

/** The one of the masters that should own the run, or other actor; undefined when there is none. */
export function preferredOwner(actor: string, masters: Iterable<MasterId>): MasterId | undefined {
  let best: MasterId | undefined;
  let bestWeight = -1;
  for (const master of masters) {
    const weight = weightOf(`${master}/${actor}`);
    if (weight > bestWeight || (weight === bestWeight && best !== undefined && master < best)) {
      best = master;
      bestWeight = weight;
    }
  }
  return best;
}

/** FNV-1a with a final mix: short texts that differ in one letter must not have weights in the same order. */
function weightOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
