/** Canonical settings of the tasks that run programs and ask services. */
import type { NatsTaskSource, PythonTaskSource, SqlTaskSource } from '../../schemas/definition/program-source.ts';
import { submissionOf } from '../../schemas/definition/submission-source.ts';
import type { TaskSettings } from '../../schemas/definition/task-settings.ts';
import { parseDurationMs } from '../../schemas/duration.ts';

export function canonicalPython(task: PythonTaskSource): TaskSettings {
  const { script, interpreter, args, grace } = task;
  return { type: 'python', script, interpreter, args, graceMs: parseDurationMs(grace) ?? 0, ...submissionOf(task) };
}

export function canonicalSql({ connection, query, script, bind, rowsMax }: SqlTaskSource): TaskSettings {
  const statement = query === undefined ? { script: script ?? '' } : { query };
  return { type: 'sql', connection, ...statement, bind, rowsMax };
}

export function canonicalNats(task: NatsTaskSource): TaskSettings {
  const { action, server, subject, headers, payload } = task;
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return {
    type: 'nats',
    action,
    server,
    subject,
    headers,
    payload: text,
    timeoutMs: parseDurationMs(task.answerTimeout) ?? 1,
  };
}
