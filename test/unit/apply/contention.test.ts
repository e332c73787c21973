/** What a run says that has met another one: which secrets are in question, and how to get out of it. */

import { expect, it } from 'vitest';
import { changedMeanwhile, mixed, overtaken, secretChangedMeanwhile } from '../../../src/apply/contention.ts';
import { secretLocations } from '../../../src/model/desired-state.ts';
import { desired, state } from '../../support/states.ts';

const wanted = desired({ destinations: ['repo:acme/shop', 'org:acme'] });
const observed = state(wanted, { credentials: [{ id: 'a', age: 1 }] });

it.each([
  [
    'another run that is newer',
    () => {
      const [rival] = observed.pool;
      const [location] = secretLocations(wanted);
      if (!rival || !location) throw new Error('there is no other run');
      return overtaken(rival, location);
    },
    /stored the current pair in repo:acme\/shop, run 1\.1 made credential a: that destination may hold either/,
    /^When the other run has ended, .*force: true, .*concurrency group\.$/,
  ],
  [
    'another renewal',
    () => mixed(observed),
    /same subject: repo:acme\/shop PEM, org:acme PEM may hold either/,
    /^When the other run has ended, .*force: true/,
  ],
  [
    'a change of somebody else',
    () => changedMeanwhile('the thing'),
    /^Somebody else changed the thing while this run was at work/,
    /^When nothing else rotates this client, start a new run .*concurrency group\. .*tenant log \(Monitoring, Logs, type sapi\)/,
  ],
  [
    'a change of a secret by somebody else, of which Auth0 knows nothing',
    () => secretChangedMeanwhile('a destination'),
    /^Somebody else changed the secret of a destination while/,
    /^When nothing else rotates this client, (?!.*tenant log).*organization's audit log names who changed it\.$/,
  ],
] as const)('%s', (_, make, failed, remedy) => {
  const error = make();
  expect([error.code, error.failed, error.remedy]).toEqual([
    'ROTATION_IN_PROGRESS',
    expect.stringMatching(failed),
    expect.stringMatching(remedy),
  ]);
});
