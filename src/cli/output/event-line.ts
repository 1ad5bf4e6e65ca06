/** Lines of `millrace events`: time since the first event, revision, type, words. */
import type { EventView } from '../../../schemas/messages/client.messages.ts';
import type { Colors } from './colors.ts';
import { describeEvent } from './describe-event.ts';
import { shortDuration } from './short-time.ts';

const typeWidth = 'WorkflowStopRequested'.length;

/** Remembers when the run began, so that each line tells how far into the run it was. */
export function createEventLines(colors: Colors): (event: EventView) => string {
  let firstAt: number | undefined;
  return (event) => {
    const { decidedAt } = event.metadata;
    const at = typeof decidedAt === 'number' ? decidedAt : undefined;
    firstAt ??= at;
    const since = at === undefined || firstAt === undefined ? '' : `+${shortDuration(at - firstAt)}`;
    const revision = `#${event.revision}`;
    const type = paintType(colors, event.type)(event.type.padEnd(typeWidth));
    return `${colors.dim(since.padStart(8))}  ${revision.padStart(5)}  ${type}  ${describeEvent(event)}`.trimEnd();
  };
}

function paintType(colors: Colors, type: string): (text: string) => string {
  if (type.endsWith('Succeeded')) return colors.green;
  if (type.endsWith('Failed') || type.endsWith('Lost') || type.endsWith('Absent') || type.endsWith('TimedOut'))
    return colors.red;
  if (type.endsWith('Held') || type.endsWith('Stopped') || type.endsWith('StopRequested')) return colors.yellow;
  return String;
}
