/** Destinations beside the primary that GitHub does not show, and secrets that would hide another: what a whole run does. */

import { describe, expect, it } from 'vitest';
import { type Meanwhile, Road } from '../../support/road.ts';

const PEM = 'AUTH0_MTLS_PEM';
const hidden =
  (status: number): Meanwhile =>
  (line) =>
    line.includes(' env ') ? { status } : undefined;

describe('a destination that GitHub does not show', () => {
  it.each([403, 404])(
    'stops neither the rotation of the others nor the run after it (%d)',
    async (status) => {
      const road = await Road.begin('two hold one', { force: true });
      const { error, outcome } = await road.run(hidden(status));
      expect([error?.code, outcome?.rotated]).toEqual(['DELIVERY_INCOMPLETE', true]);
      expect(error?.message).toContain(`This run leaves out env:acme/other/production ${PEM}.`);
      expect(outcome?.delivered).toEqual([`repo:acme/shop ${PEM}`]);
      expect(road.held).toEqual(['R1', 'C1']);
      expect(road.associated).toEqual(expect.arrayContaining(['C1', 'R1']));
      const next = await road.run(hidden(status), { force: false });
      expect([next.error?.code, next.outcome?.rotated]).toEqual(['DELIVERY_INCOMPLETE', false]);
    },
  );

  it('does not stop an emergency', async () => {
    const road = await Road.begin('two hold one', { force: true });
    const { error } = await road.run(hidden(404), { revoke: true });
    expect([error?.code, road.associated]).toEqual(['DELIVERY_INCOMPLETE', ['R1']]);
  });

  it('is told by a plan', async () => {
    const road = await Road.begin('two hold one', { force: false });
    const { error } = await road.run(hidden(404), {}, { readOnly: true });
    expect([error?.code, error?.stateNow]).toEqual([
      'DELIVERY_INCOMPLETE',
      'Nothing was changed in Auth0 or GitHub.',
    ]);
  });

  it.each([500, 401])('is an error if the answer says nothing about it (%d)', async (status) => {
    const road = await Road.begin('two hold one', { force: true });
    const { error, outcome } = await road.run(hidden(status));
    expect([error?.code.startsWith('GITHUB_'), outcome]).toEqual([true, undefined]);
  });

  it('stops the run if it is the primary', async () => {
    const road = await Road.begin('two hold one', { force: true });
    const { error } = await road.run((line) => (line.includes(' repo ') ? { status: 404 } : undefined));
    expect([error?.code, road.writes]).toEqual(['DESTINATION_NOT_FOUND', []]);
  });
});

it.each([true, false])(
  'an emergency that fails before its plan says what is still valid (%s)',
  async (revoke) => {
    const road = await Road.begin('ours alone', { force: true });
    const { error } = await road.run((line) => (line === 'GET pool' ? { status: 403 } : undefined), {
      revoke,
    });
    expect([error?.code, error?.alarm]).toEqual([
      'AUTH0_FORBIDDEN',
      revoke ? 'the credential to revoke is STILL VALID. Act at once' : undefined,
    ]);
  },
);

describe('a destination without a secret', () => {
  const meanwhile = async (prepare: (road: Road) => void) => {
    const road = await Road.begin('new destination', { force: false });
    prepare(road);
    const { error } = await road.run();
    return [error?.code, road.held[1]];
  };

  it('gets none if that would hide the secret of its repository or organization', async () => {
    const seed = (scope: string) => (road: Road) =>
      road.world.github.seedSecret(scope, PEM, 'of another client');
    expect(await meanwhile(seed('repo:acme/other'))).toEqual(['SECRET_EXISTS', undefined]);
    const inOrganization = (road: Road) => {
      road.world.github.addOrganization('acme');
      seed('org:acme')(road);
    };
    expect(await meanwhile(inOrganization)).toEqual(['SECRET_EXISTS', undefined]);
  });

  it('gets one if there is nothing to hide, or the token may not look', async () => {
    expect(await meanwhile(() => undefined)).toEqual([undefined, 'C1']);
    const mayNotLook = (road: Road) => {
      road.world.github.seedSecret('repo:acme/other', PEM, 'of another client');
      road.world.github.addToken('github-token', {
        kind: 'app',
        permissions: { environments: 'write', secrets: 'write' },
        repositories: ['acme/shop'],
      });
    };
    expect((await meanwhile(mayNotLook))[0]).toBe('DELIVERY_INCOMPLETE');
  });
});
