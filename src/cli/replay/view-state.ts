/** The interactive view without its terminal: what is looked at, and what each key makes of that. Pure. */
import { AppError } from '../../errors/app-error.ts';
import type { ReplayedRun } from '../../replay/replayed-run.ts';
import { type Direction, findText, type Step, stepFrom } from '../../replay/steps.ts';
import type { Key } from '../cli-deps.ts';
import { placedLines } from './moment-lines.ts';
import { placeOf } from './places.ts';

export type Panel =
  | 'event'
  | 'why'
  | 'causes'
  | 'diff'
  | 'pending'
  | 'guards'
  | 'commands'
  | 'owners'
  | 'task'
  | 'help';

export type ViewState = {
  revision: number;
  /** Place of the chosen task among those that are shown. */
  taskPlace: number;
  panel: Panel;
  /** First line of the panel that is shown. */
  panelStart: number;
  /** The other end of a difference; undefined: the event before. */
  mark: number | undefined;
  /** What is being typed, after `:` or `/`. */
  prompt: { kind: ':' | '/'; text: string } | undefined;
  message: string;
  sought: string;
  isOver: boolean;
};

export function firstView(run: ReplayedRun, revision: number): ViewState {
  return {
    revision,
    taskPlace: 0,
    panel: 'event',
    panelStart: 0,
    mark: undefined,
    prompt: undefined,
    message: run.broken === undefined ? '? shows the keys' : `this build cannot go beyond event ${run.lastRevision}`,
    sought: '',
    isOver: false,
  };
}

const panels: Readonly<Record<string, Panel>> = {
  i: 'event',
  w: 'why',
  c: 'causes',
  x: 'diff',
  p: 'pending',
  f: 'guards',
  a: 'commands',
  e: 'owners',
  s: 'task',
  '?': 'help',
};

export function chosenTask(run: ReplayedRun, { taskPlace, revision }: ViewState): string {
  const lines = placedLines(run, revision);
  return (lines[taskPlace] ?? lines[0])?.task ?? '';
}

export function afterKey(run: ReplayedRun, state: ViewState, key: Key): ViewState {
  if (key.hasCtrl && key.name === 'c') return { ...state, isOver: true };
  const quiet = { ...state, message: '' };
  if (state.prompt !== undefined) return typed(run, quiet, state.prompt, key);
  const panel = panels[key.text];
  if (panel !== undefined) return { ...quiet, panel, panelStart: 0 };
  return moved(run, quiet, key) ?? steered(run, quiet, key) ?? state;
}

function moved(run: ReplayedRun, state: ViewState, { name, text }: Key): ViewState | undefined {
  const task = (): Step => ({ by: 'task', task: chosenTask(run, state) });
  if (name === 'right' || text === 'l') return stepped(run, state, { by: 'event' }, 'forward');
  if (name === 'left' || text === 'h') return stepped(run, state, { by: 'event' }, 'back');
  if (name === 'home' || text === 'g') return { ...state, revision: 0 };
  if (name === 'end' || text === 'G') return { ...state, revision: run.lastRevision };
  switch (text) {
    case 'd':
      return stepped(run, state, { by: 'decision' }, 'forward');
    case 'D':
      return stepped(run, state, { by: 'decision' }, 'back');
    case 'o':
      return stepped(run, state, { by: 'owner' }, 'forward');
    case 'O':
      return stepped(run, state, { by: 'owner' }, 'back');
    case 't':
      return stepped(run, state, task(), 'forward');
    case 'T':
      return stepped(run, state, task(), 'back');
    case 'n':
      return found(run, state, state.sought);
    default:
      return undefined;
  }
}

function steered(run: ReplayedRun, state: ViewState, { name, text }: Key): ViewState | undefined {
  const lastPlace = placedLines(run, state.revision).length - 1;
  if (name === 'down' || text === 'j')
    return { ...state, taskPlace: Math.min(lastPlace, state.taskPlace + 1), panelStart: 0 };
  if (name === 'up' || text === 'k') return { ...state, taskPlace: Math.max(0, state.taskPlace - 1), panelStart: 0 };
  if (name === 'pagedown' || text === ' ') return { ...state, panelStart: state.panelStart + panelScroll };
  if (name === 'pageup' || text === 'b') return { ...state, panelStart: Math.max(0, state.panelStart - panelScroll) };
  switch (text) {
    case 'q':
      return { ...state, isOver: true };
    case 'm':
      return { ...state, mark: state.revision, message: `event ${state.revision} is marked; x compares with it` };
    case 'M':
      return { ...state, mark: undefined, message: 'x compares with the event before' };
    case ':':
    case '/':
      return { ...state, prompt: { kind: text, text: '' } };
    default:
      return undefined;
  }
}

const panelScroll = 5;

function stepped(run: ReplayedRun, state: ViewState, step: Step, direction: Direction): ViewState {
  const revision = stepFrom(run, state.revision, step, direction);
  if (revision !== undefined) return { ...state, revision, panelStart: 0 };
  const what = step.by === 'task' ? `event of ${step.task}` : step.by === 'owner' ? 'change of owner' : step.by;
  return { ...state, message: `there is no ${direction === 'forward' ? 'later' : 'earlier'} ${what}` };
}

function typed(run: ReplayedRun, state: ViewState, prompt: NonNullable<ViewState['prompt']>, key: Key): ViewState {
  const { kind, text } = prompt;
  if (key.name === 'escape') return { ...state, prompt: undefined };
  if (key.name === 'backspace') return { ...state, prompt: { kind, text: text.slice(0, -1) } };
  if (key.name === 'return' || key.name === 'enter') {
    const closed = { ...state, prompt: undefined };
    return kind === '/' ? found(run, { ...closed, sought: text }, text) : sought(run, closed, text);
  }
  return { ...state, prompt: { kind, text: key.hasCtrl ? text : text + key.text } };
}

function sought(run: ReplayedRun, state: ViewState, text: string): ViewState {
  try {
    return { ...state, revision: placeOf(run, text), panelStart: 0 };
  } catch (fault) {
    if (!(fault instanceof AppError)) throw fault;
    return { ...state, message: fault.message };
  }
}

function found(run: ReplayedRun, state: ViewState, text: string): ViewState {
  const revision = text === '' ? undefined : findText(run, text, state.revision);
  if (revision === undefined)
    return { ...state, message: text === '' ? 'look for something first: /text' : `no event holds "${text}"` };
  return { ...state, revision, panelStart: 0 };
}
