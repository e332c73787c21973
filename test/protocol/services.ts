/** What a world is made of beside the tenant: GitHub, and small readers of what the two hold. */

import { factsOf, parseCredential } from '../../src/certificate/credential.ts';
import type { AuthenticationMethod } from '../../src/model/desired-state.ts';
import type { KeyFacts, Pair } from '../../src/model/key-pair.ts';
import { seededRandom } from '../emulators/emulator.ts';
import { GitHub } from '../emulators/github.ts';
import type { KeyPair } from '../emulators/github-secrets.ts';
import { parseOnce } from './materials.ts';

/** One key pair for all scopes: making it costs more than a request. */
let boxKey: KeyPair | undefined;

export function newGitHub(now: () => number): GitHub {
  const github = new GitHub({ now, random: seededRandom(11), publicKeyFor: () => boxKeyPair() });
  github.addRepository('acme/shop');
  github.addRepository('acme/other', { environments: ['production'] });
  github.addOrganization('globex');
  const permissions = { secrets: 'write', environments: 'write', organization_secrets: 'write' } as const;
  github.addToken('github-token', { kind: 'app', permissions });
  return github;
}

function boxKeyPair(): KeyPair {
  if (!boxKey) throw new Error('prepareWorlds first');
  return boxKey;
}

/** libsodium is WebAssembly: wait for it once. */
export async function prepareWorlds(): Promise<void> {
  await GitHub.ready;
  const { default: sodium } = await import('libsodium-wrappers');
  boxKey ??= sodium.crypto_box_keypair();
}

const pairs = new Map<string, Pair>();

/** What a value of `current-credential` holds. */
export function readPair(method: AuthenticationMethod, value: string): Pair {
  const pair = pairs.get(method + value) ?? parseCredential(method, value);
  pairs.set(method + value, pair);
  return pair;
}

const facts = new Map<Pair, KeyFacts>();

/** What is known of a pair that was read. */
export function readFacts(method: AuthenticationMethod, pair: Pair): KeyFacts {
  const known = facts.get(pair) ?? factsOf(method, pair);
  facts.set(pair, known);
  return known;
}

export function publicKeyOf(certificate: string): string {
  return parseOnce(certificate).publicKeyPem;
}

export function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
