/** A machine as a picture: Graphviz places states and arrows, a style sheet inside colours them, light or dark. */
import { Graphviz } from '@hpcc-js/wasm-graphviz';
import type { AnyStateMachine } from 'xstate';
import { type IsPossible, legalEvents } from './machine-table.ts';

const style = `<style>
    text { font-family: ui-sans-serif, system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
    .node path { fill: #f6f8fa; stroke: #57606a; }
    .begin path { fill: #ddf4ff; stroke: #0969da; }
    .good path { fill: #dafbe1; stroke: #1a7f37; }
    .bad path { fill: #ffebe9; stroke: #cf222e; }
    .end path { fill: #eaeef2; stroke: #57606a; }
    .edge path { fill: none; stroke: #6e7781; }
    .edge polygon { fill: #6e7781; stroke: #6e7781; }
    .edge text { fill: #57606a; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .node path { fill: #21262d; stroke: #8b949e; }
      .begin path { fill: #0c2d6b; stroke: #58a6ff; }
      .good path { fill: #033a16; stroke: #3fb950; }
      .bad path { fill: #490202; stroke: #f85149; }
      .end path { fill: #30363d; stroke: #8b949e; }
      .edge path { stroke: #8b949e; }
      .edge polygon { fill: #8b949e; stroke: #8b949e; }
      .edge text { fill: #b1bac4; }
    }
  </style>`;

const kinds: Readonly<Record<string, 'good' | 'bad' | 'end'>> = {
  succeeded: 'good',
  failed: 'bad',
  stopped: 'end',
  blocked: 'end',
  skipped: 'end',
};

export type DiagramOptions = {
  title: string;
  /** What stands at an arrow for an event; undefined leaves the event out of the picture. */
  labelOf(event: string): string | undefined;
  isPossible?: IsPossible;
};

const graphviz = await Graphviz.load();

/** One arrow for each pair of states, with all events that lead from the one to the other. */
export function stateDiagram(machine: AnyStateMachine, options: DiagramOptions): string {
  return themed(graphviz.dot(dotOf(machine, options)), options.title);
}

function dotOf(machine: AnyStateMachine, { labelOf, isPossible }: DiagramOptions): string {
  const arrows = new Map<string, { from: string; to: string; labels: string[] }>();
  for (const { state, event, targets } of legalEvents(machine, isPossible)) {
    const label = labelOf(event);
    for (const target of targets) {
      if (target === state || label === undefined) continue;
      const arrow = arrows.get(`${state}.${target}`) ?? { from: state, to: target, labels: [] };
      if (!arrow.labels.includes(label)) arrow.labels.push(label);
      arrows.set(`${state}.${target}`, arrow);
    }
  }
  const begin = machine.root.initial.target[0]?.key;
  const nodes = Object.keys(machine.states).map((state) => {
    const kind = state === begin ? 'begin' : (kinds[state] ?? 'open');
    return `  ${state} [class="${kind}"];`;
  });
  const edges = [...arrows.values()].map(
    ({ from, to, labels }) => `  ${from} -> ${to} [label="${labels.map((label) => ` ${label} `).join('\\l')}\\l"];`,
  );
  return [
    'digraph {',
    '  rankdir=TB; bgcolor=transparent; nodesep=0.3; ranksep=0.5; margin=0.1;',
    '  node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=15, margin="0.2,0.1"];',
    '  edge [fontname="Helvetica", fontsize=11, arrowsize=0.8];',
    ...nodes,
    ...edges,
    '}',
  ].join('\n');
}

/** Colours come from the style sheet; what Graphviz says of itself and of fonts is left out. */
function themed(svg: string, title: string): string {
  const size = /viewBox="[\d.]+ [\d.]+ ([\d.]+) ([\d.]+)"/.exec(svg);
  const body = svg
    .slice(svg.indexOf('<svg'))
    .replace(/<svg[^>]*>/, '')
    .replaceAll(/<!--[\s\S]*?-->\n?/g, '')
    .replaceAll(/<title>[^<]*<\/title>\n/g, '')
    .replaceAll(/ (fill|stroke|font-family|xml:space)="[^"]*"/g, '');
  const head = `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${title}" viewBox="0 0 ${size?.[1]} ${size?.[2]}" width="${size?.[1]}" height="${size?.[2]}">`;
  return `${head}\n  <title>${title}</title>\n  ${style}\n${body.trim()}\n`;
}
