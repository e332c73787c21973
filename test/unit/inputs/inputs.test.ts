/** What the action reads, what it says about what it cannot use, and that it never repeats a secret. */

import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { factsOf } from '../../../src/certificate/credential.ts';
import { generateKey, issueCertificate } from '../../../src/certificate/issue.ts';
import { RotationError } from '../../../src/errors.ts';
import { readInputs, secretsIn } from '../../../src/inputs/inputs.ts';
import { DAY, HOUR, MINUTE } from '../../support/states.ts';

const DEFAULTS: Record<string, string> = Object.fromEntries(
  Object.entries<{ default?: string }>(parse(readFileSync('action.yml', 'utf8')).inputs).map(
    ([name, input]) => [name, input.default ?? ''],
  ),
);
const CONTEXT = {
  GITHUB_REPOSITORY: 'acme/shop',
  GITHUB_API_URL: 'https://api.github.test',
  GITHUB_RUN_ID: '41',
  GITHUB_RUN_ATTEMPT: '2',
};
const GIVEN = {
  'auth0-domain': 'tenant.eu.auth0.com',
  'client-id': 'client',
  'management-token': 'token',
  'github-token': 'github',
  'workflow-token': 'workflow',
};
const pair = await issueCertificate(
  await generateKey(2048),
  { subject: 'CN=old', validityDays: 1 },
  Date.now(),
);
const PEM = pair.privateKey + pair.certificate;

function environment(inputs: Record<string, string>, context: Record<string, string> = CONTEXT) {
  const named = Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]);
  return { ...context, ...Object.fromEntries(named) };
}

/** As the runner does: every input is there, by its default. */
const inputs = (changes: Record<string, string> = {}, context = CONTEXT) =>
  readInputs(environment({ ...DEFAULTS, ...GIVEN, ...changes }, context));

it.each([
  [{ operation: 'rotate' }, true],
  [{ operation: 'plan' }, false],
])('a bad input of an emergency (%j) says whether the leaked key still works', (operation, isUrgent) => {
  const told = () => inputs({ ...operation, force: 'true', revoke: 'previous', overlap: 'soon' });
  expect(told).toThrow(
    expect.objectContaining({ alarm: isUrgent ? expect.stringContaining('STILL VALID') : undefined }),
  );
  expect(() => inputs({ ...operation, overlap: 'soon' })).toThrow(
    expect.objectContaining({ alarm: undefined }),
  );
});

function problems(changes: Record<string, string>, context: Record<string, string> = CONTEXT) {
  try {
    readInputs(environment({ ...DEFAULTS, ...GIVEN, ...changes }, context));
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    expect(error.code).toBe('INVALID_INPUT');
    expect(error.stateNow).toBe('Nothing was changed in Auth0 or GitHub.');
    for (const problem of error.problems) expect(error.failed).toContain(problem);
    return error.problems;
  }
  return [];
}

