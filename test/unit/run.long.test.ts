/** A call of an edge that throws what nobody knows: the run ends with a code, and no promise is left that nobody awaits. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../../src/errors.ts';
import { Cancellation } from '../../src/http/clock.ts';
import { openWire, type Send } from '../../src/http/wire.ts';
import { run } from '../../src/run.ts';
import { connectServices } from '../../src/services.ts';
import { type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import { forcedRotation, SCOPE } from '../support/forced-rotation.ts';
import { skippingClock, trust } from '../support/wire.ts';

let world: Sandbox;
const strays: unknown[] = [];
const stray = (error: unknown) => strays.push(error);
beforeAll(async () => {
  world = await startSandbox();
  trust(world.authority.pem);
  process.on('unhandledRejection', stray);
  process.on('uncaughtException', stray);
});
afterAll(async () => {
  process.off('unhandledRejection', stray);
  process.off('uncaughtException', stray);
  await world[Symbol.asyncDispose]();
});

/** A rotation of a new client. @param breaks is told the number of each request */
async function rotation(breaks: (count: number) => boolean, how: 'throws' | 'rejects' = 'rejects') {
  const { clientId, inputs, secretName } = forcedRotation(world);
  world.advance(60_000);
  const wire = openWire({});
  let count = 0;
  const send: Send = (request) => {
    count += 1;
    if (!breaks(count)) return wire.send(request);
    const defect = new TypeError('a defect');
    if (how === 'throws') throw defect;
    return Promise.reject(defect);
  };
  const connection = {
    send,
    clock: skippingClock(),
    cancellation: new Cancellation(new AbortController().signal),
    debug: () => undefined,
  };
  const nothing = () => undefined;
  const logger = { mask: nothing, info: nothing, phase: nothing, onStep: () => nothing };
  const result = await run(inputs, connectServices(inputs, connection, logger), logger);
  await wire.close();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const held = world.github.secret(SCOPE, secretName)?.value ?? '';
  return { result, count, login: (await world.requestToken(clientId, held)).status };
}

describe('a rotation', () => {
  it.each(['throws', 'rejects'] as const)(
    'whose edge %s at one of its requests ends with a code',
    async (how) => {
      const whole = await rotation(() => false);
      expect([whole.result.error, whole.login]).toEqual([undefined, 200]);
      expect(whole.count).toBeGreaterThan(10);
      for (let at = 1; at <= whole.count; at += 1) {
        const { result, login } = await rotation((count) => count === at, how);
        // A look that only makes sure may be repeated.
        if (result.error) expect(ERROR_CODES).toContain(result.error.code);
        expect([at, login]).toEqual([at, 200]);
      }
      expect(strays).toEqual([]);
    },
  );

  it('whose edge throws at all of its requests from one on ends with a code', async () => {
    for (let at = 1; at <= 16; at += 1) {
      const { result, login } = await rotation((count) => count >= at);
      if (at <= 10) expect(result.error?.code).toBe('INTERNAL_ERROR');
      expect([at, login]).toEqual([at, 200]);
    }
    expect(strays).toEqual([]);
  });
});
