/** What the drawings share: colours of the statuses, and text made safe for SVG and HTML. */
import type { TaskStatus } from '../../actors/task-instance/task-instance.state.ts';

export const statusColors: Readonly<Record<TaskStatus, string>> = {
  waiting: '#d8dee9',
  ready: '#b8c7e0',
  delayed: '#c9b8e0',
  assigned: '#9cc4f2',
  accepted: '#7ab0ee',
  running: '#3b82f6',
  awaiting: '#a78bfa',
  expanded: '#60a5fa',
  absent: '#f59e0b',
  cancelling: '#fb923c',
  backingOff: '#facc15',
  succeeded: '#22c55e',
  failed: '#ef4444',
  stopped: '#a16207',
  blocked: '#9ca3af',
  skipped: '#e5e7eb',
};

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escaped(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters may not stand in XML.
  return text.replace(/[\u0000-\u001f\u007f]/g, ' ').replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

export const svgFont = 'font-family="system-ui, sans-serif" font-size="12"';

/** Text cut to fit. */
export function cut(text: string, lengthMax: number): string {
  const characters = [...text];
  return characters.length <= lengthMax ? text : `${characters.slice(0, lengthMax - 1).join('')}…`;
}
