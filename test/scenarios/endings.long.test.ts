/** However a run ends: one headline, one summary, a code, and no words of Node's own. */

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../../src/errors.ts';
import type { ActionRun } from '../emulators/runner.ts';
import { startSandbox } from '../emulators/sandbox.ts';
import { Fleet } from './fleets.ts';
import { sharedWorld } from './operations.ts';
import { DAY, login, rotate, settle } from './support.ts';

const HEADLINE = /^(✅|❌|⚠️|📋|⏳|⏸️) /;

/** @returns the codes that its errors have */
function expectOneEnding(run: ActionRun): string[] {
  const headlines = run.log.split('\n').filter((line) => HEADLINE.test(line));
  expect(headlines).toHaveLength(1);
  expect(run.summary.match(/^## /gm)).toHaveLength(1);
  expect(run.summary).toContain(`## ${headlines[0]}`);
  expect(run.stderr).toBe('');
  const titles = run.annotations
    .filter(({ level }) => level === 'error')
    .map(({ properties }) => `${properties.title?.split(':')[0]}`);
  for (const title of titles) expect(ERROR_CODES).toContain(title);
  expect([run.exitCode, titles.length > 0]).toEqual(titles.length > 0 ? [1, true] : [0, false]);
  return titles;
}

const shared = sharedWorld();

describe('an ending', () => {
  it.each(['rotate', 'plan', 'watch'])('of %s that works', async (operation) => {
    await using world = await startSandbox();
    await settle(world);
    world.advance(DAY);
    expect(expectOneEnding(await rotate(world, { operation }))).toEqual([]);
  });

  it('with INVALID_INPUT lists every problem, one a line', async () => {
    const run = await rotate(shared(), { verify: 'perhaps', overlap: 'long', 'client-id': '' });
    expect(expectOneEnding(run)).toEqual(['INVALID_INPUT']);
    expect(run.summary).toMatch(/^## ❌ INVALID_INPUT\. Action needed\.$/m);
    for (const name of ['verify', 'overlap', 'client-id'])
      expect(run.summary).toMatch(new RegExp(`^- Input '${name}' .+$`, 'm'));
    expect(run.summary).toContain('Nothing was changed');
    expect(run.summary).toContain('docs/troubleshooting.md#invalid_input');
  });

  it('of a fleet whose manifest is wrong, or missing', async () => {
    await using fleet = await Fleet.start(1);
    fleet.write({ 0: { 'key-size': '1' } });
    expect(new Set(expectOneEnding(await fleet.run()))).toEqual(new Set(['INVALID_INPUT']));
    expect(expectOneEnding(await fleet.run({ manifest: 'nowhere.yml' }))).toEqual(['INVALID_INPUT']);
  });

  it('of a fleet in which one client fails', async () => {
    await using fleet = await Fleet.start(2);
    fleet.write({ 1: { 'client-id': 'nobody' } });
    expect(expectOneEnding(await fleet.run())).toContain('CLIENT_NOT_FOUND');
  });

  it('by a signal', async () => {
    let sent = false;
    const killWhen = () => {
      if (sent) return undefined;
      sent = true;
      return 'SIGTERM' as const;
    };
    expect(expectOneEnding(await rotate(shared(), { force: 'true' }, { killWhen }))).toEqual(['CANCELLED']);
  });
});

describe('an unforeseen failure', () => {
  const broken = (BROKEN: string, BROKEN_AT: number) => ({
    env: {
      BROKEN,
      BROKEN_AT: `${BROKEN_AT}`,
      NODE_OPTIONS: `--require=${join(import.meta.dirname, '../emulators/broken.cjs')}`,
    },
  });

  it.each([
    ...[1, 2, 3, 4].map((at) => ['rejection', at] as const),
    ...[1, 3].map((at) => ['exception', at] as const),
    ['key', 1] as const,
    ['summary', 1] as const,
  ])('fails the run with a code, and nobody is locked out: %s, at its turn %i', async (what, at) => {
    await using world = await startSandbox();
    await rotate(world);
    world.advance(8 * DAY);
    const run = await rotate(world, { force: 'true' }, broken(what, at));
    expect(run.exitCode).toBe(1);
    const codes = run.annotations.map(({ properties }) => properties.title);
    expect(codes.some((code) => ERROR_CODES.some((one) => one === code))).toBe(true);
    expect([run.stderr, await login(world)]).toEqual(['', 200]);
    expect(run.log.split('\n').filter((line) => HEADLINE.test(line))).toHaveLength(1);
    if (what === 'summary') return;
    expect(run.summary.match(/^## /gm)).toHaveLength(1);
    expect(run.summary).toMatch(/^## ❌ .*INTERNAL_ERROR/);
    expect(run.summary).toContain('broken by the test');
  });

  it.each([1, 2, 3, 4])('does not end a run that can try again: connection %i', async (at) => {
    shared().advance(DAY);
    expect(expectOneEnding(await rotate(shared(), { force: 'true' }, broken('connection', at)))).toEqual([]);
  });

  it('ends a run that cannot go on, which Node would end with 0', async () => {
    shared().advance(DAY);
    const run = await rotate(shared(), { force: 'true' }, broken('silence', 1));
    expect(expectOneEnding(run)).toEqual(['INTERNAL_ERROR']);
    expect(run.summary).toContain('The next run goes on from there');
  });
});
