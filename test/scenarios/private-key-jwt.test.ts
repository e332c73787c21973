/** The same road with a bare key: what is stored signs client assertions. More of it: private-key-jwt.long.test.ts. */

import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { enrolled, METHOD, refuse, run } from './bare-keys.ts';
import { client, loginByKey, loginBySecret, operate, secretClient, sharedWorld, told } from './operations.ts';
import { code, DAY, held, SECRET } from './support.ts';

const shared = sharedWorld();

describe('private_key_jwt', () => {
  it('enrolls: the stored key signs assertions, and every reader takes the secret as it is', async () => {
    const world = shared();
    const clientId = secretClient(world);
    const enrollment = await run(world, clientId, { operation: 'enroll', verify: 'required' });
    expect(enrollment).toMatchObject({ exitCode: 0, files: [], stderr: '', droppedOutputs: [] });
    const { 'credential-id': id = '', thumbprint: kid } = enrollment.outputs;
    expect(client(world, clientId)).toEqual({ method: 'private_key_jwt', associated: [id], pool: [id] });
    const [credential] = world.tenant.reveal(clientId).credentials;
    expect(credential).toMatchObject({ kid, alg: 'RS256', credential_type: 'public_key' });
    const days = (Date.parse(credential?.expires_at ?? '') - world.tenantNow()) / DAY;
    expect(Math.round(days)).toBe(90);
    expect(enrollment.outputs['not-after']).toBe(credential?.expires_at);
    const text = held(world);
    // jose, and with it Auth0's own SDKs, take no text before the key.
    expect(text).toMatch(/^-----BEGIN PRIVATE KEY-----\n[\w+/=\n]+-----END PRIVATE KEY-----\n$/);
    expect(enrollment.outputs['key-id']).toBe(kid);
    expect(createPrivateKey(text).asymmetricKeyDetails?.modulusLength).toBe(2048);
    expect(publicKeyByOpenssl(text)).toBe(credential?.publicKeyPem);
    expect([await loginByKey(world, clientId, text), await loginBySecret(world, clientId)]).toEqual([
      200, 401,
    ]);
    expect(enrollment.summary).toContain('Proof by client assertion: **proven**');
    expect(world.transcript.count('edge')).toBe(0);
  });

  it('rotates alongside: the former key works until its place is needed', async () => {
    const world = shared();
    const clientId = await enrolled(world);
    const first = held(world);
    const forced = await run(world, clientId, { force: 'true' });
    expect([forced.exitCode, forced.outputs.rotated]).toEqual([0, 'true']);
    const second = held(world);
    expect(client(world, clientId).associated).toHaveLength(2);
    for (const text of [first, second]) expect(await loginByKey(world, clientId, text)).toBe(200);
    world.advance(8 * DAY);
    await run(world, clientId, { force: 'true' });
    const logins = [first, second, held(world)].map((text) => loginByKey(world, clientId, text));
    expect(await Promise.all(logins)).toEqual([401, 200, 200]);
  });

  it('shows no part of the key in a debug log either', async () => {
    const world = shared();
    const inputs = { ...METHOD, operation: 'enroll', 'client-id': secretClient(world) };
    const { exitCode, log } = await operate(world, inputs, { debug: true });
    expect(exitCode).toBe(0);
    expect(log).toContain('##[debug]');
    for (const line of held(world).split('\n').slice(2, -2)) expect(log).not.toContain(line);
  });
});

describe('a proof that fails', () => {
  it('of a rotation: the former key stays', async () => {
    const world = shared();
    const clientId = await enrolled(world);
    const [before, text] = [world.tenant.reveal(clientId), held(world)];
    refuse(world);
    const rotation = await run(world, clientId, { force: 'true' });
    expect([code(rotation), rotation.outputs.rotated]).toEqual(['VERIFICATION_FAILED', 'false']);
    expect(told(rotation)).toContain('The new credential was removed again.');
    world.conditions.fault = undefined;
    expect([world.tenant.reveal(clientId), held(world)]).toEqual([before, text]);
    expect(await loginByKey(world, clientId, text)).toBe(200);
  });
});

function publicKeyByOpenssl(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'key-'));
  try {
    const file = join(folder, SECRET);
    writeFileSync(file, text, { mode: 0o600 });
    return execFileSync('openssl', ['pkey', '-in', file, '-pubout'], { encoding: 'utf8' });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
