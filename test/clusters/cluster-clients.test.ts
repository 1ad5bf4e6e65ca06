import { expect, it } from 'vitest';
import { createClusterClients } from '../../src/clusters/cluster-clients.adapter.ts';
import { clusterConfig, surroundings } from '../kit/cluster-configs.ts';

it('each cluster of the configuration has a client of its kind; another name is told with the nearest', () => {
  const clients = createClusterClients(
    {
      prod: clusterConfig({ kind: 'yarn', addresses: ['http://rm:8088'], user: 'etl' }),
      pods: clusterConfig({ kind: 'kubernetes', addresses: ['https://k:6443'] }),
    },
    surroundings,
  );
  expect([clients.named('prod').kind, clients.named('pods').kind]).toEqual(['yarn', 'kubernetes']);
  const refusal = { code: 'CLUSTER_UNKNOWN', message: expect.stringContaining('Did you mean "prod"?') };
  expect(() => clients.named('prd')).toThrow(expect.objectContaining(refusal));
});
