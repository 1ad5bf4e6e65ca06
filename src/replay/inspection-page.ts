/** A page that shows a history in Stately's inspector, which it loads: the browser sends it what an application would send. */
import type { InspectionMessage } from './inspection.ts';
import { escaped } from './svg.ts';

export const inspectorAddress = 'https://stately.ai/inspect';

export function inspectionPage(title: string, messages: Iterable<InspectionMessage>): string {
  // A script ends at the first "</script": no text of a run may hold one.
  const embedded = JSON.stringify([...messages]).replaceAll('<', '\\u003c');
  return [
    '<!doctype html>',
    `<html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title>`,
    '<style>html, body, iframe { margin: 0; width: 100%; height: 100%; border: 0; }</style></head>',
    `<body><iframe id="inspector" src="${inspectorAddress}" title="Stately Inspector"></iframe>`,
    `<script id="messages" type="application/json">${embedded}</script>`,
    `<script>${program}</script></body></html>`,
    '',
  ].join('\n');
}

/** The inspector says when it is ready. */
const program = `
const inspector = document.getElementById('inspector');
const messages = JSON.parse(document.getElementById('messages').textContent);
window.addEventListener('message', ({ source, data }) => {
  if (source !== inspector.contentWindow || data?.type !== '@statelyai.connected') return;
  for (const message of messages.splice(0)) inspector.contentWindow.postMessage(message, '*');
});
`;
