/** What happened, as one number that two runs of a seed must share; on demand also line by line. */

export type TraceLine = { at: number; kind: string; what: string };

export class SimTrace {
  readonly lines: TraceLine[] = [];
  readonly #isRecording: boolean;
  readonly #now: () => number;
  #high = 0x811c9dc5;
  #low = 0x1234567;

  constructor(now: () => number, isRecording: boolean) {
    this.#now = now;
    this.#isRecording = isRecording;
  }

  get isRecording(): boolean {
    return this.#isRecording;
  }

  /** One event of the world. */
  step(life: number): void {
    this.#mix(life);
    this.#mix(Math.floor(this.#now() * 1_000) | 0);
  }

  note(kind: string, what: string): void {
    this.#mixText(kind);
    this.#mixText(what);
    if (this.#isRecording) this.lines.push({ at: this.#now(), kind, what });
  }

  /** For the record alone: made only when somebody wants to read it. */
  comment(kind: string, what: () => string): void {
    if (this.#isRecording) this.lines.push({ at: this.#now(), kind, what: what() });
  }

  hash(): string {
    const hex = (part: number) => (part >>> 0).toString(16).padStart(8, '0');
    return hex(this.#high) + hex(this.#low);
  }

  #mix(value: number): void {
    this.#high = Math.imul(this.#high ^ value, 0x01000193);
    this.#low = (Math.imul(this.#low, 0x85ebca6b) + (this.#high >>> 7)) | 0;
  }

  #mixText(text: string): void {
    for (let index = 0; index < text.length; index += 1) this.#mix(text.charCodeAt(index));
  }
}
