/** Remembers the end of an output, for the last line in the message of a failure. */

const tailSizeBytesMax = 512;

export type OutputTail = { add(bytes: Uint8Array): void; lastLine(): string };

export function createOutputTail(): OutputTail {
  let tail = Buffer.alloc(0);
  return {
    add: (bytes) => {
      const end = bytes.subarray(-tailSizeBytesMax);
      tail = Buffer.concat([tail, end]).subarray(-tailSizeBytesMax);
    },
    lastLine: () => tail.toString('utf8').trimEnd().split(/\r?\n/).at(-1)?.trim() ?? '',
  };
}
