/** A command that ends early on purpose: not a fault, only an exit code and perhaps a last sentence. */
import type { ExitCode } from './exit-codes.ts';

export class CommandEnd extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, sentence = '') {
    super(sentence);
    this.name = 'CommandEnd';
    this.exitCode = exitCode;
  }
}
