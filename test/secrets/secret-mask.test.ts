/** Secrets are replaced wherever they appear, whole or in pieces, and nothing else is. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createConfiguredSecrets } from '../../src/secrets/configured-secrets.adapter.ts';
import { SecretMask } from '../../src/secrets/secret-mask.ts';
import { silentLog } from '../../src/telemetry/log.ts';

describe('a mask', () => {
  const mask = SecretMask.of(['hunter2', 'p"w/d', 'first line\nsecond line']);

  it('replaces secrets as they are, as JSON, percent-encoded and line by line', () => {
    expect(mask.text('hunter2 hunter3 p"w/d')).toBe('*** hunter3 ***');
    expect(mask.text('{"x":"p\\"w/d"} p%22w%2Fd')).toBe('{"x":"***"} ***');
    expect(mask.text('first line\nsecond line, second line')).toBe('***, ***');
  });

  it('goes through lists and maps, with their keys', () => {
    expect(mask.json({ hunter2: ['a', { b: 'x hunter2' }], n: 5, no: null })).toEqual({
      '***': ['a', { b: 'x ***' }],
      n: 5,
      no: null,
    });
  });

  it('replaces the longer of two that begin alike', () => {
    expect(SecretMask.of(['abc', 'abcdef']).text('abcdef abc')).toBe('*** ***');
  });

  it('without secrets changes nothing', () => {
    expect(SecretMask.of([]).text('abc')).toBe('abc');
    expect(SecretMask.of(['']).isEmpty).toBe(true);
  });

  it('of a stream does as with the whole text, however it is cut', () => {
    const letters = fc.stringMatching(/^[abä]{1,6}$/);
    const cuts = fc.array(fc.nat({ max: 40 }), { maxLength: 8 });
    fc.assert(
      fc.property(
        fc.array(letters, { minLength: 1, maxLength: 3 }),
        fc.stringMatching(/^[abcä ]{0,40}$/),
        cuts,
        (secrets, text, at) => {
          const own = SecretMask.of(secrets);
          const bytes = Buffer.from(text);
          const stream = own.stream();
          const out: Uint8Array[] = [];
          let from = 0;
          for (const cut of at.toSorted((a, b) => a - b)) {
            out.push(stream.write(bytes.subarray(from, cut)));
            from = Math.max(from, Math.min(cut, bytes.length));
          }
          out.push(stream.write(bytes.subarray(from)), stream.flush());
          const shown = Buffer.concat(out).toString();
          for (const secret of secrets) expect(shown).not.toContain(secret);
          const isCut = at.some((cut) => cut > 0 && cut < bytes.length);
          if (!isCut) expect(shown).toBe(own.text(text));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('of a stream holds nothing back that is not the beginning of a secret', () => {
    const stream = mask.stream();
    expect(Buffer.from(stream.write(Buffer.from('a line\n> '))).toString()).toBe('a line\n> ');
    expect(Buffer.from(stream.write(Buffer.from('say hun'))).toString()).toBe('say ');
    expect(Buffer.from(stream.write(Buffer.from('ger'))).toString()).toBe('hunger');
  });
});

describe('the secrets of a worker', () => {
  const folder = mkdtempSync(join(tmpdir(), 'secrets-'));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('are files of its folder, then the variables that it names, and nothing else', () => {
    writeFileSync(join(folder, 'file'), 'of the file\n');
    writeFileSync(join(folder, 'both'), 'file');
    mkdirSync(join(folder, 'dir'));
    const environment = { both: 'variable', named: 'of the variable', other: 'hidden' };
    const source = createConfiguredSecrets({ folder, variables: ['both', 'named'] }, environment, silentLog);
    expect(source.find('file')).toBe('of the file');
    expect(source.find('both')).toBe('file');
    expect(source.find('named')).toBe('of the variable');
    for (const name of ['other', 'missing', 'dir', '../file', '.', '..', '', `${'x'.repeat(200)}`]) {
      expect(source.find(name)).toBeUndefined();
    }
  });
});
