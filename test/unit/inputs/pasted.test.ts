/** Keys and certificates in each input that takes them: read whatever the spelling, or refused at its own name with its own reason. */

import { createPrivateKey, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RotationError } from '../../../src/errors.ts';
import { type Inputs, readInputs, secretsIn } from '../../../src/inputs/inputs.ts';
import { daysToLive } from '../../../src/inputs/issuer.ts';
import { type Made, spell, spellings, Workshop } from '../../support/pem-spellings.ts';
import { runs } from '../../support/properties.ts';
import { DAY } from '../../support/states.ts';

const workshop = new Workshop();
afterAll(() => workshop[Symbol.dispose]());

workshop.issue('root', { algorithm: 'P-256', profile: 'ca', days: 1_000 });
const middle = workshop.issue('middle', { issuer: 'root', profile: 'ca', days: 400 });
const leaf = workshop.issue('leaf', { issuer: 'middle', days: 60 });
const other = workshop.issue('other', {});
const traditional = workshop.traditional('leaf');
const encrypted = workshop.encrypted('leaf');
const pkcs8 = (pem: string) => createPrivateKey(pem).export({ type: 'pkcs8', format: 'pem' });

const CONTEXT = { GITHUB_REPOSITORY: 'acme/shop' };
const GIVEN = { 'auth0-domain': 'tenant.eu.auth0.com', 'client-id': 'client', 'github-token': 'github' };
const TOKEN = { 'management-token': 'token' };
const CA_SIGNED = { ...TOKEN, 'authentication-method': 'tls_client_auth' };

