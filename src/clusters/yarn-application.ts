/** An application as a ResourceManager tells it, in our words. */
import type { Application, ApplicationState } from '../../schemas/clusters/application.schema.ts';
import type { YarnApp } from '../../schemas/clusters/yarn-answers.schema.ts';
import { diagnosticsLengthMax, shortened } from './cluster-answers.ts';

const states: Readonly<Record<string, ApplicationState>> = {
  NEW: 'accepted',
  NEW_SAVING: 'accepted',
  SUBMITTED: 'accepted',
  ACCEPTED: 'accepted',
  RUNNING: 'running',
  FAILED: 'failed',
  KILLED: 'killed',
};

/** ENDED stands for parts that ended differently: not all was well. UNDEFINED says nothing. */
const finalStates: Readonly<Record<string, ApplicationState>> = {
  SUCCEEDED: 'succeeded',
  FAILED: 'failed',
  KILLED: 'killed',
  ENDED: 'failed',
};

const endStates = new Set(['FINISHED', 'FAILED', 'KILLED']);

export function applicationOfYarn(app: YarnApp): Application {
  const { id, name, user, trackingUrl, diagnostics = '', applicationTags = '' } = app;
  return {
    id,
    state: stateOf(app),
    hasEnded: endStates.has(app.state),
    ...(name !== undefined && { name }),
    ...(user !== undefined && { user }),
    ...(isAssigned(trackingUrl) && { trackingUrl }),
    tags: applicationTags.split(',').filter((tag) => tag !== ''),
    ...(diagnostics.trim() !== '' && { diagnostics: shortened(diagnostics.trim(), diagnosticsLengthMax) }),
  };
}

function stateOf({ state, finalStatus = '' }: YarnApp): ApplicationState {
  return (state === 'FINISHED' ? finalStates[finalStatus] : states[state]) ?? 'unknown';
}

function isAssigned(trackingUrl: string | undefined): trackingUrl is string {
  return trackingUrl !== undefined && trackingUrl !== '' && trackingUrl !== 'UNASSIGNED';
}
