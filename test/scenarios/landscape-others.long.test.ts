/** What broke other rotators, and why it does not happen here: who else is at work, and what is not ours (see landscape.long.test.ts). */

import { describe, expect, it } from 'vitest';
import { credentialsInUse } from '../../src/plan/in-use.ts';
import { plan } from '../../src/plan/plan.ts';
import { startConsumer } from '../emulators/consumer.ts';
import { seededRandom } from '../emulators/emulator.ts';
import { type RunningAction, startAction } from '../emulators/runner.ts';
import { startSandbox } from '../emulators/sandbox.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import { replay } from '../support/replay.ts';
import { type DesiredChanges, desired, HOUR, type StateSeed, state } from '../support/states.ts';
import {
  code,
  credentialOf,
  credentials,
  DAY,
  everything,
  held,
  json,
  login,
  MINUTE,
  rotate,
  SCOPE,
  SECRET,
  settle,
  writes,
} from './support.ts';

const LEASE_OVER = 16 * MINUTE;
const PRODUCTION = 'env:acme/shop/production';
const force = { force: 'true' };

const POST = / POST .*credentials$/;

/** Stops the run at its first request of this kind. */
function freezeOnce(line: RegExp, onFrozen: () => void) {
  let done = false;
  return ({ phase, arrival }: { phase: string; arrival: { line: string } }) => {
    if (done || phase !== 'arrived' || !line.test(arrival.line)) return undefined;
    done = true;
    onFrozen();
    return 'SIGSTOP' as const;
  };
}

describe.concurrent('two at once', () => {
  it('cert-manager: two renewals made a key each, the wrong one was deleted, and the certificate had no key for days: here no login is refused, and the next rotation need not wait', async () => {
    await using world = await startSandbox();
    await settle(world);
    const random = seededRandom(15);
    world.conditions.latencyMs = () => random() * 60;
    const consumer = startConsumer(world);
    await Promise.all([1, 2].map(() => rotate(world, force)));
    expect(await login(world)).toBe(200);
    // What follows a delivery waits for six seconds.
    world.advance(10_000);
    const next = await rotate(world, force);
    expect([next.exitCode, code(next), await login(world)]).toEqual([0, undefined, 200]);
    const { failures, granted } = await consumer.stop();
    expect([failures, granted > 0]).toEqual([[], true]);
  });

  it('cert-manager did not see a success after a failure, and backed off for hours: here the next run after a failure may start at once', async () => {
    await using world = await startSandbox();
    await settle(world);
    world.conditions.fault = (_, { method }) => (method === 'PUT' ? json(403, { message: 'no' }) : undefined);
    expect(code(await rotate(world, force))).toBe('DELIVERY_INCOMPLETE');
    world.conditions.fault = undefined;
    expect((await rotate(world, force)).outputs.rotated).toBe('true');
    expect(await login(world)).toBe(200);
  });

  it('openvox-operator wrote its guard after its first write, so a second renewal began: here the first write is the guard, and a second run changes nothing', async () => {
    await using world = await startSandbox();
    await rotate(
      world,
      {},
      { killWhen: ({ arrival: { line } }) => (POST.test(line) ? 'SIGKILL' : undefined) },
    );
    await world.idle();
    expect(writes(world)).toHaveLength(1);
    const before = everything(world);
    expect(before.pool).toHaveLength(2);
    const second = await rotate(world, force);
    expect([code(second), writes(world), everything(world)]).toEqual(['ROTATION_IN_PROGRESS', [], before]);
    world.advance(LEASE_OVER);
    expect((await rotate(world)).exitCode).toBe(0);
    expect([await login(world), await login(world, world.client.pem)]).toEqual([200, 200]);
  });

  it.each([
    ['floci looked at its guard, and a second rotation came in before it acted', /GET .*credentials$/],
    ["Infisical's lock ran out while its owner slept, and the owner woke up and wrote", POST],
  ])(
    '%s: here whoever was asleep meanwhile gives up, and what the other has delivered stays',
    async (_, line) => {
      // A full pool would refuse the late one by itself.
      await using world = await startSandbox({ poolCap: 4 });
      await settle(world, { overlap: '0h' });
      let asleep: RunningAction | undefined;
      using after = new DisposableStack();
      // Whatever fails here: nobody is left asleep.
      after.defer(() => asleep?.kill('SIGKILL'));
      const frozen = new Promise<void>((resolve) => {
        const given = { ...force, 'current-credential': held(world) };
        // On its way, so that the answer waits until the run wakes up.
        const killWhen = freezeOnce(line, resolve);
        asleep = startAction(world, given, { killWhen });
      });
      await frozen;
      await world.idle();
      world.advance(LEASE_OVER);
      expect((await rotate(world, force)).outputs.rotated).toBe('true');
      const pem = held(world);
      asleep?.kill('SIGCONT');
      const late = await asleep?.done;
      expect(late && [late.exitCode, code(late)]).toEqual([1, 'ROTATION_IN_PROGRESS']);
      expect([held(world) === pem, await login(world)]).toEqual([true, 200]);
      const { pool, associated } = credentials(world);
      expect(pool).toContain(credentialOf(world, pem));
      expect(associated).toEqual(pool);
    },
  );
});

