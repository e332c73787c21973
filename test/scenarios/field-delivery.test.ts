/** The rows of the field report that GitHub's answers decide: refused writes, archived and renamed repositories. */

import { describe, expect, it } from 'vitest';
import { writeOwnership } from '../../src/model/ownership.ts';
import type { EmulatorRequest } from '../emulators/emulator.ts';
import { type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import { admits, archived, emptyClient, make, run, said, write } from './field.ts';
import { client, loginBySecret, secretClient, told } from './operations.ts';
import {
  code,
  credentials,
  everything,
  held,
  json,
  login,
  MINUTE,
  SCOPE,
  SECRET,
  settle,
} from './support.ts';

const PRODUCTION = 'env:acme/shop/production';
const TWO = { destinations: `${SCOPE}\n${PRODUCTION}` };
const FORCE = { force: 'true' };
/** Clear answers to a write: it was not done. */
const CLEAR = [
  [422, 'Repository has reached the maximum number of secrets (100)'],
  [400, 'Bad Request'],
  [409, 'Conflict'],
  [404, 'Not Found'],
] as const;

/** Every write of a secret is refused; or of this one alone. */
function refuse(world: Sandbox, status: number, message: string, name = ''): void {
  world.conditions.fault = (service, { method, path }: EmulatorRequest) =>
    service === 'github' && method === 'PUT' && path.includes('/secrets/') && path.endsWith(name)
      ? json(status, { message })
      : undefined;
}

describe.each(CLEAR)('A1: enroll, and GitHub refuses the secret (%i)', (status, message) => {
  it('every secret: found before anybody is interrupted', async () => {
    await using world = await startSandbox();
    const clientId = secretClient(world);
    const before = client(world, clientId);
    refuse(world, status, message);
    const first = await run(world, { operation: 'enroll', 'client-id': clientId });
    expect([first.exitCode, client(world, clientId)]).toEqual([1, before]);
    expect(told(first)).not.toMatch(/may hold|in doubt/i);
    expect(world.transcript.requests().filter((line) => / PATCH /.test(line))).toEqual([]);
    world.conditions.fault = undefined;
    const second = await run(world, { operation: 'enroll', 'client-id': clientId });
    expect([second.exitCode, code(second)]).toEqual([0, undefined]);
  });

  it('this secret alone: the client is moved back, and its client secret works', async () => {
    await using world = await startSandbox();
    const clientId = secretClient(world);
    const before = client(world, clientId);
    refuse(world, status, message, SECRET);
    const first = await run(world, { operation: 'enroll', 'client-id': clientId });
    expect([first.exitCode, client(world, clientId)]).toEqual([1, before]);
    expect(await loginBySecret(world, clientId)).toBe(200);
  });
});

describe.each(CLEAR)('A2: rotate, and GitHub refuses the secret (%i)', (status, message) => {
  it('the new credential is removed again, each time', async () => {
    await using world = await startSandbox();
    await settle(world);
    const before = everything(world);
    refuse(world, status, message, SECRET);
    for (const round of [1, 2]) {
      const failed = await run(world, FORCE);
      expect([round, failed.exitCode, everything(world)]).toEqual([round, 1, before]);
    }
    expect(await login(world)).toBe(200);
  });
});

describe.each([
  ['A13', 'no current-credential', { 'current-credential': '' }],
  ['B6', 'current-credential', {}],
])('%s: a secondary cannot be written any more, %s', (_, __, inputs) => {
  const both = async (world: Sandbox) => [await login(world), await login(world, held(world, PRODUCTION))];

  it('while nothing expires nothing is evicted, and the failure is told', async () => {
    await using world = await startSandbox();
    await settle(world, TWO);
    world.conditions.fault = archived('/environments/production/');
    const forced = await run(world, { ...TWO, ...FORCE, ...inputs });
    expect([forced.exitCode, await both(world)]).toEqual([1, [200, 200]]);
    for (const day of [1, 2]) {
      world.advance(24 * 60 * MINUTE);
      const daily = await run(world, { ...TWO, ...inputs });
      expect([day, daily.exitCode, daily.outputs.rotated, await both(world)]).toEqual([
        day,
        1,
        'false',
        [200, 200],
      ]);
      expect(said(daily)).toContain(PRODUCTION);
    }
  });

  it('a due rotation of the primary goes on', async () => {
    await using world = await startSandbox();
    await settle(world, TWO);
    world.conditions.fault = archived('/environments/production/');
    const before = held(world);
    const failed = await run(world, { ...TWO, ...FORCE, ...inputs });
    expect([failed.exitCode, held(world) !== before]).toEqual([1, true]);
    expect(said(failed)).toContain(PRODUCTION);
    expect(await both(world)).toEqual([200, 200]);
  });
});

describe('B1: the repository was renamed', () => {
  const OLD = 'repo:acme/old#AUTH0_MTLS_PEM';

  /** Two rotations under the old name. @returns the client */
  function seed(world: Sandbox): string {
    const mark = writeOwnership({ owner: OLD, run: '1.1' });
    const clientId = emptyClient(world);
    make(world, mark, 70, { clientId });
    const { pem } = make(world, mark, 10, { clientId });
    write(world, pem, 9.9999);
    return clientId;
  }

  const moved =
    (world: Sandbox, answers: boolean): Sandbox['conditions']['fault'] =>
    (service, { path }) => {
      if (service !== 'github') return undefined;
      if (/^\/repositories\/77/.test(path)) return json(200, { id: 77, full_name: 'acme/shop' });
      if (!answers || !/^\/repos\/acme\/old(\/|$)/.test(path)) return undefined;
      const location = `${world.githubUrl}/repositories/77${path.slice('/repos/acme/old'.length)}`;
      return json(301, { message: 'Moved Permanently', url: location }, { location });
    };

  it.each([{}, { 'current-credential': '' }])('the old name answers 301: it goes on (%j)', async (inputs) => {
    await using world = await startSandbox();
    const clientId = seed(world);
    world.conditions.fault = moved(world, true);
    const idle = await run(world, { 'client-id': clientId, ...inputs });
    expect([idle.exitCode, idle.outputs.rotated, said(idle)]).toEqual([0, 'false', '']);
    for (const round of [1, 2]) {
      const next = await run(world, { 'client-id': clientId, ...inputs, ...FORCE });
      const works = await admits(world, clientId, held(world));
      expect([round, next.exitCode, works, said(next)]).toEqual([round, 0, true, '']);
      world.advance(20 * MINUTE);
    }
  });

  it('it answers nothing: the message prints the line, and that ends it', async () => {
    await using world = await startSandbox();
    const clientId = seed(world);
    const before = [credentials(world, clientId), held(world)];
    const stopped = await run(world, { 'client-id': clientId, ...FORCE });
    expect([stopped.exitCode, [credentials(world, clientId), held(world)]]).toEqual([1, before]);
    expect(said(stopped)).toMatch(/moved-from: repo:acme\/old\b/);
    const line = { 'moved-from': 'repo:acme/old' };
    const followed = await run(world, { 'client-id': clientId, ...FORCE, ...line });
    expect([followed.exitCode, await admits(world, clientId, held(world))]).toEqual([0, true]);
  });

  it('a destination that was renamed is named by its new name', async () => {
    await using world = await startSandbox();
    world.conditions.fault = moved(world, true);
    const failed = await run(world, { destinations: 'repo:acme/old' });
    expect(failed.exitCode).toBe(1);
    expect(said(failed)).toContain('acme/shop');
    expect(credentials(world).pool).toHaveLength(1);
  });
});
