/**
 * Asks a cluster that has several addresses, of which one may be away and another may only stand by.
 *
 * C1 The address that answered last is asked first. One that is away, busy or standing by makes room for the next; after
 *    a whole round there is a wait, which grows and is spread by chance.
 * C2 Every request may be sent twice: all that are sent here can be repeated without harm.
 * C3 A redirect is followed only over HTTP and never from HTTPS to HTTP; credentials go to the configured hosts only.
 */
import type { ClusterConfig } from '../../schemas/config.schema.ts';
import type { Clock, IdSource } from '../clock/clock.port.ts';
import { AppError } from '../errors/app-error.ts';
import type { Log } from '../telemetry/log.ts';
import { type ClusterAnswer, type ClusterRequest, sendRequest, type TlsMaterial } from './cluster-request.ts';
import { pause } from './pause.ts';

export type ClusterSurroundings = { clock: Clock; ids: Pick<IdSource, 'random'>; log: Log };

export type ClusterTimings = Pick<ClusterConfig, 'requestTimeoutMs' | 'attemptsMax' | 'retryDelayMs'>;

/** Where the cluster is and who asks: looked up anew for each question, as tokens and certificates change. */
export type ClusterPlace = {
  addresses: readonly string[];
  /** Credentials. */
  headers: Readonly<Record<string, string>>;
  tls: TlsMaterial;
};

export type ClusterQuestion = {
  method: ClusterRequest['method'];
  /** With its query, encoded. */
  path: string;
  body?: object;
  signal?: AbortSignal | undefined;
};

/** What one try came to; `away` says why nothing else is known. */
type Outcome = { answer: ClusterAnswer } | { away: string };

const redirectCountMax = 3;
const roundsDoubledMax = 6;

export class ClusterSession {
  readonly name: string;
  private readonly timings: ClusterTimings;
  private readonly surroundings: ClusterSurroundings;
  private readonly placeOf: () => Promise<ClusterPlace>;
  /** C1. */
  private preferred = 0;

  constructor(
    cluster: { name: string; timings: ClusterTimings; placeOf: () => Promise<ClusterPlace> },
    surroundings: ClusterSurroundings,
  ) {
    this.name = cluster.name;
    this.timings = cluster.timings;
    this.placeOf = cluster.placeOf;
    this.surroundings = surroundings;
  }

  /** @throws AppError CLUSTER_UNREACHABLE, or what the signal was given up with */
  async ask(question: ClusterQuestion): Promise<ClusterAnswer> {
    const place = await this.placeOf();
    const { attemptsMax } = this.timings;
    const reasons = new Map<string, string>();
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      await this.waitBeforeRound(attempt, place.addresses.length, question.signal);
      const address = place.addresses[this.preferred % place.addresses.length] ?? '';
      const outcome = await this.tryOnce(address, question, place);
      question.signal?.throwIfAborted();
      if ('answer' in outcome) return outcome.answer;
      reasons.set(address, outcome.away);
      this.preferred += 1;
    }
    throw this.unreachable(reasons);
  }

  private async waitBeforeRound(attempt: number, addressCount: number, signal: AbortSignal | undefined): Promise<void> {
    if (attempt === 0 || attempt % addressCount !== 0) return;
    const { clock, ids } = this.surroundings;
    const doubled = Math.min(attempt / addressCount - 1, roundsDoubledMax);
    await pause(clock, this.timings.retryDelayMs * 2 ** doubled * (0.5 + ids.random() / 2), signal);
  }

  private async tryOnce(address: string, question: ClusterQuestion, place: ClusterPlace): Promise<Outcome> {
    let url = new URL(question.path, withSlash(address));
    for (let redirectCount = 0; redirectCount <= redirectCountMax; redirectCount += 1) {
      const outcome = await this.send(url, question, place);
      if ('away' in outcome) return outcome;
      const { status, location } = outcome.answer;
      const isRedirect = status >= 300 && status < 400;
      if (!isRedirect) return judged(outcome.answer);
      if (location === undefined) return { away: `status ${status}, standing by` };
      const next = new URL(location, url);
      if (!isFollowed(url, next)) return { away: `a redirect to ${next.protocol}//` };
      url = next;
      this.preferOrigin(url, place);
    }
    return { away: `more than ${redirectCountMax} redirects` };
  }

  private async send(url: URL, { method, body, signal }: ClusterQuestion, place: ClusterPlace): Promise<Outcome> {
    const isOurs = place.addresses.some((address) => new URL(address).host === url.host); // C3.
    const request: ClusterRequest = {
      method,
      url,
      headers: isOurs ? place.headers : {},
      body: body === undefined ? undefined : JSON.stringify(body),
      tls: isOurs ? place.tls : { ca: place.tls.ca },
      timeoutMs: this.timings.requestTimeoutMs,
      signal,
    };
    try {
      return { answer: await sendRequest(request, this.surroundings.clock) };
    } catch (fault) {
      return { away: reasonOf(fault) };
    }
  }

  private preferOrigin({ host }: URL, { addresses }: ClusterPlace): void {
    const index = addresses.findIndex((address) => new URL(address).host === host);
    if (index >= 0) this.preferred = index;
  }

  private unreachable(reasons: ReadonlyMap<string, string>): AppError {
    const found = [...reasons].map(([address, reason]) => `${new URL(address).host}: ${reason}`).join('; ');
    this.surroundings.log.warn({ cluster: this.name, found }, 'a cluster cannot be reached');
    return new AppError(
      'CLUSTER_UNREACHABLE',
      `expected an answer of the cluster ${this.name}, found none (${found}). It is asked again later; check its addresses in the configuration.`,
    );
  }
}

/** An answer that says nothing but that this address cannot answer now. */
function judged(answer: ClusterAnswer): Outcome {
  if (answer.status === 429 || answer.status >= 500) return { away: `status ${answer.status}` };
  // Older ResourceManagers stand by with status 200 and a page for people.
  if (answer.body.startsWith('This is standby RM')) return { away: 'standing by' };
  return { answer };
}

function isFollowed(from: URL, to: URL): boolean {
  return to.protocol === 'https:' || (to.protocol === 'http:' && from.protocol === 'http:');
}

function withSlash(address: string): string {
  return address.endsWith('/') ? address : `${address}/`;
}

/** A connection to several addresses of one name fails with a fault for each. */
function reasonOf(fault: unknown): string {
  if (fault instanceof AggregateError) return fault.errors.map(reasonOf).join(', ');
  return fault instanceof Error ? fault.message : String(fault);
}
