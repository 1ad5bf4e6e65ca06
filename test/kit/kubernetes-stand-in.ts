/**
 * Stands in for the API of Kubernetes, as far as Jobs and pods are made, listed by label, looked at and deleted. It is wrong
 * in the ways that real ones are: deletions that take long, objects that were replaced, answers of a gateway.
 */
import { randomUUID } from 'node:crypto';
import { type StandInAnswer, type StandInRequest, StandInServer } from './stand-in-server.ts';

export type StandInObject = {
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    labels: Record<string, string>;
    deletionTimestamp?: string;
    ownerReferences?: { kind: string; name: string }[];
  };
  status: object;
};

export class KubernetesStandIn {
  readonly objects: Record<'jobs' | 'pods', StandInObject[]> = { jobs: [], pods: [] };
  readonly server: StandInServer;
  /** Looks at a deleted object before it is gone. */
  looksToGone = 1;
  /** Bearer token that is wanted. */
  token: string | undefined;
  /** Whether a Job that is made gets a pod at once. */
  makesPods = true;
  /** Verbs that are forbidden: `delete`. */
  forbidden = new Set<string>();
  private readonly dying = new Map<string, number>();
  /** Lines of pods by their name, each with its time. */
  private readonly logs = new Map<string, string[]>();
  /** Bodies of the Jobs that were made. */
  readonly made: Record<string, unknown>[] = [];

  private constructor(tls?: { key: string; cert: string }) {
    this.server = new StandInServer((request) => this.route(request), tls);
  }

  static async start(tls?: { key: string; cert: string }): Promise<KubernetesStandIn> {
    const standIn = new KubernetesStandIn(tls);
    await standIn.server.listen();
    return standIn;
  }

  add(
    kind: 'jobs' | 'pods',
    name: string,
    part: { labels?: Record<string, string>; status?: object } = {},
  ): StandInObject {
    const { labels = {}, status = {} } = part;
    const made = { metadata: { name, namespace: 'default', uid: randomUUID(), labels }, status };
    this.objects[kind].push(made);
    return made;
  }

  /** The pod of a Job writes lines, each a tenth of a second after the one before. */
  say(job: string, ...texts: string[]): void {
    const lines = this.logs.get(podOf(job)) ?? [];
    for (const text of texts) {
      const time = new Date(Date.UTC(2030, 0, 31) + lines.length * 100).toISOString().replace('Z', '000001Z');
      lines.push(`${time} ${text}\n`);
    }
    this.logs.set(podOf(job), lines);
  }

  /** The pod of a Job ends, and the Job with it. */
  end(job: string, exitCode: number): void {
    const isGood = exitCode === 0;
    const condition = isGood ? { type: 'Complete' } : { type: 'Failed', reason: 'BackoffLimitExceeded' };
    const terminated = { name: 'main', state: { terminated: { exitCode } } };
    for (const pod of this.objects.pods.filter((one) => one.metadata.name === podOf(job))) {
      Object.assign(pod.status, { phase: isGood ? 'Succeeded' : 'Failed', containerStatuses: [terminated] });
    }
    const found = this.objects.jobs.find(({ metadata }) => metadata.name === job);
    if (found !== undefined) Object.assign(found.status, { conditions: [{ ...condition, status: 'True' }] });
  }

  close(): Promise<void> {
    return this.server.close();
  }

  private route(request: StandInRequest): StandInAnswer {
    const { method, url, headers } = request;
    const match = /^\/(?:api\/v1|apis\/batch\/v1)\/namespaces\/([^/]+)\/(jobs|pods)(?:\/([^/]+?)(\/log)?)?$/.exec(
      url.pathname,
    );
    if (match === null) return { status: 404, body: '404 page not found\n' };
    if (this.token !== undefined && headers.authorization !== `Bearer ${this.token}`)
      return status(401, 'Unauthorized');
    const verb = method.toLowerCase();
    const [, namespace = '', resource = '', name, log] = match;
    const kind = resource as 'jobs' | 'pods'; // The pattern admits no other.
    if (this.forbidden.has(verb)) return status(403, 'Forbidden', `${kind} is forbidden: User "etl" cannot ${verb}`);
    if (name === undefined) {
      return method === 'POST' ? this.create(kind, namespace, request) : this.list(kind, namespace, url.searchParams);
    }
    const found = this.objects[kind].find(({ metadata }) => metadata.name === name && metadata.namespace === namespace);
    if (found === undefined) return status(404, 'NotFound', `${kind} "${name}" not found`);
    if (log !== undefined) return this.logAfter(found, url.searchParams);
    return method === 'DELETE' ? this.remove(found, request) : this.look(kind, found);
  }

  private create(kind: 'jobs' | 'pods', namespace: string, { body }: StandInRequest): StandInAnswer {
    const sent = JSON.parse(body) as { metadata: { name: string; labels: Record<string, string> } };
    const { name, labels } = sent.metadata;
    const isTaken = this.objects[kind].some(({ metadata }) => metadata.name === name);
    if (isTaken) return status(409, 'AlreadyExists', `${kind} "${name}" already exists`);
    const made = this.add(kind, name, { labels });
    made.metadata.namespace = namespace;
    this.made.push(sent);
    if (kind === 'jobs' && this.makesPods) this.addPod(made);
    return { status: 201, body: made };
  }

  private addPod({ metadata: { name, namespace, labels } }: StandInObject): void {
    const status = { phase: 'Running' };
    const pod = this.add('pods', podOf(name), { labels: { ...labels, 'job-name': name }, status });
    pod.metadata.namespace = namespace;
    pod.metadata.ownerReferences = [{ kind: 'Job', name }];
  }

  private logAfter({ metadata }: StandInObject, query: URLSearchParams): StandInAnswer {
    const since = query.get('sinceTime') ?? '';
    const lines = this.logs.get(metadata.name) ?? [];
    return { status: 200, body: lines.filter((line) => line >= since.replace('Z', '')).join('') };
  }

  private list(kind: 'jobs' | 'pods', namespace: string, query: URLSearchParams): StandInAnswer {
    const [label = '', value] = (query.get('labelSelector') ?? '').split('=');
    const items = this.objects[kind].filter(
      ({ metadata }) => metadata.namespace === namespace && metadata.labels[label] === value,
    );
    return { status: 200, body: { kind: 'List', items } };
  }

  private look(kind: 'jobs' | 'pods', found: StandInObject): StandInAnswer {
    const left = this.dying.get(found.metadata.uid);
    if (left === undefined) return { status: 200, body: found };
    this.dying.set(found.metadata.uid, left - 1);
    if (left > 0) return { status: 200, body: found };
    this.objects[kind] = this.objects[kind].filter((one) => one !== found);
    const isItsPod = ({ metadata }: StandInObject) => metadata.ownerReferences?.[0]?.name === found.metadata.name;
    if (kind === 'jobs') this.objects.pods = this.objects.pods.filter((pod) => !isItsPod(pod));
    return status(404, 'NotFound', `${kind} "${found.metadata.name}" not found`);
  }

  private remove(found: StandInObject, { body }: StandInRequest): StandInAnswer {
    const { preconditions } = JSON.parse(body) as { preconditions?: { uid?: string } };
    const { uid } = found.metadata;
    if (preconditions?.uid !== undefined && preconditions.uid !== uid) return status(409, 'Conflict');
    found.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    if (!this.dying.has(uid)) this.dying.set(uid, this.looksToGone);
    return { status: 200, body: found };
  }
}

function status(code: number, reason: string, message: string = reason): StandInAnswer {
  return { status: code, body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, message, code } };
}

const podOf = (job: string) => `${job}-abcde`;
