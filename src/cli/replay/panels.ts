/** Answers about one moment of a run, as lines for a person. The view and the one-shot forms print the same. */

import { itemIn } from '../../../actors/map/item-name.ts';
import { explain } from '../../../actors/workflow-instance/explain.ts';
import type { WorkflowInstanceEffect } from '../../../actors/workflow-instance/workflow-instance.effects.ts';
import type { TaskName } from '../../../schemas/ids.ts';
import type { JsonRecord, JsonValue } from '../../../schemas/json.ts';
import { AppError } from '../../errors/app-error.ts';
import { causesOf } from '../../replay/causes.ts';
import { causesAcrossRuns, type LoadRun } from '../../replay/causes-across-runs.ts';
import { differenceOf } from '../../replay/difference.ts';
import { metadataOf, triggerText } from '../../replay/event-origin.ts';
import { closedWays, type GuardCheck, guardsOfEvent } from '../../replay/guards.ts';
import { lastPlacement, type Placement, placementAt } from '../../replay/placement.ts';
import { commandsOfRun, commandsOfTask, type PossibleCommand } from '../../replay/possible-commands.ts';
import type { ReplayedRun } from '../../replay/replayed-run.ts';
import { describeEvent } from '../output/describe-event.ts';
import { oneLine, shortened } from '../output/plain-text.ts';
import { shortDuration } from '../output/short-time.ts';

const valueLengthMax = 100;

export function eventPanel(run: ReplayedRun, revision: number): string[] {
  const recorded = run.recorded(revision);
  const { causationId = 'unknown', master = 'unknown', epoch = 0, correlationId = 'unknown' } = metadataOf(recorded);
  const placement = placementAt(run, revision);
  const effects = run.effectsOf(revision);
  return [
    `#${revision} ${recorded.type} ${wordsOf(run, revision)}`.trimEnd(),
    `decided by ${master} in epoch ${epoch}, because of ${triggerText(causationId)}`,
    `correlation ${correlationId}`,
    ...(placement === undefined ? [] : placementLines(placement)),
    ...(effects.length === 0
      ? []
      : ['from then on it was owed:', ...effects.map((effect) => `  ${effectWords(effect)}`)]),
  ];
}

export function whyPanel(run: ReplayedRun, revision: number, task: string): string[] {
  const { actor, snapshot } = run.at(revision);
  const name = taskIn(run, task);
  const explained = explain(actor.plan, snapshot, name);
  if (explained === undefined) return [];
  const closed = closedWays(run.at(revision), task);
  const placement = explained.facts.some(({ kind }) => kind === 'attempt')
    ? lastPlacement(run, task, revision)
    : undefined;
  const change = run.statuses.latest(name, revision);
  return [
    `${oneLine(explained.sentence)}.`,
    ...(change === undefined ? [] : [`it is ${change.to} since event #${change.revision}`]),
    ...(placement === undefined ? [] : placementLines(placement)),
    ...closed.map(closedLine),
  ];
}

export function causesPanel(run: ReplayedRun, revision: number): string[] {
  return causesOf(run, revision).flatMap(({ revision: at, type, trigger, because }) => [
    `#${at} ${type} ${wordsOf(run, at)}`.trimEnd(),
    `    by ${trigger}`,
    `    ${oneLine(because)}`,
  ]);
}

/** Where the walk goes over to another run, its name stands before. */
export async function causesAcrossPanel(run: ReplayedRun, revision: number, load: LoadRun): Promise<string[]> {
  const causes = await causesAcrossRuns(run, revision, load);
  let instance: string | undefined = run.history.instance;
  return causes.flatMap((cause) => {
    const isOther = cause.instance !== instance;
    instance = cause.instance;
    const words = describeEvent({ type: cause.type, data: cause.data as JsonRecord });
    return [
      ...(isOther ? [`in the run ${cause.instance} of ${cause.workflow}:`] : []),
      `#${cause.revision} ${cause.type} ${words}`.trimEnd(),
      `    by ${cause.trigger}`,
      `    ${oneLine(cause.because)}`,
    ];
  });
}

export function diffPanel(run: ReplayedRun, from: number, to: number): string[] {
  const { run: ofRun, tasks, effects } = differenceOf(run.at(from), run.at(to));
  const lines = [
    ...ofRun.map((change) => `run: ${changeWords(change)}`),
    ...tasks.flatMap(({ task, changes }) => changes.map((change) => `${task}: ${changeWords(change)}`)),
    ...effects.begun.map((effect) => `+ owed: ${effectWords(effect)}`),
    ...effects.settled.map((effect) => `- owed: ${effectWords(effect)}`),
  ];
  const head = `from ${placeName(from)} to ${placeName(to)}`;
  return lines.length === 0 ? [`${head}: nothing changed`] : [`${head}:`, ...lines];
}

export function pendingPanel(run: ReplayedRun, revision: number): string[] {
  const { actor, snapshot } = run.at(revision);
  const effects = actor.pendingEffects(snapshot);
  if (effects.length === 0) return ['nothing is owed: a new owner would have nothing to do'];
  return ['a new owner would have to do this:', ...effects.map((effect) => `  ${effectWords(effect)}`)];
}

export function guardsPanel(run: ReplayedRun, revision: number): string[] {
  const checks = guardsOfEvent(run, revision);
  const closed = closedWays(run.at(revision));
  return [
    `what the machines looked at for event #${revision}:`,
    ...checks.map(guardLine),
    ...(closed.length === 0 ? [] : ['closed after it:', ...closed.map((check) => `  ${closedLine(check)}`)]),
  ];
}

