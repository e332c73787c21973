/** Who goes ahead of a fleet, and what becomes of the others. */

import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type ErrorCode, RotationError } from '../../../src/errors.ts';
import { Canary } from '../../../src/fleet/canary.ts';

/** Says whether it has come by now. */
function watched(promise: Promise<void>) {
  const state = { come: false };
  promise.then(() => {
    state.come = true;
  });
  return state;
}

const failure = (code: ErrorCode, cause?: RotationError) =>
  new RotationError(code, { failed: 'It failed.', remedy: 'Mend it.', cause });

describe('the canary', () => {
  it('is the first one that rotates: the others wait until it is over', async () => {
    const canary = new Canary(3);
    const second = watched(canary.turn(1));
    const third = watched(canary.turn(2));
    await turn();
    expect([second.come, third.come]).toEqual([false, false]);
    // Nothing is due for the first one.
    canary.finished(0, 'a', undefined);
    await turn();
    expect([second.come, third.come]).toEqual([true, false]);
    canary.finished(1, 'b', undefined);
    await turn();
    expect(third.come).toBe(true);
    expect(() => canary.check()).not.toThrow();
  });

  it('that fails stops those that have not begun, and is named', async () => {
    const canary = new Canary(2);
    await canary.turn(0);
    const other = watched(canary.turn(1));
    canary.finished(0, 'client-a', failure('DELIVERY_INCOMPLETE', failure('GITHUB_REQUEST_FAILED')));
    await turn();
    expect(other.come).toBe(true);
    expect(() => canary.check()).toThrow(
      expect.objectContaining({
        code: 'CANARY_FAILED',
        message: expect.stringMatching(/client-a.*move that client to the end of the manifest/),
      }),
    );
  });

  it('is no client that could not even be read', async () => {
    const canary = new Canary(2);
    canary.finished(0, 'a', failure('AUTH0_REQUEST_FAILED'));
    await canary.turn(1);
    expect(() => canary.check()).not.toThrow();
    canary.finished(1, 'b', undefined);
    expect(() => canary.check()).not.toThrow();
  });

  it.each([
    ['its primary takes no secret', failure('GITHUB_FORBIDDEN')],
    ['its primary is gone', failure('DESTINATION_NOT_FOUND')],
    ['another place takes none', failure('DELIVERY_INCOMPLETE', failure('GITHUB_FORBIDDEN'))],
    ['its repository is full', failure('DESTINATION_FULL')],
    ['another place is full', failure('DELIVERY_INCOMPLETE', failure('DESTINATION_FULL'))],
    ['it is gone', failure('CLIENT_NOT_FOUND')],
    ['it can hold no other credential', failure('CREDENTIAL_LIMIT')],
    ['it has rotated, but would hide a secret', failure('SECRET_EXISTS', failure('SECRET_EXISTS'))],
    ['its pair is out of date', failure('STALE_CREDENTIAL')],
    ['another run works on it', failure('ROTATION_IN_PROGRESS')],
    ['its old credential stays', failure('RETIREMENT_FAILED')],
    ['its certificate is not new', failure('CERTIFICATE_REUSED')],
    ['its certificate is too large', failure('CERTIFICATE_TOO_LARGE')],
  ])('is followed by another one if %s', async (_, error) => {
    const canary = new Canary(3);
    await canary.turn(0);
    const others = [watched(canary.turn(1)), watched(canary.turn(2))];
    canary.finished(0, 'a', error);
    await turn();
    expect(others.map(({ come }) => come)).toEqual([true, false]);
    expect(() => canary.check()).not.toThrow();
    canary.finished(1, 'b', failure('VERIFICATION_FAILED'));
    await turn();
    expect(others[1]?.come).toBe(true);
    expect(() => canary.check()).toThrow(expect.objectContaining({ code: 'CANARY_FAILED' }));
  });

  it.each<ErrorCode>([
    'VERIFICATION_FAILED',
    'UNREGISTERED_ACCEPTED',
    'MTLS_ENDPOINT_NOT_FOUND',
    'DISCOVERY_FAILED',
    'AUTH0_UNAUTHORIZED',
    'AUTH0_FORBIDDEN',
    'AUTH0_REQUEST_FAILED',
    'GITHUB_UNAUTHORIZED',
    'GITHUB_REQUEST_FAILED',
    'DELIVERY_INCOMPLETE',
    'DEADLINE_EXCEEDED',
    'INTERNAL_ERROR',
  ])('stops the others with %s, which may hit them all', async (code) => {
    const canary = new Canary(2);
    await canary.turn(0);
    canary.finished(0, 'a', failure(code));
    await canary.turn(1);
    expect(() => canary.check()).toThrow(expect.objectContaining({ code: 'CANARY_FAILED' }));
  });

  it('that has succeeded is the last one: a later failure stops nobody', async () => {
    const canary = new Canary(3);
    await canary.turn(0);
    canary.finished(0, 'a', undefined);
    await canary.turn(1);
    canary.finished(1, 'b', failure('VERIFICATION_FAILED'));
    await canary.turn(2);
    expect(() => canary.check()).not.toThrow();
  });
});
