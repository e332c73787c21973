/** Undoing: in which order, what is said of it, and when a change that may land once more is undone again. */

import { describe, expect, it } from 'vitest';
import { takeBack, UndoStack } from '../../../src/apply/undo.ts';
import { Cancellation } from '../../../src/http/clock.ts';

describe('an undo stack', () => {
  it('undoes the last change first, and goes on after a failure', async () => {
    const stack = new UndoStack();
    const done: string[] = [];
    stack.push(async () => {
      done.push('first');
      return 'first is back';
    });
    stack.push(() => Promise.reject(new Error('stuck')), 'second is not');
    stack.push(async () => {
      done.push('third');
      return '';
    });
    stack.push(() => Promise.reject(new Error('also stuck')));
    const { failures, messages } = await stack.run();
    expect([done, messages]).toEqual([
      ['third', 'first'],
      ['second is not', 'first is back'],
    ]);
    expect(failures.map(({ code }) => code)).toEqual(['INTERNAL_ERROR', 'INTERNAL_ERROR']);
    expect(await stack.run()).toEqual({ messages: [], failures: [] });
  });

  it('does nothing once it was cleared', async () => {
    const stack = new UndoStack();
    stack.push(() => Promise.reject(new Error('never')));
    stack.forget();
    expect(await stack.run()).toEqual({ messages: [], failures: [] });
  });
});

describe('a change that is taken back', () => {
  const NOW = 1_000_000;

  it.each<[string, number, boolean, string[]]>([
    ['whose attempts were all answered is not looked at again', 0, false, ['back']],
    ['that may land until now, neither', NOW, false, ['back']],
    ['that may land later is looked at then', NOW + 5, true, ['back', 'wait 5', 'look']],
    ['and taken back again if it has landed', NOW + 5, false, ['back', 'wait 5', 'look', 'back']],
  ])('%s', async (_, until, isBack, wanted) => {
    const done: string[] = [];
    const clock = {
      now: () => NOW,
      sleep: async (milliseconds: number) => {
        done.push(`wait ${milliseconds}`);
      },
      random: () => 0,
    };
    await takeBack(
      { clock, cancellation: new Cancellation(new AbortController().signal) },
      until,
      async () => done.push('back'),
      async () => {
        done.push('look');
        return isBack;
      },
    );
    expect(done).toEqual(wanted);
  });
});
