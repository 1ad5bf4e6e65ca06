/** Up to when the log of a Job has been copied, kept in the folder of the attempt for the next life of the worker. */
import { readFileSync, writeFileSync } from 'node:fs';

const ownerOnly = 0o600;

export class LogPlace {
  readonly #path: string;
  #readTo: bigint | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#readTo = kept(path);
  }

  /** The time of the last line that was copied, in nanoseconds since 1970; undefined: none was. */
  get readTo(): bigint | undefined {
    return this.#readTo;
  }

  move(readTo: bigint): void {
    if (readTo === this.#readTo) return;
    writeFileSync(this.#path, String(readTo), { mode: ownerOnly });
    this.#readTo = readTo;
  }
}

function kept(path: string): bigint | undefined {
  try {
    const text = readFileSync(path, 'utf8');
    return /^\d+$/.test(text) ? BigInt(text) : undefined;
  } catch {
    return undefined; // Nothing was read yet.
  }
}
