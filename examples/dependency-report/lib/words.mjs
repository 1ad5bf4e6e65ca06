/** Numbers and texts as people read them. */

export function formatBytes(bytes) {
  const units = ['B', 'kB', 'MB', 'GB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function formatCount(count, singular, plural = `${singular}s`) {
  return `${count.toLocaleString('en')} ${count === 1 ? singular : plural}`;
}

/** A weight of `sizes`: bytes where folders were measured, else packages. */
export function formatWeight(weight, unit) {
  return unit === 'bytes' ? formatBytes(weight) : formatCount(weight, 'package');
}

const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export function escapeHtml(text) {
  return String(text).replace(/[&<>"']/g, (letter) => escapes[letter]);
}

export function escapeMarkdown(text) {
  return String(text).replace(/[|\\`*_<>]/g, (letter) => `\\${letter}`);
}
