/**
 * What broke other rotators, and why it does not happen here: who destroys before it creates, and who lets time run out.
 * landscape-failure.long.test.ts: what is lost on the way; landscape-others.long.test.ts: who else is at work.
 *
 * Each story happened to another rotator. Parts that do not apply to this action:
 * - That production itself has used the new certificate. The action does not read Auth0's logs (another scope);
 *   it proves the certificate itself, and keeps the previous one until its place is needed.
 * - A secret of the same name in an environment that `destinations` does not name, and a schedule that does not run.
 *   A rotation does not look for them: a watch does (watch.long.test.ts).
 * - Certificate and key as two files. The action writes no file.
 */

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConsumerFailure, startConsumer } from '../emulators/consumer.ts';
import type { ActionOptions } from '../emulators/runner.ts';
import { type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import {
  code,
  credentialOf,
  credentials,
  DAY,
  everything,
  held,
  json,
  login,
  rotate,
  SCOPE,
  SECRET,
  settle,
  writes,
} from './support.ts';

/** What is true at one moment of a run. */
interface Moment {
  methods: string[];
  associated: string[];
  pem: string;
  /** Id of the credential that the secret holds. */
  holds: string | undefined;
}

function look(world: Sandbox): Moment {
  const { client } = world.tenant.reveal(world.clientId);
  const pem = held(world);
  return {
    methods: Object.keys(client.client_authentication_methods ?? {}),
    associated: credentials(world).associated,
    pem,
    holds: credentialOf(world, pem),
  };
}

/** Looks whenever a request arrives and whenever one was answered: nothing changes in between. */
function watching(world: Sandbox, moments: Moment[]): ActionOptions {
  return {
    killWhen: () => {
      moments.push(look(world));
      return undefined;
    },
  };
}

function fits(pem: string): boolean {
  return new X509Certificate(pem).checkPrivateKey(createPrivateKey(pem));
}

describe('a rotation that must make room, looked at between all its requests', () => {
  let world: Sandbox;
  let before: Moment;
  const moments: Moment[] = [];
  const refused: ConsumerFailure[] = [];

  beforeAll(async () => {
    world = await startSandbox();
    await settle(world);
    before = look(world);
    const consumer = startConsumer(world);
    // Time for many of its logins: it does not ask GitHub over the wire.
    world.conditions.latencyMs = (service) => (service === 'github' ? 150 : 0);
    const run = await rotate(world, { force: 'true' }, watching(world, moments));
    const { failures, granted } = await consumer.stop();
    refused.push(...failures);
    moments.push(look(world));
    expect([run.exitCode, moments.length > 20, granted > 0]).toEqual([0, true, true]);
    expect(held(world)).not.toBe(before.pem);
  });
  afterAll(() => world[Symbol.asyncDispose]());

  it('softprops wrote id and key one after the other, so a job could read a pair that does not match: here one PUT changes both', () => {
    expect(moments.filter(({ pem }) => !fits(pem))).toEqual([]);
    expect(writes(world).filter((line) => line.includes(' PUT '))).toHaveLength(1);
  });

  it('softprops deleted the old key in the run that stored the new one: here a job that has read the old one logs in', async () => {
    expect([await login(world, before.pem), await login(world)]).toEqual([200, 200]);
  });

  it('Keydra switched the working key off before it made the new one: here what the secret holds is associated all the time', () => {
    expect(moments.filter(({ associated, holds = '' }) => !associated.includes(holds))).toEqual([]);
  });

  it('Terraform created all before it removed any and met the limit, and its first fix fell to none: here one or two are associated, and no request is refused', () => {
    expect(moments.map(({ associated }) => associated.length).filter((n) => n < 1 || n > 2)).toEqual([]);
    expect(world.transcript.exchanges('client').filter(({ status = 0 }) => status === 400)).toEqual([]);
  });

  it('Terraform destroys before it creates, and the client falls back to a secret: here the method never changes, and no consumer is refused', () => {
    expect(new Set(moments.flatMap(({ methods }) => methods))).toEqual(
      new Set(['self_signed_tls_client_auth']),
    );
    expect(moments.filter(({ methods }) => methods.length !== 1)).toEqual([]);
    expect(refused).toEqual([]);
  });

  it('cert-manager emptied the secret while it renewed: here it is never empty', () => {
    expect(new Set(moments.map(({ pem }) => pem))).toEqual(new Set([before.pem, held(world)]));
  });
});

describe.concurrent('an upload or a PATCH that does not work', () => {
  it('auth0-deploy-cli could not upload, so it set the client back to a secret, deleted the credential and called it a success: here the client stays as it is, and the step fails', async () => {
    await using world = await startSandbox();
    const before = world.tenant.reveal(world.clientId);
    world.conditions.fault = (_, { method, path }) =>
      method === 'POST' && path.endsWith('/credentials') ? json(400, { message: 'no' }) : undefined;
    const run = await rotate(world);
    expect([run.exitCode, run.outputs.rotated, writes(world)]).toEqual([
      1,
      'false',
      ['auth0 POST /api/v2/clients/{client}/credentials'],
    ]);
    expect(world.tenant.reveal(world.clientId)).toEqual(before);
    expect(await login(world, world.client.pem)).toBe(200);
  });

  it('step rekey stopped between two writes and left a certificate with the key of another: here the pair fits, and the next run completes its parts', async () => {
    await using world = await startSandbox();
    const parts = { 'private-key-secret-name': 'KEY', 'certificate-secret-name': 'CRT' };
    const stored = () => ['KEY', 'CRT'].map((name) => held(world, SCOPE, name)).join('');
    await settle(world, parts);
    const killed = await rotate(
      world,
      { ...parts, force: 'true' },
      {
        killWhen: ({ phase, arrival: { line } }) =>
          phase === 'answered' && line.endsWith('PUT /repos/acme/shop/actions/secrets/KEY')
            ? 'SIGKILL'
            : undefined,
      },
    );
    await world.idle();
    expect([killed.signal, killed.files, fits(held(world)), await login(world)]).toEqual([
      'SIGKILL',
      [],
      true,
      200,
    ]);
    world.advance(DAY);
    const next = await rotate(world, parts);
    expect([next.exitCode, next.outputs.rotated, stored()]).toEqual([0, 'false', held(world)]);
  });
});

describe.concurrent('time', () => {
  it('a kubelet that was off for too long could not log in to renew: here a client whose certificate has expired is renewed', async () => {
    await using world = await startSandbox();
    await settle(world);
    world.advance(91 * DAY);
    expect(await login(world)).toBe(401);
    const run = await rotate(world);
    expect([run.exitCode, run.outputs.reason, await login(world)]).toEqual([0, 'CertificateExpired', 200]);
  });

  it('GitHub let a certificate inside its own network expire unseen: here a plan in another workflow, without a token for GitHub, tells how long it is still valid', async () => {
    await using world = await startSandbox();
    await settle(world);
    const before = everything(world);
    world.advance(75 * DAY);
    const run = await rotate(world, { operation: 'plan', 'github-token': '' });
    const left = (Date.parse(run.outputs['not-after'] ?? '') - world.tenantNow()) / DAY;
    expect([run.exitCode, run.outputs.reason, Math.round(left)]).toEqual([0, 'CertificateExpiring', 7]);
    expect([writes(world), everything(world)]).toEqual([[], before]);
  });

  it('a schedule ran late, or not at all: here one that is missed for four weeks harms nobody, and the next run renews', async () => {
    await using world = await startSandbox();
    await settle(world);
    world.advance(51 * DAY);
    expect((await rotate(world)).outputs.reason).toBe('NotDue');
    world.advance(29 * DAY);
    expect(await login(world)).toBe(200);
    const old = held(world);
    expect((await rotate(world)).outputs.reason).toBe('CertificateExpiring');
    expect([await login(world), await login(world, old)]).toEqual([200, 200]);
  });
});

describe('masks', () => {
  it("AL-Go masked short secrets, and 'us' became *** everywhere in the log: here no mask is shorter than 8 characters, and the log stays readable", async () => {
    await using world = await startSandbox();
    await settle(world);
    // A PEM may be wrapped anywhere.
    const pasted = held(world).replace(/^(?!-----).+$/gm, (line) => line.replace(/.{4}(?=.)/g, '$&\n'));
    const run = await rotate(world, { force: 'true', 'current-credential': pasted });
    expect([run.exitCode, code(run)]).toEqual([0, undefined]);
    expect(run.masks.length).toBeGreaterThan(20);
    expect(run.masks.filter((text) => text.length < 8 || /[{}]/.test(text))).toEqual([]);
    expect(run.log).toContain(`repo:acme/shop ${SECRET}`);
    // The runner itself hides each line of a secret input, be it of four characters: that is not the action's doing.
    const shown = run.stdout.split('\n').filter((line) => !line.startsWith('::add-mask::'));
    expect(run.masks.filter((mask) => shown.some((line) => line.includes(mask)))).toEqual([]);
  });
});