describe.concurrent('what is not ours', () => {
  it.each([
    ['is misspelt', 'env:acme/shop/prodution', 1, 'DESTINATION_NOT_FOUND'],
    ['is hidden behind another', `${SCOPE}\n${PRODUCTION}`, 1, 'INVALID_INPUT'],
    ['is the default, where nobody reads', SCOPE, 0, undefined],
  ])(
    'Cloudflare stored the new key where production does not read, deleted the old one, and every write failed: here, if the destination %s, production logs in as before',
    async (_, destinations, exitCode, expected) => {
      await using world = await startSandbox();
      world.github.seedSecret(PRODUCTION, SECRET, world.client.pem);
      world.advance(MINUTE);
      const run = await rotate(world, { destinations, 'current-credential': '' });
      expect([run.exitCode, code(run)]).toEqual([exitCode, expected]);
      if (exitCode !== 0) expect(writes(world)).toEqual([]);
      expect(await login(world, held(world, PRODUCTION))).toBe(200);
    },
  );

  it("auth0-deploy-cli went by the name: a new certificate of the same name was 'nothing to do', and two of one name stopped it: here two of one name are told apart by their thumbprints", async () => {
    await using world = await startSandbox();
    await settle(world, { overlap: '0h' });
    // A run that is started again is the same run; so are the names.
    for (const round of [1, 2, 3]) {
      const before = held(world);
      const run = await rotate(world, force, { runId: '7' });
      expect([round, run.exitCode, run.outputs.rotated]).toEqual([round, 0, 'true']);
      const holders = [before, held(world)].map((pem) => credentialOf(world, pem));
      expect(credentials(world).pool).toEqual(holders.toSorted());
      expect([await login(world, before), await login(world)]).toEqual([200, 200]);
      world.advance(8 * DAY);
    }
    const { credentials: records } = world.tenant.reveal(world.clientId);
    expect(new Set(records.map(({ name }) => name)).size).toBe(1);
  });

  it('Terraform took the whole pool for its own, and made a signing key a way to log in: here what others put there stays as it is, three rotations long', async () => {
    await using world = await startSandbox({ poolCap: 4 });
    const seed = (type: 'public_key' | 'x509_cert', name: string) =>
      world.tenant.seedCredential(world.clientId, {
        credential_type: type,
        name,
        pem: selfSignedCertificate(name).cert,
        associate: false,
      });
    const foreign = [seed('public_key', 'request signing'), seed('x509_cert', 'terraform')];
    await world.call(`${world.tenantUrl}/api/v2/clients/${world.clientId}`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${await world.managementToken()}` },
      body: { signed_request_object: { required: false, credentials: [{ id: foreign[0] }] } },
    });
    const theirs = () => {
      const { client, credentials: records } = world.tenant.reveal(world.clientId);
      const { client_authentication_methods: _, ...rest } = client;
      return { rest, records: records.filter(({ id }) => foreign.includes(id)) };
    };
    const before = theirs();
    expect(before.records).toHaveLength(2);
    expect(before.rest.signed_request_object?.credentials).toHaveLength(1);
    await settle(world);
    for (const _ of [2, 3]) {
      expect((await rotate(world, force)).exitCode).toBe(0);
      world.advance(8 * DAY);
    }
    expect(theirs()).toEqual(before);
    expect(credentials(world).associated.filter((id) => foreign.includes(id))).toEqual([]);
    expect(await login(world)).toBe(200);
  });

  it('phase-rs: the old secret, shown again, bought itself more time, so a stolen one lived for ever: here it does not', async () => {
    await using world = await startSandbox();
    const inputs = { overlap: '12h' };
    await settle(world, inputs);
    const old = world.client.pem;
    world.advance(11 * 60 * MINUTE);
    expect(await login(world, old)).toBe(200);
    const shown = await rotate(world, { ...inputs, 'current-credential': old });
    expect([code(shown), writes(world)]).toEqual(['STALE_CREDENTIAL', []]);
    expect((await rotate(world, inputs)).outputs.reason).toBe('NotDue');
    world.advance(60 * MINUTE);
    expect((await rotate(world, inputs)).exitCode).toBe(0);
    expect([await login(world, old), await login(world)]).toEqual([401, 200]);
  });
});

type Clean = [rule: string, desired: DesiredChanges, state: StateSeed, id: string];

const old = { id: 'old', age: 60 };
const current = { id: 'new', age: 20 };

describe.concurrent('Azure AD removed a key that was marked to be kept, since it was old: here it is kept, whatever rule would remove it:', () => {
  it.each<Clean>([
    ['the overlap is over', { overlap: 0.1 * HOUR }, { credentials: [old, current], written: [19] }, 'old'],
    ['there is no overlap', { overlap: 0, force: true }, { credentials: [current], written: [19] }, 'new'],
    ['its place is needed', { force: true }, { credentials: [old, current], written: [19] }, 'old'],
    ['it was taken out', {}, { credentials: [{ ...old, associated: false }, current], written: [19] }, 'old'],
    ['it was abandoned', {}, { credentials: [old, current], written: [59] }, 'new'],
    [
      'a delivery is half done, and its key is not at hand',
      { destinations: ['repo:acme/shop', 'env:acme/ops/prod'] },
      { credentials: [old, current], written: [19, 59] },
      'old',
    ],
  ])('%s', (_, changes, seed, id) => {
    const outcome = (keep: string[]) => {
      const wanted = desired({ ...changes, keep });
      const observed = state(wanted, seed);
      try {
        return replay(observed, credentialsInUse(wanted, observed), plan(wanted, observed).steps);
      } catch (error) {
        // Nothing else can give way: then nothing is done at all.
        expect([keep, error]).toEqual([[id], expect.objectContaining({ code: 'CREDENTIAL_LIMIT' })]);
        return [];
      }
    };
    expect(outcome([]).at(-1)?.after.pool).not.toContain(id);
    for (const { before, after } of outcome([id])) {
      expect(after.pool).toContain(id);
      expect(after.associated.includes(id)).toBe(before.associated.includes(id));
    }
  });

  it('its user goes on logging in', async () => {
    await using world = await startSandbox();
    const keep = { 'keep-credentials': `${world.client.credentialId}`, overlap: '0h' };
    await settle(world, keep);
    expect((await rotate(world, keep)).exitCode).toBe(0);
    expect((await rotate(world, { ...keep, ...force })).exitCode).toBe(1);
    expect([await login(world, world.client.pem), await login(world)]).toEqual([200, 200]);
  });
});
