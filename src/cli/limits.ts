/** The numbers of the command line: deadlines, retries, bounds. It reads no more than one person's screen, so none is configured. */
export const limits = {
  /** First connection to NATS. */
  connectTimeoutMs: 3_000,
  /** One request to a master. */
  requestTimeoutMs: 5_000,
  /** Tries of a request that a stopping or changed owner did not answer. Requests are idempotent. */
  requestTriesMax: 3,
  requestRetryDelayMs: 200,
  /** Events and runs of one page. */
  pageLength: 1_000,
  /** Runs that are searched for the beginning of an id. */
  searchedRunsMax: 20_000,
  /** While following: a question for events that no message told of. */
  safetyIntervalMs: 10_000,
  /** While following: first wait before the next try when a gap could not be filled or no master answered. */
  followRetryDelayMs: 500,
  /** Messages that came before their turn; more are dropped and read by a question. */
  earlyEventsMax: 10_000,
  /** Longest time that one question for output is held open. */
  logWaitMs: 20_000,
  /** `logs --follow` gives up when no page came for this long. */
  logSilenceMaxMs: 60_000,
  logPageBytes: 262_144,
  /** Runs whose histories `certify --all` reads at the same time. */
  certifyConcurrencyMax: 8,
  /** `certify --all` without a terminal says this often how far it is. */
  certifyNoteIntervalMs: 5_000,
  redrawIntervalMs: 100,
  /** Elapsed times on the screen move on at this pace when nothing else happens. */
  tickMs: 1_000,
  disconnectDeadlineMs: 1_000,
} as const;
