/** Random numbers of one seed (sfc32). Each part of a simulation has a generator of its own, made from the seed and a name. */

export class SimRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, name: string) {
    let hash = 0x811c9dc5;
    for (let index = 0; index < name.length; index += 1) hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 2 ** 32) | 0;
    this.#c = hash | 0;
    for (let round = 0; round < 15; round += 1) this.bits();
  }

  /** 32 random bits, as a number of 0 or above. */
  bits(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (this.#c << 21) | (this.#c >>> 11);
    this.#c = (this.#c + sum) | 0;
    return sum >>> 0;
  }

  /** In [0, 1). */
  next(): number {
    return this.bits() / 2 ** 32;
  }

  /** In [min, max). */
  between(min: number, max: number): number {
    return min + this.next() * (max - min);
  }

  /** In [min, max), each power of ten as likely as any other. */
  magnitude(min: number, max: number): number {
    return min * (max / min) ** this.next();
  }

  integer(min: number, maxInclusive: number): number {
    return min + Math.floor(this.next() * (maxInclusive - min + 1));
  }

  chance(probability: number): boolean {
    return probability > 0 && this.next() < probability;
  }

  pick<T>(values: readonly T[]): T {
    if (values.length === 0) throw new Error('there is nothing to pick from');
    return values[Math.floor(this.next() * values.length)] as T;
  }

  /** Waiting time of something that happens once in `meanMs` on average. */
  wait(meanMs: number): number {
    return -Math.log(1 - this.next()) * meanMs;
  }

  uuid(): string {
    const hex = (count: number) => this.bits().toString(16).padStart(8, '0').slice(0, count);
    return `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(8)}${hex(4)}`;
  }
}
