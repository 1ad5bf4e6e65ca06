/** Colours that carry meaning: how a run, a task or a member is doing. */
import picocolors from 'picocolors';

export type Colors = ReturnType<typeof picocolors.createColors>;

/** Off without a terminal, and when NO_COLOR is set to anything. */
export function createCliColors(options: { isTty: boolean; noColor: string | undefined }): Colors {
  return picocolors.createColors(options.isTty && (options.noColor ?? '') === '');
}

/** Statuses of runs, tasks and members share their words; unknown ones stay plain. */
export function paintStatus(colors: Colors, status: string): (text: string) => string {
  switch (status) {
    case 'succeeded':
    case 'active':
      return colors.green;
    case 'failed':
    case 'lost':
    case 'absent':
      return colors.red;
    case 'running':
      return colors.cyan;
    case 'stopping':
    case 'stopped':
    case 'held':
    case 'retrying':
    case 'draining':
      return colors.yellow;
    default:
      return String;
  }
}
