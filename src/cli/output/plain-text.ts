/** Text that came from elsewhere, made safe for one line of a terminal. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about.
const controlCharacters = /[\u0000-\u001f\u007f-\u009f]+/g;

/** Control characters, line ends among them, become one space: a task's message must not steer the terminal. */
export function withoutControls(text: string): string {
  return text.replace(controlCharacters, ' ');
}

export function oneLine(text: string): string {
  return withoutControls(text).trim();
}

export function shortened(text: string, lengthMax: number): string {
  const characters = [...text];
  return characters.length <= lengthMax ? text : `${characters.slice(0, Math.max(0, lengthMax - 1)).join('')}…`;
}
