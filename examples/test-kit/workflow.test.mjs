/** Tests of the workflow beside this file, without servers and in no time: `node --test examples/test-kit/workflow.test.mjs`. */
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { approve, decline, fails, given, neverReports, passes, succeeds, takes, until } from 'millrace/test-kit';

const workflow = readFileSync(new URL('workflow.yaml', import.meta.url), 'utf8');
const few = { fetch: succeeds({ rows: 10 }) };
const many = { fetch: succeeds({ rows: 5_000 }) };

test('a small load needs no approval', () => {
  given(workflow, { results: { ...few, load: takes('30s') } })
    .when()
    .thenEnds('succeeded')
    .thenTask('release', { status: 'skipped' })
    .thenElapsed('31s');
});

test('a large load waits for a person', () => {
  given(workflow, { results: many })
    .when(passes('2h'))
    .thenTask('release', { status: 'awaiting' })
    .thenNever('TaskAssigned load')
    .when(approve('release', { by: 'Ada' }))
    .thenEnds('succeeded');
  given(workflow, { results: many })
    .when(until('TaskAwaits release'), decline('release'))
    .thenEnds('failed')
    .thenTask('load', { status: 'blocked' });
});

test('a flaky source is tried again, a load that hangs is ended', () => {
  given(workflow, { results: { fetch: [fails({ times: 2 }), succeeds({ rows: 10 })], load: neverReports() } })
    .when()
    .thenTask('fetch', { status: 'succeeded', attempts: 3 })
    .thenTask('load', { status: 'failed', fault: 'TASK_TIMED_OUT' })
    .thenAmong('TaskRetryDue fetch', 'TaskTimedOut load');
});

test('it makes no difference where a master dies', () => {
  const whole = given(workflow, { results: few }).when();
  for (const revision of whole.run.events.keys()) {
    given(workflow, { results: few, masterDiesAfter: revision }).when().thenEndsAs(whole);
  }
});
