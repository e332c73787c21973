/** What a manifest may say, what is said of one that is wrong and where, and that its schema says the same. */

import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { RotationError } from '../../../src/errors.ts';
import { RUN_OVERRIDES, readFleet } from '../../../src/inputs/fleet.ts';
import { readInputs, SECRET_INPUTS } from '../../../src/inputs/inputs.ts';
import { CLIENT_KEYS, CURRENT_FROM } from '../../../src/inputs/manifest.ts';
import { selfSignedCertificate } from '../../emulators/tls.ts';
import { runs } from '../../support/properties.ts';

const ACTION: Record<string, { default?: string }> = parse(readFileSync('action.yml', 'utf8')).inputs;
const CONTEXT = { GITHUB_REPOSITORY: 'acme/shop', GITHUB_RUN_ID: '41', GITHUB_RUN_ATTEMPT: '2' };
const GIVEN = {
  'auth0-domain': 'tenant.eu.auth0.com',
  'management-token': 'token',
  'github-token': 'github',
};

function environment(changes: Record<string, string> = {}): Record<string, string> {
  const defaults = Object.entries(ACTION).map(([name, input]) => [name, input.default ?? '']);
  const all = { ...Object.fromEntries(defaults), ...GIVEN, ...changes };
  const named = Object.entries<string>(all).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]);
  return { ...CONTEXT, ...Object.fromEntries(named) };
}

const read = (text: string, changes: Record<string, string> = {}) =>
  readFleet(environment(changes), 'fleet.yml', text);

function refusal(text: string, changes: Record<string, string> = {}): RotationError {
  try {
    read(text, changes);
  } catch (error) {
    if (error instanceof RotationError && error.code === 'INVALID_INPUT') return error;
    throw error;
  }
  throw new Error('nothing is wrong with it');
}

const problems = (text: string, changes: Record<string, string> = {}) => refusal(text, changes).problems;

