/**
 * The whole configuration, units in the names. Given as a YAML or JSON file, then environment variables
 * (`MILLRACE_MASTER_LEASE_TTL_MS` for `master.leaseTtlMs`), then flags. Resolved once at start, immutable after.
 */
import { z } from 'zod';
import { clusterNameSchema, masterIdSchema, workerGroupSchema, workerIdSchema } from './ids.ts';

const ms = z.int().min(1);

export const balancers = ['lowerWeight', 'leastBusyOfTwo', 'roundRobin', 'random'] as const;
export const balancerSchema = z.enum(balancers);

export const natsConfigSchema = z.strictObject({
  /** Addresses of NATS servers. Empty: `millrace dev` starts one on loopback. */
  servers: z.array(z.string()).default([]),
  /** Copies of each KV entry; 3 in a cluster. */
  replicas: z.int().min(1).max(5).default(1),
  /** File with a user's credentials (`.creds`). */
  credentialsFile: z.string().optional(),
});

export const storeConfigSchema = z.strictObject({
  /** `esdb://...` of an EventStoreDB or KurrentDB. Absent: `millrace dev` starts the embedded node on loopback. */
  connectionString: z.string().optional(),
  appendDeadlineMs: ms.default(30_000),
  /** Longest wait for one answer before an append is repeated with the same ids. */
  appendAttemptTimeoutMs: ms.default(3_000),
  /** Most appends that may wait; more are refused as OVERLOADED. */
  appendQueueLengthMax: ms.default(10_000),
});

export const masterConfigSchema = z.strictObject({
  /** Default: host name and a number. Must stay the same over restarts. */
  id: masterIdSchema.optional(),
  balancer: balancerSchema.default('leastBusyOfTwo'),
  heartbeatIntervalMs: ms.default(1_000),
  /** A member without heartbeat for this long counts as gone. */
  memberTtlMs: ms.default(5_000),
  /** How often other masters, and workers with attempts of this one, are asked whether they are there. */
  pingIntervalMs: ms.default(100),
  pingTimeoutMs: ms.default(1_000),
  /** How long a run without a living owner is left to the master that it falls to, before any other takes it. */
  takeoverGraceMs: ms.default(2_000),
  /** How long a worker may be absent before its attempts count as lost. */
  workerAbsenceMaxMs: ms.default(5_000),
  offerTimeoutMs: ms.default(5_000),
  cancelTimeoutMs: ms.default(5_000),
  /** A task that waits longer than this for a worker gets a `TaskHeld` event with the reason. */
  holdReportDelayMs: ms.default(1_000),
  /** Reports that nothing waits for ride along in the next append, at the latest after this long. */
  lazyAppendDelayMs: ms.default(50),
  /** How often runs without a living owner are looked for, beside the moments when a member goes. */
  recoveryIntervalMs: ms.default(30_000),
  /** How often runs that stand still are checked for work that this master owes them and has forgotten. */
  overdueCheckIntervalMs: ms.default(30_000),
  /** How often the owner of a task group, a workflow queue or a crown looks for what ended without its hearing of it. */
  actorCheckIntervalMs: ms.default(10_000),
  /** How often a task that waits for slots of a group, or a run that waits for its turn, asks again; they are also told. */
  slotRepeatIntervalMs: ms.default(5_000),
  /** New submissions are refused as OVERLOADED while this many messages wait. */
  mailboxLengthMax: ms.default(100_000),
  /** A worker above this share of cpu or memory gets no new work. */
  busyCpu: z.number().min(0).max(1).default(1),
  busyMemory: z.number().min(0).max(1).default(0.95),
  /** Wait between two looks at the applications of an attempt whose worker is lost, or which is to end. */
  applicationAskIntervalMs: ms.default(5_000),
  /** Attempts of one task that may be lost with their workers before the task fails. */
  lossesMax: z.int().min(0).default(5),
  /** After so many events of a run the log tells the hash of its state, to be compared with a replay. 0: never. */
  stateHashEveryEvents: z.int().min(0).default(0),
});

export const secretsConfigSchema = z.strictObject({
  /** Folder with a file for each secret; the name of the file is that of the secret. Absent: none. */
  folder: z.string().optional(),
  /** Variables of the worker's environment that are secrets of that name; no others are. */
  variables: z.array(z.string()).default([]),
});

