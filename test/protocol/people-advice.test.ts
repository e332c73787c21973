/** Who follows a message does what it says to the letter: what the follower mends by itself no message has to say. */

import { beforeAll, describe, expect, test } from 'vitest';
import { dropDestinationAdvice } from '../../src/model/advice.ts';
import { parseDestination, printDestination } from '../../src/model/secret-location.ts';
import { prepare } from './by-hand.ts';
import { REAL } from './code.ts';
import { Household } from './household.ts';
import type { Materials } from './materials.ts';
import { adviceIn } from './people-advice.ts';
import { type Asked, scenario } from './scenarios.ts';
import { Execution } from './scheduler.ts';
import { World } from './world.ts';

const FIRST = { destination: parseDestination('repo:acme/shop'), secretName: 'AUTH0_MTLS_PEM' };

let all: Materials;
beforeAll(async () => {
  all = await prepare();
});

/** A household in a state of starts.ts, with the places that it holds. */
function household(start: string, asked: Partial<Asked> = {}): Household {
  const one = scenario(start, { force: false, poolCap: 4, ...asked });
  return new Household(new Execution(new World(one, all), REAL), one.start.holds.length);
}

test.each([
  ['the first place, and the former one is named in the same change', 0, [FIRST]],
  ['another place', 1, undefined],
])('a person takes out %s', (_, index, movedFrom) => {
  const people = household('three settled');
  const { desired } = people.world;
  const [destination] = desired.destinations.slice(index);
  if (destination === undefined) throw new Error(`no place ${index}`);
  const ways = adviceIn(dropDestinationAdvice({ destination }, desired), people);
  ways.find(({ name }) => name === 'take it out of destinations')?.follow(people);
  const { destinations, says } = people.workflow;
  const rest = desired.destinations.filter((one) => one !== destination);
  expect(destinations.map(printDestination)).toEqual(rest.map(printDestination));
  expect(says.movedFrom).toEqual(movedFrom);
});

const ID = `cred_${'0'.repeat(22)}`;
const OURS = 'repo:acme/shop#AUTH0_MTLS_PEM';
const THEIRS = 'repo:acme/other#AUTH0_MTLS_PEM';
const MADE_FOR_THEM = `delete in Auth0 what was made for ${THEIRS}`;

