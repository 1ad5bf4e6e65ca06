/** The only place that reads the process's environment. */

export type Environment = Readonly<Record<string, string | undefined>>;

const baseNames = ['PATH', 'HOME', 'LANG', 'TZ', 'USER'] as const;

/** The environment of this process, for `loadConfig` and the command line. */
export function processEnvironment(): Environment {
  return process.env;
}

/** What every shell task inherits of its worker: enough to find programs and the home folder, and no secrets. */
export function baseEnvironment(environment: Environment = process.env): Record<string, string> {
  const kept = baseNames.flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(kept);
}
