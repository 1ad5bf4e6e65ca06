import { describe, expect, it } from 'vitest';
import { type ClientName, clientNames } from '../../schemas/clusters/application-ids.ts';
import { fileFinder } from '../../src/clusters/application-file.ts';
import { applicationCountMax, outputFinder } from '../../src/clusters/application-finder.ts';
import { submittedIn } from '../../src/clusters/client-lines.ts';

const id = 'application_1700000000000_0042';

describe('a line of a client', () => {
  it.each<[ClientName, string]>([
    ['spark', `24/03/01 12:00:01 INFO Client: Submitting application ${id} to ResourceManager`],
    ['spark', `24/03/01 12:00:01 INFO yarn.Client: Submitting application ${id} to ResourceManager`],
    [
      'spark',
      `2024-03-01 12:00:01,123 INFO org.apache.spark.deploy.yarn.Client: Submitting application ${id} to ResourceManager`,
    ],
    ['spark', `24/03/01 12:00:01 INFO YarnClientImpl: Submitted application ${id}`],
    [
      'flink',
      `2024-03-01 12:00:01,123 INFO  org.apache.flink.yarn.YarnClusterDescriptor                  [] - Submitting application master ${id}`,
    ],
    [
      'flink',
      `2024-03-01 12:00:01,123 INFO  org.apache.hadoop.yarn.client.api.impl.YarnClientImpl [] - Submitted application ${id}`,
    ],
    [
      'mapreduce',
      '2024-03-01 12:00:01,123 INFO mapreduce.JobSubmitter: Submitting tokens for job: job_1700000000000_0042',
    ],
    ['mapreduce', `2024-03-01 12:00:01,123 INFO impl.YarnClientImpl: Submitted application ${id}`],
    ['yarn', `2024-03-01T12:00:01.123Z [main] INFO impl.YarnClientImpl: Submitted application ${id}`],
  ])('of %s that submits says the id: %s', (client, line) => {
    expect(submittedIn(line, client)).toBe(id);
  });

  it('of spark on Kubernetes says the pod of the driver', () => {
    const line =
      '24/03/01 12:00:01 INFO LoggingPodStatusWatcherImpl: Deployed Spark application daily sums with application ID spark-1a2b and submission ID etl:daily-sums-1a2b-driver into Kubernetes';
    expect(submittedIn(line, 'spark')).toBe('pod/etl/daily-sums-1a2b-driver');
  });

  it.each([
    ['the id alone', id],
    ['words of a user', `my job is ${id}`],
    [
      'a list of applications',
      `${id}\tdaily\tSPARK\tetl\tdefault\tRUNNING\tUNDEFINED\t10%\thttp://rm:8088/proxy/${id}/`,
    ],
    ['the status of one', `\tApplication-Id : ${id}`],
    ['a kill', `2024-03-01 12:00:01,123 INFO impl.YarnClientImpl: Killed application ${id}`],
    ['a kill that goes on', `Killing application ${id}`],
    ['a report on another', `24/03/01 12:00:01 INFO Client: Application report for ${id} (state: RUNNING)`],
    [
      'a session that is attached to',
      `2024-03-01 12:00:01,123 INFO  org.apache.flink.yarn.YarnClusterDescriptor [] - Found Web Interface rm:8081 of application '${id}'.`,
    ],
    [
      'the URL of a job',
      `2024-03-01 12:00:01,123 INFO mapreduce.Job: The url to track the job: http://rm:8088/proxy/${id}/`,
    ],
    ['a client line that is quoted', `found: 24/03/01 12:00:01 INFO YarnClientImpl: Submitted application ${id}`],
    ['a client line with a tail', `24/03/01 12:00:01 INFO YarnClientImpl: Submitted application ${id} said grep`],
    ['a line without a time', `INFO YarnClientImpl: Submitted application ${id}`],
    ['another logger', `24/03/01 12:00:01 INFO MyJob: Submitted application ${id}`],
    ['another level', `24/03/01 12:00:01 DEBUG YarnClientImpl: Submitted application ${id}`],
  ])('is no submission: %s', (_name, line) => {
    for (const client of clientNames) expect(submittedIn(line, client)).toBeUndefined();
  });

  it('of one client is none of another', () => {
    const spark = `24/03/01 12:00:01 INFO Client: Submitting application ${id} to ResourceManager`;
    expect(clientNames.filter((client) => submittedIn(spark, client) !== undefined)).toEqual(['spark']);
  });

  it('with endless words costs no endless time', () => {
    const line = `24/03/01 12:00:01 INFO ${'a.'.repeat(2_000)}`;
    for (const client of clientNames) expect(submittedIn(line, client)).toBeUndefined();
  });
});

const submitted = (number: number) =>
  `24/03/01 12:00:01 INFO YarnClientImpl: Submitted application application_1700000000000_${String(number).padStart(4, '0')}\n`;

function found(...pieces: (string | Uint8Array)[]): string[] {
  const ids: string[] = [];
  const finder = outputFinder('spark', (one) => ids.push(one.slice(-4)));
  for (const piece of pieces) finder.write(Buffer.from(piece as string));
  finder.end();
  return ids;
}

describe('ids in an output', () => {
  it('are found in pieces of any size, each once, in their order', () => {
    const text = `start\r\n${submitted(2)}${submitted(1)}Ärger 😀\n${submitted(2)}${submitted(3).replace('\n', '\r\n')}`;
    const bytes = Buffer.from(text);
    for (let sizeBytes = 1; sizeBytes < 40; sizeBytes += 1) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / sizeBytes) }, (_, i) =>
        bytes.subarray(i * sizeBytes, (i + 1) * sizeBytes),
      );
      expect(found(...pieces)).toEqual(['0002', '0001', '0003']);
    }
  });

  it('are told as soon as their line ends', () => {
    const ids: string[] = [];
    const finder = outputFinder('spark', (one) => ids.push(one));
    finder.write(Buffer.from(submitted(1).slice(0, -1)));
    expect(ids).toEqual([]);
    finder.write(Buffer.from('\n'));
    expect(ids).toHaveLength(1);
  });

  it('are not found in a line that is too long, but in the next', () => {
    expect(found('x'.repeat(10_000), submitted(1), submitted(2))).toEqual(['0002']);
  });

  it('have a bound', () => {
    const lines = Array.from({ length: applicationCountMax + 10 }, (_, number) => submitted(number + 1));
    expect(found(lines.join(''))).toHaveLength(applicationCountMax);
  });
});

it('the file of a program names ids of any kind; what is no line of it says nothing', () => {
  const ids: string[] = [];
  const finder = fileFinder((one) => ids.push(one));
  const lines = [
    JSON.stringify({ id }),
    'not JSON',
    JSON.stringify({ id: 'application_x' }),
    JSON.stringify({ id: 'job/../secrets/x' }),
    JSON.stringify({ id, more: 1 }),
    JSON.stringify(id),
    submitted(7).trim(),
    JSON.stringify({ id }),
    '{"id":"job/etl/sums"}',
  ];
  finder.write(Buffer.from(lines.join('\n')));
  finder.end();
  expect(ids).toEqual([id, 'job/etl/sums']);
});
