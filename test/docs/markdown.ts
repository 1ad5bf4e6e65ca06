/** The Markdown files of this project and what can be read from them: links, headings, code. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export const root = new URL('../..', import.meta.url).pathname;

export type MarkdownFile = { path: string; text: string };

export function markdownFiles(): MarkdownFile[] {
  const paths = new Set(listed().filter((path) => path.endsWith('.md')));
  return [...paths].toSorted().flatMap((path) => {
    try {
      return [{ path, text: readFileSync(`${root}${path}`, 'utf8') }];
    } catch (fault) {
      // Tracked, but removed in the working tree.
      if ((fault as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw fault;
    }
  });
}

/** Tracked and new files; where there is no repository (an unpacked archive), what is there. */
function listed(): string[] {
  try {
    const args = ['ls-files', '--cached', '--others', '--exclude-standard'];
    return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: 'pipe' }).split('\n');
  } catch {
    return readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => !path.includes('node_modules'));
  }
}

/** Targets of links that lead into the project. */
export function relativeLinks({ text }: MarkdownFile): string[] {
  const links = withoutCode(text).matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g);
  return [...links].map(([, target = '']) => target).filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target));
}

/** Headings as the anchors that links name. */
export function anchorsOf(text: string): Set<string> {
  const headings = text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/^#{1,6}\s+(.+)$/gm);
  return new Set([...headings].map(([, heading = '']) => anchorOf(heading)));
}

/** Lines of code blocks and the texts of code spans. */
export function codeOf({ text }: MarkdownFile): string[] {
  const blocks = [...text.matchAll(/^```[^\n]*\n([\s\S]*?)^```/gm)].map(([, block = '']) => block);
  const indented = [...text.matchAll(/^ {4}(\S.*)$/gm)].map(([, line = '']) => line);
  const spans = [...text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);
  return [...blocks.flatMap((block) => block.replaceAll('\\\n', ' ').split('\n')), ...indented, ...spans];
}

function withoutCode(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`\n]+`/g, '');
}

function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');
}
