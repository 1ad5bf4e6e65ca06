/**
 * Replaces secrets by `***` in texts, values and streams of bytes. A secret is found as it is, as JSON text, percent-encoded,
 * and line by line; not in other encodings. What might be the beginning of a secret is held back until more comes.
 */
import type { JsonValue } from '../../schemas/json.ts';

const replacement = '***';
/** Shorter lines of a secret of several lines are common words. */
const lineLengthMin = 4;

export interface MaskedStream {
  write(bytes: Uint8Array): Uint8Array;
  /** What was held back. */
  flush(): Uint8Array;
}

export class SecretMask {
  /** What is looked for: another process can make the same mask of it. */
  readonly texts: readonly string[];
  readonly #ofText: RegExp | undefined;
  readonly #ofBytes: RegExp | undefined;
  readonly #byteTexts: readonly string[];

  private constructor(texts: readonly string[]) {
    this.texts = texts;
    this.#byteTexts = texts.map((text) => Buffer.from(text, 'utf8').toString('latin1'));
    this.#ofText = patternOf(texts);
    this.#ofBytes = patternOf(this.#byteTexts);
  }

  static of(secrets: readonly string[]): SecretMask {
    const forms = secrets.flatMap((secret) => [
      secret,
      JSON.stringify(secret).slice(1, -1),
      encoded(secret),
      ...secret.split(/\r?\n/).filter((line) => line.length >= lineLengthMin),
    ]);
    return SecretMask.ofTexts([...new Set(forms)]);
  }

  static ofTexts(texts: readonly string[]): SecretMask {
    // The longest first: one that begins like another must not be cut short.
    return new SecretMask(texts.filter((text) => text !== '').toSorted((a, b) => b.length - a.length));
  }

  get isEmpty(): boolean {
    return this.texts.length === 0;
  }

  text(text: string): string {
    return this.#ofText === undefined ? text : text.replace(this.#ofText, replacement);
  }

  json<T extends JsonValue>(value: T): T {
    return this.isEmpty ? value : (this.#json(value) as T); // The same shape, with other texts.
  }

  stream(): MaskedStream {
    let held = '';
    return {
      write: (bytes) => {
        if (this.#ofBytes === undefined) return bytes;
        const all = held + Buffer.from(bytes).toString('latin1');
        const cut = this.#cutOf(all);
        held = all.slice(cut);
        return this.#masked(all.slice(0, cut));
      },
      flush: () => {
        const rest = held;
        held = '';
        return this.#masked(rest);
      },
    };
  }

  /** Up to where the text cannot be part of a secret that goes on. */
  #cutOf(all: string): number {
    const longest = this.#byteTexts.reduce((length, text) => Math.max(length, text.length), 0);
    let cut = Math.max(0, all.length - longest + 1);
    const isBeginning = (from: number) => {
      const tail = all.slice(from);
      return this.#byteTexts.some((text) => text.length > tail.length && text.startsWith(tail));
    };
    while (cut < all.length && !isBeginning(cut)) cut += 1;
    for (const match of all.matchAll(this.#ofBytes ?? /$^/g)) {
      if (match.index < cut) cut = Math.max(cut, match.index + match[0].length);
    }
    return cut;
  }

  #masked(text: string): Uint8Array {
    return Buffer.from(this.#ofBytes === undefined ? text : text.replace(this.#ofBytes, replacement), 'latin1');
  }

  #json(value: JsonValue): JsonValue {
    if (typeof value === 'string') return this.text(value);
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((part) => this.#json(part));
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [this.text(key), this.#json(part)]));
  }
}

function patternOf(texts: readonly string[]): RegExp | undefined {
  if (texts.length === 0) return undefined;
  return new RegExp(texts.map((text) => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')).join('|'), 'g');
}

function encoded(text: string): string {
  return encodeURIComponent(Buffer.from(text, 'utf8').toString('utf8')); // Half a character cannot be encoded.
}
