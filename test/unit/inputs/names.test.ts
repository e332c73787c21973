/** Names that are no inputs: nearly one is an error, any other a warning. */

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { RotationError } from '../../../src/errors.ts';
import { readFleet } from '../../../src/inputs/fleet.ts';
import { readInputs } from '../../../src/inputs/inputs.ts';
import { INPUT_NAMES } from '../../../src/inputs/names.ts';

const GIVEN = {
  GITHUB_REPOSITORY: 'acme/shop',
  'INPUT_AUTH0-DOMAIN': 'tenant.eu.auth0.com',
  'INPUT_MANAGEMENT-TOKEN': 'token',
  'INPUT_GITHUB-TOKEN': 'github',
  INPUT_SHARD: '1/1',
};

/** As the runner names it: upper case, spaces become underscores. */
const variable = (name: string) => `INPUT_${name.replaceAll(' ', '_').toUpperCase()}`;

const ROADS: [string, (environment: Record<string, string>) => unknown][] = [
  ['one client', (more) => readInputs({ ...GIVEN, 'INPUT_CLIENT-ID': 'client', ...more })],
  ['a manifest', (more) => readFleet({ ...GIVEN, ...more }, 'fleet.yml', 'clients:\n  - client-id: a\n')],
];

function problems(read: () => unknown): readonly string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof RotationError && error.code === 'INVALID_INPUT') return error.problems;
    throw error;
  }
  return [];
}

it('the list of names is that of action.yml', () => {
  expect(INPUT_NAMES).toEqual(Object.keys(parse(readFileSync('action.yml', 'utf8')).inputs));
});

describe.each(ROADS)('with %s', (_, read) => {
  it('the usual names are known', () => {
    expect(problems(() => read({}))).toEqual([]);
  });

  it.each([
    ['verfiy', 'verify'],
    ['secret_name', 'secret-name'],
    ['secretname', 'secret-name'],
    ['secret name', 'secret-name'],
    ['current_credential', 'current-credential'],
    ['current-credentials', 'current-credential'],
    ['destination', 'destinations'],
    ['keep_credential', 'keep-credentials'],
    ['Forced', 'force'],
    ['auth0_domain', 'auth0-domain'],
    ['overlaps', 'overlap'],
    ['privat-key', 'private-key'],
    ['private_key_secret_name', 'private-key-secret-name'],
    ['verifyed', 'verify'],
    ['forc', 'force'],
    ['renew-before-day', 'renew-before-days'],
  ])('%s is refused, and names %s', (name, meant) => {
    const shown = name.replaceAll(' ', '_').toLowerCase();
    for (const value of ['required', ''])
      expect(problems(() => read({ [variable(name)]: value }))).toEqual([
        `Input '${shown}' is unknown; write ${meant}.`,
      ]);
  });

  it.each(['token', 'domain', 'certificates-folder', 'debug', 'timeout'])(
    '%s is left to the runner, which warns of it',
    (name) => {
      expect(problems(() => read({ [variable(name)]: 'x' }))).toEqual([]);
    },
  );

  it('a problem is one line and no command', () => {
    const [problem] = problems(() => read({ 'INPUT_FORCE\n::': 'x' }));
    expect(problem).toMatch(/ is unknown; write force\.$/);
    expect(problem).not.toMatch(/\n|::|##\[/);
  });

  it('any one slip of the hand is refused', () => {
    const slip = fc.record({
      name: fc.constantFrom(...INPUT_NAMES),
      at: fc.nat(),
      how: fc.constantFrom('drop', 'double', 'swap', 'change'),
    });
    fc.assert(
      fc.property(slip, ({ at, how, name }) => {
        const index = at % (name.length - 1);
        const [letter = '', next = ''] = name.slice(index);
        const put = { drop: '', double: letter + letter, swap: next + letter, change: 'q' }[how];
        const taken = how === 'swap' ? 2 : 1;
        const slipped = name.slice(0, index) + put + name.slice(index + taken);
        if (INPUT_NAMES.includes(slipped)) return;
        expect(problems(() => read({ [variable(slipped)]: '' }))).toEqual([
          expect.stringMatching(new RegExp(`^Input '${slipped}' is unknown; write [a-z0-9-]+\\.$`)),
        ]);
      }),
    );
  });
});
