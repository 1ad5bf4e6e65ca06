/** Hides credentials in addresses: `nats://user:password@host` becomes `nats://***@host`. */

const userOfAddress = /([a-z][a-z0-9+.-]*:\/\/)\S*@/gi;

/** Everything before the last `@` of each address counts as secret: a password may itself contain `@` or `/`. */
export function maskSecrets(text: string): string {
  return text.replace(userOfAddress, '$1***@');
}

/** For settings that are known to be addresses: masks also those without a scheme (`user:password@host`). */
export function maskAddress(text: string): string {
  return text.includes('://') ? maskSecrets(text) : text.replace(/^.*@/s, '***@');
}
