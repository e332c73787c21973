/** The rows of the field report that GitHub's answers decide: refused writes, archived and renamed repositories. */

import { describe, expect, it } from 'vitest';
import { writeOwnership } from '../../src/model/ownership.ts';
import type { EmulatorRequest } from '../emulators/emulator.ts';
import { type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import { admits, archived, emptyClient, make, OURS, rotated, run, said, write } from './field.ts';
import { client, loginBySecret, secretClient, told } from './operations.ts';
import { code, credentials, DAY, held, json, MINUTE, SCOPE, SECRET } from './support.ts';

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

describe.each(CLEAR)('enroll, and GitHub refuses the secret (%i)', (status, message) => {
  it('every secret: the client is moved back, and a later run enrolls it', async () => {
    await using world = await startSandbox();
    const clientId = secretClient(world);
    const before = client(world, clientId);
    refuse(world, status, message);
    const first = await run(world, { operation: 'enroll', 'client-id': clientId });
    expect([first.exitCode, client(world, clientId)]).toEqual([1, before]);
    expect(told(first)).not.toMatch(/may hold|in doubt/i);
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

describe.each(CLEAR)('rotate, and GitHub refuses the secret (%i)', (status, message) => {
  it('the new credential is removed again, each time', async () => {
    await using world = await startSandbox();
    const clientId = rotated(world);
    const before = [credentials(world, clientId), held(world)];
    refuse(world, status, message, SECRET);
    for (const round of [1, 2]) {
      const failed = await run(world, { 'client-id': clientId, ...FORCE });
      expect([round, failed.exitCode]).toEqual([round, 1]);
      expect([credentials(world, clientId), held(world)]).toEqual(before);
    }
    expect(await admits(world, clientId, held(world))).toBe(true);
  });
});

describe.each([
  ['blind', 'no current-credential', { 'current-credential': '' }],
  ['exact', 'current-credential', {}],
])('%s: a secondary cannot be written any more, %s', (_, __, inputs) => {
  const OTHER = 'repo:acme/archived';

  async function archivedWorld() {
    const world = await startSandbox();
    world.github.addRepository('acme/archived');
    const clientId = rotated(world, [SCOPE, OTHER]);
    world.conditions.fault = archived('/repos/acme/archived/');
    const both = async () => [
      await admits(world, clientId, held(world)),
      await admits(world, clientId, held(world, OTHER)),
    ];
    const given = { 'client-id': clientId, destinations: `${SCOPE}\n${OTHER}`, ...inputs };
    return { world, both, go: (more = {}) => run(world, { ...given, ...more }) };
  }

  it('a due rotation of the primary goes on; while nothing expires nothing is evicted, and the failure is reported', async () => {
    const { world, both, go } = await archivedWorld();
    await using _world = world;
    const before = held(world);
    const due = await go(FORCE);
    expect([due.exitCode, held(world) !== before, await both()]).toEqual([1, true, [true, true]]);
    expect(said(due)).toContain(OTHER);
    const delivered = held(world);
    for (const day of [1, 2]) {
      world.advance(DAY);
      const daily = await go();
      const stays = held(world) === delivered;
      expect([day, daily.exitCode, stays, await both()]).toEqual([day, 1, true, [true, true]]);
      expect(said(daily)).toContain(OTHER);
    }
  });

  it('what it holds gives way when the primary would expire, and every run says that it cannot log in', async () => {
    const { world, go } = await archivedWorld();
    await using _world = world;
    const clientId = emptyClient(world);
    const previous = make(world, OURS, 70, { clientId });
    const current = make(world, OURS, 60, { clientId, validDays: 6 });
    write(world, current.pem, 59.9999);
    write(world, previous.pem, 69.9999, OTHER);
    const given = { 'client-id': clientId };
    const last = await go(given);
    expect([held(world) !== current.pem, await admits(world, clientId, previous.pem)]).toEqual([true, false]);
    expect(said(last)).toContain(`The credential that ${OTHER} ${SECRET} held was removed`);
    world.advance(DAY);
    const daily = await go(given);
    expect(said(daily)).toContain(
      `The consumers of ${OTHER} ${SECRET} CANNOT LOG IN until a write succeeds there.`,
    );
  });

  it('out of the destinations, all is well, and it is not evicted for nothing', async () => {
    const { world, both, go } = await archivedWorld();
    await using _world = world;
    await go(FORCE);
    world.advance(DAY);
    const daily = await go({ destinations: SCOPE });
    expect([daily.exitCode, said(daily), await both()]).toEqual([0, '', [true, true]]);
  });
});

describe('the repository was renamed', () => {
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
