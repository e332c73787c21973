/** Many clients by one manifest: the pace of a small tenant, crashes, an old listing, and shards. */

import { describe, expect, it } from 'vitest';
import { completedAfterCrash, entries, errorsOf, Fleet, GRANTED, killedAtWrite, ONES } from './fleets.ts';
import { DAY, json, MINUTE, rotate } from './support.ts';

describe('a fleet', () => {
  it('stops with its canary: nothing is changed at any other client', async () => {
    await using fleet = await Fleet.start(6);
    fleet.write({ 0: { destinations: 'repo:acme/missing' } });
    // Its observation fails: it is no canary, only a client that fails.
    const missing = await fleet.run();
    expect([missing.exitCode, fleet.writes()]).toEqual([1, [0, 1, 1, 1, 1, 1]]);
    expect(errorsOf(missing)).toEqual([
      `DESTINATION_NOT_FOUND: client ${fleet.members[0]?.clientId} (secret repo:acme/missing PEM_0)`,
    ]);

    fleet.write();
    fleet.world.conditions.fault = (_, { method, path }) =>
      method === 'POST' && path.endsWith('/credentials')
        ? json(403, { message: 'Insufficient scope' })
        : undefined;
    fleet.world.advance(8 * DAY);
    const run = await fleet.run({ force: 'true' });
    const [canary] = fleet.members;
    expect([run.exitCode, fleet.writes()]).toEqual([1, [0, 0, 0, 0, 0, 0]]);
    expect(new Set(fleet.changes().map(([client]) => client))).toEqual(new Set([0]));
    expect(errorsOf(run)).toEqual([`AUTH0_FORBIDDEN: service 0, client ${canary?.clientId}`]);
    expect(entries(run).map(({ error }) => error?.code)).toEqual([
      'AUTH0_FORBIDDEN',
      ...Array(5).fill('CANARY_FAILED'),
    ]);
    expect(run.summary).toMatch(/^## ❌ 6 clients: 1 failed, 5 not tried\./);
    expect(entries(run)[5]?.error?.message).toContain(
      `the client that went first, service 0 (${canary?.clientId}), failed`,
    );
  });

  it('goes on past a client that fails, and tells it first', async () => {
    await using fleet = await Fleet.start(5);
    fleet.write({ 2: { 'client-id': 'unknown' }, 3: { destinations: 'repo:acme/missing' } });
    const run = await fleet.run();
    expect([run.exitCode, fleet.writes()]).toEqual([1, [1, 1, 0, 0, 1]]);
    expect(errorsOf(run).sort()).toEqual([
      expect.stringMatching(/^CLIENT_NOT_FOUND: client unknown \(secret repo:acme\/.*\)$/),
      expect.stringContaining(
        `DESTINATION_NOT_FOUND: client ${fleet.members[3]?.clientId} (secret repo:acme/missing `,
      ),
    ]);
    expect(entries(run).map(({ error }) => error?.code)).toEqual([
      'CLIENT_NOT_FOUND',
      'DESTINATION_NOT_FOUND',
      ...Array(3).fill(undefined),
    ]);
    expect(run.summary).toMatch(
      /^## ❌ 5 clients: 2 failed, 3 rotated with warnings\.[\s\S]*<details open>[\s\S]*What to do/,
    );
    expect(run.outputs.rotated).toBe('true');
  });

  it('keeps the pace of the smallest tenant', async () => {
    await using fleet = await Fleet.start(3, { rateLimit: { burst: 2, perSecond: 2 } });
    const run = await fleet.run();
    expect([run.exitCode, fleet.writes()]).toEqual([0, ONES(3)]);
    // Few, not none: when a token comes is the service's affair. Without a pace a client fails.
    expect(fleet.refusals()).toBeLessThanOrEqual(5);
    // A run of one client keeps it, too.
    const single = await rotate(fleet.world, { 'current-credential': '' });
    expect([single.exitCode, single.outputs.rotated]).toEqual([0, 'true']);
    expect(fleet.refusals()).toBeLessThanOrEqual(4);
  });

  it('that was killed is completed by the next run, without a second rotation of any client', async () => {
    await using fleet = await Fleet.start(7);
    await completedAfterCrash(fleet, 3);
  });

  it('that was killed between two destinations: the one without a secret waits, which is said', async () => {
    await using fleet = await Fleet.start(4, {}, () => ['env:acme/shop/production', 'env:acme/shop/staging']);
    const before = await killedAtWrite(fleet, 3);
    // The canary comes first; which of the others begins is nobody's promise.
    expect([before[0], before.toSorted()]).toEqual([2, [0, 0, 1, 2]]);
    fleet.world.advance(16 * MINUTE);
    const run = await fleet.run();
    expect([run.exitCode, fleet.writes()]).toEqual([0, before.map((writes) => (writes === 0 ? 2 : 0))]);
    expect((await fleet.logins()).toSorted()).toEqual([0, ...GRANTED(7)]);
    expect(run.summary).toContain('There is no secret yet in ');
  });

  it('believes an old listing only if nothing is due', async () => {
    await using fleet = await Fleet.start(4);
    await fleet.run();
    fleet.world.advance(8 * DAY);
    const [, one, two] = fleet.members;
    // What the listing shows of one client is not so any more; another is not in it; and a page of it is broken.
    fleet.world.conditions.fault = (_, { method, path }) => {
      if (method !== 'GET' || !/\/clients\?/.test(path)) return undefined;
      const clients = fleet.members.slice(0, 3).map(({ clientId }) => {
        const { client } = fleet.world.tenant.reveal(clientId);
        const methods = { self_signed_tls_client_auth: { credentials: [] } };
        const other = {
          token_endpoint_auth_method: 'client_secret_post',
          client_authentication_methods: null,
        };
        return {
          ...client,
          ...(clientId === one?.clientId
            ? { client_authentication_methods: methods }
            : clientId === two?.clientId
              ? other
              : {}),
        };
      });
      return json(200, clients);
    };
    const run = await fleet.run();
    expect([run.exitCode, fleet.changes(), entries(run).map(({ reason }) => reason)]).toEqual([
      0,
      [],
      Array(4).fill('NotDue'),
    ]);
    fleet.world.conditions.fault = (_, { method, path }) =>
      method === 'GET' && /\/clients\?/.test(path) ? json(400, { message: 'no such page' }) : undefined;
    const broken = await fleet.run();
    expect([broken.exitCode, fleet.changes(), entries(broken).map(({ reason }) => reason)]).toEqual([
      0,
      [],
      Array(4).fill('NotDue'),
    ]);
  });

  it('is done by its shards, each client once', async () => {
    await using fleet = await Fleet.start(6);
    const written = fleet.members.map(() => 0);
    for (const shard of ['1/2', '2/2']) {
      const run = await fleet.run({ shard });
      expect(run.exitCode).toBe(0);
      for (const [at, count] of fleet.writes().entries()) written[at] = (written[at] ?? 0) + count;
      expect(entries(run).length).toBe(fleet.writes().filter((count) => count > 0).length);
    }
    expect([written, await fleet.logins()]).toEqual([ONES(6), GRANTED(6)]);
  });
});