function environment(inputs: Record<string, string>): Record<string, string> {
  const named = Object.entries({ ...GIVEN, ...inputs });
  return {
    ...CONTEXT,
    ...Object.fromEntries(named.map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
  };
}

const read = (inputs: Record<string, string>) => readInputs(environment(inputs));

function refusal(inputs: Record<string, string>): RotationError {
  try {
    read(inputs);
  } catch (error) {
    if (error instanceof RotationError) return error;
    throw error;
  }
  throw new Error('nothing is wrong with it');
}

const brought = ({ cert, key }: Made, chain = '') => ({
  ...CA_SIGNED,
  certificate: cert + chain,
  'private-key': key,
});
const authority = ({ cert, key }: Made, chain = '') => ({
  ...CA_SIGNED,
  'ca-certificate': cert + chain,
  'ca-private-key': key,
});

/** The inputs of each way to give a PEM, by what they hold; and what is made of them. */
const WAYS: {
  others: Record<string, string>;
  pems: Record<string, string>;
  made: (inputs: Inputs) => unknown;
  expected: unknown;
}[] = [
  {
    others: TOKEN,
    pems: { 'current-credential': traditional + leaf.cert + middle.cert },
    made: ({ currentPair }) => currentPair,
    expected: { privateKey: pkcs8(leaf.key), certificate: leaf.cert + middle.cert },
  },
  {
    others: { ...TOKEN, 'authentication-method': 'private_key_jwt' },
    pems: { 'current-credential': traditional },
    made: ({ currentPair }) => currentPair,
    expected: { privateKey: pkcs8(leaf.key), certificate: undefined },
  },
  {
    others: { 'management-client-id': 'm' },
    pems: { 'management-private-key': traditional },
    made: ({ login }) => login,
    expected: { kind: 'private-key-jwt', clientId: 'm', privateKey: pkcs8(leaf.key) },
  },
  {
    others: { 'management-client-id': 'm' },
    pems: { 'management-credential': leaf.cert + traditional },
    made: ({ login }) => login,
    expected: { kind: 'mtls', clientId: 'm', pair: { privateKey: pkcs8(leaf.key), certificate: leaf.cert } },
  },
  {
    others: CA_SIGNED,
    pems: { certificate: leaf.cert + middle.cert, 'private-key': traditional },
    made: ({ issuer }) => issuer,
    expected: {
      kind: 'brought',
      pair: { privateKey: pkcs8(leaf.key), certificate: leaf.cert + middle.cert },
    },
  },
  {
    others: CA_SIGNED,
    pems: { 'ca-certificate': middle.cert, 'ca-private-key': middle.key },
    made: ({ issuer }) => issuer.kind === 'authority' && issuer.authority.certificate.raw.toString('hex'),
    expected: new X509Certificate(middle.cert).raw.toString('hex'),
  },
];

describe('every input that takes a PEM', () => {
  it('reads the same bytes from every spelling', () => {
    fc.assert(
      fc.property(fc.constantFrom(...WAYS), spellings, spellings, (way, one, another) => {
        const spelt = Object.entries(way.pems).map(([name, pem], index) => [
          name,
          spell(pem, index === 0 ? one : another),
        ]);
        expect(way.made(read({ ...way.others, ...Object.fromEntries(spelt) }))).toEqual(way.expected);
      }),
      { numRuns: runs(1_000) },
    );
  });

  const BAD: readonly [string, RegExp][] = [
    [encrypted, /holds an encrypted private key/],
    [encrypted + leaf.cert, /holds an encrypted private key|holds no PEM certificate|^$/],
    [leaf.key.replace(/\n-----END.*\n/, ''), /whose first or last line is missing|holds no PEM cert/],
    ['hello', /holds no PEM/],
  ];

  it('refuses what it cannot use at its own name, and shows nothing of it', () => {
    const bad = fc.constantFrom(...BAD.map(([text]) => text));
    fc.assert(
      fc.property(fc.constantFrom(...WAYS), fc.nat(1), bad, spellings, (way, at, text, spelling) => {
        const names = Object.keys(way.pems);
        const name = `${names[at % names.length]}`;
        // A certificate is found beside whatever key stands there.
        if (/certificate/.test(name) && text.includes('BEGIN CERT')) return;
        const { code, problems } = refusal({ ...way.others, ...way.pems, [name]: spell(text, spelling) });
        expect([code, problems.length]).toEqual(['INVALID_INPUT', 1]);
        expect(problems[0]).toMatch(new RegExp(`^Input '${name}' holds `));
        expect(problems[0]).not.toMatch(/[A-Za-z0-9+/]{20,}/);
        if (!/certificate/.test(name) && text.startsWith('-----BEGIN ENC'))
          expect(problems[0]).toContain('holds an encrypted private key; pass it without a passphrase');
      }),
      { numRuns: runs(500) },
    );
  });

  it('names the inputs that do not go together', () => {
    const mixed = { ...CA_SIGNED, 'ca-certificate': 'x', 'private-key': 'y' };
    expect(refusal(mixed).problems).toEqual([
      "Input 'private-key' cannot be given together with ca-certificate; write ca-certificate with ca-private-key, or certificate with private-key.",
    ]);
  });

  it('names what is wrong with each part of a pair', () => {
    expect(refusal({ ...CA_SIGNED, certificate: 'x', 'private-key': encrypted }).problems).toEqual([
      expect.stringMatching(/^Input 'private-key' holds an encrypted private key/),
      "Input 'certificate' holds no PEM certificate.",
    ]);
    expect(refusal({ ...CA_SIGNED, 'ca-certificate': 'x', 'ca-private-key': encrypted }).problems).toEqual([
      expect.stringMatching(/^Input 'ca-private-key' holds an encrypted private key/),
      "Input 'ca-certificate' holds no PEM certificate.",
    ]);
  });

  it('that came in by the wrong name is neither shown nor left unmasked', () => {
    const names = fc.constantFrom(
      'subject',
      'verify',
      'destinations',
      'mtls-domain',
      'key-size',
      'moved-from',
    );
    fc.assert(
      fc.property(names, fc.constantFrom(leaf.key, traditional), spellings, (name, key, spelling) => {
        const text = spell(key, spelling);
        const { message } = refusal({ ...TOKEN, [name]: text });
        expect(message).toContain(`Input '${name}'`);
        expect(message).not.toMatch(/[A-Za-z0-9+/]{24,}/);
        expect(secretsIn(environment({ [name]: text }))).toContain(text.trim());
      }),
    );
  });
});

describe('a pair that was brought', () => {
  const valid = brought(leaf, middle.cert);

  it('is taken', () => {
    expect(read(valid).issuer.kind).toBe('brought');
    expect(read(valid).desired).toMatchObject({ keySize: undefined, subject: 'CN=leaf', validityDays: 60 });
    // It asks for its subject: it is no default.
    expect(read(valid).desired.given).toEqual(new Set(['subject']));
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['the key of another one', { 'private-key': other.key }, /'certificate' does not belong to private-key/],
    [
      'an RSA key of 1024 bits',
      brought(workshop.issue('weak', { algorithm: 'rsa:1024' })),
      /'certificate' holds a certificate with an RSA key of 1024 bits; it must have 2048 or more/,
    ],
    [
      'a CA above it with an RSA key of 1024 bits',
      (() => {
        const weak = workshop.issue('weak-ca', { algorithm: 'rsa:1024', issuer: 'root', profile: 'ca' });
        return brought(workshop.issue('below-weak', { issuer: 'weak-ca' }), weak.cert);
      })(),
      /'certificate' holds a certificate with an RSA key of 1024 bits/,
    ],
  ])('with %s is refused', (_, inputs, words) => {
    const { code, problems } = refusal({ ...valid, ...inputs });
    expect([code, problems]).toEqual(['INVALID_INPUT', [expect.stringMatching(words)]]);
  });

  it('may be passed whole in both inputs, and is masked in both', () => {
    const bundle = { certificate: leaf.cert + leaf.key, 'private-key': leaf.cert + leaf.key };
    expect(read({ ...CA_SIGNED, ...bundle }).issuer).toEqual({
      kind: 'brought',
      pair: { privateKey: leaf.key, certificate: leaf.cert },
    });
    expect(secretsIn(environment(bundle))).toContain(bundle.certificate.trim());
  });

  const large = workshop.issue('large', { subject: `/CN=large${`/OU=${'x'.repeat(60)}`.repeat(22)}` });

  it('that is too large for the edge is refused by the code of that', () => {
    const { code, problems } = refusal(brought(large));
    expect(code).toBe('CERTIFICATE_TOO_LARGE');
    expect(problems).toEqual([
      expect.stringMatching(
        /^Input 'certificate' has 5\d\d\d bytes when it is URL-encoded; .* takes 4096\.$/,
      ),
    ]);
    // Beside other problems it is one of them.
    const both = refusal({ ...brought(large), overlap: 'soon' });
    expect([both.code, both.problems.length]).toEqual(['INVALID_INPUT', 2]);
  });

  it('of an elliptic curve is registered by its subject, which Auth0 takes up to 256 characters', () => {
    const byCa = { 'authentication-method': 'tls_client_auth' };
    const ofLength = (more: number) =>
      brought(
        workshop.issue(`ec-${more}`, {
          algorithm: 'prime256v1',
          issuer: 'root',
          subject: `/CN=${'x'.repeat(60)}${`/OU=${'x'.repeat(60)}`.repeat(2)}/O=${'x'.repeat(more)}`,
        }),
      );
    expect(read({ ...ofLength(60), ...byCa }).issuer.kind).toBe('brought');
    expect(refusal({ ...ofLength(64), ...byCa }).problems).toEqual([
      "Input 'certificate' has a subject of 258 characters; Auth0 takes 256.",
    ]);
  });

  it('or will be issued below a chain that no secret can hold is refused', () => {
    const subject = `/CN=fat${`/OU=${'x'.repeat(60)}`.repeat(550)}`;
    const fat = workshop.issue('fat', { subject, issuer: 'root', profile: 'ca' });
    const below = workshop.issue('below-fat', { issuer: 'fat' });
    for (const [inputs, name] of [
      [brought(below, fat.cert), 'certificate'],
      [authority(fat), 'ca-certificate'],
    ] as const)
      expect(refusal(inputs).problems).toEqual([
        `Input '${name}' has a chain that is too large for a secret (48 KB); leave out certificates that no consumer needs.`,
      ]);
  });
});

describe('time', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
  afterEach(() => void vi.useRealTimers());
  const endOf = ({ cert }: Made) => new X509Certificate(cert).validToDate.getTime();

  it('of an intermediate CA counts for a pair that was brought', () => {
    const short = workshop.issue('short', { issuer: 'root', profile: 'ca', days: 20 });
    const below = workshop.issue('below', { issuer: 'short', days: 300 });
    vi.setSystemTime(endOf(short) - DAY);
    expect(read(brought(below, short.cert)).issuer.kind).toBe('brought');
    vi.setSystemTime(endOf(short));
    expect(refusal(brought(below, short.cert)).problems).toEqual([
      expect.stringMatching(/^Input 'certificate' holds a certificate that expired on \d{4}-\d\d-\d\d\.$/),
    ]);
    // Without the intermediate the leaf is valid still.
    expect(read(brought(below)).issuer.kind).toBe('brought');
  });

  it('of a CA above the one that signs bounds what is issued, and refuses when it is over', () => {
    const upper = workshop.issue('upper', { issuer: 'root', profile: 'ca', days: 50 });
    const signing = workshop.issue('signing', { issuer: 'upper', profile: 'ca', days: 300 });
    vi.setSystemTime(endOf(upper) - 45 * DAY);
    const { desired } = read(authority(signing, upper.cert));
    expect([desired.authorityEnd, daysToLive(desired)]).toEqual([endOf(upper), 45]);
    vi.setSystemTime(endOf(upper));
    expect(refusal(authority(signing, upper.cert)).problems).toEqual([
      expect.stringMatching(/^Input 'ca-certificate' holds a certificate that expired on/),
    ]);
  });

  it('that a CA has left counts in whole days, and a part of one does not', () => {
    vi.setSystemTime(endOf(middle) - 30.5 * DAY);
    expect(refusal(authority(middle)).problems).toEqual([
      "Input 'renew-before-days' is 30, which must be less than the remaining days of ca-certificate (30).",
    ]);
    vi.setSystemTime(endOf(middle) - 31 * DAY);
    expect(daysToLive(read(authority(middle)).desired)).toBe(31);
    expect(daysToLive({ validityDays: 90 })).toBe(90);
  });
});

describe('what will be issued', () => {
  const long = (units: number) => `CN=client${`,OU=${'x'.repeat(60)}`.repeat(units)}`;

  it('with a large key and a long subject is known to be too large before any effect', () => {
    const inputs = { ...TOKEN, 'key-size': '4096', subject: long(11) };
    const { code, problems } = refusal(inputs);
    expect(code).toBe('CERTIFICATE_TOO_LARGE');
    expect(problems).toEqual([
      expect.stringMatching(
        /^Input 'subject' with this key-size gives a certificate of up to 4\d\d\d bytes when it is URL-encoded/,
      ),
    ]);
    expect(read({ ...inputs, 'key-size': '2048' }).desired.subject).toBe(long(11));
    expect(read({ ...inputs, subject: long(9) }).desired.keySize).toBe(4096);
  });

  it('without a certificate has no such limit', () => {
    const inputs = { ...TOKEN, subject: long(40), 'authentication-method': 'private_key_jwt' };
    expect(read(inputs).desired.subject).toBe(long(40));
  });
});
