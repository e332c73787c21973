/** Which requests a run sends early, and where it sends its proofs. */

import type { KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { issuePair } from '../../src/certificate/credential.ts';
import type { RotationError } from '../../src/errors.ts';
import type { DesiredState } from '../../src/model/desired-state.ts';
import { connectServices, shareServices } from '../../src/services.ts';
import { Road } from '../support/road.ts';
import { openLine } from '../support/wire.ts';

const AUDIENCE = { verifyAudience: 'https://api.example' };
type Changes = Parameters<Road['run']>[1];

async function sent(
  { start = 'settled', ...asked }: { start?: string } & Parameters<typeof Road.begin>[1],
  desired: Changes = {},
  inputs: Parameters<Road['run']>[2] = {},
) {
  const road = await Road.begin(start, asked);
  const result = await road.run(undefined, desired, inputs);
  return { road, result, sent: road.sent };
}
/** Whether a proof was sent before the credentials were read. */
const isEarly = (lines: readonly string[]) =>
  lines.slice(0, lines.indexOf('GET pool')).includes('POST token');

describe('the pair in use is proven while Auth0 is still being read', () => {
  it('if a rotation looks due, and an audience shows that the client requests tokens', async () => {
    const { road, sent: lines, result } = await sent({}, AUDIENCE);
    expect([isEarly(lines), result.error]).toEqual([true, undefined]);
    expect(lines.indexOf('GET discovery')).toBeLessThan(lines.indexOf('GET client'));
    expect(road.writes.at(-1)).toMatch(/^PUT repo/);
  });

  it.each<[string, Parameters<typeof sent>]>([
    ['without an audience', [{}, {}]],
    ['in a plan', [{}, AUDIENCE, { readOnly: true }]],
    ['without proofs', [{}, { ...AUDIENCE, verify: 'off' }]],
    ['in an enrollment', [{ start: 'client secret', operation: 'enroll' }, AUDIENCE]],
    ['in a revert', [{ operation: 'revert' }, AUDIENCE]],
    ['without current-credential', [{ current: false }, AUDIENCE]],
    ['with a key, whose proof goes to the tenant itself', [{ method: 'private_key_jwt' }, AUDIENCE]],
    ['if nothing looks due', [{ force: false }, AUDIENCE]],
    ['with an expired pair', [{ start: 'expired' }, AUDIENCE]],
  ])('not %s', async (_, asked) => {
    const { result, sent: lines } = await sent(...asked);
    expect([isEarly(lines), result.error]).toEqual([false, undefined]);
  });
});

describe('the public keys of the destinations are read early', () => {
  const reads = (lines: readonly string[]) => lines.indexOf('GET repo public-key');

  it('if a rotation looks due', async () => {
    const { sent: lines } = await sent({});
    expect(reads(lines)).toBeGreaterThanOrEqual(0);
    expect(reads(lines)).toBeLessThan(lines.indexOf('GET client'));
  });

  it.each<[string, Parameters<typeof sent>]>([
    ['in a plan', [{}, {}, { readOnly: true }]],
    ['in a revert', [{ operation: 'revert' }]],
    ['if nothing looks due', [{ force: false }]],
  ])('not %s', async (_, asked) => {
    const { sent: lines } = await sent(...asked);
    expect(lines.slice(0, 2)).not.toContain('GET repo public-key');
  });
});

describe('a proof', () => {
  it('of a key is a request to the tenant, and asks no edge where that is', async () => {
    const { result, sent: lines } = await sent({ method: 'private_key_jwt' });
    expect([result.error, result.outcome?.proof]).toEqual([undefined, 'proven']);
    expect(lines).toContain('POST token');
    expect(lines).not.toContain('GET discovery');
  });

  it('is sent over a connection that is opened while the pair is uploaded', async () => {
    const { road } = await sent({});
    const to = {
      url: expect.stringMatching(/^https:\/\/.*\/oauth\/token$/),
      clientCertificate: expect.objectContaining({}),
    };
    // The second one is for the proof on a new connection.
    expect(road.opened).toEqual([to, { ...to, freshConnection: true }]);
    expect(Object.keys(road.opened[0]?.clientCertificate ?? {})).toEqual(['certificate', 'privateKey']);
  });

  it('after a long wait opens its new connection then', async () => {
    const opened = async (propagation: number) => (await sent({ propagation })).road.opened.length;
    expect([await opened(4_000), await opened(30_000)]).toEqual([2, 1]);
  });

  it('of a key needs no connection with a certificate', async () => {
    expect((await sent({ method: 'private_key_jwt' })).road.opened).toEqual([]);
  });
});

describe('the clock of a proof', () => {
  it.each([
    ['private_key_jwt', true],
    ['self_signed_tls_client_auth', false],
  ] as const)("is the tenant's with %s: %s", async (method, isTenants) => {
    const road = await Road.begin('settled', { method });
    await using line = openLine();
    const inputs = road.world.inputs('1.1');
    const shared = shareServices(inputs, line.connection, () => undefined);
    const logger = { mask: () => undefined, onStep: () => () => undefined };
    const { proofService } = connectServices(inputs, line.connection, logger, { shared });
    expect(proofService.serverClock === shared.auth0.serverClock).toBe(isTenants);
    expect(proofService.serverClock === shared.proofRemote.serverClock).toBe(!isTenants);
  });
});

describe('the new pair', () => {
  /** What is issued, and with which keys, for inputs with `keySize` in a run that resolves it to `resolved`. */
  async function issued(keySize: DesiredState['keySize'], resolved: DesiredState['keySize']) {
    const road = await Road.begin('settled');
    await using line = openLine();
    const read = road.world.inputs('1.1');
    const inputs = { ...read, desired: { ...read.desired, keySize } };
    const bits: number[] = [];
    const asked: unknown[] = [];
    const issuing = {
      generateKey: async (size: number) => {
        bits.push(size);
        return {} as KeyObject;
      },
      issuePair: async (...[{ kind }, { subject }, now, key]: Parameters<typeof issuePair>) => {
        asked.push([kind, subject, now]);
        await key();
        return { privateKey: 'key', certificate: undefined };
      },
    };
    const logger = { mask: () => undefined, onStep: () => () => undefined };
    const services = connectServices(inputs, line.connection, logger, { issuing });
    const early = [...bits];
    const wanted = { ...inputs.desired, keySize: resolved, subject: 'CN=in use' };
    await services.issuePair(wanted, 7);
    const made = [...bits];
    await services.issueUnregistered(wanted, 8);
    return { early, made, asked, last: bits.at(-1) };
  }

  it('has the subject and the size that the run has resolved, and so has the one that nobody registers its subject', async () => {
    const { asked, early, last, made } = await issued(2048, 4096);
    expect([early, made, last]).toEqual([[2048], [2048, 4096], 2048]);
    expect(asked).toEqual([
      ['itself', 'CN=in use', 7],
      ['itself', 'CN=in use', 8],
    ]);
  });

  it('uses the key that was made early, if its size is right', async () => {
    const { early, made } = await issued(4096, 4096);
    expect([early, made]).toEqual([[4096], [4096]]);
  });

  it('needs no key early if it is brought', async () => {
    expect((await issued(undefined, undefined)).early).toEqual([]);
  });
});

describe('what the clients of a fleet share', () => {
  const ask = async (answers: readonly number[]) => {
    const road = await Road.begin('settled');
    await using line = openLine();
    let count = 0;
    line.connection.send = async () => {
      const status = answers[Math.min(count, answers.length - 1)] ?? 200;
      count += 1;
      return { status, headers: { 'content-type': 'application/json' }, body: '{}' };
    };
    const { discover } = shareServices(road.world.inputs('1.1'), line.connection, () => undefined);
    const codes = [];
    for (let client = 0; client < 2; client += 1)
      codes.push(
        await discover().then(
          () => 'found',
          ({ code }: RotationError) => code,
        ),
      );
    return [codes, count];
  };

  it('is asked for once', async () => {
    expect(await ask([200])).toEqual([['found', 'found'], 1]);
    expect(await ask([404])).toEqual([['DISCOVERY_FAILED', 'DISCOVERY_FAILED'], 1]);
  });

  it('is asked for again after an outage', async () => {
    expect(await ask([503, 503, 503, 503, 503, 200])).toEqual([['AUTH0_REQUEST_FAILED', 'found'], 6]);
  });
});

describe('the services of a run', () => {
  it('are named in the debug log', async () => {
    const { road } = await sent({}, AUDIENCE);
    const asked = (path: string) =>
      new Set(road.lines.flatMap((line) => (line.includes(path) ? [line.split(':')[0]] : [])));
    expect([...asked(' /api/v2/clients/')]).toEqual(['Auth0']);
    expect([...asked(' /oauth/token')]).toEqual(['Auth0 proof']);
    expect([...asked(' /.well-known/')]).toEqual(['Auth0 proof']);
    expect([...asked(' /repos/')]).toEqual(['GitHub']);
  });

  it.each(['private_key_jwt', 'self_signed_tls_client_auth'] as const)(
    'log in to the Management API by %s with the pair in use, and mask the token',
    async (method) => {
      const { result, road } = await sent({ isManager: true, method });
      expect(result.error).toBeUndefined();
      expect(isEarly(road.sent)).toBe(true);
      expect(road.lines).toContainEqual(expect.stringMatching(/^Auth0: POST \/oauth\/token/));
      // Beside it only keys are masked, and what holds one.
      expect(road.masks.filter((text) => !text.includes('PRIVATE KEY'))).toEqual([
        expect.stringMatching(/^\S{20,}$/),
      ]);
    },
  );

  it('prove in a rehearsal that an unregistered key is refused', async () => {
    const { result, sent: lines } = await sent({ start: 'ours alone', operation: 'rehearse' });
    expect(result.error).toBeUndefined();
    expect(lines.filter((line) => line === 'POST token').length).toBeGreaterThan(1);
    expect(result.plan?.steps.map(({ kind }) => kind)).toContain('authenticate-unregistered');
  });
});
