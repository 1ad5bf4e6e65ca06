/**
 * Fills `${name}`, `${needs.task.output}` and `$[...]` into the texts of a request, see `actors/params/placeholder.ts`.
 *
 * In a URL a value is percent-encoded as one component when it stands in the path, the query or the fragment. Before
 * those, in the scheme or host (`${base}/items`), it is taken as it is. In a body that is JSON it stands in a string, and is
 * written so that it stays there.
 */
import type { Filling } from '../../../actors/params/placeholder.ts';
import { filledText } from '../attempt-scope.ts';

const placeholder = /\$\$(?=[{[])|\$\{[^{}]*\}|\$\[[^\]]*\]/g;
const originPart = /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/)?[^/?#]*$/;

/** @throws AppError with the code of the fault */
export function fillUrl(template: string, filling: Filling): string {
  return filledText(template, filling, (text, offset) => {
    const isInOrigin = originPart.test(template.slice(0, offset).replaceAll(placeholder, 'x'));
    return isInOrigin ? text : encodeURIComponent(text);
  });
}

/** @throws AppError with the code of the fault */
export function fillBody(template: string, filling: Filling): string {
  if (!isJson(template)) return filledText(template, filling);
  return filledText(template, filling, (text) => JSON.stringify(text).slice(1, -1));
}

/** As written: placeholders of JSON are inside of its strings. */
function isJson(template: string): boolean {
  try {
    JSON.parse(template);
    return true;
  } catch {
    return false;
  }
}
