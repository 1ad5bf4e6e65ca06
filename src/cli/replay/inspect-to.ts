/** `millrace replay --inspect`: a history to those who use the tools of XState, as lines, as a page, or over a WebSocket. */
import { resolve } from 'node:path';
import { inspectionMessages } from '../../replay/inspection.ts';
import { inspectionPage } from '../../replay/inspection-page.ts';
import type { ReplayedRun } from '../../replay/replayed-run.ts';
import type { Stage } from '../commands/command-host.ts';
import { sendOverWebSocket } from './send-web-socket.ts';
import { writeText } from './write-text.ts';

/** Longer than any inspector takes to answer. */
const connectTimeoutMs = 10_000;

/** @param target `-`, an address `ws://...`, a file `*.html`, or any other file */
export async function inspectTo(stage: Stage, run: ReplayedRun, target: string, revision: number): Promise<void> {
  const { screen, cwd, json, signal } = stage;
  if (target === '-') {
    for (const message of inspectionMessages(run, revision)) screen.print(JSON.stringify(message));
    return;
  }
  if (/^wss?:\/\//.test(target)) {
    const lines = linesOf(run, revision);
    const sentCount = await sendOverWebSocket(target, lines, { signal, timeoutMs: connectTimeoutMs });
    if (json) screen.printJson({ address: target, sentCount });
    else screen.print(`${sentCount} inspection events sent to ${target}`);
    return;
  }
  const text = target.endsWith('.html') ? pageOf(run, revision) : fileOf(run, revision);
  await writeText(resolve(cwd, target), text, target);
  if (json) screen.printJson({ files: [target] });
  else screen.print(`written: ${target}`);
}

function* linesOf(run: ReplayedRun, revision: number): Generator<string> {
  for (const message of inspectionMessages(run, revision)) yield JSON.stringify(message);
}

function* fileOf(run: ReplayedRun, revision: number): Generator<string> {
  for (const line of linesOf(run, revision)) yield `${line}\n`;
}

function pageOf(run: ReplayedRun, revision: number): string {
  const title = `${run.plan.definition.name} ${run.history.instance ?? ''}`.trim();
  return inspectionPage(title, inspectionMessages(run, revision));
}
