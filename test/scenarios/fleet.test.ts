/** Many clients by one manifest: a canary first, the tenant's pace kept, one failure isolated, and a crash that the next run completes. */

import { describe, expect, it } from 'vitest';
import { spread } from '../../src/model/spread.ts';
import { REPOSITORY } from '../emulators/sandbox.ts';
import { completedAfterCrash, entries, errorsOf, Fleet, GRANTED, isWrite, ONES } from './fleets.ts';
import { DAY, rotate } from './support.ts';

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
      Array(5).fill([true, 'FirstDelivery']),
    );
    expect(first.annotations.map(({ message }) => message)).toEqual(
      Array(5).fill(expect.stringContaining('which was made by hand')),
    );
    expect(first.groups.slice(1, -1).every((name) => name.startsWith('✅'))).toBe(true);
    // Each on its own day.
    for (const entry of entries(first)) {
      const days = spread({ clientId: entry['client-id'], validityDays: 90, renewBeforeDays: 30 });
      const left = (Date.parse(entry['next-rotation']) - fleet.world.tenantNow()) / DAY;
      expect(Math.round(left)).toBe(90 - days);
    }
    const dates = entries(first).map((entry) => entry['next-rotation']);
    expect(first.outputs['next-rotation']).toBe(dates.sort()[0]);

    fleet.world.advance(8 * DAY);
    const second = await fleet.run();
    expect([second.exitCode, fleet.writes(), fleet.changes()]).toEqual([0, [0, 0, 0, 0, 0], []]);
    // One listing instead of five reads.
    const reads = fleet.world.transcript
      .requests()
      .filter((line) => /auth0 GET \/api\/v2\/clients/.test(line));
    expect(reads.filter((line) => !line.endsWith('/credentials')).length).toBe(1);
    expect(reads.length).toBe(6);
    expect(second.summary).toContain('5 clients: 5 not due with warnings.');
    expect((await fleet.run({ operation: 'plan' })).outputs.matrix).toBe('[]');
  });

  it('fills a new destination with the pair that the environment holds, without a new key', async () => {
    await using fleet = await Fleet.start(1);
    await fleet.run();
    fleet.world.advance(DAY);
    const [secret, first, added] = ['PEM_0', `repo:${REPOSITORY}`, 'repo:acme/ops'];
    fleet.world.github.addRepository('acme/ops');
    const pem = fleet.world.github.secret(first, secret)?.value ?? '';
    fleet.write({ 0: { destinations: `[${first}, ${added}]`, 'current-credential-env': 'SHOP_PEM' } });
    const run = await fleet.run({}, { env: { SHOP_PEM: pem } });
    expect([run.exitCode, run.outputs.rotated], run.log).toEqual([0, 'false']);
    expect(fleet.world.github.secret(added, secret)?.value).toBe(pem);
    const [, line = ''] = pem.split('\n');
    expect([run.masks.includes(line), run.log.includes(line)]).toEqual([true, false]);
  });

  it('that was killed is completed by the next run, without a second rotation of any client', async () => {
    await using fleet = await Fleet.start(3);
    await completedAfterCrash(fleet, 2);
  });

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

  it('has one client whose key has leaked: its id revokes that, in all its destinations, and leaves the others alone', async () => {
    const scopes = [[`repo:${REPOSITORY}`, 'repo:acme/ops'], [`repo:${REPOSITORY}`]];
    await using fleet = await Fleet.start(2, {}, (at) => scopes[at] ?? []);
    fleet.world.github.addRepository('acme/ops');
    expect((await fleet.run()).exitCode).toBe(0);
    fleet.world.advance(DAY);
    const [member, other] = fleet.members;
    const shard = `${member?.clientId}`;
    const before = fleet.held();
    // Nothing of the other is even read.
    fleet.write({ 0: { overlap: '7d' }, 1: { 'key-size': '1' } });
    const asked = { shard, force: 'true', revoke: 'previous' };
    const planned = await fleet.run({ ...asked, operation: 'plan' });
    expect([planned.exitCode, planned.outputs.reason, planned.outputs.matrix]).toEqual([0, 'Forced', '[]']);
    expect(JSON.parse(planned.outputs.plan ?? '').reason).toBe('Forced');

    const run = await fleet.run(asked);
    expect([run.exitCode, run.outputs.rotated, run.outputs['client-id']], run.log).toEqual([
      0,
      'true',
      shard,
    ]);
    const [pem = ''] = fleet.held();
    expect(fleet.held()).toEqual([pem, pem, before[2]]);
    expect([pem === before[0], await fleet.logins()]).toEqual([false, [200, 200, 200]]);
    expect((await fleet.world.requestToken(shard, before[0] ?? '')).status).toBe(401);
    expect(fleet.world.transcript.requests().join()).not.toContain(`${other?.clientId}`);
    // The outputs and the summary of a single client.
    const [entry, ...rest] = entries(run);
    expect([entry?.['client-id'], rest, run.outputs['credential-id']]).toEqual([
      shard,
      [],
      expect.stringMatching(/^cred_/),
    ]);
    expect(run.summary).not.toMatch(/1 client/);
    expect(run.groups).toContain('Observe');

    // What fails is its own error, not that of a fleet.
    const unknown = await fleet.run({ shard: 'unknown' });
    expect([unknown.exitCode, unknown.log]).toEqual([
      1,
      expect.stringContaining(
        "Input 'shard' is 'unknown', which is neither the client-id of a client in the manifest",
      ),
    ]);
    fleet.write({ 0: { 'client-id': 'gone' } });
    const gone = await fleet.run({ shard: 'gone' });
    expect([gone.exitCode, errorsOf(gone)]).toEqual([1, ['CLIENT_NOT_FOUND']]);
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
    const emergency = await fleet.run({ manifest: 'nowhere.yml', force: 'true', revoke: 'previous' });
    expect(emergency.summary).toContain('STILL VALID');
  });
});
