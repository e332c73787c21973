/** A failed enrollment moves the client back, to what it had; and if it cannot, it says to what. */

import { describe, expect, it } from 'vitest';
import { pairOf, registrationOf } from '../../protocol/method.ts';
import { type Meanwhile, Road } from '../../support/road.ts';

const PUT = 'PUT repo AUTH0_MTLS_PEM';
const METHOD = 'self_signed_tls_client_auth';
const ENROLL = { operation: 'enroll', force: false } as const;
const refusePut: Meanwhile = (line) => (line === PUT ? { status: 403 } : undefined);

describe('an enrollment from another kind of credential', () => {
  /** The client logs in with a key that somebody made. */
  async function begin(): Promise<{ road: Road; key: string }> {
    const road = await Road.begin('client secret', ENROLL);
    const { world } = road;
    const key = world.tenant.seedCredential(world.clientId, {
      ...registrationOf('private_key_jwt', pairOf('private_key_jwt', world.issueNext())),
      associate: false,
    });
    world.labels.set(key, 'K');
    world.admin({
      client_authentication_methods: { private_key_jwt: { credentials: [{ id: key }] } },
      token_endpoint_auth_method: null,
    });
    return { road, key };
  }

  it('gives the client its key back', async () => {
    const { road, key } = await begin();
    const { error } = await road.run(refusePut);
    const { client } = road.world.tenant.reveal(road.world.clientId);
    expect([error?.code, client.client_authentication_methods]).toEqual([
      'GITHUB_FORBIDDEN',
      { private_key_jwt: { credentials: [{ id: key }] } },
    ]);
    expect(error?.stateNow).toContain('The client uses private_key_jwt again.');
  });

  it('names that key if it cannot', async () => {
    const { road, key } = await begin();
    const { error } = await road.run((line) =>
      line === PUT || line === 'PATCH client [K]' ? { status: 403 } : undefined,
    );
    expect(error?.stateNow).toContain(`choose private_key_jwt with ${key}.`);
  });
});

it('of the client that the action logs in with sends nobody to a run, which could not log in either', async () => {
  const road = await Road.begin('client secret', ENROLL);
  const { error } = await road.run(
    (line) => (line === PUT || line === 'PATCH client' ? { status: 403 } : undefined),
    { isManager: true },
  );
  expect(error?.stateNow).toMatch(
    /Set it back at once in the Auth0 Dashboard .* choose client_secret_post\./,
  );
  expect(error?.stateNow).not.toContain('operation: revert');
});

it.each([
  [false, 1],
  [true, 2],
])(
  'looks a minute later whether its change has landed again (%s), and only then moves back once more',
  async (landsAgain, backs) => {
    const road = await Road.begin('client secret', ENROLL);
    let isDue = landsAgain;
    const { error } = await road.run((line, count, { sent, world }) => {
      if (line === 'PATCH client [R1]' && count === 1) return 'lost';
      if (line === 'GET client' && sent.includes('PATCH client') && isDue) {
        isDue = false;
        const credentials = [{ id: road.id('R1') }];
        world.admin({
          client_authentication_methods: { [METHOD]: { credentials } },
          token_endpoint_auth_method: null,
        });
      }
      return refusePut(line, count, road);
    });
    expect([error?.code, road.world.truth().method]).toEqual(['GITHUB_FORBIDDEN', 'client_secret_post']);
    expect(road.writes.filter((line) => line === 'PATCH client')).toHaveLength(backs);
  },
);

describe('a delivery that was clearly not made is undone, so the client keeps its secret', () => {
  const ended = (road: Road) => [
    road.world.tenant.reveal(road.world.clientId).client.token_endpoint_auth_method,
    road.pool,
    road.held,
  ];
  const untouched = ['client_secret_post', [], []];
  const limit = (after: string) => ({
    status: 429,
    body: '{"message":"Too many requests"}',
    headers: { 'content-type': 'application/json', 'retry-after': after },
  });

  it('if a rate limit lasts longer than the run', async () => {
    const road = await Road.begin('client secret', ENROLL);
    const { error } = await road.run((line) => (line === PUT ? limit('900') : undefined));
    expect([error?.code, ...ended(road)]).toEqual(['GITHUB_REQUEST_FAILED', ...untouched]);
  });

  const cancelling =
    (answer: ReturnType<Meanwhile>): Meanwhile =>
    (line, _, road) => {
      if (line !== PUT) return undefined;
      road.cancel();
      return answer;
    };

  it('if the run is cancelled while it waits for a rate limit', async () => {
    const road = await Road.begin('client secret', ENROLL);
    const { error } = await road.run(cancelling(limit('60')));
    expect([error?.code, ...ended(road)]).toEqual(['CANCELLED', ...untouched]);
  });

  it('but not if the run is cancelled after an outage', async () => {
    const road = await Road.begin('client secret', ENROLL);
    const { error } = await road.run(cancelling({ status: 503 }));
    expect([error?.code, road.associated]).toEqual(['DELIVERY_INCOMPLETE', ['R1']]);
  });
});
