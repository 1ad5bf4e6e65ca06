/** Takes one file out of an unpacked tar archive held in memory. */

const blockSizeBytes = 512;

/** The content of the file `name`, or undefined if the archive does not hold it. */
export function readTarMember(archive, name) {
  let offset = 0;
  while (offset + blockSizeBytes <= archive.length && archive[offset] !== 0) {
    const sizeBytes = Number.parseInt(textAt(archive, offset + 124, 12), 8);
    if (!Number.isSafeInteger(sizeBytes)) return undefined;
    const contentStart = offset + blockSizeBytes;
    if (textAt(archive, offset, 100) === name) return archive.subarray(contentStart, contentStart + sizeBytes);
    offset = contentStart + Math.ceil(sizeBytes / blockSizeBytes) * blockSizeBytes;
  }
  return undefined;
}

function textAt(archive, start, lengthMax) {
  const field = archive.subarray(start, start + lengthMax);
  const end = field.indexOf(0);
  return field.toString('latin1', 0, end < 0 ? lengthMax : end).trim();
}
