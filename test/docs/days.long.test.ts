/** "What happens then" of the README: a client with a certificate that somebody made by hand, from its first day to its third rotation. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startSandbox } from '../emulators/sandbox.ts';
import { DAY, held, rotate } from '../scenarios/support.ts';

test('day 1, the days between, day 61 and day 121', async () => {
  const [, section = ''] = readFileSync('README.md', 'utf8').split('## What happens then\n');
  const days = [...section.matchAll(/^\| (?:day (\d+)|every day) \|/gm)].map(([, day]) => day);
  expect(days).toEqual(['1', undefined, '61', '121']);

  await using world = await startSandbox();
  const run = async () => {
    world.transcript.clear();
    const done = await rotate(world, { verify: 'required', 'current-credential': held(world) });
    expect(done.exitCode, done.log).toBe(0);
    return done;
  };
  const logsIn = async (pem: string) => (await world.requestToken(world.clientId, pem)).status === 200;

  const byHand = world.client.pem;
  const first = await run();
  const pair1 = held(world);
  expect(first.outputs.reason).toBe('FirstDelivery');
  expect(await Promise.all([byHand, pair1].map(logsIn))).toEqual([true, true]);

  for (let day = 2; day <= 60; day += 29) {
    world.advance((day === 2 ? 1 : 29) * DAY);
    const idle = await run();
    expect([day, idle.outputs.reason, world.transcript.count()]).toEqual([day, 'NotDue', 4]);
    expect(idle.summary).toContain(`${world.client.credentialId}, which was made by hand`);
  }

  world.advance(DAY);
  expect((await run()).outputs.reason).toBe('CertificateExpiring');
  const pair61 = held(world);
  expect(await Promise.all([byHand, pair1, pair61].map(logsIn))).toEqual([false, true, true]);

  world.advance(60 * DAY);
  expect((await run()).outputs.reason).toBe('CertificateExpiring');
  expect(await Promise.all([pair1, pair61, held(world)].map(logsIn))).toEqual([false, true, true]);
});
