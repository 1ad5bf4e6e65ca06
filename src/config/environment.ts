/** The only place that reads the process's environment. */

export type Environment = Readonly<Record<string, string | undefined>>;

const baseNames = [
  ...['PATH', 'HOME', 'LANG', 'TZ', 'USER', 'JAVA_HOME', 'HADOOP_HOME', 'HADOOP_CONF_DIR', 'HADOOP_CLASSPATH'],
  ...['YARN_CONF_DIR', 'SPARK_HOME', 'SPARK_CONF_DIR', 'FLINK_HOME', 'FLINK_CONF_DIR', 'KRB5CCNAME', 'KUBECONFIG'],
] as const;

/** The environment of this process, for `loadConfig` and the command line. */
export function processEnvironment(): Environment {
  return process.env;
}

/** What tasks may inherit of their worker: enough to find programs, the home folder and the clients of clusters, and no secrets. */
export function baseEnvironment(environment: Environment = process.env): Record<string, string> {
  const kept = baseNames.flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(kept);
}
