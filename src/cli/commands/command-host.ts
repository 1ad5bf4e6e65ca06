/** What each command is given to hang itself into the program. */
import type { Command } from 'commander';
import type { Config } from '../../../schemas/config.schema.ts';
import type { ConfigOverride } from '../../config/load-config.ts';
import type { TaskPlugins } from '../../tasks/plugin/task-plugin.port.ts';
import type { RunRole } from '../cli-deps.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { Screen } from '../screen.ts';
import type { Session } from '../session.ts';

/** What a command needs that may talk to nobody. A session is one too. */
export type Stage = Pick<Session, 'screen' | 'json' | 'cwd' | 'clock' | 'signal' | 'keyboard'>;

type RoleStart = { config: Config; json: boolean; debug: boolean; runRole: RunRole };

export type CommandHost = {
  program: Command;
  cwd: string;
  /** For commands that need no server. */
  withStage(run: (stage: Stage) => Promise<ExitCode>): Promise<void>;
  /** For commands that talk to masters. */
  withSession(run: (session: Session) => Promise<ExitCode>): Promise<void>;
  /** For commands that need no server, but the plugins of the configuration. */
  withPlugins(run: (plugins: TaskPlugins, screen: Screen) => ExitCode): Promise<void>;
  /** For commands that are a process of the cluster; `overrides` are their own flags. */
  withRole(overrides: readonly ConfigOverride[], run: (start: RoleStart) => Promise<number>): Promise<void>;
};

export const commandGroups = {
  start: 'Start:',
  workflows: 'Workflows:',
  look: 'Look:',
  steer: 'Steer:',
} as const;

export function examples(...lines: readonly string[]): string {
  return `\nExample${lines.length === 1 ? '' : 's'}:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
