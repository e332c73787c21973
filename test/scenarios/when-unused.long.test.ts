/** `retire: when-unused`: the previous credential goes when the tenant logs prove that nobody uses it any more. */

import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { thumbprintOf } from '../emulators/authorization-server.ts';
import {
  API_AUDIENCE,
  MANAGEMENT_SCOPES,
  type Sandbox,
  type SandboxOptions,
  startSandbox,
} from '../emulators/sandbox.ts';
import { effects, told, warnings } from './operations.ts';
import { code, credentials, DAY, held, login, MINUTE, rotate, settle, writes } from './support.ts';

const HOUR = 60 * MINUTE;
const UNUSED = { retire: 'when-unused', 'quiet-window': '2d' };

/** A client that was rotated, so that one credential is current and one previous; the logs go back further. */
async function rotated(
  options: SandboxOptions = {},
  inputs: Record<string, string> = UNUSED,
): Promise<Sandbox> {
  const world = await startSandbox({ managementScopes: [...MANAGEMENT_SCOPES, 'read:logs'], ...options });
  await settle(world, inputs);
  return world;
}

const notes = (run: { outputs: Record<string, string> }): string =>
  JSON.parse(run.outputs.plan ?? '').notes.join('\n');
/** Token requests by certificate that the action made. */
const proofs = (world: Sandbox) =>
  world.transcript.requests().filter((line) => line.includes('edge POST /oauth/token')).length;

