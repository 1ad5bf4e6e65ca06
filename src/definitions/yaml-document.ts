/** Parses YAML (and so JSON) with the bounds that hold for definitions; what is no YAML becomes faults. */
import { Composer, type Document, Lexer, type LineCounter, Parser } from 'yaml';
import type { FoundFault, PathStep } from './definition-fault.ts';

const textSizeBytesMax = 4 * 1_048_576;
export const depthMax = 64;
/** The parser holds about one entry for each level, and a few for the document. */
const parserStackLengthMax = depthMax + 8;
const syntaxFaultCountMax = 20;

/** A fault with its offset in the text. */
export interface PlacedFault extends FoundFault {
  offset: number;
}

export type YamlResult = { kind: 'ok'; document: Document.Parsed } | { kind: 'faults'; faults: PlacedFault[] };

export function parseYaml(text: string, lineCounter: LineCounter): YamlResult {
  const sizeBytes = Buffer.byteLength(text);
  if (sizeBytes > textSizeBytesMax) return { kind: 'faults', faults: [tooLarge(sizeBytes)] };
  const tokens = readTokens(text, lineCounter);
  if (!Array.isArray(tokens)) return { kind: 'faults', faults: [tooDeep([], tokens.tooDeepAt)] };
  // uniqueKeys compares each key with all others; the tree reader does it in linear time, with both places.
  const composer = new Composer({ uniqueKeys: false, prettyErrors: false, resolveKnownTags: false });
  const [document, second] = composer.compose(tokens, true, text.length);
  if (document === undefined) throw new Error('expected a document of every text, came none');
  // The composer with a forced document gives parsed ones only; its type says less.
  const faults = syntaxFaults(document as Document.Parsed);
  if (second !== undefined) faults.push(secondDocument((second as Document.Parsed).range[0]));
  return faults.length > 0 ? { kind: 'faults', faults } : { kind: 'ok', document: document as Document.Parsed };
}

type Token = ReturnType<Parser['next']> extends Generator<infer T> ? T : never;

/**
 * The tokens of a text, or where it nests too deeply. The composer recurses: a text of some thousand open brackets can
 * exhaust the stack while V8 compiles a regular expression, and that ends the process. So the depth is bounded before.
 */
function readTokens(text: string, lineCounter: LineCounter): Token[] | { tooDeepAt: number } {
  const tokens: Token[] = [];
  const parser = new Parser(lineCounter.addNewLine);
  lineCounter.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    if (parser.stack.length > parserStackLengthMax) return { tooDeepAt: parser.offset };
  }
  tokens.push(...parser.end());
  return tokens;
}

function tooLarge(sizeBytes: number): PlacedFault {
  return {
    code: 'TEXT_TOO_LARGE',
    path: [],
    message: `expected a text of at most 4 MiB, came ${(sizeBytes / 1_048_576).toFixed(1)} MiB`,
    remedy: 'Split the workflow, or move long scripts into files.',
    at: 'value',
    offset: 0,
  };
}

export function tooDeep(path: readonly PathStep[], offset: number): PlacedFault {
  return {
    code: 'SYNTAX',
    path,
    message: `expected at most ${depthMax} levels of maps and lists, came more`,
    remedy: 'Look for brackets that are not closed, or flatten the value.',
    at: 'value',
    offset,
  };
}

function secondDocument(offset: number): PlacedFault {
  return {
    code: 'SYNTAX',
    path: [],
    message: 'expected one document, came another one',
    remedy: 'Put each workflow into a file of its own.',
    at: 'value',
    offset,
  };
}

function syntaxFaults(document: Document.Parsed): PlacedFault[] {
  const faults = document.errors.slice(0, syntaxFaultCountMax).map(({ message, pos }): PlacedFault => {
    return {
      code: 'SYNTAX',
      path: [],
      message: `this is not YAML: ${message}`,
      remedy: 'Mend the YAML (or JSON) here.',
      at: 'value',
      offset: pos[0],
    };
  });
  const tags = document.warnings.map(({ message, pos }): PlacedFault => {
    return {
      code: 'TAG_REFUSED',
      path: [],
      message: `expected a plain value, came a tag (${message.toLowerCase()})`,
      remedy: 'Remove the tag; a text that begins with "!" needs quotes.',
      at: 'value',
      offset: pos[0],
    };
  });
  return [...faults, ...tags];
}
