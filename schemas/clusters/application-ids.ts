/** How clusters write the ids of their applications, without a library: also the supervisor of a worker looks for them. */
export const yarnIdPattern = /^application_\d{1,20}_\d{4,20}$/;
export const kubernetesIdPattern =
  /^(job|pod)\/([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)\/([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)$/;

/** Programs that submit applications and say their ids. */
export const clientNames = ['spark', 'flink', 'mapreduce', 'yarn'] as const;
export type ClientName = (typeof clientNames)[number];

export function kindOfApplication(id: string): 'yarn' | 'kubernetes' {
  return yarnIdPattern.test(id) ? 'yarn' : 'kubernetes';
}
