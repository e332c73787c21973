import { describe, expect, it } from 'vitest';
import { effects, secretClient } from './operations.ts';
import { authority, enrolled, issued, logins, OPS, PUT, ROOTS, run, start } from './private-ca.ts';
import { DAY, held, MINUTE, SCOPE } from './support.ts';

describe('a subject DN', () => {
  it('that has changed is seen without current-credential', async () => {
    await using world = await start();
    const clientId = await enrolled(world, authority());
    const inputs = { ...authority(), subject: 'CN=orders', 'current-credential': '' };
    const first = held(world);
    const change = await run(world, clientId, inputs);
    expect([change.exitCode, change.outputs.rotated]).toEqual([0, 'true']);
    expect(await logins(world, clientId, first, held(world))).toEqual([200, 200]);
    world.advance(20 * MINUTE);
    const idle = await run(world, clientId, inputs);
    expect([idle.exitCode, idle.outputs.reason, effects(world)]).toEqual([0, 'NotDue', []]);
  });

  it('that was registered by hand: the second run has nothing to do', async () => {
    await using world = await start();
    const clientId = secretClient(world);
    const pem = issued('by-hand', 'RSA', '/CN=orders', ROOTS.RSA, 'client').cert;
    world.tenant.seedCredential(clientId, { credential_type: 'cert_subject_dn', pem, associate: true });
    const inputs = { ...authority(), subject: 'CN=orders', 'current-credential': '' };
    const first = await run(world, clientId, inputs);
    expect([first.exitCode, first.outputs.reason, effects(world)]).toEqual([0, 'FirstDelivery', [PUT]]);
    world.advance(20 * MINUTE);
    expect((await run(world, clientId, inputs)).outputs.reason).toBe('NotDue');
  });
});

describe('a destination', () => {
  it.each(['', 'given'])(
    'that is added later is brought up to date, current-credential %j',
    async (given) => {
      await using world = await start();
      world.github.addRepository('acme/ops');
      const clientId = await enrolled(world, authority());
      const inputs = {
        ...authority(),
        destinations: `${SCOPE}\n${OPS}`,
        ...(given ? {} : { 'current-credential': '' }),
      };
      const before = world.tenant.reveal(clientId);
      const addition = await run(world, clientId, inputs);
      expect([addition.exitCode, world.tenant.reveal(clientId)]).toEqual([0, before]);
      expect(held(world, OPS)).toBe(held(world));
      expect(await logins(world, clientId, held(world, OPS))).toEqual([200]);
      world.advance(20 * MINUTE);
      const current = given ? held(world) : '';
      const idle = await run(world, clientId, { ...inputs, 'current-credential': current });
      expect([idle.exitCode, idle.outputs.reason, effects(world)]).toEqual([0, 'NotDue', []]);
    },
  );
});

describe('a certificate that expires soon', () => {
  it.each(['', 'given'])('is renewed, with current-credential %j', async (given) => {
    await using world = await start();
    const clientId = await enrolled(world, authority());
    const inputs = { ...authority(), ...(given ? {} : { 'current-credential': '' }) };
    world.advance(59 * DAY);
    const idle = await run(world, clientId, inputs);
    expect([idle.exitCode, idle.outputs.reason, effects(world)]).toEqual([0, 'NotDue', []]);
    world.advance(2 * DAY);
    const first = held(world);
    const due = await run(world, clientId, inputs);
    expect([due.exitCode, due.outputs.reason]).toEqual([0, 'CertificateExpiring']);
    expect(effects(world)).toEqual([PUT]);
    expect(held(world)).not.toBe(first);
    expect(await logins(world, clientId, first, held(world))).toEqual([200, 200]);
  });
});
