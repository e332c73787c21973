/** A server, a tenant's user or a manifest that means harm: what they say stays data, in the log and in the summary. */

import { describe, expect, it } from 'vitest';
import { toHtml } from '../docs/rendering/page.ts';
import type { ActionRun } from '../emulators/runner.ts';
import { type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import { Fleet } from './fleets.ts';
import { everything, json, rotate, settle } from './support.ts';

const COMMAND = 'x\n::stop-commands::t\n##[stop-commands]t\n::set-output name=rotated::true';
const TERMINAL = '\u001b]0;t\u0007\u001b[2J\u009b31m\u0085\u2028\r\u202eesrever\u2066';
const MARKUP =
  '<img src="https://evil.example/"> [x](https://evil.example/) ![x](https://evil.example/) **b** @octocat | `c` https://evil.example/';
const HOSTILE = `${COMMAND}${TERMINAL}${MARKUP}`;

/** Of the tenant: its clients and credentials are named so. */
function nameSo(world: Sandbox): void {
  const real = world.tenant.reveal(world.clientId).credentials;
  world.conditions.fault = (at, { method, path }) => {
    if (at !== 'auth0' || method !== 'GET') return undefined;
    const id = `cred_${HOSTILE}`;
    const credential = { ...real[0], id, name: HOSTILE, kid: HOSTILE };
    if (path.includes('/credentials')) return json(200, [credential]);
    const [, clientId = world.clientId] = /\/clients\/([^/?]+)/.exec(path) ?? [];
    const methods = { self_signed_tls_client_auth: { credentials: [{ id }] } };
    return json(200, { client_id: clientId, name: HOSTILE, client_authentication_methods: methods });
  };
}

/** Every answer of Auth0 is a refusal in these words. */
function refuseSo(world: Sandbox): void {
  world.conditions.fault = (at, { path }) =>
    at === 'auth0' && path.startsWith('/api/') ? json(403, { message: HOSTILE }) : undefined;
}

/** ESC, C0, C1, separators of lines that are none, bidirectional controls. */
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
const OWN_COMMAND = /^::(add-mask|group|endgroup|error|warning|notice|debug)\b/;

function expectHarmless(run: ActionRun): void {
  const written = `${run.stdout}${run.stderr}`;
  // What is masked is repeated to the letter, as a command's data.
  const lines = written.split('\n').filter((line) => !line.startsWith('::add-mask::'));
  for (const line of lines) {
    expect(line).not.toMatch(CONTROLS);
    expect(line).not.toContain('##[');
    if (/^\s*::/.test(line)) expect(line).toMatch(OWN_COMMAND);
  }
  for (const { message, properties } of run.annotations)
    expect(`${message}${properties.title}`).not.toMatch(/[\r\n\u2028\u2029\x1b\x9b\u202e]/);
  expect(run.summary).not.toMatch(CONTROLS);
  const html = toHtml(run.summary);
  // GitHub makes a link of an address in plain text: one that shows where it leads.
  expect(html).not.toMatch(/<img|<strong>b|<a href="https:\/\/evil[^"]*">(?!https:\/\/evil)/);
  expect(html.replace(/<code>[\s\S]*?<\/code>/g, '')).not.toMatch(/@octocat/);
  expect(run.summary).not.toMatch(/^(::|##\[)/m);
}

describe.each([
  ['names and ids of a tenant', nameSo],
  ['words of a refusal', refuseSo],
] as const)('%s are text', (_, harm) => {
  it.each(['plan', 'rotate', 'watch', 'rehearse'])('in the log and the summary of %s', async (operation) => {
    await using world = await startSandbox();
    await settle(world);
    const before = everything(world);
    harm(world);
    const run = await rotate(world, { operation }, { debug: true });
    expect(run.log).toContain('stop-commands');
    expectHarmless(run);
    expect(run.outputs.rotated).not.toBe('true');
    world.conditions.fault = undefined;
    expect(everything(world)).toEqual(before);
  });

  it.each(['plan', 'rotate'])('in the log and the summary of %s for a fleet', async (operation) => {
    await using fleet = await Fleet.start(3);
    harm(fleet.world);
    const run = await fleet.run({ operation }, { debug: true });
    expect(run.log).toContain('stop-commands');
    expectHarmless(run);
    expect(fleet.writes()).toEqual([0, 0, 0]);
  });
});

describe('what a manifest names is text', () => {
  it('in the log and the summary', async () => {
    await using fleet = await Fleet.start(2);
    fleet.write({
      0: { 'client-id': JSON.stringify(MARKUP) },
      1: { 'client-id': JSON.stringify(`##[x]${MARKUP}`) },
    });
    const run = await fleet.run({ operation: 'plan' }, { debug: true });
    expect(run.log).toContain('octocat');
    expectHarmless(run);
  });

  it('even in a refusal', async () => {
    await using fleet = await Fleet.start(1);
    fleet.write({ 0: { overlap: JSON.stringify(HOSTILE), [JSON.stringify(HOSTILE)]: 'x' } });
    const run = await fleet.run();
    expect(run.log).toContain('octocat');
    expectHarmless(run);
  });
});

it('what an input names is text even in a refusal', async () => {
  await using world = await startSandbox();
  const run = await rotate(world, { overlap: HOSTILE, verify: HOSTILE, 'auth0-domain': HOSTILE });
  expect(run.log).toContain('octocat');
  expectHarmless(run);
});
