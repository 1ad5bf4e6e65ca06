/** The simulation is worth what it finds: each deliberate break is found within a bounded number of seeds. */
import { describe, expect, it } from 'vitest';
import { simulate } from '../simulate.ts';
import { mutants } from './mutants.ts';

describe('the simulation finds', () => {
  for (const { name, breaks, sabotage, seedCountMax } of mutants) {
    it(name, { timeout: 300_000 }, async () => {
      for (let seed = 1; seed <= seedCountMax; seed += 1) {
        const { breaches } = await simulate({ seed, sabotage });
        const first = breaches[0];
        if (first === undefined) continue;
        expect(breaks).toContain(first.invariant);
        return;
      }
      expect.fail(`${seedCountMax} seeds break nothing`);
    });
  }
});