describe('a manifest', () => {
  it('is the inputs of each client: its own keys, then the defaults, then those of the action', () => {
    const text = `
defaults:
  secret-name: FROM_DEFAULTS
  key-size: 3072
clients:
  - client-id: one
    destinations: [repo:acme/one, org:globex]
  - client-id: 0123
    secret-name: OWN
    key-size: 4096
    destinations: |
      repo:acme/two
    keep-credentials: [cred_a, cred_b]
    removable-credentials: cred_c
    moved-from: [repo:old/two#PEM]
    propagation-time: 0s
    force: true
`;
    const [one, two] = read(text, { 'validity-days': '60', 'renew-before-days': '0' });
    expect(one?.desired).toEqual(
      readInputs(
        environment({
          'client-id': 'one',
          'secret-name': 'FROM_DEFAULTS',
          'key-size': '3072',
          destinations: 'repo:acme/one\norg:globex',
          'validity-days': '60',
          'renew-before-days': '0',
        }),
      ).desired,
    );
    // A client id of digits is text.
    expect(two?.desired).toMatchObject({ clientId: '0123', secretName: 'OWN', keySize: 4096, force: true });
    expect(two?.desired).toMatchObject({
      keepCredentials: new Set(['cred_a', 'cred_b']),
      removableCredentials: new Set(['cred_c']),
      movedFrom: [{ destination: { kind: 'repo', owner: 'old', repo: 'two' }, secretName: 'PEM' }],
      propagationTime: 0,
    });
    // What the defaults say is asked for, too.
    for (const client of [one, two]) expect(client?.desired.given).toEqual(new Set(['key-size']));
  });

  it('goes back to the default if a key is empty', () => {
    const text = 'defaults: { secret-name: X }\nclients:\n  - client-id: one\n    secret-name:\n';
    expect(read(text)[0]?.desired.secretName).toBe('AUTH0_MTLS_PEM');
  });

  it.each(['null', 'Null', 'NULL', '~', '', '&a null'])(
    'goes back to the default if a key is %j',
    (empty) => {
      const text = `defaults: { private-key-secret-name: KEY, verify-audience: https://api/ }
clients:
  - client-id: one
    private-key-secret-name: ${empty}
    verify-audience: ${empty}
    keep-credentials: ${empty}
`;
      expect(read(text)[0]?.desired).toMatchObject({
        privateKeySecretName: undefined,
        verifyAudience: undefined,
        keepCredentials: new Set(),
      });
      const lists = `defaults: ${empty}\nclients:\n  - client-id: one\n    destinations:\n      - repo:acme/one\n      - ${empty}\n`;
      expect(read(lists)[0]?.desired.destinations).toHaveLength(1);
      expect(problems(`clients:\n  - client-id: ${empty}\n    key-size: 2048\n`)).toEqual([
        expect.stringContaining("'client-id' must not be empty"),
      ]);
    },
  );

  it.each(["'null'", '"~"', '!!str null', '|-\n      null', 'nULL', 'nullable'])(
    'takes %j as text',
    (text) => {
      const audience = /~|nULL|nullable/.exec(text)?.[0] ?? 'null';
      const manifest = `clients:\n  - client-id: one\n    verify-audience: ${text}\n`;
      expect(read(manifest)[0]?.desired.verifyAudience).toBe(audience);
    },
  );

  it('reports all problems at once, each with its line and column', () => {
    const text = `defaults:
  key-size: 1000
  overlap: soon
clients:
  - client-id: one
    overlap: 7d
    verify: sometimes
  - secret-name: TWO
  - client-id: three
    destinations: [shop, repo:acme/shop]
    secret-name: THREE
`;
    const error = refusal(text, { 'auth0-domain': '' });
    expect(error.problems.map((problem) => problem.slice(0, 70))).toEqual([
      expect.stringMatching(/^Input 'auth0-domain' must not be empty/),
      expect.stringMatching(/^fleet.yml:2:3: 'key-size' is '1000'; write one of 2048, 3072, 4096/),
      expect.stringMatching(/^fleet.yml:3:3: 'overlap' is 'soon'/),
      expect.stringMatching(/^fleet.yml:7:5: 'verify' is 'sometimes'/),
      expect.stringMatching(/^fleet.yml:8:5: 'client-id' must not be empty/),
      expect.stringMatching(/^fleet.yml:10:5: 'destinations' has 'shop' in line 1/),
    ]);
    expect(error.located[0]).toEqual({
      file: 'fleet.yml',
      line: 2,
      column: 3,
      message: "'key-size' is '1000'; write one of 2048, 3072, 4096.",
    });
    for (const problem of error.problems) expect(error.failed).toContain(problem);
  });

  describe('current-credential-env', () => {
    const text =
      'clients:\n  - client-id: one\n    current-credential-env: ONE_PEM\n  - client-id: two\n    secret-name: TWO\n';
    const { cert, key } = selfSignedCertificate('one');

    function readWith(variables: Record<string, string>, of = text) {
      return readFleet({ ...environment(), ...variables }, 'fleet.yml', of);
    }

    it('names the variable that holds what the primary holds, of this client alone', () => {
      const [one, two] = readWith({ ONE_PEM: `${key}${cert}` });
      expect(one?.desired.currentKey?.subject).toBe('CN=one');
      expect([two?.desired.currentKey, two?.currentPair]).toEqual([undefined, undefined]);
    });

    it('may name an empty one: the first run has nothing yet', () => {
      expect(readWith({ ONE_PEM: '' })[0]?.desired.currentKey).toBeUndefined();
    });

    it.each<[string, Record<string, string>, string, RegExp]>([
      [
        'one that is not there',
        {},
        text,
        /3:5: 'current-credential-env' names ONE_PEM, but the step has no such/,
      ],
      [
        'one that holds no pair',
        { ONE_PEM: 'x' },
        text,
        /3:5: 'current-credential-env' names ONE_PEM, which holds no PEM.*write force: true in place of this line/,
      ],
      [
        'what every object has',
        {},
        text.replace('ONE_PEM', 'constructor'),
        /3:5: 'current-credential-env' names constructor, but the step has no such/,
      ],
      [
        'the key itself, and does not show it',
        {},
        text.replace('ONE_PEM', JSON.stringify(key)),
        /3:5: 'current-credential-env' must be the name of an environment variable, such as SHOP_PEM\.$/,
      ],
      [
        'it among the defaults',
        { ONE_PEM: '' },
        `defaults: { current-credential-env: ONE_PEM }\n${text}`,
        /1:13: .* differs for each client/,
      ],
    ])('refuses %s', (_, variables, of, words) => {
      try {
        readWith(variables, of);
        expect.unreachable();
      } catch (error) {
        expect((error as RotationError).problems).toEqual([expect.stringMatching(words)]);
      }
    });
  });

  const ONE = 'clients:\n  - client-id: one\n';

  it.each([
    ['no map', 'hello', '1:1: the manifest needs the key clients'],
    ['nothing', '', '1:1: the manifest needs the key clients'],
    ['no client', 'clients: []', "1:10: 'clients' must be a list of at least one client"],
    ['no list', 'clients:\n  one: x', "2:3: 'clients' must be a list"],
    ['a client that is text', 'clients: [one]', '1:11: a client must be a map'],
    ['an unknown key', `${ONE}    colour: red`, "3:5: 'colour' is not a key of a client"],
    [
      'a key that is nearly one',
      `${ONE}    secret_name: A`,
      "'secret_name' is not a key of a client; write secret-name",
    ],
    ['an unknown key at the top', `${ONE}version: 1`, "3:1: 'version' is unknown"],
    ['a key of the connection', `${ONE}    auth0-domain: x`, "3:5: 'auth0-domain' is not a key of a client"],
    [
      'a key twice',
      `${ONE}    verify: off\n    verify: off`,
      '4:5: the manifest is not valid YAML: Map keys must be unique',
    ],
    [
      'a list for a text',
      `${ONE}    subject: [CN=a]`,
      "3:5: 'subject' must be a single value, not a list or a map",
    ],
    ['maps in a list', `${ONE}    destinations: [{ a: b }]`, "3:5: 'destinations' must be a list of values"],
    [
      'a client id for all',
      `defaults: { client-id: a }\n${ONE}`,
      "1:13: 'client-id' differs for each client",
    ],
    ['defaults that are text', `defaults: x\n${ONE}`, "1:11: 'defaults' must be a map"],
    [
      'the same client',
      `${ONE}  - client-id: one\n    secret-name: B`,
      "3:5: 'client-id' is the same as in line 2",
    ],
    ['broken YAML', 'clients: [', '1:11: the manifest is not valid YAML'],
    ['two documents', `${ONE}---\n${ONE}`, 'is not valid YAML'],
    [
      'too deep a nest',
      `clients: ${'['.repeat(100_000)}`,
      'the manifest is not valid YAML: Maximum call stack size exceeded',
    ],
    [
      'an alias',
      `defaults: &d { verify: off }\n${ONE}    subject: *d`,
      "4:5: 'subject' must be a single value, not a list or a map",
    ],
  ])('with %s is refused', (_, text, problem) => {
    expect(problems(text).join('\n')).toContain(problem);
  });

  it('has no two clients that write one secret', () => {
    const text = `clients:
  - client-id: one
  - client-id: two
    private-key-secret-name: KEY
    secret-name: TWO
  - client-id: three
    secret-name: key
    destinations: [repo:ACME/Shop]
  - client-id: four
`;
    expect(problems(text)).toEqual([
      expect.stringMatching(/^fleet.yml:6:5: repo:ACME\/Shop KEY is also written by the client in line 3/),
      expect.stringMatching(
        /^fleet.yml:9:5: repo:acme\/shop AUTH0_MTLS_PEM is also written by the client in line 2/,
      ),
    ]);
  });

  it.each(SECRET_INPUTS)('holds no %s, and repeats none', (name) => {
    const error = refusal(`${ONE}    ${name}: hunter2hunter2`);
    expect(error.message).toContain(`fleet.yml:3:5: '${name}' is a secret`);
    expect(error.message).not.toContain('hunter2');
  });

  it.each([
    ['operation', 'create', 'with a manifest write one of rotate, plan'],
    ['operation', 'revert', 'with a manifest write one of rotate, plan'],
    ['plan-of', 'enroll', 'can only be rotate'],
    ['client-id', 'one', 'concerns one client'],
    ['client-name', 'one', 'concerns one client'],
    ['current-credential', 'pem', 'concerns one client'],
    ['revoke', 'previous', 'concerns one client'],
    ['shard', '3/2', 'write a part such as 2/5'],
    ['shard', '0/2', 'write a part such as 2/5'],
    ['shard', '1/257', 'write a part such as 2/5'],
    ['operation', 'watch', 'for one client write its id as shard'],
    [
      'shard',
      'two',
      "is 'two', which is neither the client-id of a client in the manifest nor a part such as 2/5",
    ],
  ])('does not go with %s: %s', (name, value, problem) => {
    expect(problems(ONE, { [name]: value })).toEqual([expect.stringContaining(`'${name}' `)]);
    expect(problems(ONE, { [name]: value })[0]).toContain(problem);
  });

  describe('with a client id as shard', () => {
    const { cert, key } = selfSignedCertificate('one');
    const PEM = `${key}${cert}`;
    const FLEET = `
defaults:
  verify: required
  secret-name: ALL
clients:
  - client-id: one
    destinations: [repo:acme/one]
    validity-days: 60
    overlap: 7d
  - client-id: two
    key-size: 1
    colour: red
    destinations: {}
    secret-name: [A, B]
  - text
  - client-id: [three]
  - destinations: [repo:acme/one]
`;
    const ONE_OF = { shard: 'one' };
    const only = (changes: Record<string, string> = {}, text = FLEET) => {
      const clients = read(text, { ...ONE_OF, ...changes });
      expect(clients.length).toBe(1);
      return clients[0];
    };

    it('is this client as the fleet has it, whatever is wrong with the others', () => {
      const fleet = FLEET.slice(0, FLEET.indexOf('  - client-id: two'));
      const days = new Set<number | undefined>();
      for (const id of ['canary', 'one', 'shop', 'billing']) {
        const text = fleet.replace('client-id: one', `client-id: ${id}`);
        const wrong = FLEET.replace('client-id: one', `client-id: ${id}`);
        expect(read(wrong, { shard: id })).toEqual(read(text));
        days.add(read(wrong, { shard: id })[0]?.desired.renewBeforeDays);
      }
      // Each on the day that it has in the fleet.
      expect(days.size).toBeGreaterThan(1);
      expect(() => read(FLEET)).toThrow('8 problems');
    });

    it.each(['rotate', 'rehearse', 'enroll', 'revert', 'watch'])('does %s', (operation) => {
      const asked = { operation, 'workflow-token': 'token' };
      const { renewBeforeDays, ...desired } = { ...only(asked)?.desired };
      const single = readInputs(
        environment({
          ...asked,
          'client-id': 'one',
          destinations: 'repo:acme/one',
          'secret-name': 'ALL',
          'validity-days': '60',
          overlap: '7d',
          verify: 'required',
        }),
      );
      expect({ ...desired, renewBeforeDays: single.desired.renewBeforeDays }).toEqual(single.desired);
      expect(only(asked)?.watch).toEqual(single.watch);
    });

    it.each(['rotate', 'rehearse', 'enroll', 'revert'])('plans %s', (operation) => {
      const planned = only({ operation: 'plan', 'plan-of': operation, 'github-token': '' });
      expect([planned?.readOnly, planned?.desired.operation]).toEqual([true, operation]);
    });

    it('takes what concerns one client, and its own variable for the current pair', () => {
      const revoked = only({ force: 'true', revoke: 'previous', 'current-credential': PEM });
      expect(revoked?.desired).toMatchObject({
        force: true,
        revoke: true,
        currentKey: { subject: 'CN=one' },
      });
      const text = FLEET.replace('    overlap', '    current-credential-env: ONE_PEM\n    overlap');
      const given = { ...environment({ ...ONE_OF, 'current-credential': 'no pair' }), ONE_PEM: PEM };
      expect(readFleet(given, 'fleet.yml', text)[0]?.desired.currentKey?.subject).toBe('CN=one');
      const brought = { certificate: cert, 'private-key': key, 'authentication-method': 'tls_client_auth' };
      expect(only(brought)?.issuer.kind).toBe('brought');
    });

    it('goes as the workflow says, where this says how the run goes', () => {
      expect(only()?.desired).toMatchObject({ verify: 'required', overlap: 7 * 86_400_000, force: false });
      const now = { verify: 'off', overlap: '0h', 'removable-credentials': 'cred_a', 'token-binding': 'off' };
      const own =
        '    token-binding: required\n    removable-credentials: cred_b\n    force: false\n    overlap';
      const text = FLEET.replace('    overlap', own);
      expect(only({ ...now, force: 'true', 'secret-name': 'OTHER' }, text)?.desired).toMatchObject({
        verify: 'off',
        overlap: 0,
        removableCredentials: new Set(['cred_a']),
        tokenBinding: 'off',
        force: true,
        secretName: 'ALL',
      });
      // In the whole fleet the manifest says it.
      const fleet = text.slice(0, text.indexOf('  - client-id: two'));
      expect(read(fleet, now)[0]?.desired).toMatchObject({
        verify: 'required',
        overlap: 7 * 86_400_000,
        removableCredentials: new Set(['cred_b']),
        tokenBinding: 'required',
      });
    });

    it('knows the defaults of what says how the run goes', () => {
      const rows = Object.entries(RUN_OVERRIDES);
      expect(rows.length).toBe(5);
      for (const [name, value] of rows) expect([name, ACTION[name]?.default]).toEqual([name, value]);
    });

    it.each<[string, Record<string, string>, string, string]>([
      [
        'create',
        { operation: 'create' },
        FLEET,
        "'operation' is 'create'; with a manifest write one of rotate,",
      ],
      ['a plan of create', { operation: 'plan', 'plan-of': 'create' }, FLEET, "'plan-of' cannot be create"],
      ['client-id', { 'client-id': 'one' }, FLEET, "'client-id' concerns one client"],
      ['client-name', { 'client-name': 'one' }, FLEET, "'client-name' concerns one client"],
      ['a broken form', { verify: 'never' }, FLEET, "Input 'verify' is 'never'"],
      ['revoke without force', { revoke: 'previous' }, FLEET, "Input 'revoke' is for an emergency"],
      [
        'a broken default',
        {},
        FLEET.replace('verify: required', 'verify: x'),
        "fleet.yml:3:3: 'verify' is 'x'",
      ],
      ['its own key', {}, FLEET.replace('overlap: 7d', 'overlap: x'), "fleet.yml:9:5: 'overlap' is 'x'"],
      ['no YAML', {}, `${FLEET}  - [`, 'is not valid YAML'],
      ['its id twice', {}, FLEET.replace('id: two', 'id: one'), "fleet.yml:11:5: 'key-size' is '1'"],
      [
        'its id twice, both good',
        {},
        `${FLEET}  - client-id: one\n    secret-name: B\n`,
        "'client-id' is the same as in line 6",
      ],
    ])('is refused with %s', (_, changes, text, problem) => {
      expect(problems(text, { ...ONE_OF, ...changes })).toEqual(
        expect.arrayContaining([expect.stringContaining(problem)]),
      );
    });

    it('says what to do with a secret that is broken', () => {
      const { remedy } = refusal(FLEET, { ...ONE_OF, 'current-credential': 'x' });
      expect(remedy).toContain('remove the line current-credential');
    });
  });

  it('alone has shards', () => {
    const inputs = environment({ 'client-id': 'one', shard: '1/2' });
    expect(() => readInputs(inputs)).toThrow("Input 'shard' needs a manifest");
  });

  it('names a limited number of problems, and counts the rest', () => {
    const text = `clients:\n${'  - secret-name: 1\n'.repeat(100)}`;
    const error = refusal(text);
    expect(error.problems.length).toBe(200);
    expect(error.failed).toMatch(/And 160 more\.$/);
  });

  it('that is anything at all is read or refused, never a crash', () => {
    const words = fc.constantFrom(
      'clients',
      'defaults',
      ...CLIENT_KEYS,
      ': ',
      '\n',
      '  ',
      '- ',
      '[',
      '{',
      '&a',
      '*a',
      '!!int',
      '|',
      '"',
      "'",
      '#',
      '---',
      '\t',
    );
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 80 }),
      fc.array(words, { maxLength: 30 }).map((all) => all.join('')),
    );
    const values = fc.jsonValue({ maxDepth: 4 });
    const shaped = fc.record({
      defaults: fc.dictionary(fc.constantFrom(...CLIENT_KEYS, 'x'), values),
      clients: fc.array(fc.dictionary(fc.constantFrom(...CLIENT_KEYS), values)),
    });
    fc.assert(
      fc.property(
        fc.oneof(
          texts,
          values.map((it) => stringify(it)),
          shaped.map((it) => stringify(it)),
        ),
        fc.constantFrom('1/1', 'one'),
        (text, shard) => {
          try {
            read(text, { shard });
          } catch (error) {
            if (!(error instanceof RotationError) || error.code !== 'INVALID_INPUT') throw error;
            for (const { line, column } of error.located)
              expect(Math.min(line, column)).toBeGreaterThanOrEqual(1);
          }
        },
      ),
      { numRuns: runs(600) },
    );
  });
});

