/** The page of all states, and its pictures, from the machines. */
import { planOf } from '../../actors/graph/plan.ts';
import { taskInstanceMachine } from '../../actors/task-instance/task-instance.machine.ts';
import { workflowInstanceMachine } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import { chainOf } from '../kit/definitions.ts';
import { type CommandTable, commandTable, runCommands, taskCommands } from './command-table.ts';
import { eventTable, legalEvents } from './machine-table.ts';
import { page, table } from './page.ts';
import { stateDiagram } from './state-diagram.ts';
import { runSamples, taskSamples } from './state-samples.ts';

const runMachine = workflowInstanceMachine(planOf(chainOf(1)));

/** What people ask for has a picture of its own: in one, arrows would hide each other. */
const taskSteering = ['StopAsked', 'TaskStopRequested', 'TaskSkipped', 'TaskForced', 'Cleared'];
/** An outcome follows from how a run was ended (`outcomeOf`): only a stopped one ends as stopped, and an ending one has failed. */
const isPossible = (state: string, event: string): boolean => {
  if (event === 'WorkflowStopped') return state === 'stopping';
  return event !== 'WorkflowSucceeded' || state !== 'ending';
};
const runSteering = /^(Workflow|StateCleared)/;

export const legalTaskEvents = () => legalEvents(taskInstanceMachine);
export const legalRunEvents = () => legalEvents(runMachine, isPossible);

export function statePictures(): { file: string; text: string }[] {
  const shortOf = (event: string) => event.replace(/^(Task|Workflow)/, '');
  const task = stateDiagram(taskInstanceMachine, {
    title: 'A task on its way',
    labelOf: (event) => (taskSteering.includes(event) ? undefined : shortOf(event)),
  });
  const steering = stateDiagram(taskInstanceMachine, {
    title: 'What people make of a task',
    labelOf: (event) => (taskSteering.includes(event) ? shortOf(event) : undefined),
  });
  const run = stateDiagram(runMachine, {
    title: 'A run',
    labelOf: (event) => (runSteering.test(event) ? shortOf(event) : 'failure'),
    isPossible,
  });
  return [
    { file: 'docs/states-task.svg', text: task },
    { file: 'docs/states-task-steering.svg', text: steering },
    { file: 'docs/states-run.svg', text: run },
  ];
}

export function statesPage(): string {
  const tasks = Object.entries(taskSamples).map(([state, { run }]) => ({ state, run }));
  const runs = Object.entries(runSamples).map(([state, run]) => ({ state, run }));
  const taskEvents = eventTable(taskInstanceMachine);
  const runEvents = eventTable(runMachine, isPossible);
  return page(
    'States',
    'Every state of a task and of a run, what each event does there, and what becomes of each command. All of it is read from',
    'the machines and tried on them. What the words mean is told in [the workflow language](workflow-language.md); the fields',
    'of the events are listed in [events](events.md).',
    '',
    '## Tasks',
    '',
    '![A task on its way](states-task.svg)',
    '',
    'What people make of a task, and what a stop of its run does (`StopAsked`):',
    '',
    '![What people make of a task](states-task-steering.svg)',
    '',
    '### Tasks and events',
    '',
    '`–` is illegal: such an event is never written, and a stream that has one is broken. `stays` changes what is remembered',
    'and not the state. Of several targets the guards of the machine choose one. Names without `Task` are no events of their',
    'own: they follow from what happened to other tasks, or to the run.',
    '',
    ...table(taskEvents.titles, taskEvents.rows),
    '',
    '### Tasks and commands',
    '',
    'To a task of a run that is active. `done` is answered without an event: there is nothing to do. A number is a refusal;',
    'the sentences stand below, with the state in place of `…`.',
    '',
    ...commandLines(commandTable(taskCommands, tasks)),
    '',
    '## Runs',
    '',
    '![A run](states-run.svg)',
    '',
    '### Runs and events',
    '',
    'An event of a task is legal where it stands here and the task takes it.',
    '',
    ...table(runEvents.titles, runEvents.rows),
    '',
    '### Runs and commands',
    '',
    'To a run with a failed task. An ended run is opened again where it goes on.',
    '',
    ...commandLines(commandTable(runCommands, runs)),
  );
}

function commandLines({ titles, rows, refusals }: CommandTable): string[] {
  return [...table(titles, rows), '', ...refusals.map((refusal, index) => `${index + 1}. ${refusal}`)];
}
