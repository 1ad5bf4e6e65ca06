/**
 * Stands in for `spark-submit`, `flink`, `hadoop` and `yarn`: submits to the ResourceManager of STAND_IN_RM, prints what the real
 * client prints, and waits for the end of the application where the real one does. `application -list` lists.
 */
import { setTimeout as sleep } from 'node:timers/promises';

const [program, ...words] = process.argv.slice(2);
const { STAND_IN_RM: manager, STAND_IN_TAG: givenTag, STAND_IN_USER: user = 'etl' } = process.env;
const tagOption = /^(?:-D)?(?:spark\.yarn\.tags|yarn\.tags|mapreduce\.job\.tags)=(.*)$/;
const tag = givenTag ?? words.map((word) => tagOption.exec(word)?.[1]).find((found) => found !== undefined) ?? '';
const time = { spark: '24/03/01 12:00:01', flink: '2024-03-01 12:00:01,123', hadoop: '2024-03-01 12:00:01,123' };
const ended = ['FINISHED', 'FAILED', 'KILLED'];

async function ask(method, path, body) {
  const url = `${manager}/ws/v1/cluster/${path}?user.name=${user}`;
  const answer = await fetch(url, { method, ...(body && { body: JSON.stringify(body) }) });
  const text = await answer.text();
  return text === '' ? {} : JSON.parse(text);
}

async function submit(name) {
  const { 'application-id': id } = await ask('POST', 'apps/new-application');
  await ask('POST', 'apps', { 'application-id': id, 'application-name': name, 'application-tags': { tag } });
  return id;
}

const stateOf = async (id) => (await ask('GET', `apps/${id}`)).app ?? { state: 'FINISHED', finalStatus: 'UNDEFINED' };

/** Calls back with each new state until the end; the final status. */
async function follow(id, onState) {
  for (let last = ''; ; await sleep(20)) {
    const { state, finalStatus } = await stateOf(id);
    if (state !== last) onState(state);
    if (ended.includes(state)) return finalStatus;
    last = state;
  }
}

const clients = {
  'spark-submit': async () => {
    const id = await submit('spark');
    const say = (text) => console.error(`${time.spark} INFO Client: ${text}`);
    say('Uploading resource file:/tmp/spark/__spark_conf__.zip -> hdfs://nn/user/etl/.sparkStaging');
    say(`Submitting application ${id} to ResourceManager`);
    console.error(`${time.spark} INFO YarnClientImpl: Submitted application ${id}`);
    const status = await follow(id, (state) => say(`Application report for ${id} (state: ${state})`));
    return status === 'SUCCEEDED' ? 0 : 1;
  },
  flink: async () => {
    const logger = 'org.apache.flink.yarn.YarnClusterDescriptor';
    const say = (text) => console.log(`${time.flink} INFO  ${logger} [] - ${text}`);
    const session = words[words.indexOf('-yid') + 1];
    const isAttached = words.includes('-yid');
    const id = isAttached ? session : await submit('flink');
    if (!isAttached) {
      say(`Submitting application master ${id}`);
      console.log(
        `${time.flink} INFO  org.apache.hadoop.yarn.client.api.impl.YarnClientImpl [] - Submitted application ${id}`,
      );
    }
    say(`Found Web Interface rm:8081 of application '${id}'.`);
    console.log('Job has been submitted with JobID 0b7e5a1f2c3d4e5f60718293a4b5c6d7');
    return 0; // Detached: the application runs on.
  },
  hadoop: async () => {
    const id = await submit('mapreduce');
    const job = id.replace('application', 'job');
    const say = (text) => console.error(`${time.hadoop} INFO mapreduce.${text}`);
    say(`JobSubmitter: Submitting tokens for job: ${job}`);
    console.error(`${time.hadoop} INFO impl.YarnClientImpl: Submitted application ${id}`);
    say(`Job: The url to track the job: http://rm:8088/proxy/${id}/`);
    say(`Job: Running job: ${job}`);
    const status = await follow(id, () => say('Job:  map 0% reduce 0%'));
    say(`Job: Job ${job} ${status === 'SUCCEEDED' ? 'completed successfully' : `failed with state ${status}`}`);
    return status === 'SUCCEEDED' ? 0 : 1;
  },
  yarn: async () => {
    if (words[0] === 'application') return await list();
    const id = await submit('distributed shell');
    console.error(`${time.hadoop} INFO distributedshell.Client: Submitting application to ASM`);
    console.error(`${time.hadoop} INFO impl.YarnClientImpl: Submitted application ${id}`);
    return (await follow(id, () => {})) === 'SUCCEEDED' ? 0 : 1;
  },
};

async function list() {
  const apps = (await ask('GET', 'apps')).apps.app ?? [];
  console.log(`Total number of applications:${apps.length}\n                Application-Id\t    Application-Name`);
  for (const app of apps)
    console.log(`${app.id}\t${app.name}\tSPARK\t${app.user}\tdefault\t${app.state}\thttp://rm/${app.id}`);
  return 0;
}

process.exitCode = await clients[program]();
