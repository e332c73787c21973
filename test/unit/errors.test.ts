/** An error in three sentences: which comes first, and what is kept when a caller adds something. */

import { describe, expect, it } from 'vitest';
import { asRotationError, RotationError, UNTOUCHED, WATCHED } from '../../src/errors.ts';

const said = { failed: 'It failed.', remedy: 'Do this.' };
const error = (more: object = {}) => new RotationError('SECRET_EXISTS', { ...said, ...more });

describe('the message', () => {
  it.each<[object, string, boolean]>([
    [{}, `It failed. Do this. ${UNTOUCHED}`, false],
    [{ stateNow: 'So it is.' }, 'It failed. Do this. So it is.', false],
    [{ alarm: 'act at once' }, `Act at once. It failed. Do this. ${UNTOUCHED}`, false],
    [{ alarm: 'act at once', stateNow: WATCHED }, `Act at once. It failed. Do this. ${WATCHED}`, false],
    [{ alarm: 'act at once', stateNow: 'So it is.' }, 'Act at once. So it is. It failed. Do this.', true],
  ])('%o', (more, message, beginsWithState) => {
    expect(error(more)).toMatchObject({
      code: 'SECRET_EXISTS',
      message,
      beginsWithState,
      name: 'RotationError',
    });
  });
});

it('lists no problem if there is none', () => {
  expect(error()).toMatchObject({ problems: [], located: [] });
});

describe('the same error', () => {
  const cause = new Error('before');
  const whole = error({
    alarm: 'a',
    cause,
    problems: ['p'],
    located: [{ message: 'm', file: 'f', line: 1, column: 2 }],
  });
  const kept = { code: 'SECRET_EXISTS', failed: 'It failed.', problems: ['p'], located: whole.located };

  it('with what is true now keeps the rest, its alarm included unless there is another', () => {
    expect(whole.withStateNow('Now.')).toMatchObject({ ...kept, stateNow: 'Now.', alarm: 'a', cause });
    expect(whole.withStateNow('Now.', 'b').alarm).toBe('b');
  });

  it('with an alarm keeps its own if there is none', () => {
    expect(whole.withAlarm('b')).toMatchObject({ ...kept, alarm: 'b', stateNow: UNTOUCHED, cause });
    expect(whole.withAlarm(undefined).alarm).toBe('a');
  });

  it('with more advice says it last, and has the first one as its cause', () => {
    expect(whole.withAdvice(' Or that.')).toMatchObject({
      ...kept,
      remedy: 'Do this. Or that.',
      alarm: 'a',
      cause: whole,
    });
  });
});

describe('anything thrown', () => {
  it('is itself if it is one of ours', () => {
    const one = error();
    expect(asRotationError(one)).toBe(one);
  });

  it.each<[unknown, string]>([
    [new TypeError('no'), 'TypeError: no'],
    ['text', 'a value that is not an error'],
  ])('%o is a defect of the action', (thrown, detail) => {
    expect(asRotationError(thrown)).toMatchObject({
      code: 'INTERNAL_ERROR',
      failed: `The action met an unexpected error (${detail}).`,
      remedy: 'Start a new run. If it fails in the same way, please report it with the debug log.',
      cause: thrown,
    });
  });
});
