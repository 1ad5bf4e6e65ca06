/**
 * Makes golden histories from the real actors, with fixed ids and times. Run by hand, once per release:
 *
 *     node --import tsx test/kit/make-histories.ts 0.2               writes histories that do not exist yet
 *     node --import tsx test/kit/make-histories.ts 0.2 --snapshots   writes the snapshots of all its histories anew
 *
 * A history that was released is never edited. The snapshot beside it may change when the state gets new fields; a
 * review sees what changed.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { applicationScenarios } from './application-scenarios.ts';
import { attemptScenarios } from './attempt-scenarios.ts';
import { foldHistory, historiesFolder, readHistory } from './histories.ts';
import type { Scenario } from './history-stage.ts';
import { languageScenarios } from './language-scenarios.ts';
import { mapScenarios } from './map-scenarios.ts';
import { moveScenarios } from './move-scenarios.ts';
import { resultScenarios } from './result-scenarios.ts';

const scenariosOf: Readonly<Record<string, Readonly<Record<string, Scenario>>>> = {
  '0.1': attemptScenarios,
  '0.2': { ...languageScenarios, ...resultScenarios, ...mapScenarios, ...moveScenarios, ...applicationScenarios },
};

function makeHistories(release: string, folder: string): void {
  for (const [name, { definition, play }] of Object.entries(scenariosOf[release] ?? {})) {
    const file = `${folder}/${name}.jsonl`;
    if (existsSync(file)) continue;
    const lines = [{ format: 1, definition }, ...play(definition).recorded];
    writeFileSync(file, `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`);
  }
}

function makeSnapshots(folder: string, isAnew: boolean): void {
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.jsonl'))) {
    const file = `${folder}/${name}`.replace(/\.jsonl$/, '.snapshot.json');
    if (existsSync(file) && !isAnew) continue;
    writeFileSync(file, `${JSON.stringify(foldHistory(readHistory(`${folder}/${name}`)), null, 1)}\n`);
  }
}

const [release, option] = process.argv.slice(2);
if (release === undefined) throw new Error('give the release: make-histories.ts 0.2 [--snapshots]');
const folder = `${historiesFolder}/${release}`;
mkdirSync(folder, { recursive: true });
makeHistories(release, folder);
makeSnapshots(folder, option === '--snapshots');
