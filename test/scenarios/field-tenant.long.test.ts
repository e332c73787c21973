/** The rows of the field report that the tenant's answers decide: scopes, clocks, records, and who has made what by hand. */

import { describe, expect, it } from 'vitest';
import { MANAGEMENT_SCOPES, type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import { admits, emptyClient, make, OURS, rotated, run, said, write } from './field.ts';
import { secretClient } from './operations.ts';
import {
  code,
  credentialOf,
  credentials,
  DAY,
  held,
  json,
  login,
  MINUTE,
  SCOPE,
  SECRET,
  settle,
  writes,
} from './support.ts';

const FORCE = { force: 'true' };

describe('the management client lacks a scope', () => {
  it.each([
    ['delete:client_credentials', {}],
    ['create:client_credentials', {}],
    ['update:clients', {}],
  ])('%s: found before any effect, and named', async (missing, inputs) => {
    const managementScopes = MANAGEMENT_SCOPES.filter((scope) => scope !== missing);
    await using world = await startSandbox({ managementScopes });
    const refused = await run(world, inputs);
    expect([refused.exitCode, code(refused), writes(world)]).toEqual([1, 'AUTH0_FORBIDDEN', []]);
    expect(said(refused)).toContain(missing);
    for (const other of MANAGEMENT_SCOPES.filter((scope) => scope !== missing && scope !== 'read:clients'))
      expect(said(refused).split(/[\s,.;]+/)).not.toContain(other);
  });

  it('for enroll as well', async () => {
    const managementScopes = MANAGEMENT_SCOPES.filter((scope) => scope !== 'delete:client_credentials');
    await using world = await startSandbox({ managementScopes });
    const refused = await run(world, { operation: 'enroll', 'client-id': secretClient(world) });
    expect([code(refused), writes(world)]).toEqual(['AUTH0_FORBIDDEN', []]);
  });
});

describe('two workflows, two clients, one secret name', () => {
  it.each([{}, { 'current-credential': '' }])(
    'the second is refused, and the first goes on (%j)',
    async (inputs) => {
      await using world = await startSandbox();
      await settle(world);
      const { clientId: second } = world.addServiceClient({ name: 'second' });
      for (const day of [1, 2]) {
        const refused = await run(world, { 'client-id': second, ...inputs });
        expect([day, code(refused), writes(world)]).toEqual([day, 'SECRET_EXISTS', []]);
        expect([(await run(world)).exitCode, await login(world)]).toEqual([0, 200]);
        world.advance(DAY);
      }
    },
  );

  it('enroll is refused before its client secret ends', async () => {
    await using world = await startSandbox();
    await settle(world);
    const refused = await run(world, { operation: 'enroll', 'client-id': secretClient(world) });
    expect([code(refused), writes(world), await login(world)]).toEqual(['SECRET_EXISTS', [], 200]);
  });
});

describe('what is held was taken out by hand, and two made by hand are there', () => {
  it.each([
    ['older ones', [40, 50]],
    ['younger ones', [4, 5]],
  ])('%s: nobody is taken out unasked; the line ends it', async (_, [first = 0, second = 0]) => {
    await using world = await startSandbox({ poolCap: 4 });
    const clientId = emptyClient(world);
    const theirs = [make(world, 'first', first, { clientId }), make(world, undefined, second, { clientId })];
    const ours = make(world, OURS, 10, { associate: false, clientId });
    write(world, ours.pem, 9.9999);
    const refused = await run(world, { 'client-id': clientId });
    expect([code(refused), writes(world)]).toEqual(['CREDENTIAL_LIMIT', []]);
    const [, line = ''] = /removable-credentials: (\S*[\w])/.exec(said(refused)) ?? [];
    expect(theirs.map(({ id }) => id)).toContain(line);
    const followed = await run(world, { 'client-id': clientId, 'removable-credentials': line });
    expect([followed.exitCode, await admits(world, clientId, held(world))]).toEqual([0, true]);
  });
});

describe('created_at runs ahead of the Date header', () => {
  it.each([1_500, 4_000, 8_000])('%i ms: daily runs without the key rotate once', async (recordsAheadMs) => {
    await using world = await startSandbox({ recordsAheadMs });
    const pems: string[] = [];
    for (const day of [1, 2, 3]) {
      const daily = await run(world, { 'current-credential': '' });
      // Either the difference is used, or the run stops before it delivers.
      if (daily.exitCode === 0) pems.push(held(world));
      expect([day, held(world) === '' || (await login(world)) === 200]).toEqual([day, true]);
      world.advance(DAY);
    }
    expect(new Set(pems).size).toBeLessThanOrEqual(1);
    expect(credentials(world).associated).toContain(world.client.credentialId);
  });
});

describe('a record that cannot be read', () => {
  const ODD = [
    [
      'an unknown type',
      { id: 'cred_odd', credential_type: 'quantum_key', created_at: '2026-01-01T00:00:00Z' },
    ],
    ['no created_at', { id: 'cred_odd', credential_type: 'x509_cert', name: 'odd' }],
    ['a date that is none', { id: 'cred_odd', credential_type: 'x509_cert', created_at: 'yesterday' }],
  ] as const;

  /** The tenant's own list, and one record more. */
  function withRecord(world: Sandbox, record: object): Sandbox['conditions']['fault'] {
    return (service, request) => {
      if (service !== 'auth0' || request.method !== 'GET' || !/\/credentials(\?|$)/.test(request.path))
        return undefined;
      const { body, status } = world.tenant.handle(request);
      return json(status, [...(JSON.parse(body) as object[]), record]);
    };
  }

  it.each(ODD)('%s: it is foreign, and takes a place', async (_, record) => {
    await using world = await startSandbox({ poolCap: 4 });
    const clientId = rotated(world);
    world.conditions.fault = withRecord(world, record);
    const idle = await run(world, { 'client-id': clientId });
    expect([idle.exitCode, said(idle), writes(world)]).toEqual([0, '', []]);
    const forced = await run(world, { 'client-id': clientId, ...FORCE });
    expect([forced.exitCode, await admits(world, clientId, held(world))]).toEqual([0, true]);
    expect(writes(world).filter((line) => line.includes('cred_odd'))).toEqual([]);
  });
});

describe('its expiry is not recorded', () => {
  const without =
    (world: Sandbox): Sandbox['conditions']['fault'] =>
    (service, request) => {
      if (service !== 'auth0' || request.method !== 'GET' || !/\/credentials(\?|$)/.test(request.path))
        return undefined;
      const { body, status } = world.tenant.handle(request);
      const records = (JSON.parse(body) as object[]).map((record) => ({ ...record, expires_at: null }));
      return json(status, records);
    };

  it.each([
    ['in time', 20, 'true'],
    ['not yet', 200, 'false'],
  ])('%s: the certificate itself tells', async (_, validDays, rotated) => {
    await using world = await startSandbox();
    const clientId = emptyClient(world);
    const ours = make(world, OURS, 10, { clientId, validDays });
    write(world, ours.pem, 9.9999, SCOPE, SECRET);
    world.conditions.fault = without(world);
    const daily = await run(world, { 'client-id': clientId });
    expect([daily.exitCode, daily.outputs.rotated]).toEqual([0, rotated]);
    expect(credentialOf(world, held(world), clientId) === ours.id).toBe(rotated === 'false');
    expect(await admits(world, clientId, held(world))).toBe(true);
    world.advance(20 * MINUTE);
    expect((await run(world, { 'client-id': clientId })).outputs.rotated).toBe('false');
  });
});
