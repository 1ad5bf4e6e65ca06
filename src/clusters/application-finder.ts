/**
 * Finds the ids of applications in lines, while the client that submits them still runs. Bytes come in pieces of any size.
 * Each id is told once, in the order in which they come.
 */
import type { ClientName } from '../../schemas/clusters/application-ids.ts';
import { submittedIn } from './client-lines.ts';

/** Lines of clients are short; of a longer one the rest is not looked at. */
const lineLengthMax = 4_096;
/** Of one attempt. More are hardly meant. */
export const applicationCountMax = 1_000;
const lineBreak = 10;

export interface ApplicationFinder {
  write(bytes: Uint8Array): void;
  /** Nothing more comes: the last line may have no line break. */
  end(): void;
}

export function outputFinder(client: ClientName, onFound: (id: string) => void): ApplicationFinder {
  return lineFinder((line) => submittedIn(line, client), onFound);
}

export function lineFinder(
  idOf: (line: string) => string | undefined,
  onFound: (id: string) => void,
): ApplicationFinder {
  return new LineFinder(idOf, onFound);
}

class LineFinder implements ApplicationFinder {
  private readonly idOf: (line: string) => string | undefined;
  private readonly onFound: (id: string) => void;
  private readonly found = new Set<string>();
  private held = '';

  constructor(idOf: (line: string) => string | undefined, onFound: (id: string) => void) {
    this.idOf = idOf;
    this.onFound = onFound;
  }

  write(bytes: Uint8Array): void {
    let start = 0;
    for (let at = bytes.indexOf(lineBreak); at >= 0; at = bytes.indexOf(lineBreak, start)) {
      this.hold(bytes.subarray(start, at));
      this.look();
      start = at + 1;
    }
    this.hold(bytes.subarray(start));
  }

  end(): void {
    this.look();
  }

  /** What is looked for is ASCII: bytes of other letters need not be put together. */
  private hold(bytes: Uint8Array): void {
    const room = lineLengthMax + 1 - this.held.length;
    if (room > 0) this.held += Buffer.from(bytes.subarray(0, room)).toString('latin1');
  }

  private look(): void {
    const line = this.held.endsWith('\r') ? this.held.slice(0, -1) : this.held;
    this.held = '';
    if (line === '' || line.length > lineLengthMax) return;
    const id = this.idOf(line);
    if (id === undefined || this.found.has(id) || this.found.size >= applicationCountMax) return;
    this.found.add(id);
    this.onFound(id);
  }
}
