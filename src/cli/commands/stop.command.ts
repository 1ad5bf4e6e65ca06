/** `millrace stop <run>`: ends a run; what runs is cancelled, what waits never starts. */

import { durationMs } from '../arguments.ts';
import { exitCodeOfRun, exitCodes } from '../exit-codes.ts';
import { type CommandHost, examples } from './command-host.ts';
import { runArgument, steer, steering, type WaitOptions, withSteerOptions } from './steer.ts';

export function addStopCommand(host: CommandHost): void {
  withSteerOptions(
    steering(host, 'stop', 'Stop a run: cancel what runs, start nothing more.').argument('<run>', runArgument),
  )
    .option('--wait', 'wait until the run has ended; exit code 0 when it was stopped')
    .option('--timeout <duration>', 'with --wait: how long, such as 30s or 10m', durationMs)
    .addHelpText('after', examples('millrace stop 0193a4c2 --reason "wrong input" --wait'))
    .action((part: string, options: WaitOptions) =>
      host.withSession((session) =>
        steer(session, {
          part,
          body: { type: 'stop' },
          options,
          done: ({ instance, status }) => `${instance} is ${status}`,
          exitCode: (status) => (status === 'stopped' ? exitCodes.ok : exitCodeOfRun(status)),
        }),
      ),
    );
}
