/** The interactive view as lines: tasks on the left, events on the right, an answer below. Pure. */
import type { ReplayedRun } from '../../replay/replayed-run.ts';
import { type Colors, paintStatus } from '../output/colors.ts';
import { shortened, withoutControls } from '../output/plain-text.ts';
import { headLines, placedLines, statusText } from './moment-lines.ts';
import {
  causesPanel,
  commandsPanel,
  diffPanel,
  eventPanel,
  guardsPanel,
  ownersPanel,
  pendingPanel,
  sinceStart,
  taskPanel,
  whyPanel,
  wordsOf,
} from './panels.ts';
import { chosenTask, type ViewState } from './view-state.ts';

export type ViewSize = { columns: number; rows: number };

const helpLines: readonly string[] = [
  'right/left, l/h   next or last event        d/D   next or last whole decision',
  't/T               ... of the chosen task     o/O   next or last change of owner',
  'g/G               first or last event        :     seek: 17, +90s, 2030-01-31T08:00:00Z',
  'up/down, k/j      choose a task              /text search, n again',
  'i the event   w why is the task so   c causes of the event   f guards   p what is owed',
  'x difference to the mark (m sets it, M forgets it) or to the event before',
  's state of the task   a commands that were possible   e epochs and owners   space/b scroll   q quit',
];

const leftShare = 0.42;
const panelShare = 0.4;
const narrowest = 40;

export function viewLines(run: ReplayedRun, state: ViewState, size: ViewSize, colors: Colors): string[] {
  const columns = Math.max(narrowest, size.columns);
  const head = headLines(run, state.revision).map((line) => fitted(line, columns));
  const panelHeight = Math.max(4, Math.floor((size.rows - head.length - 3) * panelShare));
  const bodyHeight = Math.max(3, size.rows - head.length - 3 - panelHeight);
  const left = Math.floor(columns * leftShare);
  const tasks = taskRows(run, state, { height: bodyHeight, width: left - 1 }, colors);
  const events = eventRows(run, state, { height: bodyHeight, width: columns - left - 2 }, colors);
  const rule = colors.dim('-'.repeat(columns));
  return [
    ...head.map((line, index) => (index === 0 ? colors.bold(line) : line)),
    rule,
    ...Array.from(
      { length: bodyHeight },
      (_, row) => `${tasks[row] ?? ' '.repeat(left - 1)} ${colors.dim('|')} ${events[row] ?? ''}`,
    ),
    rule,
    ...panelRows(run, state, { height: panelHeight, width: columns }),
    promptLine(state, columns),
  ];
}

type Area = { height: number; width: number };

function taskRows(run: ReplayedRun, state: ViewState, { height, width }: Area, colors: Colors): string[] {
  const lines = placedLines(run, state.revision);
  const first = windowStart(state.taskPlace, lines.length, height);
  return lines.slice(first, first + height).map(({ task, depth, state: taskState }, index) => {
    const { status, context } = taskState;
    const isChosen = first + index === state.taskPlace;
    const where = context.last === null ? '' : ` ${context.last.worker}`;
    const name = `${isChosen ? '>' : ' '} ${'  '.repeat(Math.min(depth, 6))}${task}`;
    const text = fitted(`${name}  ${statusText(taskState)}${where}`, width).padEnd(width);
    return isChosen ? colors.inverse(text) : paintStatus(colors, status)(text);
  });
}

function eventRows(run: ReplayedRun, state: ViewState, { height, width }: Area, colors: Colors): string[] {
  const first = windowStart(state.revision, run.length, height);
  return Array.from({ length: Math.min(height, run.length) }, (_, index) => {
    const revision = first + index;
    const mark = revision === state.mark ? '*' : ' ';
    const isNow = revision === state.revision;
    const when = sinceStart(run, revision).padStart(7);
    const text = fitted(
      `${isNow ? '>' : mark}#${revision} ${when} ${run.recorded(revision).type} ${wordsOf(run, revision)}`,
      width,
    );
    if (isNow) return colors.inverse(text);
    return revision > state.revision ? colors.dim(text) : text;
  });
}

function panelRows(run: ReplayedRun, state: ViewState, { height, width }: Area): string[] {
  const lines = panelOf(run, state);
  const start = Math.min(state.panelStart, Math.max(0, lines.length - height));
  const shown = lines.slice(start, start + height).map((line) => fitted(line, width));
  return [...shown, ...Array.from({ length: Math.max(0, height - shown.length) }, () => '')];
}

function panelOf(run: ReplayedRun, state: ViewState): readonly string[] {
  const { revision, mark } = state;
  switch (state.panel) {
    case 'event':
      return eventPanel(run, revision);
    case 'why':
      return whyPanel(run, revision, chosenTask(run, state));
    case 'causes':
      return causesPanel(run, revision);
    case 'diff':
      return diffPanel(run, mark ?? revision - 1, revision);
    case 'pending':
      return pendingPanel(run, revision);
    case 'guards':
      return guardsPanel(run, revision);
    case 'commands':
      return commandsPanel(run, revision, chosenTask(run, state));
    case 'owners':
      return ownersPanel(run, revision);
    case 'task':
      return taskPanel(run, revision, chosenTask(run, state));
    case 'help':
      return helpLines;
  }
}

function promptLine({ prompt, message }: ViewState, columns: number): string {
  return fitted(prompt === undefined ? message : `${prompt.kind}${prompt.text}`, columns);
}

/** The window in which the place stands in the middle, as far as there is enough before and after it. */
function windowStart(place: number, length: number, height: number): number {
  return Math.max(0, Math.min(place - Math.floor(height / 2), length - height));
}

const fitted = (text: string, width: number) => shortened(withoutControls(text), width);
