/** The phases of a run, what a plan leaves out of them, and what a failure still has. */

import { describe, expect, it } from 'vitest';
import { UNTOUCHED } from '../../src/errors.ts';
import { hand } from '../protocol/starts.ts';
import { Road } from '../support/road.ts';

const DAY = 86_400_000;

describe('a rotation', () => {
  it('observes, plans and applies, and says each', async () => {
    const road = await Road.begin('settled');
    const result = await road.run();
    expect(road.phases).toEqual(['Observe', 'Plan', 'Apply']);
    expect(road.lines).toContainEqual(
      expect.stringMatching(/^Client .* uses self_signed_tls_client_auth; associated: /),
    );
    expect(road.lines).toContainEqual(expect.stringMatching(/^Plan: Forced, since force is set\./));
    expect(result).toMatchObject({ readOnly: false, outcome: { rotated: true } });
    expect(result.error).toBeUndefined();
  });

  it('tries a write before it removes what somebody may use, and keeps what it found', async () => {
    const road = await Road.begin('hand-made previous');
    const refused = (line: string) => (line.endsWith('_PROBE') ? { status: 403 } : undefined);
    const result = await road.run(refused);
    expect(road.probes.length).toBeGreaterThan(0);
    expect(result.observed?.refusedTrials?.map(({ error }) => error.code)).toEqual(['GITHUB_FORBIDDEN']);
    expect([result.error?.code, road.writes]).toEqual(['DELIVERY_INCOMPLETE', []]);
  });

  it('that should revoke and is refused raises an alarm, and its plan on a quiet day does not', async () => {
    const refused = async (readOnly: boolean) => {
      const road = await Road.begin('settled');
      const keepCredentials = new Set([road.id('C1')]);
      const { error } = await road.run(undefined, { revoke: true, keepCredentials }, { readOnly });
      return [error?.code, error?.alarm];
    };
    expect(await refused(true)).toEqual(['CANNOT_REVOKE', undefined]);
    expect(await refused(false)).toEqual(['CANNOT_REVOKE', expect.stringMatching(/STILL VALID/)]);
  });

  it.each([404, 503])('back to a client secret does not need GitHub, which answers %i', async (status) => {
    const road = await Road.begin('settled', { operation: 'revert', force: false });
    const { error } = await road.run((line) => (/ (repo|env|org) /.test(line) ? { status } : undefined));
    expect(error).toBeUndefined();
    expect(road.world.truth().method).toBe('client_secret_post');
  });

  it('reads the tenant logs if the plan depends on them', async () => {
    const road = await Road.begin('settled', { force: false });
    await road.run(undefined, { quietWindow: DAY });
    expect(road.sent.some((line) => line.endsWith(' logs'))).toBe(true);
  });

  it('that fails in its first phase still says what it was asked for', async () => {
    const road = await Road.begin('settled');
    const result = await road.run((line) => (line === 'GET client' ? { status: 500 } : undefined));
    expect(result).toMatchObject({ readOnly: false, desired: { clientId: road.world.clientId } });
    expect([result.error?.code, result.plan]).toEqual(['AUTH0_REQUEST_FAILED', undefined]);
  });
});

describe('a plan', () => {
  const planned = async (start: string, before: (road: Road) => void = () => undefined, force = true) => {
    const road = await Road.begin(start, { force });
    before(road);
    return { road, result: await road.run(undefined, {}, { readOnly: true }) };
  };

  it('observes and plans, and tries no write', async () => {
    const { result, road } = await planned('hand-made previous');
    expect(road.phases).toEqual(['Observe', 'Plan']);
    expect(result.plan?.probes.length).toBeGreaterThan(0);
    expect([result.error, result.outcome, road.probes, road.writes]).toEqual([undefined, undefined, [], []]);
    expect(result).toMatchObject({ readOnly: true, observed: { scopes: undefined } });
  });

  it('shows the enrollment of a client that uses another method', async () => {
    const { result } = await planned('client secret');
    expect([result.desired.operation, result.plan?.reason]).toEqual(['enroll', 'MethodDiffers']);
  });

  it('of a rotation that was asked for shows how it is refused', async () => {
    const road = await Road.begin('client secret');
    const given = { given: new Set(['plan-of'] as const) };
    const { desired, error } = await road.run(undefined, given, { readOnly: true });
    expect([desired.operation, error?.code]).toEqual(['rotate', 'METHOD_MISMATCH']);
  });

  it('fails with what would stop the run, after nothing was changed', async () => {
    const { result, road } = await planned('held, not associated', ({ world }) => {
      for (const label of ['H1', 'H2']) world.add({ ...hand(label, 20 * DAY), mark: 'other' });
    });
    expect(result.error?.stateNow).toBe(UNTOUCHED);
    expect(road.writes).toEqual([]);
  });
});

describe('a watch', () => {
  const WATCH = {
    token: 'github-token',
    home: { kind: 'repo', owner: 'acme', repo: 'shop' },
    workflow: undefined,
    reportIssue: false,
    runUrl: 'https://github.com/acme/shop/actions/runs/1',
  } as const;

  it('observes, plans the rotation that was asked for, and looks', async () => {
    const road = await Road.begin('client secret', { force: false });
    const result = await road.run(undefined, {}, { readOnly: true, watch: WATCH });
    expect(road.phases).toEqual(['Observe', 'Plan', 'Watch']);
    expect([result.desired.operation, road.writes, road.probes]).toEqual(['rotate', [], []]);
    expect(result.watch?.findings.length).toBeGreaterThan(0);
  });

  it('looks only with a token of its own', async () => {
    const road = await Road.begin('settled', { force: false });
    const result = await road.run(undefined, {}, { readOnly: true });
    expect([road.phases, result.watch]).toEqual([['Observe', 'Plan'], undefined]);
  });
});
