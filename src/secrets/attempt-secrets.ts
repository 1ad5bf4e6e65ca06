/** The secrets that one attempt may use: those to which its parameters refer, and no others. */
import { secretNameIn } from '../../actors/params/param-scope.ts';
import type { AttemptInputs } from '../../schemas/messages/attempt.messages.ts';
import { SecretMask } from './secret-mask.ts';
import type { SecretSource } from './secret-source.port.ts';

export type AttemptSecrets = {
  /** Undefined when this worker does not have it. */
  find(name: string): string | undefined;
  /** Hides them wherever they could leave the worker. */
  readonly mask: SecretMask;
};

const none: AttemptSecrets = { find: () => undefined, mask: SecretMask.of([]) };

export function attemptSecretsOf({ late }: AttemptInputs, source: SecretSource): AttemptSecrets {
  const names = Object.values(late ?? {}).flatMap((value) => secretNameIn(value) ?? []);
  if (names.length === 0) return none;
  const texts = new Map(names.flatMap((name) => entryOf(name, source)));
  return { find: (name) => texts.get(name), mask: SecretMask.of([...texts.values()]) };
}

function entryOf(name: string, source: SecretSource): [string, string][] {
  const text = source.find(name);
  return text === undefined ? [] : [[name, text]];
}
