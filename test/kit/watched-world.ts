/**
 * Counts every way out of this process while something runs: appends and reads of a journal, messages of a transport, and the
 * functions of Node that write files, open connections or start processes.
 */
import childProcess from 'node:child_process';
import dgram from 'node:dgram';
import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import tls from 'node:tls';
import workerThreads from 'node:worker_threads';
import type { Journal } from '../../src/journal/journal.port.ts';
import type { Transport } from '../../src/transport/transport.port.ts';

/** Names of what was called, in order. */
export type Calls = string[];

const writers =
  /^(append|chmod|chown|copy|cp|create(Write)|fchmod|fsync|ftruncate|link|mkdir|open|rename|rm|symlink|truncate|unlink|utimes|write)/;

/** Which functions of which modules; prototypes stand for the objects that were made before. */
const doors: readonly [name: string, holder: object, isDoor: (name: string) => boolean][] = [
  ['fs', fs, (name) => writers.test(name)],
  ['fs.promises', fs.promises, (name) => writers.test(name)],
  ['net', net, (name) => ['connect', 'createConnection', 'createServer'].includes(name)],
  ['net.Socket', net.Socket.prototype, (name) => name === 'connect'],
  ['net.Server', net.Server.prototype, (name) => name === 'listen'],
  ['tls', tls, (name) => ['connect', 'createServer'].includes(name)],
  ['dgram', dgram, (name) => name === 'createSocket'],
  ['http', http, (name) => ['request', 'get', 'createServer'].includes(name)],
  ['https', https, (name) => ['request', 'get', 'createServer'].includes(name)],
  ['http2', http2, (name) => ['connect', 'createServer'].includes(name)],
  ['childProcess', childProcess, (name) => /^(exec|spawn|fork)/.test(name)],
  ['workerThreads', workerThreads, (name) => name === 'Worker'],
  ['global', globalThis, (name) => ['fetch', 'WebSocket', 'setTimeout', 'setInterval', 'setImmediate'].includes(name)],
  ['process', process, (name) => ['send', 'kill'].includes(name)],
];

/** What the act called of the doors out of this process. It is synchronous, so nobody else calls meanwhile. */
export function callsOf(act: () => void): Calls {
  const calls: Calls = [];
  const undo = doors.flatMap(([name, holder, isDoor]) => watched(name, holder, isDoor, calls));
  syncBuiltinESMExports();
  try {
    act();
  } finally {
    for (const back of undo) back();
    syncBuiltinESMExports();
  }
  return calls;
}

function watched(name: string, holder: object, isDoor: (name: string) => boolean, calls: Calls): (() => void)[] {
  const record = holder as Record<string, unknown>;
  const names = Object.getOwnPropertyNames(holder).filter((key) => isDoor(key) && isReplaceable(holder, key));
  return names.map((key) => {
    const original = record[key] as (...args: unknown[]) => unknown;
    record[key] = function (this: unknown, ...args: unknown[]) {
      calls.push(`${name}.${key}`);
      return new.target === undefined ? original.apply(this, args) : Reflect.construct(original, args);
    };
    return () => {
      record[key] = original;
    };
  });
}

function isReplaceable(holder: object, key: string): boolean {
  const property = Object.getOwnPropertyDescriptor(holder, key);
  return property?.writable === true && typeof property.value === 'function';
}

/** Tells every call of a port, and passes it on. */
export function told<Port extends Journal | Transport>(port: Port, calls: Calls): Port {
  return new Proxy(port, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        calls.push(String(key));
        return value.apply(target, args);
      };
    },
  });
}
