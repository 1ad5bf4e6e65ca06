/** Checks that both reports are whole, and says the result in one sentence. */
import { readFile } from 'node:fs/promises';
import { runTask } from './lib/task.mjs';
import { formatBytes, formatCount } from './lib/words.mjs';

await runTask(async ({ needs }) => {
  await expectWhole(needs.markdown, '# Dependencies of');
  await expectWhole(needs.html, '<!doctype html>');
  const summary = summarise(needs);
  console.log(summary);
  return { markdown: needs.markdown.path, html: needs.html.path, summary };
});

async function expectWhole({ path, lengthBytes }, beginning) {
  const text = await readFile(path, 'utf8');
  if (text.startsWith(beginning) && Buffer.byteLength(text) === lengthBytes) return;
  throw new Error(`expected ${path} as it was written (${lengthBytes} bytes), came ${Buffer.byteLength(text)} bytes`);
}

function summarise({ inspect, count, licences, sizes, duplicates }) {
  const size = sizes.unit === 'bytes' ? `, ${formatBytes(sizes.total)} in node_modules` : '';
  const parts = [
    `${formatCount(count.total, 'package')} (${count.direct} direct)`,
    formatCount(licences.licenceCount, 'licence'),
    `${formatCount(duplicates.count, 'package')} in several versions`,
  ];
  return `${inspect.project} has ${parts[0]} under ${parts[1]}${size}; ${parts[2]}.`;
}
