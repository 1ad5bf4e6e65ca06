/** The doc comments of a source file, by the path of the declaration below them: `TaskAssigned.attempt`. */
import { readFileSync } from 'node:fs';
import ts from 'typescript';

/**
 * Comments of constants and of properties in object literals. A property is known by the names of those around it;
 * the constant that holds them all is left out where it is named as a catalogue.
 */
export function docCommentsOf(file: URL, options: { catalogue?: string } = {}): Map<string, string> {
  const text = readFileSync(file, 'utf8');
  const tree = ts.createSourceFile(file.pathname, text, ts.ScriptTarget.ES2023, true);
  const comments = new Map<string, string>();
  const visit = (node: ts.Node, path: readonly string[]): void => {
    const name = nameOf(node);
    const inner = name === undefined || name === options.catalogue ? path : [...path, name];
    const comment = name === undefined ? undefined : commentAbove(node, text);
    if (comment !== undefined) comments.set(inner.join('.'), comment);
    ts.forEachChild(node, (child) => visit(child, inner));
  };
  visit(tree, []);
  return comments;
}

function nameOf(node: ts.Node): string | undefined {
  const isNamed = ts.isPropertyAssignment(node) || ts.isVariableDeclaration(node);
  return isNamed && ts.isIdentifier(node.name) ? node.name.text : undefined;
}

function commentAbove(node: ts.Node, text: string): string | undefined {
  const holder = ts.isVariableDeclaration(node) ? node.parent.parent : node;
  const range = ts.getLeadingCommentRanges(text, holder.getFullStart())?.at(-1);
  const comment = range === undefined ? '' : text.slice(range.pos, range.end);
  if (!comment.startsWith('/**')) return undefined;
  return comment
    .slice(3, -2)
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trim())
    .join(' ')
    .trim();
}
