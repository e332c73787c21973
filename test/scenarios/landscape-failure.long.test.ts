/** What broke other rotators, and why it does not happen here: what fails, is lost or dies on the way (see landscape.long.test.ts). */

import { describe, expect, it } from 'vitest';
import { credentialsInUse } from '../../src/plan/in-use.ts';
import { plan } from '../../src/plan/plan.ts';
import type { EmulatorRequest } from '../emulators/emulator.ts';
import { type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import { replay } from '../support/replay.ts';
import {
  type CredentialSeed,
  type DesiredChanges,
  desired,
  type StateSeed,
  state,
} from '../support/states.ts';
import {
  code,
  credentialOf,
  credentials,
  everything,
  held,
  json,
  leaks,
  login,
  MINUTE,
  PROBE,
  rotate,
  SCOPE,
  SECRET,
  settle,
} from './support.ts';

const LEASE_OVER = 16 * MINUTE;
const OPS = 'env:acme/ops/prod';
const byHand = selfSignedCertificate('by hand');
const stranger = selfSignedCertificate('stranger');
const NO = json(403, { message: 'no' });

const post = ({ method, path }: EmulatorRequest) => method === 'POST' && path.endsWith('/credentials');
const patch = ({ method }: EmulatorRequest) => method === 'PATCH';
const put = ({ method, path }: EmulatorRequest) => method === 'PUT' && !path.endsWith(`/${PROBE}`);
const remove = ({ method }: EmulatorRequest) => method === 'DELETE';
const CLIENT = /\/clients\/([^/?]+)\?/;

/** From now on: the client's next run has nothing in its way, and nothing is left to do after it. */
async function heals(world: Sandbox, inputs: Record<string, string> = {}): Promise<void> {
  world.conditions.fault = undefined;
  world.advance(LEASE_OVER);
  const next = await rotate(world, inputs);
  expect([next.exitCode, code(next), await login(world)]).toEqual([0, undefined, 200]);
  const { pool, associated } = credentials(world);
  expect(associated).toEqual(pool);
  expect(pool).toContain(credentialOf(world, held(world)));
}

describe.concurrent('a run that dies, or whose answer is lost', () => {
  it('Yuzu lost the answer of a rotation, and the confirmation revoked the only token that anybody had: here both certificates log in, even with no overlap, until a run has seen what is stored', async () => {
    await using world = await startSandbox();
    const inputs = { overlap: '0h' };
    await settle(world, inputs);
    const old = held(world);
    world.conditions.fault = (_, request) => (put(request) ? { kind: 'lose' } : undefined);
    const run = await rotate(world, { ...inputs, force: 'true' });
    expect([code(run), held(world) === old]).toEqual(['DELIVERY_INCOMPLETE', false]);
    expect([await login(world), await login(world, old)]).toEqual([200, 200]);
    await heals(world, inputs);
    expect(await login(world, old)).toBe(401);
  });

  it.each([
    ['the upload', 'answered', / POST .*credentials$/, 1],
    ['the association', 'answered', / PATCH /, 1],
    ['the PUT was sent', 'arrived', / PUT .*AUTH0_MTLS_PEM$/, 2],
  ] as const)(
    'Vault changed the only password before it had recorded the new one: here a run that dies after %s leaves a secret that logs in',
    async (_, phase, line, working) => {
      await using world = await startSandbox();
      const inputs = { overlap: '0h' };
      await settle(world, inputs);
      const old = held(world);
      // What is on its way lands although nobody waits for it any more.
      world.conditions.fault = (__, request) => (put(request) ? { kind: 'late', delayMs: 300 } : undefined);
      const run = await rotate(
        world,
        { ...inputs, force: 'true' },
        {
          killWhen: (event) =>
            event.phase === phase && line.test(event.arrival.line) ? 'SIGKILL' : undefined,
        },
      );
      expect([run.signal, await login(world)]).toEqual(['SIGKILL', 200]);
      await world.idle();
      const pems = new Set([old, held(world)]);
      expect(pems.size).toBe(working);
      for (const pem of pems) expect(await login(world, pem)).toBe(200);
      await heals(world, inputs);
      expect(credentials(world).pool).toHaveLength(1);
    },
  );

  it('AWS: a cancelled rotation left its labels behind for a person to clean up: here it leaves nothing', async () => {
    await using world = await startSandbox();
    const before = everything(world);
    const run = await rotate(
      world,
      {},
      { killWhen: ({ arrival: { line } }) => (line.includes(' PATCH ') ? 'cancel' : undefined) },
    );
    expect([code(run), everything(world)]).toEqual(['CANCELLED', before]);
    await heals(world);
  });

  it.each([
    ['its answer is lost', false],
    ['its answer is lost and the list does not show it yet', true],
  ])(
    'node-auth0 sends a POST again, which Auth0 refuses since the first has landed: here, when %s, the credential is found by its thumbprint',
    async (_, lags) => {
      await using world = await startSandbox({ poolCap: 4 });
      let posts = 0;
      let list = '';
      world.conditions.fault = (__, request) => {
        if (post(request)) posts += 1;
        if (post(request) && posts === 1) {
          const reads = world.transcript.exchanges('client').filter(({ method }) => method === 'GET');
          list = reads.findLast(({ path }) => path.endsWith('/credentials'))?.responseBody ?? '';
          return { kind: 'lose' };
        }
        if (!lags || posts !== 1 || !request.path.endsWith('/credentials')) return undefined;
        return json(200, JSON.parse(list));
      };
      const run = await rotate(world);
      expect([run.exitCode, code(run), posts]).toEqual([0, undefined, lags ? 2 : 1]);
      const answers = world.transcript.exchanges('client').map(({ responseBody }) => responseBody);
      expect(answers.filter((body) => body.includes('already exist'))).toHaveLength(lags ? 1 : 0);
      expect(credentials(world).pool).toHaveLength(2);
      expect([await login(world), run.outputs['credential-id']]).toEqual([
        200,
        credentialOf(world, held(world)),
      ]);
    },
  );
});

describe.concurrent('a step that fails', () => {
  it('auth0-deploy-cli believed a 200: here a PATCH that was answered 200 and did nothing fails the step, and is undone', async () => {
    await using world = await startSandbox();
    const before = everything(world);
    world.conditions.fault = (_, { method }) => (method === 'PATCH' ? json(200, {}) : undefined);
    // Without a proof the read-back alone must notice.
    const run = await rotate(world, { verify: 'off' });
    expect([run.exitCode, run.outputs.rotated]).toEqual([1, 'false']);
    expect(everything(world)).toEqual(before);
  });

  it('kneemaa stopped at "already 2 keys, cannot rotate" after any failure: here one that could not even be undone is healed by the next run', async () => {
    await using world = await startSandbox();
    world.conditions.fault = (_, request) => (patch(request) || remove(request) ? NO : undefined);
    expect((await rotate(world)).exitCode).toBe(1);
    // The full pool of the story: what is in use, and a key that nobody has.
    expect(credentials(world).pool).toHaveLength(2);
    await heals(world);
    expect(await login(world, world.client.pem)).toBe(200);
  });

  it('kneemaa stored the new key in one repository, failed at the second, and the old key was gone: here both log in, and the next run completes the second', async () => {
    await using world = await startSandbox();
    world.github.addRepository('acme/ops', { environments: ['prod'] });
    const inputs = { destinations: `${SCOPE}\n${OPS}`, overlap: '0h' };
    await settle(world, inputs);
    const old = held(world);
    world.conditions.fault = (_, request) =>
      put(request) && request.path.includes('/environments/') ? NO : undefined;
    const run = await rotate(world, { ...inputs, force: 'true' });
    const changed = [held(world), held(world, OPS)].map((pem) => pem !== old);
    expect([code(run), changed]).toEqual(['DELIVERY_INCOMPLETE', [true, false]]);
    expect([await login(world), await login(world, old)]).toEqual([200, 200]);
    const pem = held(world);
    await heals(world, inputs);
    expect([held(world), held(world, OPS)]).toEqual([pem, pem]);
  });

  it('kneemaa put the GitHub token into its error: here one that GitHub itself sends back is not shown', async () => {
    await using world = await startSandbox();
    world.conditions.fault = (_, request) =>
      put(request) ? json(403, { message: `${request.headers.authorization} ${request.body}` }) : undefined;
    const run = await rotate(world, {}, { debug: true });
    expect([run.exitCode, leaks(run, [world.githubToken])]).toEqual([1, []]);
  });

  it.each([
    ['is refused', () => NO, Number.POSITIVE_INFINITY],
    // Once it is stored, a list without the new credential is healed as another run's doing.
    ['shows nothing', nothingIn, 0],
  ] as const)(
    'Infisical took a failed read for an empty list, and its PATCH dropped every other certificate: here each read of the client in turn %s, and all stay',
    async (_, answer, longestSecret) => {
      await using world = await startSandbox({ poolCap: 4 });
      const failed: number[] = [];
      let met = true;
      for (let n = 1; met; n += 1) {
        const { clientId, credentialId, pem } = world.addServiceClient({ certificate: byHand });
        const other = { credential_type: 'x509_cert', pem: stranger.cert, associate: false } as const;
        const foreign = world.tenant.seedCredential(clientId, other);
        const stored = () => held(world, SCOPE, `PEM_${n}`);
        let seen = 0;
        world.conditions.fault = (service, { method, path }) => {
          const isRead = service === 'auth0' && method === 'GET' && CLIENT.test(path);
          if (!isRead || stored().length > longestSecret) return undefined;
          seen += 1;
          return seen === n ? answer(path) : undefined;
        };
        const run = await rotate(world, { 'client-id': clientId, 'secret-name': `PEM_${n}` });
        met = seen >= n;
        if (run.exitCode !== 0) failed.push(n);
        const { pool, associated } = credentials(world, clientId);
        expect([n, pool, associated]).toEqual([
          n,
          expect.arrayContaining([credentialId, foreign]),
          expect.arrayContaining([credentialId]),
        ]);
        for (const one of [pem, stored()].filter(Boolean))
          expect([n, (await world.requestToken(clientId, one)).status]).toEqual([n, 200]);
      }
      expect(failed).toContain(1);
    },
  );

  it('Infisical could not remove the old certificate, lost the new key with it and forgot which one was to go: here the new key is stored, and the next run finds what was to go', async () => {
    await using world = await startSandbox();
    const inputs = { overlap: '0h' };
    await settle(world, inputs);
    await rotate(world, inputs);
    const [old] = credentials(world).pool;
    world.conditions.fault = (_, request) => (remove(request) ? NO : undefined);
    const run = await rotate(world, { ...inputs, force: 'true' });
    expect([run.exitCode, run.outputs.rotated, await login(world)]).toEqual([1, 'true', 200]);
    expect(credentials(world).pool).toContain(old);
    await heals(world, inputs);
    expect(credentials(world).pool).toEqual([credentialOf(world, held(world))]);
  });

  it('Vault tried the same rejected password for ever: here a certificate that was rejected is thrown away, and every run brings another', async () => {
    await using world = await startSandbox();
    const before = everything(world);
    const tried: string[] = [];
    for (const attempt of [1, 2]) {
      world.conditions.fault = (service, request) => {
        if (post(request)) tried.push(JSON.parse(request.body).pem);
        return service === 'edge' ? json(400, { error: 'invalid_client' }) : undefined;
      };
      const run = await rotate(world);
      expect([attempt, code(run), everything(world)]).toEqual([attempt, 'VERIFICATION_FAILED', before]);
    }
    await heals(world);
    expect(tried).toHaveLength(2);
    for (const pem of tried) expect(held(world)).not.toContain(pem.trim());
    expect(new Set(tried).size).toBe(2);
  });

  it('Vault kept what it had stored although the target rejected it: here a secret that Auth0 does not know is refused, and replaced once a person says so', async () => {
    await using world = await startSandbox();
    world.github.seedSecret(SCOPE, SECRET, `${stranger.key}\n${stranger.cert}`);
    world.advance(MINUTE);
    expect(await login(world)).toBe(401);
    expect(code(await rotate(world))).toBe('SECRET_EXISTS');
    const byHand = { env: { GITHUB_EVENT_NAME: 'workflow_dispatch' } };
    expect((await rotate(world, { force: 'true' }, byHand)).outputs.rotated).toBe('true');
    expect(await login(world)).toBe(200);
    expect((await rotate(world)).outputs).toMatchObject({ rotated: 'false', reason: 'NotDue' });
  });
});

/** What an integration makes of a read that failed. */
function nothingIn(path: string): ReturnType<typeof json> {
  const [, id] = CLIENT.exec(path) ?? [];
  return json(200, {
    client_id: id,
    client_authentication_methods: { self_signed_tls_client_auth: { credentials: [] } },
  });
}

const old: CredentialSeed = { id: 'old', age: 60 };
const fresh: CredentialSeed = { id: 'new', age: 16 };
const TWO = ['repo:acme/shop', 'env:acme/ops/prod'];

type Label = [after: string, desired: DesiredChanges, state: StateSeed, pool: string[], holds: string];

describe('AWS labels what is in use, and a rotation that stopped in between left labels that nobody can interpret: here every state is understood at once', () => {
  it.each<Label>([
    [
      'the upload',
      {},
      { credentials: [old, { ...fresh, associated: false }], written: [59] },
      ['old'],
      'old',
    ],
    ['the association', {}, { credentials: [old, fresh], written: [59] }, ['old'], 'old'],
    [
      'the first of two deliveries',
      { destinations: TWO, current: 'new' },
      { credentials: [old, fresh], written: [15, 59] },
      ['old', 'new'],
      'new',
    ],
    ['the last delivery', {}, { credentials: [old, fresh], written: [15] }, ['old', 'new'], 'new'],
    [
      'the PATCH that retires',
      {},
      { credentials: [{ ...old, associated: false }, fresh], written: [15] },
      ['new'],
      'new',
    ],
  ])('stopped after %s: the next run needs no help', (_, changes, seed, pool, holds) => {
    const wanted = desired(changes);
    const observed = state(wanted, seed);
    const { steps, rotates } = plan(wanted, observed);
    expect(rotates).toBe(false);
    const end = replay(observed, credentialsInUse(wanted, observed), steps).at(-1)?.after;
    expect((end?.pool ?? observed.pool.map(({ id }) => id)).toSorted()).toEqual(pool.toSorted());
    if (end) expect(new Set(end.held.values())).toEqual(new Set([holds]));
    else expect(credentialsInUse(wanted, observed).heldByPrimary?.id).toBe(holds);
    expect(end?.associated ?? observed.client?.associated).toContain(holds);
  });
});
