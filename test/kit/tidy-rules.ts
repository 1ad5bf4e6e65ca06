/** The rules of docs/style.md that a machine can check. Each takes one parsed file and says what is wrong, by line. */
import { basename } from 'node:path';
import ts from 'typescript';

export type SourceFile = {
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
  readonly nodes: readonly ts.Node[];
};
export type Fault = { path: string; line: number; message: string };
export type Rule = (file: SourceFile) => Fault[];

const limits = { fileLines: 400, functionLines: 70, parameters: 4 } as const;

export function parseSource(path: string, text: string): SourceFile {
  const kind = path.endsWith('.mjs') ? ts.ScriptKind.JS : ts.ScriptKind.TS;
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true, kind);
  return { path, text, tree, nodes: nodesOf(tree) };
}

const roles = new Set([
  // What may be said and what may happen.
  ...[
    'schema',
    'definition',
    'events',
    'commands',
    'messages',
    'setup',
    'changes',
    'machine',
    'decide',
    'effects',
    'fold',
    'state',
    'view',
  ],
  // What touches the world.
  ...['actor', 'port', 'adapter', 'handler', 'role', 'main', 'service', 'command', 'task-type', 'route', 'error'],
  // Where it runs and what must hold.
  ...['process', 'child', 'supervisor', 'test', 'contract', 'bench', 'property', 'simulation', 'generated'],
]);
const emptyNouns = new Set(['manager', 'helper', 'helpers', 'util', 'utils', 'data', 'info', 'misc', 'common']);
const kebab = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

export const fileLength: Rule = (file) => {
  const lineCount = file.text.trimEnd().split('\n').length;
  return lineCount <= limits.fileLines ? [] : [fault(file, 0, `${lineCount} lines, at most ${limits.fileLines}`)];
};

export const functionLength: Rule = (file) =>
  functionsOf(file).flatMap((node) => {
    if (isSuite(node)) return [];
    const lineCount = node
      .getText()
      .split('\n')
      .filter((line) => line.trim() !== '').length;
    if (lineCount <= limits.functionLines) return [];
    return [fault(file, node.getStart(), `${nameOf(node)} has ${lineCount} lines, at most ${limits.functionLines}`)];
  });

/** A function that is handed to another has the parameters that the other gives. */
export const parameterCount: Rule = (file) =>
  functionsOf(file)
    .filter(({ parameters, parent }) => parameters.length > limits.parameters && !ts.isCallExpression(parent))
    .map((node) =>
      fault(
        file,
        node.getStart(),
        `${nameOf(node)} has ${node.parameters.length} parameters, at most ${limits.parameters}`,
      ),
    );

export const fileName: Rule = (file) => {
  const [base = '', ...suffixes] = basename(file.path).split('.').slice(0, -1);
  const faults: string[] = [];
  if (!kebab.test(base)) faults.push(`the name ${base} is not kebab-case`);
  for (const role of suffixes) if (!roles.has(role)) faults.push(`the role .${role} is not known`);
  const noun = base.split('-').at(-1) ?? '';
  if (emptyNouns.has(noun)) faults.push(`${noun} says nothing; name the thing after what it is`);
  return faults.map((message) => fault(file, 0, message));
};

export const namedExports: Rule = (file) => {
  const faults: Fault[] = [];
  for (const node of file.tree.statements) {
    const isDefault = ts.canHaveModifiers(node) && has(node, ts.SyntaxKind.DefaultKeyword);
    if (ts.isExportAssignment(node) || isDefault) faults.push(fault(file, node.getStart(), 'a default export'));
    if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
      faults.push(fault(file, node.getStart(), 'passes on the exports of another file (a barrel)'));
    }
  }
  return faults;
};

/** Relative imports carry the extension of the file that is there. */
export const importExtensions: Rule = (file) =>
  file.nodes
    .map(specifierOf)
    .filter((specifier) => specifier !== undefined)
    .filter(({ text }) => text.startsWith('.') && !/\.(ts|mjs|cjs|json)$/.test(text))
    .map((specifier) => fault(file, specifier.getStart(), `the import ${specifier.text} has no extension`));

export const purposeComment: Rule = (file) => {
  const start = file.text.startsWith('#!') ? file.text.indexOf('\n') + 1 : 0;
  return /^\s*\/\*\*?\s*\S|^\s*\/\/\s*\S/.test(file.text.slice(start))
    ? []
    : [fault(file, 0, 'no comment at its head says what the file is for')];
};

const impureNames = new Set([
  ...['Date', 'process', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'fetch', 'crypto'],
  ...['performance', 'console', 'require', 'globalThis', 'Promise'],
]);

