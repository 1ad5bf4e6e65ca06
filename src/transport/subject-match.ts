/** Subjects as NATS matches them: tokens between dots, `*` for one token, a last `>` for one or more. */

export function hasWildcard(pattern: string): boolean {
  return pattern.split('.').some((token) => token === '*' || token === '>');
}

export function matchesSubject(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.');
  const found = subject.split('.');
  for (const [index, token] of wanted.entries()) {
    if (token === '>') return found.length > index;
    if (token !== '*' && token !== found[index]) return false;
    if (index >= found.length) return false;
  }
  return wanted.length === found.length;
}
