/** A role whose parent dies does not stay behind, however far its start has come. */
import { rmSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { newFolder } from '../kit/process-cluster.ts';
import { killEverythingIn, spawnMillrace } from '../kit/processes.ts';

let folder = '';

beforeEach(() => {
  folder = newFolder('orphan');
});

afterEach(async () => {
  await killEverythingIn(folder);
  rmSync(folder, { recursive: true, force: true });
});

test('it ends when the parent dies at once', async () => {
  const store = spawnMillrace(['store'], { cwd: folder });
  store.loseParent();

  expect((await store.ended).signal).toBeNull();
});

test('it ends when the parent dies while it waits for its servers', async () => {
  const worker = spawnMillrace(['worker', '--nats', 'nats://127.0.0.1:9'], { cwd: folder });
  await worker.says('NATS cannot be reached yet');
  worker.loseParent();

  expect((await worker.ended).signal).toBeNull();
});

test('it stops in order when the parent dies later', async () => {
  const store = spawnMillrace(['store'], { cwd: folder });
  await store.whenReady;
  store.loseParent();

  expect(await store.ended).toEqual({ code: 0, signal: null });
});
