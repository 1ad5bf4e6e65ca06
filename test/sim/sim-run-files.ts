/** The runs of a simulation as files that the replay debugger opens. */
import type { InstanceId } from '../../schemas/ids.ts';
import { streamPrefixes } from '../../src/journal/codec.ts';
import type { RecordedEvent } from '../../src/journal/journal.port.ts';
import { journalSource } from '../../src/replay/journal-source.ts';
import { runFileLines } from '../../src/replay/run-file.ts';
import { loadHistory } from '../../src/replay/run-history.ts';
import type { SimResult } from './simulate.ts';

export async function runFilesOf({ seed, streams }: Pick<SimResult, 'seed' | 'streams'>) {
  // Reason for the cast: the simulation keeps its streams as its journal reads them.
  const eventsOf = (name: string) => (streams.find(({ stream }) => stream === name)?.events ?? []) as RecordedEvent[];
  const source = journalSource({
    async *read(stream, { from = 0, limit = Number.POSITIVE_INFINITY } = {}) {
      yield* eventsOf(stream).slice(from, from + limit);
    },
  });
  const runs = streams.filter(({ stream }) => stream.startsWith(streamPrefixes.workflowInstance));
  return Promise.all(
    runs.map(async ({ stream }) => {
      const instance = stream.slice(streamPrefixes.workflowInstance.length) as InstanceId;
      const history = await loadHistory(source, instance);
      return { instance, text: [...runFileLines(history, `simulation, seed ${seed}`)].join('') };
    }),
  );
}
