/**
 * A kubeconfig: where the API is, and with what credentials its user asks. Tokens, certificates and passwords are read;
 * programs that fetch credentials (`exec`, `auth-provider`) are not run.
 */
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { parse } from 'yaml';
import { type Kubeconfig, kubeconfigSchema } from '../../schemas/clusters/kubeconfig.schema.ts';
import { AppError } from '../errors/app-error.ts';
import { bearer } from './cluster-place.ts';
import type { ClusterPlace } from './cluster-session.ts';

export type KubeconfigPlace = ClusterPlace & { namespace: string | undefined };

type Named = { path: string; context: string | undefined; caFile?: string | undefined; tokenFile?: string | undefined };
type User = NonNullable<Kubeconfig['users'][number]['user']>;
type Place = Kubeconfig['clusters'][number]['cluster'];

/** @throws AppError BAD_CONFIGURATION */
export async function placeOfKubeconfig({ path, ...wanted }: Named): Promise<KubeconfigPlace> {
  const config = await readKubeconfig(path);
  const contextName = wanted.context ?? config['current-context'];
  const context = config.contexts.find(({ name }) => name === contextName)?.context;
  if (context === undefined) throw unfit(path, 'a context', contextName);
  const place = config.clusters.find(({ name }) => name === context.cluster)?.cluster;
  if (place === undefined) throw unfit(path, 'a cluster', context.cluster);
  const user = config.users.find(({ name }) => name === context.user)?.user ?? {};
  if (user.exec !== undefined || user['auth-provider'] !== undefined) throw noPrograms(path, context.user);
  const read = (reference: string | undefined) => readNear(path, reference);
  return {
    addresses: [place.server],
    namespace: context.namespace,
    headers: await headersOf(user, wanted.tokenFile, read),
    tls: await tlsOf(place, user, (reference) => read(reference ?? undefined), wanted.caFile),
  };
}

type Read = (reference: string | undefined) => Promise<string | undefined>;

async function readKubeconfig(path: string): Promise<Kubeconfig> {
  const text = await readNear('', path);
  const parsed = kubeconfigSchema.safeParse(parsedYaml(text ?? ''));
  if (parsed.success) return parsed.data;
  throw unfit(path, 'a kubeconfig', parsed.error.issues[0]?.message);
}

async function headersOf(user: User, tokenFile: string | undefined, read: Read): Promise<Record<string, string>> {
  const token = user.token ?? (await read(tokenFile ?? user.tokenFile));
  if (token !== undefined) return bearer(token);
  if (user.username === undefined) return {};
  const basic = Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64');
  return { authorization: `Basic ${basic}` };
}

async function tlsOf(place: Place, user: User, read: Read, caFile: string | undefined): Promise<ClusterPlace['tls']> {
  return {
    ca: decoded(place['certificate-authority-data']) ?? (await read(caFile ?? place['certificate-authority'])),
    cert: decoded(user['client-certificate-data']) ?? (await read(user['client-certificate'])),
    key: decoded(user['client-key-data']) ?? (await read(user['client-key'])),
    ...(place['insecure-skip-tls-verify'] === true && { rejectUnauthorized: false }),
  };
}

function decoded(base64: string | undefined): string | undefined {
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString('utf8');
}

/** Paths in a kubeconfig are relative to its folder. */
async function readNear(kubeconfigPath: string, reference: string | undefined): Promise<string | undefined> {
  if (reference === undefined) return undefined;
  const path = isAbsolute(reference) ? reference : join(dirname(kubeconfigPath), reference);
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw unfit(path, 'a readable file', (cause as NodeJS.ErrnoException).code);
  }
}

function parsedYaml(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined; // No YAML fits no schema.
  }
}

function unfit(path: string, expected: string, found: string | undefined): AppError {
  return new AppError('BAD_CONFIGURATION', `${path}: expected ${expected}, found ${found ?? 'none'}.`);
}

function noPrograms(path: string, user: string | undefined): AppError {
  return new AppError(
    'BAD_CONFIGURATION',
    `${path}: the user ${user ?? ''} gets its credentials from a program, which is not run here. Give a token (tokenFile) or a client certificate.`,
  );
}
