/** What is prepared while Auth0 is still being asked: only what will probably be needed. */

import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { looksDue, Preparation } from '../../../src/apply/prepare.ts';
import { generateKey, issueCertificate } from '../../../src/certificate/issue.ts';
import { ServerClock } from '../../../src/http/server-clock.ts';
import { DAY, desired, NOW } from '../../support/states.ts';

const CLOCK = { now: () => NOW, sleep: async () => {}, random: () => 0, deadline: NOW };
const written = (daysAgo: number) => ({ createdAt: NOW - 400 * DAY, updatedAt: NOW - daysAgo * DAY });

/** As `current-credential` shows it. */
function ending(inDays: number) {
  const given = desired({ current: 'a' });
  if (!given.current) throw new Error('has a current pair');
  return { ...given, current: { ...given.current, notAfter: new Date(NOW + inDays * DAY) } };
}

it.each([
  ['no secret', desired(), 'missing' as const, true],
  ['nobody has looked', desired(), 'unread' as const, false],
  ['a young secret', desired(), written(59), false],
  ['an old secret', desired(), written(60), true],
  ['a young secret whose certificate ends soon', ending(29), written(1), true],
  ['an old secret whose certificate is good', ending(31), written(80), false],
])('%s', (_, given, times, due) => {
  expect(looksDue(given, [times], CLOCK)).toBe(due);
});

describe('the pair', async () => {
  const key = await generateKey(2048);
  const ahead = 2 * 3_600_000;

  /** Auth0's clock is two hours ahead, which its first answer tells. */
  function prepared(login: (answered: () => void) => Promise<void>) {
    const clock = new ServerClock();
    const answered = () => clock.observe(new Date(NOW + ahead).toUTCString(), NOW, NOW);
    const told = { keys: 0, issued: 0, masked: [] as string[] };
    const preparation = new Preparation(desired(), {
      generateKey: async () => {
        told.keys += 1;
        return key;
      },
      issue: async ({ subject, validityDays }, now, makeKey) => {
        told.issued += 1;
        return issueCertificate(await makeKey(), { subject, validityDays }, now);
      },
      tenant: { login: () => login(answered), now: () => NOW + clock.offset, clock },
      mask: (secret) => told.masked.push(secret),
      discover: async () => undefined,
      store: undefined,
    });
    return { answered, preparation, told };
  }

  const late = 5 * 60_000 - ahead;
  const backdated = ({ notBefore }: { notBefore: Date | undefined }) =>
    Math.abs(NOW - Number(notBefore) - late) <= 1_000;

  it("is issued early, once, by Auth0's clock, and masked", async () => {
    const { preparation, told } = prepared(async (answered) => answered());
    preparation.begin();
    preparation.issueEarly();
    await expect.poll(() => told.masked.length).toBe(1);
    const { facts, pair } = await preparation.issued();
    expect(told).toEqual({ keys: 1, issued: 1, masked: [pair.privateKey] });
    expect(backdated(facts)).toBe(true);
  });

  it("waits for the plan where the login tells nothing of Auth0's clock", async () => {
    const { answered, preparation, told } = prepared(async () => {});
    preparation.begin();
    preparation.issueEarly();
    await wait(50);
    expect(told).toEqual({ keys: 1, issued: 0, masked: [] });
    answered();
    const { facts } = await preparation.issued();
    expect(backdated(facts)).toBe(true);
  });

  it('fails where it is asked for, and nowhere else', async () => {
    const { preparation, told } = prepared(() => Promise.reject(new Error('no login')));
    preparation.begin();
    preparation.issueEarly();
    await wait(50);
    expect(told.issued).toBe(0);
  });
});