describe('inputs', () => {
  it('are what action.yml says if nothing else is given', () => {
    const read = inputs();
    expect(read).toEqual({
      readOnly: false,
      pkcs12Password: '',
      domain: 'tenant.eu.auth0.com',
      mtlsDomain: undefined,
      audience: 'https://tenant.eu.auth0.com/api/v2/',
      login: { kind: 'token', token: 'token' },
      githubToken: 'github',
      githubApiUrl: 'https://api.github.test',
      currentPair: undefined,
      issuer: { kind: 'itself' },
      desired: {
        operation: 'rotate',
        clientName: undefined,
        tokenBinding: 'unchanged',
        revertTo: 'client_secret_post',
        clientId: 'client',
        method: 'self_signed_tls_client_auth',
        subject: 'CN=client',
        keySize: 2048,
        brought: undefined,
        isManager: false,
        validityDays: 90,
        renewBeforeDays: 30,
        force: false,
        scheduled: false,
        revoke: false,
        overlap: 'until-next-rotation',
        secretName: 'AUTH0_MTLS_PEM',
        privateKeySecretName: undefined,
        certificateSecretName: undefined,
        pkcs12SecretName: undefined,
        destinations: [{ kind: 'repo', owner: 'acme', repo: 'shop' }],
        currentKey: undefined,
        verify: 'auto',
        verifyAudience: undefined,
        keepCredentials: new Set(),
        removableCredentials: new Set(),
        movedFrom: [],
        propagationTime: 30_000,
        signingAlgorithm: undefined,
        given: new Set(),
        run: '41.2',
      },
    });
  });

  it('have the same defaults in action.yml and in the code', () => {
    expect(readInputs(environment(GIVEN))).toEqual(inputs());
  });

  it('are trimmed, and spelt as GitHub and Auth0 compare them', () => {
    const { domain, desired } = inputs({
      'auth0-domain': ' Tenant.EU.auth0.com:8443\n',
      'secret-name': 'auth0_pem',
      'keep-credentials': 'cred_a, cred_b\n cred_c ',
      subject: 'o = Acme , cn=shop',
    });
    expect([domain, desired.secretName, desired.subject]).toEqual([
      'tenant.eu.auth0.com:8443',
      'AUTH0_PEM',
      'O=Acme,CN=shop',
    ]);
    expect([...desired.keepCredentials]).toEqual(['cred_a', 'cred_b', 'cred_c']);
  });

  it('escape a client id in the default subject', () => {
    expect(inputs({ 'client-id': 'a,b+c' }).desired.subject).toBe('CN=a\\,b\\+c');
  });

  it('name destinations one a line, the first is the primary', () => {
    const { destinations } = inputs({
      destinations: '\n env:acme/shop/eu/prod \n\nrepo:acme/other\norg:umbrella\n',
    }).desired;
    expect(destinations).toEqual([
      { kind: 'env', owner: 'acme', repo: 'shop', environment: 'eu/prod' },
      { kind: 'repo', owner: 'acme', repo: 'other' },
      { kind: 'org', org: 'umbrella' },
    ]);
  });

  it.each([
    'env:acme/shop/production repo:acme/other',
    'env:acme/shop/production,org:umbrella',
    'env:acme/shop/a b, dependabot:acme/other',
    'repo:acme/shop repo:acme/other',
    'env:acme/shop/production;repo:acme/other',
    'env:acme/shop/production; repo:acme/other',
    'env:acme/shop/production|repo:acme/other',
    'repo:acme/shop;repo:acme/other',
  ])('take no two destinations in one line: %s', (destinations) => {
    expect(problems({ destinations })).toEqual([expect.stringMatching(/not a destination.*one a line/)]);
  });

  it.each([
    'env:acme/shop/prod # main',
    'env:acme/shop/prod #main',
    'env:acme/shop/prod\t# main',
    'repo:acme/shop # main',
    '# main',
  ])('take no comment in a line: %j', (line) => {
    const words = /' in line 2, where # begins a comment; .* none, so delete it\.$/;
    for (const name of ['destinations', 'moved-from'])
      expect(problems({ [name]: `env:acme/other/prod#A\n${line}` })).toEqual([expect.stringMatching(words)]);
  });

  it('take the spaces and signs of an environment', () => {
    const environment = 'eu, prod: myrepo:1; a|b#c';
    const destinations = `env:acme/shop/${environment}`;
    expect(inputs({ destinations }).desired.destinations).toMatchObject([{ environment }]);
  });

  it.each([
    ['github-token', 'ghs_a\nb'],
    ['github-token', 'ghs_a\u200bb'],
    ['github-token', '\u201cghs_a\u201d'],
    ['management-token', 'a.b c'],
    ['workflow-token', 'ghs_a b'],
  ])('%s is a token, which is never shown: %j', (name, value) => {
    const operation = name === 'workflow-token' ? 'watch' : 'rotate';
    expect(problems({ operation, [name]: value })).toEqual([
      `Input '${name}' holds a space, a line break or another character that no token has; copy the token again, with nothing around it.`,
    ]);
  });

  it.each([
    ['true', true],
    ['True', true],
    ['TRUE', true],
    ['false', false],
    ['False', false],
    ['FALSE', false],
    ['', false],
  ])("force '%s' is %s", (text, value) => {
    expect(inputs({ force: text }).desired.force).toBe(value);
  });

  it.each(['tRUE', 'yes', '1', 'on', 'null'])("force '%s' is no boolean", (text) => {
    expect(problems({ force: text })).toEqual([`Input 'force' is '${text}'; write true or false.`]);
  });

  it.each([
    ['0h', 0],
    ['90m', 90 * MINUTE],
    ['12h', 12 * HOUR],
    ['7d', 7 * DAY],
    ['2w', 14 * DAY],
    ['until-next-rotation', 'until-next-rotation'],
  ])('overlap %s is %s', (text, value) => {
    expect(inputs({ overlap: text }).desired.overlap).toBe(value);
  });

  it.each([
    [{}, undefined],
    [{ retire: 'by-time', 'quiet-window': '3d' }, undefined],
    [{ retire: 'when-unused' }, 7 * DAY],
    [{ retire: 'when-unused', 'quiet-window': '36h' }, 36 * HOUR],
    [{ retire: 'when-unused', 'quiet-window': '29d' }, 29 * DAY],
  ])('%j waits for %s', (given, value) => {
    expect(inputs(given).desired.quietWindow).toBe(value);
  });

  it('read the certificate in current-credential', () => {
    const { currentPair, desired } = inputs({ 'current-credential': PEM.replaceAll('\n', '\r\n') });
    expect(currentPair).toEqual(pair);
    expect(desired.currentKey).toMatchObject({ subject: 'CN=old', keySize: 2048 });
  });

  it.each([
    ['cred_a, cred_b\n cred_c ', ['cred_a', 'cred_b', 'cred_c']],
    // As the output removed-credential-ids has it: case A10.
    ['["cred_a","cred_b"]', ['cred_a', 'cred_b']],
    ['[\n  "cred_a"\n]', ['cred_a']],
    ['[]', []],
    ['', []],
  ])('read the credential ids %j', (text, ids) => {
    expect([...inputs({ 'keep-credentials': text }).desired.keepCredentials]).toEqual(ids);
    expect([...inputs({ 'removable-credentials': text }).desired.removableCredentials]).toEqual(ids);
  });

  it('name earlier primaries, with another secret or without', () => {
    const text = 'repo:old/shop\n\n repo:acme/shop#old_pem \nenv:acme/shop/eu/prod#1#A\norg:umbrella';
    expect(inputs({ 'moved-from': text }).desired.movedFrom).toEqual([
      { destination: { kind: 'repo', owner: 'old', repo: 'shop' }, secretName: undefined },
      { destination: { kind: 'repo', owner: 'acme', repo: 'shop' }, secretName: 'OLD_PEM' },
      {
        destination: { kind: 'env', owner: 'acme', repo: 'shop', environment: 'eu/prod#1' },
        secretName: 'A',
      },
      { destination: { kind: 'org', org: 'umbrella' }, secretName: undefined },
    ]);
  });

  it.each([
    ['0s', 0],
    ['45s', 45_000],
    ['120s', 2 * MINUTE],
    ['2m', 2 * MINUTE],
  ])('propagation-time %s is %s', (text, value) => {
    expect(inputs({ 'propagation-time': text }).desired.propagationTime).toBe(value);
  });

  it.each(['RS256', 'RS384', 'PS256'])('sign with %s if private_key_jwt asks for it', (algorithm) => {
    const given = { 'authentication-method': 'private_key_jwt', 'signing-algorithm': algorithm };
    expect(inputs(given).desired).toMatchObject({
      signingAlgorithm: algorithm,
      given: new Set(['signing-algorithm']),
    });
  });

  it('distinguish an input that was set from a default, even if both have the same value', () => {
    const { given } = inputs({ subject: 'CN=client', 'key-size': '2048' }).desired;
    expect(given).toEqual(new Set(['subject', 'key-size']));
    const planned = inputs({ operation: 'plan', 'plan-of': 'rotate' }).desired;
    expect(planned.given).toEqual(new Set(['plan-of']));
    expect(inputs({ operation: 'plan', 'plan-of': '' }).desired.given).toEqual(new Set());
  });

  it('say by which name each method knows the pair in current-credential', () => {
    const read = (credential: string, changes: Record<string, string> = {}) =>
      inputs({ operation: 'enroll', 'current-credential': credential, ...changes }).desired;
    const ofPair = read(PEM);
    const all = new Map([
      ['self_signed_tls_client_auth', ofPair.currentKey?.thumbprint],
      ['tls_client_auth', 'CN=old'],
      ['private_key_jwt', factsOf('private_key_jwt', { ...pair, certificate: undefined }).identity],
    ]);
    expect(ofPair.currentIdentities).toEqual(all);
    const ofLogin = {
      'management-token': '',
      'management-client-id': 'client',
      'management-credential': PEM,
    };
    expect(read('', { 'mtls-domain': 'login.test', ...ofLogin }).currentIdentities).toEqual(all);
    const ofKey = read(pair.privateKey);
    expect([ofKey.currentKey, [...(ofKey.currentIdentities?.keys() ?? [])]]).toEqual([
      undefined,
      ['private_key_jwt'],
    ]);
    expect(inputs().desired.currentIdentities).toBeUndefined();
  });

  it('take the key of the method that a client leaves in a plan, too, unless that is of a rotation', () => {
    const plan = { operation: 'plan', 'current-credential': pair.privateKey };
    expect(inputs(plan).desired.currentIdentities?.size).toBe(1);
    expect(problems({ ...plan, 'plan-of': 'rotate' })).toEqual([
      expect.stringMatching(/^Input 'current-credential' holds no PEM certificate/),
    ]);
  });

  it('let a plan go without github-token, and nothing else', () => {
    expect(inputs({ operation: 'plan', 'github-token': '' }).githubToken).toBeUndefined();
    expect(problems({ 'github-token': '' })).toHaveLength(1);
  });

  it.each([
    ['', undefined],
    ['rotate.yml', { owner: 'acme', repo: 'shop', file: 'rotate.yml' }],
    ['other/ops/.github/workflows/a-b.yaml', { owner: 'other', repo: 'ops', file: 'a-b.yaml' }],
  ])('let a watch look at the workflow %j', (workflow, file) => {
    const context = { ...CONTEXT, GITHUB_SERVER_URL: 'https://github.test' };
    const read = inputs(
      { operation: 'watch', 'github-token': '', 'report-issue': 'true', workflow },
      context,
    );
    expect([read.readOnly, read.desired.operation, read.githubToken]).toEqual([true, 'rotate', undefined]);
    expect(read.watch).toEqual({
      token: GIVEN['workflow-token'],
      home: { kind: 'repo', owner: 'acme', repo: 'shop' },
      workflow: file,
      reportIssue: true,
      runUrl: 'https://github.test/acme/shop/actions/runs/41',
    });
  });

  it.each<[Record<string, string>, object]>([
    [{ 'management-client-secret': 's' }, { kind: 'client-secret', clientId: 'm', secret: 's' }],
    [
      { 'management-private-key': pair.privateKey },
      { kind: 'private-key-jwt', clientId: 'm', privateKey: pair.privateKey },
    ],
    [{ 'management-credential': PEM }, { kind: 'mtls', clientId: 'm', pair }],
  ])('log in by one of the three ways of a management client', (given, login) => {
    expect(inputs({ 'management-token': '', 'management-client-id': 'm', ...given }).login).toEqual(login);
  });
});

