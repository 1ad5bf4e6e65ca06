/** How a launch script speaks and ends: progress in sentences on stderr, an expected failure as one sentence and a code. */

/** Exit codes of sysexits.h: something that is needed cannot be had; the surroundings are not as they must be. */
export const exitUnavailable = 69;
export const exitConfiguration = 78;

/** A failure with a remedy in its message: printed as a sentence, without a stack. */
export class LaunchError extends Error {
  constructor(message, exitCode, options) {
    super(message, options);
    this.name = 'LaunchError';
    this.exitCode = exitCode;
  }
}

export function say(sentence) {
  process.stderr.write(`millrace: ${sentence}\n`);
}

/** Runs the script. What is not a LaunchError is a bug or the program's own error and keeps its stack. */
export async function launch(script) {
  try {
    await script();
  } catch (error) {
    if (!(error instanceof LaunchError)) throw error;
    say(error.message);
    process.exitCode = error.exitCode;
  }
}

/** The last lines of what a command printed, on one line, for use inside a sentence. */
export function lastLines(output, lineCount) {
  return output.trim().split('\n').slice(-lineCount).join(' ').trim();
}
