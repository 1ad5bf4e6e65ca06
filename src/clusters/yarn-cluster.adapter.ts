/**
 * YARN, by the REST interface of its ResourceManagers. Authentication is `user.name`, and a bearer token where a gateway
 * wants one; not Kerberos.
 */
import {
  yarnAppAnswerSchema,
  yarnAppsAnswerSchema,
  yarnFaultSchema,
} from '../../schemas/clusters/yarn-answers.schema.ts';
import type { YarnClusterConfig } from '../../schemas/config.schema.ts';
import { answerAs, invalid, parseAnswer, refused } from './cluster-answers.ts';
import type { ClusterClient } from './cluster-client.port.ts';
import { configuredPlace } from './cluster-place.ts';
import type { ClusterAnswer } from './cluster-request.ts';
import { ClusterSession, type ClusterSurroundings } from './cluster-session.ts';
import { killUntilEnded, unknownApplication } from './kill-until-ended.ts';
import { applicationOfYarn } from './yarn-application.ts';

const apps = 'ws/v1/cluster/apps';

export function createYarnCluster(
  name: string,
  config: YarnClusterConfig,
  surroundings: ClusterSurroundings,
): ClusterClient {
  const session = new ClusterSession(
    { name, timings: config, placeOf: () => configuredPlace(name, config) },
    surroundings,
  );
  const user = `user.name=${encodeURIComponent(config.user)}`;
  const pathOf = (id: string): string => `${apps}/${encodeURIComponent(id)}`;

  const look = async (id: string, signal?: AbortSignal) => {
    const answer = await session.ask({ method: 'GET', path: `${pathOf(id)}?${user}`, signal });
    if (isUnknown(answer, name)) return { application: unknownApplication(id), isKnown: false };
    return { application: applicationOfYarn(parseAnswer(yarnAppAnswerSchema, answer, name).app), isKnown: true };
  };

  return {
    name,
    kind: 'yarn',
    find: async (id, signal) => (await look(id, signal)).application,
    findByTag: async (tag, signal) => {
      // YARN keeps tags in small letters.
      const path = `${apps}?applicationTags=${encodeURIComponent(tag.toLowerCase())}&${user}`;
      const answer = await session.ask({ method: 'GET', path, signal });
      checkAllowed(answer, name);
      const found = parseAnswer(yarnAppsAnswerSchema, answer, name).apps;
      return [(found || undefined)?.app ?? []].flat().map(applicationOfYarn);
    },
    kill: (id, signal) => {
      const killOnce = async () => {
        const path = `${pathOf(id)}/state?${user}`;
        const answer = await session.ask({ method: 'PUT', path, body: { state: 'KILLED' }, signal });
        if (isUnknown(answer, name)) return { application: unknownApplication(id), isKnown: false };
        // 200 and 202 alike: what counts is the state that the application has then.
        return await look(id, signal);
      };
      return killUntilEnded(killOnce, config, { clock: surroundings.clock, signal });
    },
  };
}

/** Only a ResourceManager that says so itself does not know an application: a gateway says 404 too. */
function isUnknown(answer: ClusterAnswer, cluster: string): boolean {
  checkAllowed(answer, cluster);
  if (answer.status < 400) return false;
  const fault = answerAs(yarnFaultSchema, answer)?.RemoteException;
  // An id that has not the form of one is refused with 400; nothing is known by it.
  const isNotFound = fault !== undefined && (answer.status === 404 || answer.status === 400);
  if (isNotFound) return true;
  throw invalid(answer, cluster);
}

function checkAllowed(answer: ClusterAnswer, cluster: string): void {
  if (answer.status !== 401 && answer.status !== 403) return;
  throw refused(cluster, answer, answerAs(yarnFaultSchema, answer)?.RemoteException.message);
}
