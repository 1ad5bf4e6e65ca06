/** The clients as programs, whose output is read while they run: known faults 18 and 19. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClientName } from '../../schemas/clusters/application-ids.ts';
import { outputFinder } from '../../src/clusters/application-finder.ts';
import { installStandInClients } from '../kit/stand-in-clients.ts';
import { YarnStandIn } from '../kit/yarn-stand-in.ts';

let yarn: YarnStandIn;
let folder: string;
let child: ChildProcess | undefined;
beforeEach(async () => {
  yarn = await YarnStandIn.start();
  folder = mkdtempSync(join(tmpdir(), 'clients-test-'));
});
afterEach(async () => {
  child?.kill('SIGKILL');
  await yarn.close();
  rmSync(folder, { recursive: true });
});

type Watched = {
  ids: string[];
  /** Resolves to the last of so many ids. */
  found(count: number): Promise<string>;
  exited: Promise<number>;
};

/** Runs a command, and looks for ids in both of its outputs. */
function watch(client: ClientName, command: string): Watched {
  const bin = installStandInClients(join(folder, 'bin'));
  const env = { PATH: `${bin}:${process.env.PATH}`, STAND_IN_RM: yarn.addresses[0], STAND_IN_TAG: 'Tag-1' };
  const process_ = spawn('/bin/sh', ['-c', command], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  child = process_;
  const ids: string[] = [];
  let look = (): void => {};
  const finders = [process_.stdout, process_.stderr].map((stream) => {
    const finder = outputFinder(client, (id) => {
      ids.push(id);
      look();
    });
    stream.on('data', (bytes: Buffer) => finder.write(bytes));
    return finder;
  });
  const exited = once(process_, 'close').then(([exitCode]) => {
    for (const finder of finders) finder.end();
    return exitCode as number; // Nothing kills it here.
  });
  const found = (count: number): Promise<string> =>
    new Promise((resolve) => {
      look = () => ids.length >= count && resolve(ids[count - 1] ?? '');
      look();
    });
  return { ids, found, exited };
}

const endAll = () => {
  for (const app of yarn.apps.values()) Object.assign(app, { state: 'FINISHED', finalStatus: 'SUCCEEDED' });
};

describe('an id', () => {
  it.each<[ClientName, string]>([
    ['spark', 'spark-submit --deploy-mode cluster job.jar'],
    ['mapreduce', 'hadoop jar job.jar'],
    ['yarn', 'yarn jar job.jar'],
  ])('is known while the client of %s runs', async (client, command) => {
    const watched = watch(client, command);
    const id = await watched.found(1);
    expect(yarn.apps.get(id)).toMatchObject({ state: 'ACCEPTED', applicationTags: 'tag-1' });
    endAll();
    expect(await watched.exited).toBe(0);
    expect(watched.ids).toEqual([id]);
  });

  it('of a detached flink is known; that of a session to which flink attaches is not its own', async () => {
    const session = yarn.submit({ name: 'session' });
    const watched = watch('flink', `flink run -yid ${session.id} job.jar; flink run -d job.jar`);
    expect(await watched.exited).toBe(0);
    const own = [...yarn.apps.values()].find(({ name }) => name === 'flink');
    expect(watched.ids).toEqual([own?.id]);
  });

  it('of somebody else that a command lists is not found (18)', async () => {
    const others = [yarn.submit(), yarn.submit()];
    const command = `yarn application -list; echo "${others[0]?.id}"; spark-submit job.jar; yarn application -list`;
    const watched = watch('spark', command);
    const id = await watched.found(1);
    endAll();
    expect(await watched.exited).toBe(0);
    expect(watched.ids).toEqual([id]);
    expect(others.map((other) => other.id)).not.toContain(id);
  });

  it('of each of several submissions is found (19)', async () => {
    const watched = watch('spark', 'spark-submit a.jar & spark-submit b.jar & wait; spark-submit c.jar');
    await watched.found(2);
    endAll();
    await watched.found(3);
    endAll();
    expect(await watched.exited).toBe(0);
    expect(watched.ids.toSorted()).toEqual([...yarn.apps.keys()].toSorted());
    expect(watched.ids).toHaveLength(3);
  });
});
