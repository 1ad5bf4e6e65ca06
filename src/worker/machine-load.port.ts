/** How busy this machine is. */
import type { Load } from '../../schemas/messages/membership.messages.ts';

export interface MachineLoad {
  /** Share of the processors in use since the last call, and of the memory in use now; each 0 to 1. */
  measure(): Load;
}