describe('the previous credential', () => {
  it('stays while somebody uses it, who is named; goes once that user has changed over and the window was quiet', async ({
    expect,
  }) => {
    await using world = await rotated();
    const removed = JSON.stringify([world.client.credentialId]);
    world.advance(3 * DAY);
    const tenMinutes = () => new Date(world.tenantNow()).toISOString().slice(0, 15);
    const before = tenMinutes();
    expect([await login(world), await login(world, world.client.pem)]).toEqual([200, 200]);
    const after = tenMinutes();

    const kept = await rotate(world, UNUSED);
    expect(kept.outputs).toMatchObject({ reason: 'NotDue', 'removed-credential-ids': '[]' });
    expect(notes(kept)).toContain(
      `Credential ${world.client.credentialId} stays associated because the tenant logs show that it is STILL IN USE`,
    );
    const [, at] =
      /`127\.0\.0\.1` \(`Other 0\.0\.0 \/ Other 0\.0\.0`\), last at (.{15})/.exec(notes(kept)) ?? [];
    expect([before, after]).toContain(at);
    expect(kept.summary).toContain('STILL IN USE: `127.0.0.1`');
    // No token is spent where it could change nothing.
    expect([proofs(world), writes(world)]).toEqual([0, []]);

    world.advance(2 * DAY + MINUTE);
    expect(await login(world)).toBe(200);
    const gone = await rotate(world, UNUSED);
    expect(gone.outputs['removed-credential-ids']).toBe(removed);
    expect(notes(gone)).toContain('is unused: from');
    expect([proofs(world), await login(world), await login(world, world.client.pem)]).toEqual([1, 200, 401]);
    expect(notes(await rotate(world, UNUSED))).toBe('');
  });

  it.each(['sdeleacft', 'idjag_exchange_succeeded', 'sede', 'sertft', 'ciba_exchange_failed'])(
    'E4: stays while somebody uses it by %s',
    async (type) => {
      await using world = await rotated();
      // One made by hand is kept for a week in any case.
      world.advance(8 * DAY);
      await login(world);
      const previous = new X509Certificate(world.client.pem.slice(world.client.pem.indexOf('-----BEGIN C')));
      world.tenant.log({
        type,
        client_id: world.clientId,
        ip: '192.0.2.7',
        user_agent: 'somebody',
        mtls_thumbprint_sha256: thumbprintOf(previous),
      });
      world.advance(MINUTE);
      const run = await rotate(world, UNUSED);
      expect(notes(run)).toContain('STILL IN USE: `192.0.2.7`');
      expect(credentials(world).associated).toHaveLength(2);
    },
  );

  it('stays until the window is over, whoever used its successor', async () => {
    await using world = await rotated();
    world.advance(2 * DAY - MINUTE);
    await login(world);
    const run = await rotate(world, { ...UNUSED, 'quiet-window': '10d' });
    expect(notes(run)).toMatch(/stays associated until \S+ at least \(quiet-window\)/);
    expect(credentials(world).associated).toHaveLength(2);
  });

  it('stays if only this action has used its successor', async () => {
    await using world = await rotated();
    world.advance(3 * DAY);
    await login(world);
    world.advance(10 * MINUTE);
    const plan = await rotate(world, { ...UNUSED, operation: 'plan' });
    expect([proofs(world), effects(world)]).toEqual([1, []]);
    expect(JSON.parse(plan.outputs.plan ?? '').steps).toHaveLength(2);
    // The proof is in the window still, the login is not.
    world.advance(2 * DAY - 5 * MINUTE);
    const run = await rotate(world, UNUSED);
    expect(notes(run)).toContain('no login with its successor');
    expect([proofs(world), credentials(world).associated.length]).toEqual([0, 2]);
  });

  it('waits for the logs, which are late', async () => {
    await using world = await rotated({ logDelayMs: HOUR });
    world.advance(3 * DAY);
    await login(world);
    world.advance(2 * HOUR);
    let looks = 0;
    // At the second look after the proof its entry is there.
    world.conditions.fault = (_, { path }) => {
      if (path.startsWith('/api/v2/logs') && proofs(world) > 0) looks += 1;
      if (looks === 2) world.advance(HOUR);
      return undefined;
    };
    const run = await rotate(world, UNUSED);
    expect(run.outputs['removed-credential-ids']).toBe(JSON.stringify([world.client.credentialId]));
    // Two more: then the whole is read again.
    expect(looks).toBe(4);
  });

  it('stays while anything is missing that would prove it, and the note says what', async () => {
    await using world = await rotated();
    world.advance(3 * DAY);
    await login(world);
    const overlap = await rotate(world, { ...UNUSED, overlap: '14d' });
    expect(notes(overlap)).toContain('(overlap)');
    expect(world.transcript.requests().join()).not.toContain('/logs');
    const blind = await rotate(world, { ...UNUSED, 'current-credential': '' });
    expect(notes(blind)).toContain('up to date: pass current-credential');
    const refused = await rotate(world, { ...UNUSED, 'verify-audience': 'https://other.example/' });
    expect(warnings(refused)).toContain('the current certificate got no token');
    world.conditions.mtlsAlias = false;
    expect(notes(await rotate(world, UNUSED))).toContain('no mTLS token endpoint was found');
    expect([refused.exitCode, credentials(world).associated.length]).toEqual([0, 2]);
  });

  it('stays if the logs are kept for less than the window', async () => {
    await using world = await rotated({ logRetentionMs: DAY });
    world.advance(3 * DAY);
    await login(world);
    const run = await rotate(world, UNUSED);
    expect(notes(run)).toMatch(/logs are complete only from \S+ on, and quiet-window begins at/);
    expect([proofs(world), credentials(world).associated.length]).toEqual([0, 2]);
  });

  it('gives way to a forced rotation although it has users, who are named', async () => {
    await using world = await rotated();
    world.advance(3 * DAY);
    await login(world, world.client.pem);
    const run = await rotate(world, { ...UNUSED, force: 'true', overlap: '0h' });
    expect(warnings(run)).toContain(
      'is removed for this rotation although the tenant logs show that it is in use',
    );
    expect(run.outputs).toMatchObject({ rotated: 'true' });
    expect([await login(world), credentials(world).associated.length]).toEqual([200, 2]);
  });

  it('is reported in words that are no commands', async () => {
    await using world = await rotated({ plainUserAgents: true });
    world.advance(3 * DAY);
    await world.call(world.edge.tokenEndpoint, {
      pem: world.client.pem,
      body: { grant_type: 'client_credentials', client_id: world.clientId, audience: API_AUDIENCE },
      headers: {
        'user-agent': 'x`](http://evil.example) ![i](http://evil.example/i.png) <b>::error::pwned ##[error]',
      },
    });
    const run = await rotate(world, UNUSED);
    expect(notes(run)).toContain(
      '(`x ](http://evil.example) ![i](http://evil.example/i.png) b error pwned error]`)',
    );
    expect(run.annotations.filter(({ level }) => level === 'error')).toEqual([]);
    expect(run.summary).not.toMatch(/<b>|::error/);
  });
});

describe('read:logs', () => {
  it('is missing: nothing is changed, and the scope is named', async () => {
    await using world = await rotated({ managementScopes: MANAGEMENT_SCOPES }, {});
    world.advance(3 * DAY);
    const before = held(world);
    const run = await rotate(world, { ...UNUSED, force: 'true' });
    expect([code(run), writes(world), held(world)]).toEqual(['AUTH0_FORBIDDEN', [], before]);
    expect(told(run)).toContain('lacks read:logs');
  });

  it('is asked for by the first run, not by the one that needs it months later', async () => {
    await using world = await startSandbox();
    const run = await rotate(world, UNUSED);
    expect([code(run), effects(world)]).toEqual(['AUTH0_FORBIDDEN', []]);
  });
});
