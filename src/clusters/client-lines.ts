/**
 * Lines in which the clients of clusters say the id of an application that they submit. Nothing else counts: not an id
 * that a program prints, a list of `yarn application -list`, or an application that a client only attaches to, kills or
 * asks about. What is recognised is the whole line: time, level, logger and the words of the client.
 */
import { type ClientName, kubernetesIdPattern, yarnIdPattern } from '../../schemas/clusters/application-ids.ts';

type Recogniser = { line: RegExp; idOf: (match: RegExpExecArray) => string };

const time = String.raw`(?:\d{2}\/\d{2}\/\d{2}|\d{4}-\d{2}-\d{2})[ T]\d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?Z?`;
const yarnId = String.raw`(application_\d+_\d+)`;

/** `24/03/01 12:00:01 INFO yarn.Client: words`, or Flink's `2024-03-01 12:00:01,123 INFO  a.b.C [] - words`. */
function logged(loggers: string, words: string): RegExp {
  const thread = String.raw`(?:\[[^\]]{0,200}\] ?)?`;
  const between = `(?:: | *${thread}- )`;
  return new RegExp(String.raw`^${time} ${thread}INFO +(?:[\w.]+\.)?(?:${loggers})${between}${words}$`);
}

const wholeId = (match: RegExpExecArray): string => match[1] ?? '';

/** The library of Hadoop that all of them submit with. */
const hadoop: Recogniser = { line: logged('YarnClientImpl', `Submitted application ${yarnId}`), idOf: wholeId };

const recognisers: Readonly<Record<ClientName, readonly Recogniser[]>> = {
  spark: [
    hadoop,
    { line: logged('Client', `Submitting application ${yarnId} to ResourceManager`), idOf: wholeId },
    {
      // On Kubernetes the submission is the pod of the driver.
      line: logged(
        'LoggingPodStatusWatcherImpl|KubernetesClientApplication|Client',
        String.raw`Deployed Spark application .{0,500} with application ID \S+ and submission ID ([a-z0-9-]+):([a-z0-9.-]+) into Kubernetes\.?`,
      ),
      idOf: ([, namespace, pod]) => `pod/${namespace}/${pod}`,
    },
  ],
  flink: [hadoop, { line: logged('YarnClusterDescriptor', `Submitting application master ${yarnId}`), idOf: wholeId }],
  mapreduce: [
    hadoop,
    {
      // Said before the application exists: the job has its number.
      line: logged('JobSubmitter', String.raw`Submitting tokens for job: job_(\d+_\d+)`),
      idOf: ([, numbers]) => `application_${numbers}`,
    },
  ],
  yarn: [hadoop],
};

/** The id that a client says in this line to have submitted. */
export function submittedIn(line: string, client: ClientName): string | undefined {
  for (const { line: pattern, idOf } of recognisers[client]) {
    const match = pattern.exec(line);
    if (match === null) continue;
    const id = idOf(match);
    if (yarnIdPattern.test(id) || kubernetesIdPattern.test(id)) return id;
  }
  return undefined;
}
