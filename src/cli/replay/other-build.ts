/** The machine of another build of Millrace, from the folder in which it lies: its sources, or what was built of them. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plan } from '../../../actors/graph/plan.ts';
import type { WorkflowInstanceActor } from '../../../actors/workflow-instance/workflow-instance.actor.ts';
import { AppError } from '../../errors/app-error.ts';

export type ActorOf = (plan: Plan) => WorkflowInstanceActor;

const actorPath = ['actors', 'workflow-instance', 'workflow-instance.actor'];
const planPath = ['actors', 'graph', 'plan'];

/** @throws AppError BAD_REQUEST when there is no such build, or it cannot be loaded */
export async function actorOfBuild(folder: string, cwd: string): Promise<ActorOf> {
  const root = resolve(cwd, folder);
  const actor = await moduleOf(root, folder, actorPath);
  const graph = await moduleOf(root, folder, planPath);
  const { workflowInstanceActor } = actor as { workflowInstanceActor?: ActorOf };
  const { planOf } = graph as { planOf?: (definition: Plan['definition']) => Plan };
  if (workflowInstanceActor === undefined || planOf === undefined) {
    throw new AppError('BAD_REQUEST', `${folder} holds no machine of a run that this build could ask`);
  }
  return ({ definition }) => workflowInstanceActor(planOf(definition));
}

async function moduleOf(root: string, folder: string, path: readonly string[]): Promise<unknown> {
  const files = [`${join(root, ...path)}.ts`, `${join(root, 'dist', ...path)}.js`, `${join(root, ...path)}.js`];
  const file = files.find((one) => existsSync(one));
  if (file === undefined) {
    throw new AppError('BAD_REQUEST', `${folder} is no build of Millrace: there is no ${path.join('/')} in it`);
  }
  try {
    return await import(pathToFileURL(file).href);
  } catch (fault) {
    const why = fault instanceof Error ? fault.message : String(fault);
    throw new AppError('BAD_REQUEST', `the build in ${folder} cannot be loaded: ${why}`);
  }
}
