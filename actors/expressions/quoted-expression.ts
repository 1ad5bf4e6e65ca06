/** An expression as messages show it, with the place of a fault (from 0) as people count. */
export function quotedExpression(text: string, position?: number): string {
  const quote = text.includes('"') ? "'" : '"';
  return `${quote}${text}${quote}${position === undefined ? '' : ` at character ${position + 1}`}`;
}
