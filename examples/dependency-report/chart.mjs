/** Draws the charts of the HTML report as SVG. Colours are classes, so that the page can choose light or dark. */
import { runTask } from './lib/task.mjs';
import { escapeHtml, formatCount, formatWeight } from './lib/words.mjs';

const width = 760;
const rowHeight = 30;
const labelWidth = 230;
const valueWidth = 96;
const licenceColourCount = 7;

await runTask(({ needs: { sizes, licences } }) => ({
  sizes: barChart(sizes.largest, sizes.unit),
  licences: shareChart(licences.groups),
}));

/** One bar for each package, the longest first. */
function barChart(rows, unit) {
  const height = rows.length * rowHeight;
  const weightMax = Math.max(1, ...rows.map(({ weight }) => weight));
  const barWidthMax = width - labelWidth - valueWidth;
  const bars = rows.map(({ name, version, weight }, index) => {
    const middle = index * rowHeight + rowHeight / 2;
    const barWidth = Math.max(2, (weight / weightMax) * barWidthMax);
    return [
      `<g><title>${escapeHtml(`${name} ${version}: ${formatWeight(weight, unit)}`)}</title>`,
      `<text class="label" x="${labelWidth - 12}" y="${middle}">${escapeHtml(shorten(name, 30))}</text>`,
      `<rect class="track" x="${labelWidth}" y="${middle - 8}" width="${barWidthMax}" height="16" rx="4"/>`,
      `<rect class="bar" x="${labelWidth}" y="${middle - 8}" width="${barWidth.toFixed(1)}" height="16" rx="4"/>`,
      `<text class="value" x="${labelWidth + barWidthMax + 12}" y="${middle}">${formatWeight(weight, unit)}</text></g>`,
    ].join('');
  });
  const name = unit === 'bytes' ? 'Largest packages by size' : 'Direct dependencies by the packages that they bring';
  return svg(height, name, bars.join(''));
}

/** One bar for all packages, a part for each licence, and a legend below. */
function shareChart(groups) {
  const shown = foldRest(groups);
  const total = shown.reduce((sum, { count }) => sum + count, 0);
  let x = 0;
  const parts = shown.map(({ licence, count }, index) => {
    const partWidth = (count / total) * width;
    const part = `<rect class="share-${index}" x="${x.toFixed(1)}" y="0" width="${Math.max(1, partWidth - 2).toFixed(1)}" height="34" rx="4"><title>${escapeHtml(licence)}: ${formatCount(count, 'package')}</title></rect>`;
    x += partWidth;
    return part;
  });
  const legend = shown.map(({ licence, count }, index) => {
    const left = (index % 2) * (width / 2);
    const middle = 62 + Math.floor(index / 2) * 26;
    return [
      `<rect class="share-${index}" x="${left}" y="${middle - 6}" width="12" height="12" rx="3"/>`,
      `<text class="name" x="${left + 22}" y="${middle}">${escapeHtml(shorten(licence, 32))}</text>`,
      `<text class="count" x="${left + width / 2 - 40}" y="${middle}">${count}</text>`,
    ].join('');
  });
  const height = 62 + Math.ceil(shown.length / 2) * 26;
  return svg(height, 'Packages by licence', [...parts, ...legend].join(''));
}

function foldRest(groups) {
  if (groups.length <= licenceColourCount + 1) return groups;
  const rest = groups.slice(licenceColourCount);
  const count = rest.reduce((sum, group) => sum + group.count, 0);
  return [...groups.slice(0, licenceColourCount), { licence: `${rest.length} others`, count }];
}

function shorten(text, lengthMax) {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax - 1)}…`;
}

function svg(height, name, content) {
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(name)}" xmlns="http://www.w3.org/2000/svg">${content}</svg>`;
}
