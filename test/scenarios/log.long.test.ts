/** What a run tells while it is at work, and with debug logging. */

import { describe, expect, it } from 'vitest';
import { sharedWorld } from './operations.ts';
import { DAY, MINUTE, rotate, SECRET, settle } from './support.ts';

const shared = sharedWorld();

describe('the log', () => {
  it('has a group for each phase, and for each step a line that says how it went and how long it took', async () => {
    const world = shared();
    await settle(world);
    world.advance(DAY);
    const run = await rotate(world, { force: 'true' });
    expect(run.groups).toEqual(['Inputs', 'Observe', 'Plan', 'Apply', 'Report']);
    const [, applied = ''] = run.log.split('##[group]Apply\n');
    // On a busy machine a step may take longer than two seconds, and says so.
    const lines = (applied.split('##[endgroup]')[0]?.split('\n').slice(0, -1) ?? []).filter(
      (line) => !line.startsWith('  … still at it'),
    );
    const [told, done] = [0, 1].map((rest) => lines.filter((_, index) => index % 2 === rest));
    const { steps } = JSON.parse(run.outputs.plan ?? '');
    // The wait belongs to the proof.
    const ofThePlan = told?.filter((line) => !line.startsWith('→ Wait until '));
    expect(told?.length).toBe(steps.length + 1);
    expect(ofThePlan).toEqual(
      steps.map(
        (step: string) => `→ ${step.replace('the new credential', run.outputs['credential-id'] ?? '')} …`,
      ),
    );
    for (const line of done ?? []) expect(line).toMatch(/^ {2}done(?: in [1-9]\d* s)?$/);
    expect(done?.length).toBe(told?.length);
    // Without debug logging nobody sees a request.
    expect(run.log).not.toContain('##[debug]');
  });

  it('says which step failed', async () => {
    const world = shared();
    world.advance(16 * MINUTE);
    const run = await rotate(world, { force: 'true', 'verify-audience': 'https://unknown.example/' });
    expect(run.log).toMatch(/→ Prove it with a request to Auth0 …\n {2}failed(?: in \d+ s)?\n/);
  });

  it('shows progress while a step takes longer than two seconds', async () => {
    const world = shared();
    world.advance(DAY);
    world.conditions.fault = (_, { method, path }) =>
      method === 'PUT' && path.endsWith(SECRET) ? { kind: 'slow', delayMs: 2_500 } : undefined;
    const run = await rotate(world, { force: 'true' });
    expect(run.log).toMatch(/→ Store it in \S+ \S+ …\n {2}… still at it after \d+ s\n[\s\S]*? {2}done in/);
  });
});

describe('debug logging', () => {
  it('shows of each request its service, method, path, status, duration and id, and nothing of its body', async () => {
    const world = shared();
    world.advance(DAY);
    const run = await rotate(world, { force: 'true' }, { debug: true });
    const lines = run.log.split('\n').filter((line) => line.startsWith('##[debug]'));
    const names = { auth0: 'Auth0', edge: 'Auth0 proof', github: 'GitHub' };
    // What the edge hands on to the tenant is not the action's request.
    const own = world.transcript.arrivals().filter(({ request }) => !request.headers['cname-api-key']);
    const sent = own.map(({ service, request, exchange }) => {
      const path = request.path.split('?')[0];
      const id = exchange?.responseHeaders['x-github-request-id'];
      expect([service, id !== undefined]).toEqual([service, service === 'github']);
      const name = path?.startsWith('/.well-known/') ? names.edge : names[service];
      return `##[debug]${name}: ${request.method} ${path} → ${exchange?.status} in N ms${id ? ` (request ${id})` : ''}`;
    });
    expect(sent.length).toBeGreaterThan(10);
    expect(lines.map((line) => line.replace(/in \d+ ms/, 'in N ms')).sort()).toEqual(sent.sort());
  });

  it('shows a request that got no answer', async () => {
    const world = shared();
    world.advance(DAY);
    let dropped = false;
    world.conditions.fault = (service, { method }) => {
      if (dropped || service !== 'github' || method !== 'GET') return undefined;
      dropped = true;
      return { kind: 'drop' };
    };
    const { log } = await rotate(world, {}, { debug: true });
    expect(log).toMatch(
      /##\[debug\]GitHub: GET \/repos\/acme\/shop\/actions\/secrets\/\S+ → [A-Z_]+ in \d+ ms\n/,
    );
  });
});
