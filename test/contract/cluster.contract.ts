/** What every cluster client does, whatever the cluster: with a stand-in, and with a real one. */
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { ClusterClient } from '../../src/clusters/cluster-client.port.ts';

export type ClusterUnderTest = {
  client: () => ClusterClient;
  /** Starts an application that would live for minutes; its id. */
  submit(tag: string): Promise<string>;
  /** An id that nothing has. */
  strangeId: string;
};

export function clusterContract(name: string, { client, submit, strangeId }: ClusterUnderTest): void {
  describe(`a cluster client of ${name}`, () => {
    it('does not know what is not there', async () => {
      expect(await client().find(strangeId)).toEqual({ id: strangeId, state: 'unknown', hasEnded: false, tags: [] });
      expect(await client().findByTag(randomUUID())).toEqual([]);
      expect(await client().kill(strangeId)).toMatchObject({ kind: 'unknown', application: { id: strangeId } });
    });

    it('finds an application by its id and by its tag, and no other by it', async () => {
      const tag = randomUUID();
      const [id, other] = [await submit(tag), await submit(randomUUID())];
      const found = await client().find(id);
      expect(found).toMatchObject({ id, hasEnded: false, tags: [tag] });
      expect(['accepted', 'running']).toContain(found.state);
      expect((await client().findByTag(tag)).map((one) => one.id)).toEqual([id]);
      await client().kill(id);
      await client().kill(other);
    });

    it('finds all of several with one tag', async () => {
      const tag = randomUUID();
      const ids = [await submit(tag), await submit(tag)];
      expect((await client().findByTag(tag)).map((one) => one.id).toSorted()).toEqual(ids.toSorted());
      for (const id of ids) await client().kill(id);
    });

    it('kills one, sees its end, and kills it again without harm', async () => {
      const id = await submit(randomUUID());
      const answer = await client().kill(id);
      expect(answer).toMatchObject({ kind: 'ended', application: { id, state: 'killed', hasEnded: true } });
      const again = await client().kill(id);
      expect(again.application.state).toBe(again.kind === 'ended' ? 'killed' : 'unknown');
      expect(again.kind).not.toBe('pending');
    });
  });
}
