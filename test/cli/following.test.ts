import { describe, expect, test } from 'vitest';
import { type EventView, eventViewSchema } from '../../schemas/messages/client.messages.ts';
import { createCommandLine, expectGolden } from './command-line.ts';
import { runId, sampleRun, successfulEvents } from './sample-runs.ts';

const events = successfulEvents();
const eventsSubject = 'millrace.v1.query.events';

/** A run of which the query knows the first `knownCount` events, followed as JSON Lines. */
function followedRun(knownCount: number) {
  const box = createCommandLine();
  const run = sampleRun('running', events.slice(0, knownCount));
  box.master.runs.push(run);
  const questions = (): number => box.master.requests.filter((request) => request.subject === eventsSubject).length;
  const printed = (): number => box.stdout().split('\n').length - 1;
  return {
    box,
    run,
    questions,
    printed,
    /** Written to the journal; `isTold` says whether the message arrives too. */
    write(event: EventView | undefined, isTold: boolean): void {
      if (event === undefined) throw new Error('no such event');
      run.events.push(event);
      if (isTold) box.master.publish(run, event);
    },
    tell(event: EventView | undefined): void {
      if (event !== undefined) box.master.publish(run, event);
    },
    revisions: () => box.jsonLines().map((line) => eventViewSchema.parse(line).revision),
  };
}

const allRevisions = events.map((event) => event.revision);

describe('events --follow', () => {
  test('shows what exists, then what comes, and ends with the run', async () => {
    const { box, write, printed, revisions, questions } = followedRun(3);
    const exitCode = box.run('events', runId, '--follow', '--json');
    await box.until(() => printed() === 3);
    for (const event of events.slice(3)) write(event, true);
    expect(await exitCode).toBe(0);
    expect(revisions()).toEqual(allRevisions);
    expect(questions()).toBe(1);
  });

  test('subscribes before it reads, so that an event between both is not missed', async () => {
    const { box, run, revisions, tell } = followedRun(3);
    const exitCode = box.run('events', runId, '--follow', '--json');
    await box.until(() => box.master.requests.length === 1);
    for (const event of events.slice(3)) {
      tell(event);
      run.events.push(event);
    }
    expect(await exitCode).toBe(0);
    expect(revisions()).toEqual(allRevisions);
  });

  test('a lost message is filled by the query when the next one comes', async () => {
    const { box, write, printed, revisions, questions } = followedRun(3);
    const exitCode = box.run('events', runId, '--follow', '--json');
    await box.until(() => printed() === 3);
    write(events[3], false);
    write(events[4], true);
    await box.until(() => printed() === 5);
    expect(questions()).toBe(2);
    for (const event of events.slice(5)) write(event, true);
    expect(await exitCode).toBe(0);
    expect(revisions()).toEqual(allRevisions);
  });

  test('reordered and doubled messages are shown once and in order', async () => {
    const { box, run, tell, printed, revisions } = followedRun(3);
    const exitCode = box.run('events', runId, '--follow', '--json');
    await box.until(() => printed() === 3);
    run.events.push(...events.slice(3));
    for (const revision of [5, 4, 5, 2, 3, 7, 6, 3]) tell(events[revision]);
    expect(await exitCode).toBe(0);
    expect(revisions()).toEqual(allRevisions);
  });

  test('an early message waits for its predecessor when the query does not know that either', async () => {
    const { box, tell, printed, questions, revisions } = followedRun(3);
    const exitCode = box.run('events', runId, '--follow', '--json');
    await box.until(() => printed() === 3);
    tell(events[4]);
    await box.until(() => questions() === 2);
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(printed()).toBe(3);
    box.clock.advance(500);
    await box.until(() => questions() === 3);
    for (const event of events.slice(3)) tell(event);
    expect(await exitCode).toBe(0);
    expect(revisions()).toEqual(allRevisions);
  });

  test('when the last message is lost, the end is found by the question that is asked now and then', async () => {
    const { box, write, printed, revisions, questions } = followedRun(3);
    const exitCode = box.run('events', runId, '--follow', '--json');
    await box.until(() => printed() === 3);
    for (const event of events.slice(3)) write(event, false);
    box.clock.advance(9_999);
    expect(questions()).toBe(1);
    box.clock.advance(1);
    expect(await exitCode).toBe(0);
    expect(questions()).toBe(2);
    expect(revisions()).toEqual(allRevisions);
  });

  test('goes on when no master answers for a while', async () => {
    const { box, run, printed, revisions } = followedRun(3);
    box.master.script.set(eventsSubject, ['usual', { code: 'JOURNAL_UNAVAILABLE', message: 'The store is away.' }]);
    const exitCode = box.run('events', runId, '--follow', '--json');
    await box.until(() => printed() === 3);
    run.events.push(...events.slice(3));
    box.clock.advance(10_000);
    await box.until(() => box.stderr() === 'waiting: The store is away.\n');
    box.clock.advance(500);
    expect(await exitCode).toBe(0);
    expect(revisions()).toEqual(allRevisions);
  });

  test('a message that cannot be read is filled like a lost one', async () => {
    const { box, run, write, printed, revisions } = followedRun(3);
    const exitCode = box.run('events', runId, '--follow', '--json');
    await box.until(() => printed() === 3);
    box.master.publish(run, { ...events[3], revision: 'three' } as unknown as EventView);
    for (const event of events.slice(3)) write(event, event.revision > 3);
    expect(await exitCode).toBe(0);
    expect(revisions()).toEqual(allRevisions);
  });

  test('without a terminal prints one plain line for each event', async () => {
    const { box, run } = followedRun(3);
    run.events.push(...events.slice(3));
    expect(await box.run('events', runId, '--follow')).toBe(0);
    expectGolden('events-follow', box.stdout());
  });

  test('Ctrl-C ends it without a fault', async () => {
    const { box, printed } = followedRun(3);
    const exitCode = box.run('events', runId, '--follow');
    await box.until(() => printed() === 3);
    box.interrupt();
    expect(await exitCode).toBe(0);
    expect(box.stderr()).toBe('');
  });

  test('a closed pipe ends it quietly', async () => {
    const { box, printed } = followedRun(3);
    const exitCode = box.run('events', runId, '--follow');
    await box.until(() => printed() === 3);
    box.closePipe();
    expect(await exitCode).toBe(0);
    expect(box.stderr()).toBe('');
  });

  test('an unknown run is refused', async () => {
    const { box } = followedRun(3);
    expect(await box.run('events', '0193a4c2-9999-7aaa-8aaa-000000000000', '--follow')).toBe(66);
  });

  test('a closed pipe ends a list quietly too', async () => {
    const { box } = followedRun(3);
    box.closePipe();
    const exitCode = box.run('list');
    box.closePipe();
    expect(await exitCode).toBe(0);
    expect(box.stderr()).toBe('');
  });
});
