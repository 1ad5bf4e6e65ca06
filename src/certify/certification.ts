/** The sum of many certificates: what `millrace certify --all` says at the end, and while it is at it. */
import type { InstanceId } from '../../schemas/ids.ts';
import type { ActorCertificate, Certificate, Certification } from '../../schemas/messages/certificate.messages.ts';

export class CertificationSum {
  readonly #sum = {
    runCount: 0,
    eventCount: 0,
    ownerCount: 0,
    takeoverCount: 0,
    attemptCount: 0,
    lostAttemptCount: 0,
    violationCount: 0,
    actorCount: 0,
  };
  readonly #broken: Certificate[] = [];
  readonly #unread: Certification['unread'] = [];
  readonly #brokenActors: ActorCertificate[] = [];

  add(certificate: Certificate): void {
    const { owners, attempts, invariants } = certificate;
    const sum = this.#sum;
    sum.runCount += 1;
    sum.eventCount += certificate.eventCount;
    sum.ownerCount += owners.length;
    sum.takeoverCount += Math.max(0, owners.length - 1);
    sum.attemptCount += attempts.length;
    sum.lostAttemptCount += attempts.filter(({ life }) => life.some(({ type }) => type === 'TaskLost')).length;
    sum.violationCount += invariants.reduce((count, { broken }) => count + broken.length, 0);
    if (!certificate.holds) this.#broken.push(certificate);
  }

  addActor(certificate: ActorCertificate): void {
    const { eventCount, owners, violations, holds } = certificate;
    const sum = this.#sum;
    sum.actorCount += 1;
    sum.eventCount += eventCount;
    sum.ownerCount += owners.length;
    sum.takeoverCount += Math.max(0, owners.length - 1);
    sum.violationCount += violations.length;
    if (!holds) this.#brokenActors.push(certificate);
  }

  /** A run whose stream or definition could not be read is not certified. */
  addUnread(instance: InstanceId, code: string, message: string): void {
    this.#unread.push({ instance, code, message });
  }

  result(elapsedMs: number): Certification {
    const eventsPerSecond = Math.round(this.#sum.eventCount / Math.max(0.001, elapsedMs / 1_000));
    return {
      format: 1,
      holds: this.#broken.length + this.#brokenActors.length + this.#unread.length === 0,
      ...this.#sum,
      elapsedMs,
      eventsPerSecond,
      broken: [...this.#broken],
      unread: [...this.#unread],
      brokenActors: [...this.#brokenActors],
    };
  }
}