export const workerConfigSchema = z.strictObject({
  /** Default: host name and a number. Must stay the same over restarts. */
  id: workerIdSchema.optional(),
  groups: z.array(workerGroupSchema).min(1).prefault(['default']),
  /** Attempts that may run at once. */
  slots: z.int().min(1).max(10_000).default(16),
  heartbeatIntervalMs: ms.default(1_000),
  /** First wait before unacked reports are repeated; doubles up to the longest. */
  reportRetryDelayMs: ms.default(500),
  reportRetryDelayMaxMs: ms.default(10_000),
  /**
   * A worker that could not renew its membership for longer than this has lost its lease: it takes no new attempts, and acts
   * as `onLeaseLost` says. Measured by the worker's own clock from its last renewal. Must be shorter than the masters'
   * `workerAbsenceMaxMs`, so that the worker has acted before its attempts are given away.
   */
  leaseLossMaxMs: ms.default(4_000),
  /**
   * `keep`: its attempts run on; their results count if no other worker has been given the attempt meanwhile. `kill`: they
   * are ended at once, those of shell tasks even when the worker itself is frozen or dead: nothing runs twice at a time.
   */
  onLeaseLost: z.enum(['keep', 'kill']).default('keep'),
  /** How long the process that runs shell attempts stays when it has none and its worker is gone. */
  supervisorIdleMs: ms.default(60_000),
  /** How long a stopping worker lets its attempts run on. */
  drainDeadlineMs: ms.default(10_000),
  /** Output of one attempt that is kept; more is dropped with a note. */
  logSizeBytesMax: ms.default(16_777_216),
  outputSizeBytesMax: ms.default(65_536),
  /** Time to keep logs and working folders of ended attempts. */
  retentionMs: ms.default(604_800_000),
  secrets: secretsConfigSchema.prefault({}),
});

/** How a cluster is asked: the same for all kinds. */
const clusterTimings = {
  /** Longest wait for one answer. */
  requestTimeoutMs: ms.default(10_000),
  /** Times that a request is sent in all, over all addresses, before the cluster counts as away. */
  attemptsMax: z.int().min(1).max(100).default(6),
  /** Wait after a round over all addresses without an answer; doubles from round to round. */
  retryDelayMs: ms.default(500),
  /** How long the end of a killed application is waited for; the kill is repeated meanwhile. */
  killTimeoutMs: ms.default(60_000),
  killRepeatIntervalMs: ms.default(1_000),
  /** File with the certificates of the authorities that are trusted, as PEM. Absent: those of Node.js. */
  caFile: z.string().optional(),
  /** File with a bearer token, read anew for each request. */
  tokenFile: z.string().optional(),
};

const clusterAddressSchema = z.url({ protocol: /^https?$/, error: 'an address begins with http:// or https://' });

export const yarnClusterConfigSchema = z.strictObject({
  kind: z.literal('yarn'),
  /** Web addresses of its ResourceManagers, standbys too: `http://rm-1:8088`. */
  addresses: z.array(clusterAddressSchema).min(1),
  /** In whose name applications are read and killed (`user.name`). */
  user: z.string().min(1),
  ...clusterTimings,
});

export const kubernetesClusterConfigSchema = z
  .strictObject({
    kind: z.literal('kubernetes'),
    /** Addresses of its API, where no kubeconfig names one: `https://10.0.0.1:6443`. */
    addresses: z.array(clusterAddressSchema).default([]),
    /** File that says where the API is and who asks. */
    kubeconfig: z.string().optional(),
    /** Context of the kubeconfig. Absent: its current one. */
    context: z.string().optional(),
    /** Where Jobs and pods are looked for. Absent: the namespace of the context, else `default`. */
    namespace: z.string().min(1).optional(),
    ...clusterTimings,
  })
  .refine(({ addresses, kubeconfig }) => addresses.length > 0 !== (kubeconfig !== undefined), {
    path: ['addresses'],
    error: 'either addresses or a kubeconfig',
  });

export const clusterConfigSchema = z.discriminatedUnion('kind', [
  yarnClusterConfigSchema,
  kubernetesClusterConfigSchema,
]);

export const configSchema = z.strictObject({
  /** Folder for everything that is kept on this machine. */
  dataDir: z.string().default('.millrace'),
  /** How other machines reach this one; goes into OwnershipTaken and takeover messages. Default: the host name. */
  host: z.string().optional(),
  logLevel: z.enum(['error', 'warn', 'info', 'debug']).default('info'),
  nats: natsConfigSchema.prefault({}),
  store: storeConfigSchema.prefault({}),
  master: masterConfigSchema.prefault({}),
  worker: workerConfigSchema.prefault({}),
  /** Packages, or files, that give task types. Found from the folder in which the process is started. */
  plugins: z.array(z.string()).default([]),
  /** Clusters whose applications tasks start, by the name that tasks use. Only in the file: they have no variables. */
  clusters: z.record(clusterNameSchema, clusterConfigSchema).default({}),
});

export type Balancer = z.infer<typeof balancerSchema>;
export type NatsConfig = z.infer<typeof natsConfigSchema>;
export type StoreConfig = z.infer<typeof storeConfigSchema>;
export type MasterConfig = z.infer<typeof masterConfigSchema>;
export type WorkerConfig = z.infer<typeof workerConfigSchema>;
export type YarnClusterConfig = z.infer<typeof yarnClusterConfigSchema>;
export type KubernetesClusterConfig = z.infer<typeof kubernetesClusterConfigSchema>;
export type ClusterConfig = z.infer<typeof clusterConfigSchema>;
export type Config = z.infer<typeof configSchema>;
