/** Narrows the settings of an offer to those of one task type. */
import type { TaskSettings, TaskType } from '../../schemas/definition/task-settings.ts';
import type { Offer } from '../../schemas/messages/attempt.messages.ts';
import { AppError } from '../errors/app-error.ts';

export function settingsOf<T extends TaskType>(offer: Offer, type: T): Extract<TaskSettings, { type: T }> {
  if (offer.settings.type !== type) {
    throw new AppError('INTERNAL', `expected settings of type ${type}, found ${offer.settings.type}`);
  }
  return offer.settings as Extract<TaskSettings, { type: T }>; // Checked above; the compiler does not narrow by `T`.
}
