/**
 * Where a supervisor and its worker meet: `<data folder>/supervisor`, which only their user may enter. The supervisor's
 * current directory is the data folder, so that its paths are short.
 */
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';

export type SupervisorPlace = {
  folder: string;
  /** 0600, in a folder of 0700. */
  socket: string;
  /** Who the supervisor is, for a worker that must end one that hangs. */
  identity: string;
  /** What it has to complain of. */
  log: string;
  /** One file for each attempt that is not forgotten. */
  runs: string;
};

export const folderMode = 0o700;
export const fileMode = 0o600;

export function supervisorPlace(dataDir: string): SupervisorPlace {
  const folder = join(dataDir, 'supervisor');
  return {
    folder,
    socket: join(folder, 'socket'),
    identity: join(folder, 'supervisor.json'),
    log: join(folder, 'supervisor.log'),
    runs: join(folder, 'runs'),
  };
}

/** The systems take 104 to 108 bytes for the path of a socket. */
const socketPathSizeBytesMax = 100;

/**
 * A path by which the socket can be reached, however deep the data folder lies. Linux reaches it through an open folder;
 * elsewhere the long path stays, and connecting fails with it.
 */
export function reachableSocket({ folder, socket }: SupervisorPlace): { path: string; release: () => void } {
  if (Buffer.byteLength(socket) <= socketPathSizeBytesMax || process.platform !== 'linux') {
    return { path: socket, release: () => {} };
  }
  const descriptor = openSync(folder, 'r');
  return { path: `/proc/self/fd/${descriptor}/socket`, release: () => closeSync(descriptor) };
}