/** What a message says can be done, in the order in which a person tries it. */
describe('a person finds in a message', () => {
  const none = () => undefined;
  const without = (people: Household) => void people.world.deleteSecret('repo:acme/shop', 'AUTH0_MTLS_PEM');
  const any = (people: Household) =>
    people.byHand(() => people.world.github.seedSecret('repo:acme/shop', 'AUTH0_MTLS_PEM', 'any text'));
  const off = { current: false };

  test.each<[string, string, Partial<Asked>, (people: Household) => void, string[]]>([
    ['nothing', 'All is well.', {}, none, []],
    ['to run again', 'Run again.', {}, none, ['run again']],
    ['to run the workflow again', 'Then run the workflow again.', {}, none, ['run again']],
    ['to force', 'Set force: true.', {}, none, ['force']],
    ['to force, and to run again', 'Or set force, and run again.', {}, none, ['force', 'run again']],
    ['to enroll', 'Start operation: enroll.', {}, none, ['enroll']],
    ['no last resort', 'Only if that is impossible, start operation: enroll.', {}, none, []],
    ['what to release', `removable-credentials: ${ID}`, {}, none, ['add removable-credentials']],
    [
      'that it can choose what to release',
      'Put one into removable-credentials.',
      {},
      none,
      ['choose among removable-credentials'],
    ],
    [
      'to choose the method again',
      `choose private_key_jwt with ${ID} again`,
      {},
      none,
      ['choose the method again'],
    ],
    ['to delete what nobody uses', 'Delete one that nobody uses.', {}, none, ['delete what nobody uses']],
    [
      'to take one out of keep-credentials',
      'take its id out of keep-credentials',
      {},
      none,
      ['take it out of keep-credentials'],
    ],
    [
      'a former secret to delete',
      'repo:acme/old OLD_PEM still holds a pair. If nobody reads it, delete that secret in GitHub.',
      {},
      none,
      ['delete the former secret'],
    ],
    [
      'two former secrets to delete',
      'repo:acme/old OLD_PEM, repo:acme/older OLD_PEM still hold one of them each. If nobody reads those secrets, delete them in GitHub.',
      {},
      none,
      ['delete the former secret'],
    ],
    ['to pass what it does not pass', 'Pass current-credential.', off, none, ['pass current-credential']],
    ['nothing to pass where it does', 'Pass current-credential.', {}, none, []],
    ['nothing to pass where there is no secret', 'Pass current-credential.', off, without, []],
    ['nothing to pass where it is no pair', 'Pass current-credential.', off, any, []],
    ['to save what it has put there', 'save that secret once more', {}, any, ['save the secret once more']],
    ['nothing to save that a run has put there', 'save that secret once more', {}, none, []],
    [
      'another name where nobody is served',
      'If it belongs to another client, choose another secret-name.',
      {},
      any,
      ['choose another secret-name'],
    ],
    [
      'no other name where somebody is',
      'If it belongs to another client, choose another secret-name.',
      {},
      none,
      [],
    ],
    ['another name in any case', 'Choose another secret-name.', {}, none, ['choose another secret-name']],
    ['to force where nobody needs it', 'If nobody needs what it holds, set force.', {}, any, ['force']],
    ['not to force where somebody does', 'If nobody needs what it holds, set force.', {}, none, []],
    [
      'to force where another pair is passed by the primary',
      'if current-credential names another secret, set force',
      {},
      none,
      ['force'],
    ],
    [
      'not to force where none is passed',
      'if current-credential names another secret, set force',
      off,
      none,
      [],
    ],
    [
      'its own former place',
      `used to be the first destination of this workflow (moved-from: ${OURS})`,
      {},
      none,
      ['add moved-from'],
    ],
    [
      "nobody else's former place",
      `used to be the first destination of this workflow (moved-from: ${THEIRS})`,
      {},
      none,
      [],
    ],
    ["to keep this workflow, and what was another's", MADE_FOR_THEM, {}, none, ['keep this workflow']],
    ['to keep what is its own', `delete in Auth0 what was made for ${OURS}`, {}, none, []],
    [
      "to keep the other workflow, where that is another's",
      `${MADE_FOR_THEM}, or keep the other, disable this one`,
      {},
      none,
      ['keep this workflow', 'keep the other workflow'],
    ],
    [
      'not to keep the other one, where it is its own',
      `delete in Auth0 what was made for ${OURS}, or keep the other, disable this one`,
      {},
      none,
      [],
    ],
    [
      'to put another place first',
      'Put repo:acme/other first in destinations.',
      {},
      none,
      ['put another destination first'],
    ],
    [
      'not to put first what was never its own',
      `Put repo:acme/other first in destinations, the first destination of this workflow at that time, or ${MADE_FOR_THEM}`,
      {},
      none,
      ['keep this workflow'],
    ],
    ['the former name', 'set `secret-name: OLD_PEM` again', {}, none, ['set the former secret-name']],
    [
      'no former name that was never its own',
      `set \`secret-name: OLD_PEM\` again, as in the first destination of this workflow at that time, or ${MADE_FOR_THEM}`,
      {},
      none,
      ['keep this workflow'],
    ],
  ])('%s', (_, message, asked, before, expected) => {
    const people = household('settled', asked);
    before(people);
    expect(adviceIn(message, people).map(({ name }) => name)).toEqual(expected);
  });
});

