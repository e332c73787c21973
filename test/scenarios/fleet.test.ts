/** Many clients by one manifest: a canary first, the tenant's pace kept, one failure isolated, and a crash that the next run completes. */

import { describe, expect, it } from 'vitest';
import { spread } from '../../src/model/spread.ts';
import { entries, errorsOf, Fleet, isWrite } from './fleets.ts';
import { DAY, json, MINUTE, rotate } from './support.ts';

const ONES = (count: number) => Array<number>(count).fill(1);
const GRANTED = (count: number) => Array<number>(count).fill(200);

/** @returns how often each client's secrets were written until then */
async function killedAtWrite(fleet: Fleet, number: number): Promise<number[]> {
  let count = 0;
  const killed = await fleet.run(
    {},
    {
      killWhen: ({ arrival, phase }) => {
        if (phase === 'answered' && isWrite(arrival)) count += 1;
        return count === number ? 'SIGKILL' : undefined;
      },
    },
  );
  expect(killed.signal).toBe('SIGKILL');
  await fleet.world.idle();
  return fleet.writes();
}

describe('a fleet', () => {
  it('is planned, rotated by a canary and the rest, and then not due', async () => {
    await using fleet = await Fleet.start(5);
    const planned = await fleet.run({ operation: 'plan' });
    expect([planned.exitCode, planned.outputs.matrix, fleet.changes()]).toEqual([0, '["1/1"]', []]);
    expect(planned.summary).toMatch(/^## 📋 5 clients: 5 would be rotated\.\n/);

    const first = await fleet.run();
    expect([first.exitCode, fleet.writes(), await fleet.logins()]).toEqual([0, ONES(5), GRANTED(5)]);
    // Nobody else's change came before the canary was over.
    const changes = fleet.changes().map(([client]) => client);
    expect(changes.lastIndexOf(0)).toBeLessThan(changes.findIndex((client) => client !== 0));
    expect(first.outputs).toMatchObject({
      rotated: 'true',
      matrix: '[]',
      plan: 'null',
      reason: '',
      'credential-id': '',
    });
    expect(entries(first).map((entry) => [entry.rotated, entry.reason])).toEqual(
      Array(5).fill([true, 'NotDelivered']),
    );
    expect(first.annotations).toEqual([]);
    expect(first.groups.slice(1, -1).every((name) => name.startsWith('✅'))).toBe(true);
    // Each on its own day.
    for (const entry of entries(first)) {
      const days = spread({ clientId: entry['client-id'], validityDays: 90, renewBeforeDays: 30 });
      const left = (Date.parse(entry['next-rotation']) - fleet.world.tenantNow()) / DAY;
      expect(Math.round(left)).toBe(90 - days);
    }
    const dates = entries(first).map((entry) => entry['next-rotation']);
    expect(first.outputs['next-rotation']).toBe(dates.sort()[0]);

    fleet.world.advance(20 * MINUTE);
    const second = await fleet.run();
    expect([second.exitCode, fleet.writes(), fleet.changes()]).toEqual([0, [0, 0, 0, 0, 0], []]);
    // One listing instead of five reads.
    const reads = fleet.world.transcript
      .requests()
      .filter((line) => /auth0 GET \/api\/v2\/clients/.test(line));
    expect(reads.filter((line) => !line.endsWith('/credentials')).length).toBe(1);
    expect(reads.length).toBe(6);
    expect(second.summary).toContain('5 clients: 5 not due.');
    expect((await fleet.run({ operation: 'plan' })).outputs.matrix).toBe('[]');
  });

  it('stops with its canary: nothing is changed at any other client', async () => {
    await using fleet = await Fleet.start(6);
    fleet.write({ 0: { destinations: 'repo:acme/missing' } });
    // Its observation fails: it is no canary, only a client that fails.
    const missing = await fleet.run();
    expect([missing.exitCode, fleet.writes()]).toEqual([1, [0, 1, 1, 1, 1, 1]]);
    expect(errorsOf(missing)).toEqual([`DESTINATION_NOT_FOUND: client ${fleet.members[0]?.clientId}`]);

    fleet.write();
    fleet.world.conditions.fault = (_, { method, path }) =>
      method === 'POST' && path.endsWith('/credentials')
        ? json(403, { message: 'Insufficient scope' })
        : undefined;
    fleet.world.advance(20 * MINUTE);
    const run = await fleet.run({ force: 'true' });
    const [canary] = fleet.members;
    expect([run.exitCode, fleet.writes()]).toEqual([1, [0, 0, 0, 0, 0, 0]]);
    expect(new Set(fleet.changes().map(([client]) => client))).toEqual(new Set([0]));
    expect(errorsOf(run)).toEqual([`AUTH0_FORBIDDEN: client ${canary?.clientId}`]);
    expect(entries(run).map(({ error }) => error?.code)).toEqual([
      'AUTH0_FORBIDDEN',
      ...Array(5).fill('CANARY_FAILED'),
    ]);
    expect(run.summary).toMatch(/^## ❌ 6 clients: 1 failed, 5 not tried\.\n/);
    expect(entries(run)[5]?.error?.message).toContain(
      `the first one that was due, ${canary?.clientId}, has failed`,
    );
  }, 90_000);

  it('goes on past a client that fails, and tells it first', async () => {
    await using fleet = await Fleet.start(5);
    fleet.write({ 2: { 'client-id': 'unknown' }, 3: { destinations: 'repo:acme/missing' } });
    const run = await fleet.run();
    expect([run.exitCode, fleet.writes()]).toEqual([1, [1, 1, 0, 0, 1]]);
    expect(errorsOf(run).sort()).toEqual([
      'CLIENT_NOT_FOUND: client unknown',
      `DESTINATION_NOT_FOUND: client ${fleet.members[3]?.clientId}`,
    ]);
    expect(entries(run).map(({ error }) => error?.code)).toEqual([
      'CLIENT_NOT_FOUND',
      'DESTINATION_NOT_FOUND',
      ...Array(3).fill(undefined),
    ]);
    expect(run.summary).toMatch(
      /^## ❌ 5 clients: 2 failed, 3 rotated\.\n[\s\S]*<details open>[\s\S]*What to do/,
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
  }, 90_000);

  it('that was killed is completed by the next run, without a second rotation of any client', async () => {
    await using fleet = await Fleet.start(7);
    const before = await killedAtWrite(fleet, 3);
    expect(before.filter((count) => count === 1).length).toBe(3);
    fleet.world.advance(16 * MINUTE);
    const run = await fleet.run();
    const after = fleet.writes();
    expect([run.exitCode, before.map((count, at) => count + (after[at] ?? 0))]).toEqual([0, ONES(7)]);
    expect(await fleet.logins()).toEqual(GRANTED(7));
    // Of what was abandoned nothing is left.
    for (const { clientId } of fleet.members)
      expect(fleet.world.tenant.reveal(clientId).credentials.length).toBe(2);
  }, 90_000);

  it('that was killed between two destinations rotates that one client once more', async () => {
    await using fleet = await Fleet.start(4, {}, () => ['env:acme/shop/production', 'env:acme/shop/staging']);
    const before = await killedAtWrite(fleet, 3);
    // The canary comes first; which of the others begins is nobody's promise.
    expect([before[0], before.toSorted()]).toEqual([2, [0, 0, 1, 2]]);
    fleet.world.advance(16 * MINUTE);
    const run = await fleet.run();
    expect([run.exitCode, fleet.writes(), await fleet.logins()]).toEqual([0, [0, 2, 2, 2], GRANTED(8)]);
  }, 90_000);

  it('believes an old listing where nothing is due, and nowhere else', async () => {
    await using fleet = await Fleet.start(4);
    await fleet.run();
    fleet.world.advance(20 * MINUTE);
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
  }, 60_000);

  it('of one client does what a run of that client does', async () => {
    await using fleet = await Fleet.start(2);
    const [one, other] = fleet.members;
    const requests = () =>
      fleet.world.transcript
        .requests()
        .map((line) => line.replace(/PEM_\d/, 'PEM'))
        .sort();
    const single = await rotate(fleet.world, {
      'client-id': `${one?.clientId}`,
      'secret-name': `${one?.secret}`,
      'current-credential': '',
      verify: 'required',
    });
    const asSingle = requests();
    fleet.write({
      0: { 'client-id': `${other?.clientId}`, 'secret-name': `${other?.secret}` },
      1: { 'client-id': 'x' },
    });
    const { manifest } = fleet;
    const { readFileSync, writeFileSync } = await import('node:fs');
    const text = readFileSync(manifest, 'utf8');
    writeFileSync(manifest, text.slice(0, text.lastIndexOf('  - client-id')));
    const many = await fleet.run();
    expect([single.exitCode, many.exitCode]).toEqual([0, 0]);
    expect(requests()).toEqual(asSingle);
    expect(await fleet.logins()).toEqual([200, 200]);
    const [entry] = JSON.parse(single.outputs.result ?? '');
    expect(Object.keys(entries(many)[0] ?? {})).toEqual(Object.keys(entry));
  });

  it('that is cancelled begins no other client, and leaves nothing half done', async () => {
    await using fleet = await Fleet.start(8);
    const run = await fleet.run(
      {},
      {
        killWhen: ({ arrival, phase }) => (phase === 'answered' && isWrite(arrival) ? 'SIGTERM' : undefined),
      },
    );
    expect([run.exitCode, run.signal]).toEqual([1, null]);
    const writes = fleet.writes();
    for (const [at, { clientId }] of fleet.members.entries()) {
      const { client, credentials } = fleet.world.tenant.reveal(clientId);
      const associated =
        client.client_authentication_methods?.self_signed_tls_client_auth?.credentials.length;
      expect([at, credentials.length, associated]).toEqual([
        at,
        1 + (writes[at] ?? 0),
        1 + (writes[at] ?? 0),
      ]);
    }
    expect(entries(run).filter(({ error }) => error?.code === 'CANCELLED').length).toBe(
      writes.filter((count) => count === 0).length,
    );
  });

  it('tells where its manifest is wrong', async () => {
    await using fleet = await Fleet.start(2);
    fleet.write({ 1: { 'key-size': '1' } });
    const run = await fleet.run();
    expect([run.exitCode, fleet.world.transcript.count()]).toEqual([1, 0]);
    const [located, whole] = run.annotations;
    expect(located?.properties).toEqual({
      title: 'INVALID_INPUT',
      file: fleet.manifest,
      line: '10',
      col: '5',
    });
    expect(whole?.message).toContain(`${fleet.manifest}:10:5: 'key-size' is '1'`);
    const missing = await fleet.run({ manifest: 'nowhere.yml' });
    expect(missing.annotations[0]?.message).toContain(
      "Input 'manifest' is 'nowhere.yml', which cannot be read (ENOENT)",
    );
  });
});
