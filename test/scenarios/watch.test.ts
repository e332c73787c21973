/** `operation: watch`: looks, tells, keeps one issue, and changes nothing else. More of it: watch.long.test.ts. */

import { describe, expect, it } from 'vitest';
import { effects, told, warnings } from './operations.ts';
import { DAY, held } from './support.ts';
import {
  BAD,
  before,
  byHand,
  everything,
  GOOD,
  issueOf,
  keys,
  lastCode,
  openIssue,
  READS,
  rotated,
  seed,
  token,
  WORSE,
  watch,
  world,
} from './watches.ts';

describe('all is well', () => {
  it('and a watch says so, having written nothing, with a token that only reads', async () => {
    await rotated();
    expect(keys(await watch())).toEqual([`warning ReplacedCredential ${byHand()}`]);
    const run = await watch({
      'report-issue': 'true',
      'github-token': token(READS),
      'removable-credentials': byHand(),
    });
    expect([run.exitCode, keys(run), run.annotations]).toEqual([0, [], []]);
    expect(effects(world())).toEqual([]);
    expect(everything()).toBe(before);
    expect(run.summary).toMatch(
      /^## ✅ `orders`: 91 % of the validity of its certificate is left, until \d+ \w+ 20\d\d\. No action needed\.\n/,
    );
    expect(run.summary).not.toContain('What to do');
    expect(run.outputs).toMatchObject({ rotated: 'false', reason: 'NotDue' });
    expect(run.outputs['next-rotation']).toMatch(/^20/);
  });
});

describe('what is found', () => {
  it('life that runs out: a warning at a third, a failure at a tenth, by the clock of Auth0', async () => {
    await rotated();
    world().advance(63 * DAY);
    const third = await watch();
    expect([third.exitCode, keys(third)]).toEqual([
      0,
      ['warning CertificateExpiring', 'warning RotationOverdue'],
    ]);
    expect(warnings(third)).toMatch(/less than a third .* Start the rotation workflow/);
    expect(third.summary).toMatch(/^## ⚠️ `orders`: 21 % of the validity .* 2 things need attention\./);
    world().advance(11 * DAY);
    const tenth = await watch();
    expect([tenth.exitCode, lastCode(tenth)]).toEqual([1, 'WATCH_FAILED']);
    expect(keys(tenth)).toEqual(['failure CertificateExpiring', 'warning RotationOverdue']);
    expect(tenth.summary).toMatch(/^## ❌ `orders`: 8 % of the validity/);
    expect(told(tenth)).toMatch(
      /The watch has found a failure: The credential in use has less than a tenth .*A watch changes nothing but its issue\./,
    );
    world().advance(9 * DAY);
    expect(keys(await watch())).toEqual(['failure CertificateExpired', 'warning RotationOverdue']);
    expect(everything()).toBe(before);
  });
});

describe('a token that may not', () => {
  it('see the secrets fails', async () => {
    const run = await watch({ 'github-token': token({ actions: 'read' }) });
    expect([run.exitCode, lastCode(run), keys(run)[0]]).toEqual([
      1,
      'GITHUB_FORBIDDEN',
      'failure GITHUB_FORBIDDEN',
    ]);
    expect(told(run)).toContain('secrets=read');
  });
});

describe('the issue', () => {
  it('is opened, updated when the findings change, closed when all is well, and opened again', async () => {
    await watch(BAD);
    const opened = await openIssue();
    expect(opened.body).toContain('broken.yml` ended with `failure`');
    expect(opened.body).toMatch(/\[this run\]\(https:\/\/github\.com\/acme\/shop\/actions\/runs\/\d+\)/);
    await watch(BAD);
    expect(effects(world())).toEqual([]);
    await watch(WORSE);
    const updated = await openIssue();
    expect([updated.number, updated.body.includes('asleep.yml')]).toEqual([opened.number, true]);
    await watch(GOOD);
    expect(await issueOf()).toMatchObject({ number: opened.number, state: 'closed', comments: 1 });
    await watch(GOOD);
    expect(effects(world())).toEqual([]);
    await watch(WORSE);
    expect((await openIssue()).number).toBe(opened.number);
  });
});

it('has nothing of what the secret holds in anything it leaves', async () => {
  seed('by hand', true);
  const run = await watch({ 'report-issue': 'true' });
  const key = held(world()).split('\n').slice(1, -1);
  const everywhere = [
    run.stdout.replaceAll(/^::add-mask::.*$/gm, ''),
    run.summary,
    (await openIssue()).body,
  ].join();
  expect(key.filter((line) => line.length > 20 && everywhere.includes(line))).toEqual([]);
});