describe('a person does what it says:', () => {
  const follow = (people: Household, message: string) => adviceIn(message, people)[0]?.follow(people);
  const id = ({ world }: Household, label: string) =>
    [...world.labels].find(([, one]) => one === label)?.[0] ?? '';
  const labels = (people: Household, ids: Iterable<string>) =>
    [...ids].map((one) => people.world.labels.get(one) ?? one);
  const pool = (people: Household) => labels(people, people.world.truth().pool.keys());

  test.each([
    ['Or set force.', 'force'],
    ['operation: enroll', 'enroll'],
    [`${MADE_FOR_THEM}`, undefined],
    ['Run again.', undefined],
  ])('%s', (message, expected) => {
    expect(follow(household('settled'), message)).toBe(expected);
  });

  test('the other workflow stays, and this one ends', () => {
    const ways = adviceIn(`${MADE_FOR_THEM}, or keep the other, disable this one`, household('settled'));
    expect(ways.at(-1)?.follow(household('settled'))).toBe('over');
  });

  test('releases what is named, beside what it has released', () => {
    const people = household('two hand-made');
    follow(people, `removable-credentials: ${id(people, 'H1')}`);
    follow(people, `removable-credentials: ${id(people, 'H2')}`);
    expect(labels(people, people.workflow.says.removableCredentials ?? [])).toEqual(['H1', 'H2']);
  });

  test.each([
    ['what no place holds', 'H1, H2', ['H1']],
    ['nothing of what is held', 'H2', []],
    ['nothing that is not listed', 'none', []],
  ])('releases by choice %s', (_, listed, expected) => {
    const people = household('two hand-made');
    const ids = listed.split(', ').map((label) => id(people, label));
    const followed = follow(
      people,
      `${ids.join(', ')} were made by hand. Find out which one nobody uses, and put only its id into removable-credentials.`,
    );
    expect(followed).toBe(expected.length > 0 ? undefined : 'over');
    expect(labels(people, people.workflow.says.removableCredentials ?? [])).toEqual(expected);
  });

  test("deletes what is another's, and nothing beside it", () => {
    const people = household('other owner beside ours');
    follow(people, MADE_FOR_THEM);
    expect(pool(people)).toEqual(['C1']);
    expect(labels(people, people.world.truth().associated)).toEqual(['C1']);
  });

  test.each<[string, string, readonly string[], readonly string[], unknown]>([
    ['what no place holds', 'settled', ['P1', 'C1'], ['C1'], undefined],
    ['nothing of what is held', 'ours alone', ['C1'], ['C1'], 'over'],
    ['nothing that is not listed', 'settled', ['C1'], ['P1', 'C1'], 'over'],
    ['no key of another use', 'request object', ['F1', 'C1'], ['F1', 'C1'], 'over'],
    ['what cannot log in first', 'abandoned, unassociated', ['N1', 'C1'], ['C1'], undefined],
  ])('deletes %s', (_, start, listed, left, followed) => {
    const people = household(start);
    const ids = listed.map((label) => id(people, label)).join(', ');
    expect(follow(people, `Delete one that nobody uses: ${ids}.`)).toBe(followed);
    expect(pool(people)).toEqual(left);
  });

  test('deletes of two that nobody uses the one that cannot log in', () => {
    const people = household('settled');
    people.world.add({ label: 'H1', mark: 'none', associated: false, age: 0 });
    follow(people, `Delete one that nobody uses: ${['P1', 'C1', 'H1'].map((one) => id(people, one))}.`);
    expect(pool(people)).toEqual(['P1', 'C1']);
  });

  test('deletes the secrets that are named', () => {
    const people = household('three settled');
    const held = () => people.world.truth().held.map(({ location }) => location);
    const named = held().slice(1).join(', ');
    follow(people, `${named} still holds a pair. Then delete that secret in GitHub.`);
    expect(held()).toEqual(['repo:acme/shop AUTH0_MTLS_PEM']);
  });

  test('chooses the method again, with what was there', () => {
    const people = household('settled');
    people.world.admin({
      client_authentication_methods: null,
      token_endpoint_auth_method: 'client_secret_post',
    });
    follow(
      people,
      `choose self_signed_tls_client_auth with ${id(people, 'P1')} and ${id(people, 'C1')} again`,
    );
    const { associated, method } = people.world.truth();
    expect([method, labels(people, associated)]).toEqual(['self_signed_tls_client_auth', ['P1', 'C1']]);
  });

  test('edits the workflow', () => {
    const people = household('two hold one', { current: false });
    const { workflow } = people;
    workflow.says = { keepCredentials: new Set(['any']) };
    for (const message of [
      'Pass current-credential.',
      'take its id out of keep-credentials',
      'Put env:acme/other/production first in destinations.',
      'Choose another secret-name.',
      `used to be the first destination of this workflow (moved-from: ${OURS})`,
    ])
      follow(people, message);
    expect([workflow.current, workflow.secretName]).toEqual(['primary', 'AUTH0_MTLS_PEM_2']);
    expect(workflow.destinations.map(printDestination)).toEqual([
      'env:acme/other/production',
      'repo:acme/shop',
    ]);
    expect(workflow.says).toEqual({ keepCredentials: new Set(), movedFrom: [FIRST] });
    follow(people, 'Choose another secret-name.');
    expect(workflow.secretName).toBe('AUTH0_MTLS_PEM_3');
    follow(people, 'set `secret-name: AUTH0_MTLS_PEM` again');
    expect(workflow.secretName).toBe('AUTH0_MTLS_PEM');
  });

  test('saves what the primary holds once more', () => {
    const people = household('settled');
    const read = () => people.world.github.secret('repo:acme/shop', 'AUTH0_MTLS_PEM');
    const before = read();
    people.byHand(() =>
      people.world.github.seedSecret('repo:acme/shop', 'AUTH0_MTLS_PEM', before?.value ?? ''),
    );
    people.world.time += 5_000;
    follow(people, 'save that secret once more');
    expect(read()?.value).toBe(before?.value);
    expect(Date.parse(read()?.updatedAt ?? '')).toBeGreaterThan(Date.parse(before?.updatedAt ?? ''));
  });
});
