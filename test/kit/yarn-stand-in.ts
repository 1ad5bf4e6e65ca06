/**
 * Stands in for the ResourceManagers of a YARN cluster: one or several, one of them active, over one set of applications.
 * It follows the documented REST interface, and is wrong in the ways that real ones are: 202 for long, standbys that
 * redirect or do not know where to, applications that are forgotten or lose their history.
 */
import { type StandInAnswer, type StandInRequest, StandInServer } from './stand-in-server.ts';

export type StandInApp = {
  id: string;
  name: string;
  user: string;
  state: string;
  finalStatus: string;
  trackingUrl: string;
  diagnostics: string;
  /** As YARN keeps them: in small letters, separated by commas. */
  applicationTags: string;
  /** Kills that are answered with 202 before it is dead. */
  killsToGo: number;
};

export class YarnStandIn {
  readonly apps = new Map<string, StandInApp>();
  readonly managers: StandInServer[] = [];
  /** Index of the active ResourceManager; undefined while there is none. */
  active: number | undefined = 0;
  /** How a list without entries, or with one, is written: releases differ. */
  style: 'plain' | 'old' = 'plain';
  /** Who may kill what they did not submit. */
  admins = new Set(['admin']);
  private count = 0;

  static async start(managerCount = 1): Promise<YarnStandIn> {
    const standIn = new YarnStandIn();
    for (let index = 0; index < managerCount; index += 1) {
      const server = new StandInServer((request) => standIn.route(index, request));
      await server.listen();
      standIn.managers.push(server);
    }
    return standIn;
  }

  get addresses(): string[] {
    return this.managers.map(({ address }) => address);
  }

  submit(app: Partial<StandInApp> = {}): StandInApp {
    const whole: StandInApp = {
      id: app.id ?? this.nextId(),
      name: 'app',
      user: 'etl',
      state: 'ACCEPTED',
      finalStatus: 'UNDEFINED',
      trackingUrl: 'UNASSIGNED',
      diagnostics: '',
      applicationTags: '',
      killsToGo: 0,
      ...app,
    };
    this.apps.set(whole.id, whole);
    return whole;
  }

  async close(): Promise<void> {
    await Promise.all(this.managers.map((manager) => manager.close()));
  }

  private route(index: number, request: StandInRequest): StandInAnswer {
    if (index !== this.active) return this.standby(request);
    const { pathname, searchParams } = request.url;
    const [, , , , collection, id, part] = pathname.split('/');
    if (collection !== 'apps') return { status: 404, body: '<html>HTTP ERROR 404</html>' };
    if (id === 'new-application') return { status: 200, body: { 'application-id': this.nextId() } };
    if (id === undefined) return request.method === 'POST' ? this.submitted(request) : this.listed(searchParams);
    const app = this.apps.get(id);
    if (!/^application_\d+_\d+$/.test(id)) return fault(400, 'BadRequestException', `Invalid ApplicationId: ${id}`);
    if (app === undefined) return fault(404, 'NotFoundException', `java.lang.Exception: app with id: ${id} not found`);
    if (part === 'state' && request.method === 'PUT') return this.kill(app, request);
    return { status: 200, body: { app: told(app) } };
  }

  private standby({ url }: StandInRequest): StandInAnswer {
    const active = this.active === undefined ? undefined : this.managers[this.active];
    if (active === undefined) {
      return {
        status: 307,
        headers: { Refresh: '1;url=/' },
        body: 'Can not find any active RM. Will retry in next 1 seconds.',
      };
    }
    const location = `${active.address}${url.pathname}${url.search}`;
    return {
      status: 307,
      headers: { Location: location },
      body: `This is standby RM. The redirect url is: ${location}`,
    };
  }

  private nextId(): string {
    this.count += 1;
    return `application_1700000000000_${String(this.count).padStart(4, '0')}`;
  }

  private submitted({ body, url }: StandInRequest): StandInAnswer {
    const asked = JSON.parse(body) as Record<string, unknown>;
    const tags = (asked['application-tags'] as { tag: string } | undefined)?.tag ?? '';
    this.submit({
      id: String(asked['application-id']),
      name: String(asked['application-name']),
      user: url.searchParams.get('user.name') ?? 'dr.who',
      applicationTags: tags.toLowerCase(),
    });
    return { status: 202 };
  }

  private listed(query: URLSearchParams): StandInAnswer {
    const tags = (query.get('applicationTags') ?? '').split(',').filter((tag) => tag !== '');
    const found = [...this.apps.values()].filter(({ applicationTags }) =>
      tags.every((tag) => applicationTags.split(',').includes(tag)),
    );
    if (this.style === 'old') {
      const app = found.length === 1 ? told(found[0] as StandInApp) : found.map(told);
      return { status: 200, body: { apps: found.length === 0 ? null : { app } } };
    }
    return { status: 200, body: { apps: found.length === 0 ? {} : { app: found.map(told) } } };
  }

  private kill(app: StandInApp, { body, url }: StandInRequest): StandInAnswer {
    const user = url.searchParams.get('user.name');
    const isAllowed = user !== null && (user === app.user || this.admins.has(user));
    if (!isAllowed) {
      const message = `User ${user} cannot perform operation MODIFY_APP on ${app.id}`;
      return fault(user === null ? 401 : 403, 'ForbiddenException', message);
    }
    const { state } = JSON.parse(body) as { state: string };
    if (state !== 'KILLED') return fault(400, 'BadRequestException', `Only 'KILLED' is allowed as a target state.`);
    if (['FINISHED', 'FAILED', 'KILLED'].includes(app.state)) return { status: 200, body: { state: app.state } };
    if (app.killsToGo > 0) {
      app.killsToGo -= 1;
      return { status: 202, body: { state: app.state } };
    }
    Object.assign(app, { state: 'KILLED', finalStatus: 'KILLED', diagnostics: `Application killed by user ${user}` });
    return { status: 200, body: { state: 'KILLED' } };
  }
}

function told({ killsToGo: _, ...app }: StandInApp): object {
  return app;
}

function fault(status: number, exception: string, message: string): StandInAnswer {
  return { status, body: { RemoteException: { exception, message, javaClassName: `org.apache.hadoop.${exception}` } } };
}