export function commandsPanel(run: ReplayedRun, revision: number, task: string | undefined): string[] {
  const moment = run.at(revision);
  const ofTask = task === undefined ? [] : commandsOfTask(moment, taskIn(run, task));
  return [
    'to the run:',
    ...commandsOfRun(moment).map(commandLine),
    ...(ofTask.length === 0 ? [] : [`to ${task}:`, ...ofTask.map(commandLine)]),
  ];
}

export function ownersPanel(run: ReplayedRun, revision: number): string[] {
  const lines: string[] = [];
  for (let at = 0; at <= run.lastRevision; at += 1) {
    const event = run.event(at);
    if (event.type !== 'OwnershipTaken') continue;
    const { epoch, master, host, claimRevision, reason, evidence } = event.data;
    const isNow = run.at(revision).snapshot.context.epoch === epoch;
    const next = nextOwnership(run, at);
    const span = `writes #${at} to #${next === undefined ? run.lastRevision : next - 1}`;
    lines.push(
      `${isNow ? '>' : ' '} epoch ${epoch}: ${master} on ${oneLine(host)}, claim ${claimRevision}, ${span} (${reason})`,
    );
    if (evidence !== undefined) lines.push(`    evidence: ${oneLine(evidence)}`);
  }
  return lines.length === 0 ? ['nobody owned it'] : lines;
}

export function taskPanel(run: ReplayedRun, revision: number, task: string): string[] {
  const { tasks } = differenceOf(run.at(-1), run.at(revision));
  const changes = tasks.find((changed) => changed.task === task)?.changes ?? [];
  const status = run.statuses.latest(taskIn(run, task), revision)?.to ?? 'waiting';
  return [`${task} is ${status}`, ...changes.map(({ field, after }) => `  ${field}: ${valueWords(after)}`)];
}

export function wordsOf(run: ReplayedRun, revision: number): string {
  const { type, data } = run.recorded(revision);
  return describeEvent({ type, data: data as JsonRecord });
}

/** A task of the run, or an item of one of its maps. @throws AppError ATTEMPT_NOT_FOUND */
export function taskIn(run: ReplayedRun, task: string): TaskName {
  const name = task as TaskName;
  const map = itemIn(name)?.map;
  const plans = [run.plan, run.at(0).actor.plan];
  const isKnown = map === undefined ? plans.some((plan) => plan.indexOf(name) !== undefined) : hasItem(run, name);
  if (isKnown) return name;
  const names = run.plan.definition.tasks.slice(0, 20).map((one) => one.name);
  const items = map === undefined ? 0 : run.statuses.itemCount(map);
  const hint = items === 0 ? `it has ${names.join(', ')}` : `${map} has ${items} items, from ${map}[0] on`;
  throw new AppError('ATTEMPT_NOT_FOUND', `the run has no task ${task}; ${hint}`);
}

const hasItem = (run: ReplayedRun, name: TaskName) => run.statuses.latest(name, run.lastRevision) !== undefined;

export function sinceStart(run: ReplayedRun, revision: number): string {
  return `+${shortDuration(run.timeOf(revision) - run.timeOf(0))}`;
}

export function effectWords(effect: WorkflowInstanceEffect): string {
  const { type, ...fields } = effect as { type: string } & Record<string, JsonValue>;
  const told = Object.entries(fields).map(([field, value]) => `${field} ${valueWords(value)}`);
  return told.length === 0 ? type : `${type}: ${told.join(', ')}`;
}

function placementLines({ sentence, candidates, task, attempt }: Placement): string[] {
  if (candidates.length < 2) return [`attempt ${attempt} of ${task}: ${sentence}`];
  return [
    `attempt ${attempt} of ${task}: ${sentence}`,
    ...candidates.map(
      ({ worker, load, freeSlots, isWinner }) =>
        `  ${isWinner ? '*' : ' '} ${worker}: load ${Math.round(load * 100)} %, ${freeSlots} free slots`,
    ),
  ];
}

function guardLine({ machine, state, event, target, guard, isTaken, why }: GuardCheck): string {
  const way = `${machine}: ${state} -> ${target} on ${event}`;
  return `  ${isTaken ? 'taken ' : 'closed'} ${way}${guard === undefined ? '' : ` if ${guard}: ${why}`}`;
}

const closedLine = ({ state, target, guard, why }: GuardCheck) => `${state} -> ${target} is closed (${guard}): ${why}`;

function commandLine({ title, answer }: PossibleCommand): string {
  switch (answer.kind) {
    case 'possible':
      return `  + ${title} (${answer.events.join(', ')})`;
    case 'done':
      return `  = ${title}: nothing is left to do`;
    case 'refused':
      return `  - ${title}: ${oneLine(answer.message)}`;
  }
}

function changeWords({ field, before, after }: { field: string; before: JsonValue; after: JsonValue }): string {
  return `${field} ${valueWords(before)} -> ${valueWords(after)}`;
}

function valueWords(value: JsonValue): string {
  return shortened(oneLine(typeof value === 'string' ? value : JSON.stringify(value)), valueLengthMax);
}

const placeName = (revision: number) => (revision < 0 ? 'before the first event' : `#${revision}`);

function nextOwnership(run: ReplayedRun, after: number): number | undefined {
  for (let revision = after + 1; revision <= run.lastRevision; revision += 1) {
    if (run.event(revision).type === 'OwnershipTaken') return revision;
  }
  return undefined;
}
