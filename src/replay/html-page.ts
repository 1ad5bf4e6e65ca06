/**
 * A run as one page that needs nothing else: graph, timeline and events, and a slider through the history. The states are
 * those of the fold; the page only shows them.
 */
import type { TaskStatus } from '../../actors/task-instance/task-instance.state.ts';
import { metadataOf, triggerText } from './event-origin.ts';
import { graphSvg } from './graph-svg.ts';
import { pageProgram, pageStyle } from './page-program.ts';
import type { ReplayedRun } from './replayed-run.ts';
import { escaped, statusColors } from './svg.ts';
import { timelineOf } from './timeline.ts';
import { timelineScale, timelineSvg } from './timeline-svg.ts';

type ShownEvent = {
  type: string;
  words: string;
  atMs: number;
  trigger: string;
  master: string;
  epoch: number;
  runStatus: string;
  changes: (readonly [task: string, status: TaskStatus])[];
  data: unknown;
};

export type PageOptions = {
  /** The revision that the page shows first. */
  revision: number;
  /** One event in words. */
  describe: (event: { type: string; data: unknown }) => string;
};

export function htmlPage(run: ReplayedRun, { revision, describe }: PageOptions): string {
  const { definition } = run.plan;
  const title = `${definition.name} ${run.history.instance ?? ''}`.trim();
  const timeline = timelineOf(run);
  const shown = {
    revision,
    colors: statusColors,
    scale: { ...timelineScale, fromMs: timeline.fromMs, toMs: timeline.toMs },
    events: run.history.events.slice(0, run.length).map((_, at) => shownEvent(run, at, describe)),
  };
  return [
    '<!doctype html>',
    `<html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title><style>${pageStyle}</style></head><body>`,
    `<header><h1>${escaped(title)}</h1><p id="head"></p>`,
    `<input id="slider" type="range" min="0" max="${run.lastRevision}" value="${revision}" aria-label="event"></header>`,
    `<section class="drawing">${graphSvg(run.at(revision))}</section>`,
    `<section class="drawing">${timelineSvg(timeline)}</section>`,
    '<main><ol id="events" start="0"></ol><pre id="detail"></pre></main>',
    // A script ends at the first "</script": no text of a run may hold one.
    `<script id="run" type="application/json">${JSON.stringify(shown).replaceAll('<', '\\u003c')}</script>`,
    `<script>${pageProgram}</script></body></html>`,
    '',
  ].join('\n');
}

function shownEvent(run: ReplayedRun, revision: number, describe: PageOptions['describe']): ShownEvent {
  const { type, data, ...rest } = run.recorded(revision);
  const { causationId = 'unknown', master = 'unknown', epoch = 0 } = metadataOf({ type, data, ...rest });
  return {
    type,
    words: describe({ type, data }),
    atMs: run.timeOf(revision),
    trigger: triggerText(causationId),
    master,
    epoch,
    runStatus: run.at(revision).snapshot.value,
    changes: run.statuses.at(revision).map(({ task, to }) => [task, to] as const),
    data,
  };
}
