/** What the invariants must see, shown on writes that no run of src sends: an oracle that sees nothing finds that all is well. */

import { beforeAll, describe, expect, test } from 'vitest';
import type { Connection } from '../../src/http/service.ts';
import { Actor, type Code } from './actor.ts';
import { REAL } from './code.ts';
import type { Fault } from './faults.ts';
import { Healed, heal } from './heal.ts';
import type { Event } from './invariants.ts';
import { type Material, type Materials, materials } from './materials.ts';
import { pairOf } from './method.ts';
import { scenario } from './scenarios.ts';
import { Execution } from './scheduler.ts';
import { leaked, leakedIn } from './secrecy.ts';
import { prepareWorlds } from './services.ts';
import { play } from './single.ts';
import { World } from './world.ts';

let all: Materials;
beforeAll(async () => {
  all = await materials();
  await prepareWorlds();
});

function material(label: string): Material {
  const found = all.all.find((one) => one.label === label);
  if (!found) throw new Error(`no certificate ${label}`);
  return found;
}

/** The secret gets the key of the first with the certificate of the second. @returns which promises are broken */
function broken(start: string, key: string, certificate: string): string[] {
  const world = new World(scenario(start), all);
  const { invariants, trace } = new Execution(world, REAL);
  const actor = new Actor('A');
  invariants.begin(actor);
  const [{ privateKey }, certified] = [key, certificate].map((label) =>
    pairOf('self_signed_tls_client_auth', material(label)),
  ) as [ReturnType<typeof pairOf>, ReturnType<typeof pairOf>];
  world.github.seedSecret('repo:acme/shop', 'AUTH0_MTLS_PEM', `${privateKey}${certified.certificate}`);
  const url = 'https://api.github.com/repos/acme/shop/actions/secrets/AUTH0_MTLS_PEM';
  const request = { method: 'PUT', url, headers: {} } as const;
  const event: Event = { actor, request, index: 1, note: '', status: 201, time: world.time };
  trace.push(event);
  invariants.after(event, { status: 201, headers: {}, body: '' });
  return invariants.violations.map(({ invariant }) => invariant).sort();
}

describe.each([
  ['the first delivery', 'hand-made, no secret', 'H1'],
  ['a later delivery', 'ours alone', 'C1'],
])('%s', (_, start, associated) => {
  test('of what is associated and has logged in breaks nothing', () => {
    expect(broken(start, associated, associated)).toEqual([]);
  });

  test('of a credential that was never registered breaks I1, and I5', () => {
    expect(broken(start, 'R1', 'R1')).toEqual(['I1', 'I5']);
  });

  test('of a certificate with the key of another breaks I2', () => {
    expect(broken(start, 'R1', associated)).toEqual(['I2']);
  });
});

/** A run that ends with one more write, which changes nothing. */
function writing(): Code {
  let send: Connection['send'] | undefined;
  return {
    ...REAL,
    connectServices(inputs, connection, ...rest) {
      send = connection.send;
      return REAL.connectServices(inputs, connection, ...rest);
    },
    async run(...given) {
      const result = await REAL.run(...given);
      const url = `https://${given[0].domain}/api/v2/clients/nobody`;
      await send?.({ method: 'PATCH', url, headers: {}, body: '{}' });
      return result;
    },
  };
}

test.each([
  ['is left alone breaks nothing', REAL, []],
  ['is written all the same breaks L1', writing(), ['L1: a settled client is written: PATCH']],
])('a settled client that %s', async (_, code, expected) => {
  const settled = scenario('settled', { force: false });
  const execution = new Execution(new World(settled, all), code);
  await heal(execution, new Healed(), settled, false);
  expect(execution.invariants.violations.map(({ invariant, detail }) => `${invariant}: ${detail}`)).toEqual(
    expected,
  );
});

test('a run that says that its credential was removed again, while it is there, breaks the truth', async () => {
  const begun = () => new Execution(new World(scenario('ours alone'), all), REAL);
  const clean = begun();
  const put = (await play(clean, clean.start('A'))).find(({ request }) => request.method === 'PUT');
  const execution = begun();
  const { invariants, world } = execution;
  const actor = execution.start('A');
  const fault: Fault = { name: 'refused', deliveries: [{ kind: 'refuse', status: 400 }] };
  await play(execution, actor, [{ at: put?.index ?? 0, fault }]);
  expect([actor.result?.error?.stateNow, invariants.violations]).toEqual([expect.any(String), []]);
  // Its upload lands once more.
  const post = execution.trace.find(
    ({ request }) => request.method === 'POST' && request.url.endsWith('/credentials'),
  );
  if (!post) throw new Error('nothing was uploaded');
  execution.trace.push(post);
  invariants.after(post, world.handle(post.request));
  invariants.end(actor);
  expect(invariants.violations.map(({ detail }) => detail)).toContain(
    'A says that its credential was removed again, and it is there',
  );
});

describe('I6: a key is seen', () => {
  const hidden: [string, (line: string) => string][] = [
    ['as it is', (line) => line],
    ['as a part of an address', encodeURIComponent],
    [
      'encoded to the last character',
      (line) => line.replace(/./g, (one) => `%${one.charCodeAt(0).toString(16)}`),
    ],
  ];

  test.each(hidden)('%s, in every part of a request and in what a run tells', (_, encode) => {
    const world = new World(scenario('ours alone'), all);
    const text = `key=${encode(material('C1').secretLine)}&more=x`;
    const request = { method: 'POST', url: 'https://tenant.test/', headers: {}, body: '' } as const;
    expect(leaked(world, request)).toBeUndefined();
    expect(leaked(world, { ...request, url: `${request.url}?${text}` })).toBe('C1');
    expect(leaked(world, { ...request, headers: { 'x-any': text } })).toBe('C1');
    expect(leaked(world, { ...request, body: text })).toBe('C1');
    expect(leakedIn(world, ['nothing', text])).toBe('C1');
  });
});