describe('manifest.schema.json', () => {
  const schema = JSON.parse(readFileSync('manifest.schema.json', 'utf8'));
  const ONE_CLIENT = 'clients:\n  - client-id: one\n';
  const isValid = new Ajv({ strict: false }).compile(schema);

  it('knows the keys that the code reads, each with a description; all are inputs', () => {
    const { properties } = schema.definitions.settings;
    const { [CURRENT_FROM]: variable, ...inputs } = properties;
    expect([variable.type, Object.keys(inputs).sort()]).toEqual([
      ['string', 'null'],
      [...CLIENT_KEYS].sort(),
    ]);
    for (const [name, { description, default: value, enum: values }] of Object.entries<
      Record<string, unknown>
    >(inputs)) {
      expect(description, name).toBeTruthy();
      if (value !== undefined) expect(`${value}`).toBe(ACTION[name]?.default);
      expect(Object.keys(ACTION)).toContain(name);
      if (values && ACTION[name]?.default)
        expect((values as unknown[]).map(String)).toContain(ACTION[name]?.default);
    }
  });

  it('takes the example, which names it, and so does the code', () => {
    const text = readFileSync('examples/fleet/auth0-clients.yml', 'utf8');
    expect(text).toMatch(/^# yaml-language-server: \$schema=https:\/\/\S+\/manifest\.schema\.json\n/);
    isValid(parse(text));
    expect(isValid.errors).toBeNull();
    expect(read(text).length).toBe(4);
  });

  it.each<[string, object, boolean]>([
    ['what it must have', {}, true],
    ['defaults for all', { defaults: { force: true } }, true],
    ['an unknown key', { version: 1 }, false],
    ['an unknown default', { defaults: { colour: 'red' } }, false],
    ['a client as a default', { defaults: { 'client-id': 'a' } }, false],
    ['no client', { clients: [] }, false],
    ['a client without its id', { clients: [{ force: true }] }, false],
  ])('says of a manifest with %s what the code says', (_, changes, isGood) => {
    const manifest = { clients: [{ 'client-id': 'one' }], ...changes };
    expect(isValid(manifest)).toBe(isGood);
    const code = () => read(stringify(manifest));
    if (isGood) expect(code).not.toThrow();
    else expect(code).toThrow(RotationError);
  });

  it.each([...CLIENT_KEYS, CURRENT_FROM].filter((name) => name !== 'client-id'))(
    'takes a %s of null, as the code does',
    (name) => {
      const manifest = { clients: [{ 'client-id': 'one', [name]: null }] };
      expect(isValid(manifest)).toBe(true);
      expect(read(stringify(manifest))).toEqual(read(ONE_CLIENT));
    },
  );

  it('says of a client what the code says', () => {
    const some: Record<string, unknown[]> = {
      'client-id': ['one', ''],
      'authentication-method': ['private_key_jwt', 'password'],
      subject: ['CN=a,O=b'],
      'key-size': [2048, 4096, 1024],
      'validity-days': [60, 825, 0, 826],
      'renew-before-days': [0, 29, -1],
      force: [true, false, 'yes'],
      overlap: ['12h', '90s', 'until-next-rotation', '7 days'],
      'secret-name': ['ABC', 'a_1', '1A', 'GITHUB_A', 'A-B'],
      'private-key-secret-name': ['KEY', '9'],
      'certificate-secret-name': ['CERT', 'GitHub_X'],
      'pkcs12-secret-name': ['P12', 'P-12'],
      destinations: [
        ['repo:a/b'],
        ['org:a', 'repo:b/c'],
        ['env:a/b/c d'],
        'repo:a/b',
        ['env:a/b/c;repo:a/b'],
        ['env:a/b/c|org:a'],
        ['env:a/b/c, org:a'],
        ['env:a/b/c # main'],
        ['env:a/b/c#1;2'],
        ['shop'],
        [],
        ['repo:a'],
      ],
      verify: ['off', 'on'],
      'verify-audience': ['https://api/'],
      'token-binding': ['off', 'maybe'],
      'keep-credentials': [['cred_1', 'cred_2'], 'cred_1 cred_2', ['a']],
      'removable-credentials': [['cred_1'], ['cred-1']],
      'moved-from': [['repo:a/b', 'org:a#B'], 'repo:a/b#C', ['shop'], ['env:a/b/c # main']],
      'propagation-time': ['0s', '30s', '119s', '120s', '2m', '121s', '3m', '1h', 'x'],
    };
    for (const [name, values] of Object.entries(some)) {
      for (const value of values) {
        const client = {
          'client-id': 'one',
          ...(name === 'certificate-secret-name' ? {} : {}),
          [name]: value,
        };
        const manifest = { clients: [client] };
        const text = stringify(manifest);
        let isRead = true;
        try {
          read(text);
        } catch {
          isRead = false;
        }
        // An empty list is the default.
        const isEmpty = Array.isArray(value) && value.length === 0;
        expect([text, isRead], text).toEqual([text, isValid(manifest) || isEmpty]);
      }
    }
  });
});
