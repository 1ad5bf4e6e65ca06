/** Downloads the pinned nats-server into the project's cache. Nothing is written before its checksum was found right. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { say } from './launch-error.mjs';
import { natsServerRelease, natsServerVersion } from './nats-server-release.mjs';
import { cacheDir } from './project-root.mjs';
import { readTarMember } from './read-tar.mjs';

const downloadTimeoutMs = 180_000;
const archiveSizeMaxBytes = 64 * 1024 * 1024;
const programSizeMaxBytes = 256 * 1024 * 1024;

export const downloadedNatsServerFolder = join(cacheDir, `nats-server-${natsServerVersion}`);

/** Resolves with undefined, or with the reason why it did not work. */
export async function downloadNatsServer() {
  const release = natsServerRelease();
  if (release === undefined) return `no pinned download for ${process.platform} on ${process.arch}`;
  say(`downloading nats-server ${natsServerVersion} from ${release.url} ...`);
  try {
    const archive = await fetchArchive(release.url);
    const found = createHash('sha256').update(archive).digest('hex');
    if (found !== release.sha256) return `the download was refused: its SHA-256 is ${found}, not ${release.sha256}`;
    const program = readTarMember(gunzipSync(archive, { maxOutputLength: programSizeMaxBytes }), release.member);
    if (program === undefined) return `the download does not hold ${release.member}`;
    writeProgram(program);
    return undefined;
  } catch (error) {
    return `the download failed: ${error.cause?.message || error.message}`;
  }
}

async function fetchArchive(url) {
  const response = await fetch(url, { signal: AbortSignal.timeout(downloadTimeoutMs) });
  if (!response.ok) throw new Error(`the server answered ${response.status} ${response.statusText}`);
  const chunks = [];
  let sizeBytes = 0;
  for await (const chunk of response.body) {
    sizeBytes += chunk.length;
    if (sizeBytes > archiveSizeMaxBytes) throw new Error(`more than ${archiveSizeMaxBytes} bytes were sent`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Written aside and renamed: two starts at once do not see half of it. */
function writeProgram(program) {
  mkdirSync(downloadedNatsServerFolder, { recursive: true });
  const draftPath = join(downloadedNatsServerFolder, `draft-${randomUUID()}`);
  writeFileSync(draftPath, program, { mode: 0o755 });
  renameSync(draftPath, join(downloadedNatsServerFolder, 'nats-server'));
}