type Row = [inputs: Record<string, string>, words: RegExp];
const CLIENT = { 'management-token': '', 'management-client-id': 'm' };

const BAD: Row[] = [
  [
    { operation: 'rotat' },
    /'operation' is 'rotat'; write one of rotate, rehearse, create, enroll, revert, plan, watch\./,
  ],
  [{ 'auth0-domain': '' }, /'auth0-domain' must not be empty; if it comes from a secret or a variable/],
  [
    { 'auth0-domain': 'https://a.b' },
    /'auth0-domain' is 'https:\/\/a.b'; write the tenant's own host, such as tenant.eu.auth0.com/,
  ],
  [{ 'auth0-domain': 'a.b/c' }, /'auth0-domain' is 'a.b\/c'/],
  [{ 'auth0-domain': 'user@a.b' }, /'auth0-domain'/],
  [{ 'auth0-domain': 'a.b:99999' }, /'auth0-domain'/],
  [{ 'mtls-domain': 'a b' }, /'mtls-domain' is 'a b'/],
  [{ 'client-id': ' ' }, /'client-id' must not be empty/],
  [
    { 'authentication-method': 'tls' },
    /'authentication-method' is 'tls'; write one of self_signed_tls_client_auth, tls_client_auth, private_key_jwt/,
  ],
  [
    { 'authentication-method': 'tls_client_auth' },
    /'authentication-method' is tls_client_auth: give ca-certificate and/,
  ],
  [
    { 'certificate-secret-name': 'auth0_mtls_rotation_probe' },
    /'certificate-secret-name' is AUTH0_MTLS_ROTATION_PROBE, /,
  ],
  [{ 'key-size': '1024' }, /'key-size' is '1024'; write one of 2048, 3072, 4096/],
  [{ 'validity-days': '0' }, /'validity-days' is '0'; write a whole number from 1 to 825/],
  [{ 'validity-days': '826' }, /'validity-days' is '826'/],
  [{ 'validity-days': '1e2' }, /'validity-days' is '1e2'/],
  [{ 'renew-before-days': '-1' }, /'renew-before-days' is '-1'/],
  [{ 'renew-before-days': '90' }, /'renew-before-days' is 90, which must be less than validity-days \(90\)/],
  [{ overlap: '12' }, /'overlap' is '12'; write until-next-rotation, or a duration such as 12h or 7d/],
  [{ retire: 'unused' }, /'retire' is 'unused'; write one of by-time, when-unused/],
  [
    { 'quiet-window': 'long' },
    /'quiet-window' is 'long'; write a duration of more than 0 and up to 29d, such as 12h or 7d/,
  ],
  [{ retire: 'when-unused', 'quiet-window': '0d' }, /'quiet-window' is '0d'/],
  [{ retire: 'when-unused', 'quiet-window': '30d' }, /'quiet-window' is '30d'/],
  [
    { retire: 'when-unused', 'authentication-method': 'private_key_jwt' },
    /'retire' is when-unused, which works only with self_signed_tls_client_auth/,
  ],
  [{ retire: 'when-unused', verify: 'off' }, /'retire' is when-unused, which needs a token request/],
  [{ subject: 'CN=a,XX=b' }, /'subject' has the unknown attribute 'XX'/],
  [{ subject: 'CN=a,1.50.3=b' }, /'subject' has the impossible OID '1\.50\.3'/],
  [
    { subject: 'CN=a,2.5.4294967296=b' },
    /'subject' has the OID '2\.5\.4294967296' with a number of more than 32 bits/,
  ],
  [{ 'secret-name': '1A' }, /'secret-name' is '1A'; a secret's name has letters/],
  [{ 'secret-name': 'GitHub_A' }, /'secret-name' is 'GitHub_A'/],
  [{ 'private-key-secret-name': 'a-b' }, /'private-key-secret-name' is 'a-b'/],
  [{ 'certificate-secret-name': 'auth0_mtls_pem' }, /'secret-name' must differ from/],
  [{ 'private-key-secret-name': 'A', 'certificate-secret-name': 'a' }, /they from each other/],
  [{ 'private-key-secret-name': 'A', 'pkcs12-secret-name': 'a' }, /they from each other/],
  [
    { 'authentication-method': 'private_key_jwt', 'pkcs12-secret-name': 'P12' },
    /'pkcs12-secret-name' is for a PKCS#12, which needs a certificate/,
  ],
  [
    { 'pkcs12-password': 'geheim-schlüssel' },
    /'pkcs12-password' has a character that is not printable ASCII/,
  ],
  [{ 'pkcs12-password': 'sesame\n' }, /'pkcs12-password' begins or ends with white space/],
  [{ destinations: 'repo:acme/shop\nacme/shop' }, /'destinations' has 'acme\/shop' in line 2, which is no/],
  [{ destinations: 'repo:acme/shop\nrepo:Acme/Shop' }, /'destinations' names repo:acme\/shop twice/],
  [
    { destinations: 'org:acme\nrepo:acme/shop' },
    /names repo:acme\/shop, whose secret hides the one of the same name at org:acme/,
  ],
  [{ 'current-credential': pair.privateKey }, /'current-credential' holds no PEM certificate/],
  [
    { 'keep-credentials': '["cred_a"' },
    /'keep-credentials' begins with '\[' but is not a JSON array of strings/,
  ],
  [{ 'keep-credentials': '["cred_a", 1]' }, /'keep-credentials' begins with '\[' but is not a JSON array/],
  [{ 'keep-credentials': 'cred_a cred-x' }, /'keep-credentials' has 'cred-x', which is not a cred/],
  [{ 'keep-credentials': '["cred_a", "x"]' }, /'keep-credentials' has 'x', which is not a credential id/],
  [
    { 'keep-credentials': '"cred_a","cred_b"' },
    /'keep-credentials' has '"cred_a"', '"cred_b"', which are not credential ids/,
  ],
  [{ 'removable-credentials': 'a' }, /'removable-credentials' has 'a', which is not a credential id/],
  [
    { 'keep-credentials': 'cred_a cred_b', 'removable-credentials': 'cred_b' },
    /'removable-credentials' names cred_b, which keep-credentials names as well/,
  ],
  [{ 'moved-from': 'repo:a/b\nold/name' }, /'moved-from' has 'old\/name' in line 2, which is not a dest/],
  [{ 'moved-from': 'repo:a/b#1A' }, /'moved-from' has 'repo:a\/b#1A' in line 1/],
  [{ 'propagation-time': '121s' }, /'propagation-time' is '121s'; write a duration up to 2m, such as 30s/],
  [{ 'propagation-time': '30' }, /'propagation-time' is '30'/],
  [
    { 'signing-algorithm': 'RS256' },
    /'signing-algorithm' is only for authentication-method: private_key_jwt/,
  ],
  [
    { 'signing-algorithm': 'ES256', 'authentication-method': 'private_key_jwt' },
    /'signing-algorithm' is 'ES256'; write one of RS256, RS384, PS256/,
  ],
  [{ verify: 'no' }, /'verify' is 'no'; write one of auto, required, off/],
  [{ 'management-token': '' }, /'management-client-id' needs exactly one of .*; none of them is given/],
  [CLIENT, /none of them is given/],
  [
    { ...CLIENT, 'management-client-secret': 's', 'management-credential': PEM },
    /management-client-secret and management-credential are given/,
  ],
  [{ 'management-token': '', 'management-client-secret': 's' }, /needs management-client-id/],
  [{ 'management-client-id': 'm' }, /'management-token' cannot be given together with management-client-id/],
  [{ ...CLIENT, 'management-private-key': 'garbage' }, /'management-private-key' holds no PEM private key\./],
  [
    {
      ...CLIENT,
      'management-private-key': generateKeyPairSync('ec', { namedCurve: 'P-256' })
        .privateKey.export({ type: 'pkcs8', format: 'pem' })
        .toString(),
    },
    /'management-private-key'/,
  ],
  [{ workflow: 'rotate.yml' }, /'workflow' is only for operation: watch/],
  [{ operation: 'plan', 'report-issue': 'true' }, /'report-issue' is only for operation: watch/],
  [{ operation: 'watch', 'report-issue': 'yes' }, /'report-issue' is 'yes'; write true or false/],
  [
    { operation: 'watch', workflow: 'Rotate' },
    /'workflow' is 'Rotate'; write a file name such as rotate.yml/,
  ],
  [{ operation: 'watch', workflow: '../rotate.yml' }, /'workflow' is '\.\.\/rotate.yml'/],
  [{ operation: 'watch', workflow: 'rotate.yml?a=b.yml' }, /'workflow' is/],
  [{ operation: 'watch', 'workflow-token': '' }, /'workflow-token' must not be empty/],
];

describe('what is refused', () => {
  // By the words alone: a key in a test's name would be a key in a log.
  it.each(BAD.map(([changes, words]) => [words, changes] as const))('%s', (words, changes) => {
    const told = problems(changes);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(words);
  });

  it.each([
    ['auth0-domain', "write the tenant's own host, such as tenant.eu.auth0.com, without https:// or a path"],
    // At the tenant's own host nobody asks for a certificate.
    [
      'mtls-domain',
      'write the custom domain whose edge asks for certificates, such as login.example.com, without https:// or a path',
    ],
  ])('as %s has an example that would work there', (name, advice) => {
    for (const value of ['https://login.acme.com', 'login.acme.com/'])
      expect(problems({ [name]: value })).toEqual([`Input '${name}' is '${value}'; ${advice}.`]);
  });

  it('is reported all at once', () => {
    const all = problems({
      operation: 'x',
      'auth0-domain': '',
      'mtls-domain': '-',
      'client-id': '',
      'management-token': '',
      'github-token': '',
      'authentication-method': 'x',
      subject: 'x',
      'key-size': 'x',
      'validity-days': 'x',
      'renew-before-days': 'x',
      force: 'x',
      overlap: 'x',
      retire: 'x',
      'quiet-window': 'x',
      'secret-name': '-',
      'private-key-secret-name': '.',
      'certificate-secret-name': '+',
      'pkcs12-secret-name': '/',
      'pkcs12-password': '\u{fc}',
      destinations: 'x',
      'current-credential': 'x',
      verify: 'x',
    });
    expect(all.map((text) => /'([\w-]+)'/.exec(text)?.[1]).sort()).toEqual(
      [
        'operation',
        'auth0-domain',
        'mtls-domain',
        'client-id',
        'management-client-id',
        'github-token',
        'authentication-method',
        'subject',
        'key-size',
        'validity-days',
        'renew-before-days',
        'force',
        'overlap',
        'retire',
        'quiet-window',
        'secret-name',
        'private-key-secret-name',
        'certificate-secret-name',
        'pkcs12-secret-name',
        'pkcs12-password',
        'destinations',
        'current-credential',
        'verify',
      ].sort(),
    );
  });

  it('leads on from a secret that holds garbage, and only from that', () => {
    const remedy = (changes: Record<string, string>): string => {
      try {
        inputs(changes);
      } catch (error) {
        return (error as RotationError).remedy;
      }
      return 'none';
    };
    const broken = { 'current-credential': 'x' };
    expect(remedy(broken)).toMatch(/remove the line current-credential .* by hand once with force: true/);
    expect(remedy({ ...broken, operation: 'revert' })).toMatch(/a revert does not need it/);
    expect(remedy({ ...broken, operation: 'revert' })).not.toMatch(/force/);
    expect(remedy({ 'key-size': 'x' })).toBe('Correct the workflow.');
  });

  it('names a missing destination beside other problems', () => {
    const told = problems({ 'auth0-domain': '' }, { GITHUB_RUN_ID: '1' });
    expect(told).toEqual([
      expect.stringContaining("'auth0-domain'"),
      expect.stringContaining("'destinations' names no destination"),
    ]);
  });

  it('never shows any of a secret, valid or not', () => {
    const canary = 'CANARYcanaryCANARYcanary';
    const broken = [canary, `-----BEGIN PRIVATE KEY-----\n${canary}\n-----END PRIVATE KEY-----\n`].flatMap(
      (text) => [text, pair.certificate + text, `-----BEGIN CERTIFICATE-----\n${canary}\n${text}`],
    );
    for (const secret of broken) {
      const told = problems({
        ...CLIENT,
        'management-private-key': secret,
        'management-credential': secret,
        'management-client-secret': canary,
        'github-token': canary,
        'current-credential': secret,
        verify: 'x',
      });
      expect(told.length).toBeGreaterThan(1);
      expect(told.join()).not.toMatch(/CANARY|MII/i);
    }
  });
});

describe('what must be masked', () => {
  it('is every secret as it came in, valid or not', () => {
    const secret = (name: string) => `value of ${name}`;
    const names = Object.keys(DEFAULTS).filter((name) =>
      /(secret|key|token|credential)$/.test(name.replace(/-name$/, '')),
    );
    const secrets = names.filter((name) => !['key-size', 'secret-name'].includes(name));
    const all = Object.fromEntries(names.map((name) => [name, secret(name)]));
    const expected = secrets.filter((name) => !name.endsWith('secret-name')).map(secret);
    expect(secretsIn(environment(all)).sort()).toEqual(expected.sort());
    expect(secretsIn({})).toEqual([]);
  });
});
