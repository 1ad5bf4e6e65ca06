/** What is decided of an attempt whose applications its owner tends. */
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import { canTaskTake, foldTask } from './task-instance.fold.ts';
import type { TaskEvent, TaskState } from './task-instance.state.ts';
import type { Tended } from './tended.state.ts';

/** Events one after the other, each decided in the state that the ones before it have made. */
export class TendedDraft {
  readonly events: TaskEvent[] = [];
  readonly definition: TaskDefinition;
  state: TaskState;

  constructor(definition: TaskDefinition, state: TaskState) {
    this.definition = definition;
    this.state = state;
  }

  get tended(): Tended | undefined {
    return this.state.context.tended;
  }

  add(event: TaskEvent): void {
    if (!canTaskTake(this.state, event)) return;
    this.state = foldTask(this.state, event).state;
    this.events.push(event);
  }
}
