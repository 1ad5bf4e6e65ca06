/** Where a worker finds the secrets that parameters refer to. Their text never leaves the worker. */
export interface SecretSource {
  /** Undefined when there is none of that name that can be read. */
  find(name: string): string | undefined;
}

export const noSecrets: SecretSource = { find: () => undefined };