/** The pure core reads no clock, random source or environment, does no I/O and does not wait. */
export const purity: Rule = (file) =>
  file.nodes.flatMap((node) => {
    const at = node.getStart();
    if (ts.isIdentifier(node) && impureNames.has(node.text) && isReference(node)) {
      return [fault(file, at, `uses ${node.text}`)];
    }
    if (ts.isPropertyAccessExpression(node) && node.getText() === 'Math.random')
      return [fault(file, at, 'uses Math.random')];
    if (ts.isAwaitExpression(node)) return [fault(file, at, 'awaits')];
    if (isFunction(node) && ts.canHaveModifiers(node) && has(node, ts.SyntaxKind.AsyncKeyword)) {
      return [fault(file, at, `${nameOf(node)} is async`)];
    }
    return [];
  });

export const noLeftovers: Rule = (file) => {
  const faults = file.nodes
    .filter(isLeftOutTest)
    .map((node) => fault(file, node.getStart(), `left over: ${node.getText()}`));
  for (const [index, line] of file.text.split('\n').entries()) {
    if (/(\/\/|\/\*|^\s*\*).*\b(TODO|FIXME|XXX)\b/.test(line))
      faults.push({ path: file.path, line: index + 1, message: line.trim() });
  }
  return faults;
};

const quantity = /(timeout|delay|interval|duration|deadline|ttl|size)$/i;

/** A number that lasts or has a size says its unit: `timeoutMs`, `sizeBytes`. */
export const units: Rule = (file) =>
  file.nodes
    .filter(isNumericDeclaration)
    .filter(({ name }) => ts.isIdentifier(name) && quantity.test(name.text))
    .map(({ name }) => fault(file, name.getStart(), `the number ${name.getText()} has no unit in its name`));

export const environment: Rule = (file) =>
  file.nodes
    .filter((node) => ts.isPropertyAccessExpression(node) && node.getText() === 'process.env')
    .map((node) => fault(file, node.getStart(), 'reads process.env; only the configuration does'));

type FunctionNode = ts.FunctionLikeDeclaration & { body: ts.Node };

function functionsOf({ nodes }: SourceFile): FunctionNode[] {
  return nodes.filter(isFunction);
}

function isFunction(node: ts.Node): node is FunctionNode {
  return ts.isFunctionLike(node) && 'body' in node && node.body !== undefined;
}

/** A function that only groups tests is as long as its tests are many. */
function isSuite(node: FunctionNode): boolean {
  if (!ts.isBlock(node.body)) return false;
  return node.body.statements.some((statement) => /^(describe|it|test)\b/.test(statement.getText()));
}

function nameOf(node: FunctionNode): string {
  if (node.name !== undefined) return node.name.getText();
  const { parent } = node;
  return ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) ? parent.name.getText() : 'a function';
}

function nodesOf(tree: ts.SourceFile): ts.Node[] {
  const nodes: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    nodes.push(node);
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(tree, visit);
  return nodes;
}

function has(node: ts.HasModifiers, kind: ts.SyntaxKind): boolean {
  return ts.getModifiers(node)?.some((modifier) => modifier.kind === kind) ?? false;
}

function specifierOf(node: ts.Node): ts.StringLiteral | undefined {
  const isStatic = ts.isImportDeclaration(node) || ts.isExportDeclaration(node);
  const isDynamic = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;
  const specifier = isStatic ? node.moduleSpecifier : isDynamic ? node.arguments[0] : undefined;
  return specifier !== undefined && ts.isStringLiteral(specifier) ? specifier : undefined;
}

/** A name that stands for a value, not the name of a property or of a type. */
function isReference({ parent, pos }: ts.Identifier): boolean {
  if (ts.isPropertyAccessExpression(parent)) return parent.expression.pos === pos;
  if (ts.isTypeReferenceNode(parent) || ts.isQualifiedName(parent)) return false;
  const isNamed = 'name' in parent && (parent.name as ts.Node | undefined)?.pos === pos;
  return !isNamed || ts.isShorthandPropertyAssignment(parent);
}

function isLeftOutTest(node: ts.Node): boolean {
  if (!ts.isPropertyAccessExpression(node) || !['only', 'skip', 'todo'].includes(node.name.text)) return false;
  return /^(describe|it|test)\b/.test(node.expression.getText());
}

type Declaration =
  | ts.VariableDeclaration
  | ts.ParameterDeclaration
  | ts.PropertySignature
  | ts.PropertyDeclaration
  | ts.PropertyAssignment;

function isNumericDeclaration(node: ts.Node): node is Declaration {
  if (ts.isPropertyAssignment(node)) return /^z\s*\.(int|number)\b/.test(node.initializer.getText());
  const isDeclared =
    ts.isVariableDeclaration(node) ||
    ts.isParameter(node) ||
    ts.isPropertySignature(node) ||
    ts.isPropertyDeclaration(node);
  if (!isDeclared) return false;
  const initializer = 'initializer' in node ? node.initializer : undefined;
  return node.type === undefined
    ? initializer !== undefined && ts.isNumericLiteral(initializer)
    : /^number\b/.test(node.type.getText());
}

function fault({ path, tree }: SourceFile, position: number, message: string): Fault {
  return { path, line: tree.getLineAndCharacterOfPosition(position).line + 1, message };
}
