/** The client can hold no other credential, so one gives way before the new one is proven: then nothing else may go wrong. */

import { describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import { admits, archived, emptyClient, make, OURS, run, said, write } from './field.ts';
import { REVOKE } from './revocations.ts';
import { credentials, held, json } from './support.ts';

const BLIND = { 'current-credential': '' };
const edgeDown: Sandbox['conditions']['fault'] = (service) =>
  service === 'edge' ? json(502, { error: 'bad gateway' }) : undefined;
const noWrite = archived('/secrets/');

describe.each([
  ['made by hand', undefined, 70],
  ['the previous one, of yesterday', OURS, 66.1],
])('a full client, and the second credential is %s', (_, name, age) => {
  it.each<[string, Sandbox['conditions']['fault'], Record<string, string>]>([
    ['the edge is down, a rotation without current-credential', edgeDown, { force: 'true', ...BLIND }],
    ['the edge is down, an emergency without current-credential', edgeDown, { ...REVOKE, ...BLIND }],
    ['the edge is down, an emergency', edgeDown, REVOKE],
    ['GitHub takes no write, an emergency without current-credential', noWrite, { ...REVOKE, ...BLIND }],
    ['GitHub takes no write, an emergency', noWrite, REVOKE],
  ])('%s: both still log in, and it succeeds once the cause is gone', async (_, fault, inputs) => {
    await using world = await startSandbox();
    const clientId = emptyClient(world);
    const second = make(world, name, age, { clientId, validDays: 365 });
    const current = make(world, OURS, 65, { clientId });
    write(world, current.pem, 64.9999);
    const before = credentials(world, clientId);
    world.conditions.fault = fault;
    const failed = await run(world, { 'client-id': clientId, ...inputs });
    world.conditions.fault = undefined;
    expect([failed.exitCode, said(failed) !== '', held(world)]).toEqual([1, true, current.pem]);
    expect(credentials(world, clientId)).toEqual(before);
    for (const { pem } of [second, current]) expect(await admits(world, clientId, pem)).toBe(true);
    const done = await run(world, { 'client-id': clientId, ...inputs });
    expect([done.exitCode, said(done)]).toEqual([0, '']);
    expect(await admits(world, clientId, held(world))).toBe(true);
  });
});
